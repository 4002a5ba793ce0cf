/**
 * The puzzle editor. The draft and its history live in the browser. Python parses pasted texts and checks
 * drafts; a verdict applies to the draft with the same text.
 */

import { registerMounted, mountedIn } from "../../../trm/player/mounting.js";
import { make, write } from "../../../trm/player/view/dom.js";
import { cellsBetween, DraftHistory, resizeGrid, textOf, withToken } from "./draft.js";
import { EditorGrid } from "./editor_grid.js";
import { cellBeside, editingKey, keyHelp } from "./editor_keys.js";
import { Size, Tools } from "./tools.js";

const CHECK_DELAY = 80; // ms without a change before Python checks the draft
const MAX_PASTE = 200_000; // characters; more than any puzzle has
const MARKS = { one: "✓", none: "✕", several: "2+", unknown: "?" };
const TITLES = {
  one: "One solution",
  none: "No solution",
  several: "Several solutions",
  unknown: "Number of solutions unknown",
};

class Editor {
  constructor(parent) {
    this.parent = parent;
    this.root = make("div", { class: "player editor", "data-testid": "editor", lang: "en", translate: "no" });
    this.pasteCount = 0;
    this.listening = new AbortController();
    const { signal } = this.listening;
    this.root.addEventListener("keydown", (event) => this.onKey(event), { signal });
    document.addEventListener("paste", (event) => this.onPaste(event), { signal });
    parent.append(this.root);
  }

  // ---- data from Python

  update(data, report, trigger) {
    Object.assign(this, { report, trigger });
    if (!this.root.isConnected) this.parent.append(this.root);
    if (this.puzzle !== data.puzzle.text || this.task?.kind !== data.task.kind) this.loadPuzzle(data);
    this.validity = data.validity;
    const { pasted } = data;
    if (pasted && pasted.number === this.pendingPaste) {
      this.pendingPaste = null;
      if (pasted.mistake) this.showNote(pasted.mistake, true);
      else this.change(pasted.grid, "Pasted.");
    }
    this.draw();
  }

  /** Loads the page's puzzle. One of the same task that was chosen meanwhile becomes a new draft, with undo. */
  loadPuzzle({ task, puzzle }) {
    this.puzzle = puzzle.text;
    if (this.task && JSON.stringify(this.task) === JSON.stringify(task)) {
      this.change(puzzle.grid, "Loaded the puzzle chosen in the sidebar. Undo restores the draft.");
      return;
    }
    this.task = task;
    this.drafts = new DraftHistory(puzzle.grid);
    this.selected = 0;
    this.token = task.drawn ? task.writable[1] : null;
    this.cleared = new Map(); // the token of a cell before it was cleared
    this.build();
    this.grid.node.focus({ preventScroll: true });
  }

  build() {
    const { task } = this;
    const button = (name, label, act, options = {}) => {
      const node = make("button", { type: "button", "data-testid": name, ...options }, label);
      node.addEventListener("mousedown", (event) => event.preventDefault()); // keeps the focus in the grid
      node.addEventListener("click", act);
      return node;
    };
    this.grid = new EditorGrid(task, {
      point: (cell, event) => this.point(cell, event),
      drag: (cell) => this.drag(cell),
      drop: () => this.drop(),
    });
    this.tools = new Tools(task, (token) => this.choose(token));
    this.size = task.resizable
      ? new Size(task.max_size, (rows, columns) =>
          this.change(
            resizeGrid(this.drafts.current, rows, columns, task.blank),
            `${rows} rows, ${columns} columns`,
          ),
        )
      : null;
    this.verdict = make("p", { class: "verdict", role: "status", "data-testid": "verdict" }, [
      make("i", { "aria-hidden": "true" }),
      make("span"),
    ]);
    this.note = make("p", { class: "note", role: "status", "data-testid": "note" });
    this.undoButton = button("undo", "Undo", () => this.act("undo"));
    this.redoButton = button("redo", "Redo", () => this.act("redo"));
    const changes = make(
      "div",
      { class: "changes", role: "group", "aria-label": "Edit" },
      [
        this.undoButton,
        this.redoButton,
        button("clear", "Clear", () => this.fill(task.blank)),
        task.drawn &&
          button("fill", "Fill", () => this.fill(this.token), {
            title: "Fill every cell with the selected tool",
          }),
        button("paste", "Paste", () => this.pasteFromClipboard()),
      ].filter(Boolean),
    );
    const ends = make("div", { class: "ends" }, [
      button("use", "Use this puzzle", () => this.act("use")),
      button("cancel", "Cancel", () => this.leave()),
    ]);
    const keys = keyHelp(task.drawn, task.key_labels).flatMap(([key, meaning]) => [
      make("dt", {}, key),
      make("dd", {}, meaning),
    ]);
    this.liveRegion = make("p", { class: "live-region", "aria-live": "polite" });
    this.root.replaceChildren(
      make("div", { class: "desk" }, [
        make("div", { class: "board" }, [this.grid.node]),
        make(
          "div",
          { class: "side" },
          [
            make("p", { class: "title" }, "Edit the puzzle"),
            make("p", { class: "hint" }, task.hint),
            this.verdict,
            this.tools.node,
            this.size?.node,
            make("div", {}, [changes, this.note]),
            ends,
            make("dl", { class: "keys" }, keys),
          ].filter(Boolean),
        ),
      ]),
      this.liveRegion,
    );
  }

  // ---- drawing

  draw() {
    const { drafts, stroke } = this;
    const grid = stroke ? this.gridWithStroke() : drafts.current;
    this.selected = Math.min(this.selected, grid.tokens.length - 1);
    const isCurrent = this.validity.text === this.text;
    const conflicts = new Set(
      (isCurrent ? this.validity.conflicts : []).map(([row, column]) => row * grid.columns + column),
    );
    this.grid.draw(grid, this.selected, conflicts);
    this.root.style.setProperty("--shape", grid.columns / grid.rows);
    if (this.task.drawn) this.tools.mark(this.token);
    this.size?.show(grid.rows, grid.columns);
    const focused = this.root.getRootNode().activeElement;
    this.undoButton.disabled = !drafts.past.length;
    this.redoButton.disabled = !drafts.undone.length;
    if (focused?.disabled) this.grid.node.focus({ preventScroll: true });
    this.drawVerdict(isCurrent);
  }

  drawVerdict(isCurrent) {
    const { solutions, sentence } = this.validity;
    this.verdict.setAttribute("aria-busy", String(!isCurrent));
    if (!isCurrent) return;
    this.verdict.dataset.solutions = solutions;
    const [mark, text] = this.verdict.children;
    write(mark, MARKS[solutions] ?? "");
    write(text, solutions === "one" ? `${TITLES.one}. ${sentence}` : sentence);
    if (TITLES[solutions]) mark.title = TITLES[solutions];
  }

  showNote(text, isMistake = false) {
    write(this.note, text);
    this.note.classList.toggle("mistake", isMistake);
  }

  get text() {
    return textOf(
      this.stroke ? this.gridWithStroke() : this.drafts.current,
      this.task.symbols,
      this.task.separator,
    );
  }

  // ---- commands from the user

  /** Makes a new draft if the grid changed. `note` is displayed and announced. */
  change(grid, note = "") {
    if (this.drafts.push(grid)) this.scheduleCheck();
    this.showNote(note);
    this.draw();
  }

  put(cells, token) {
    this.change(withToken(this.drafts.current, cells, token, this.task));
    write(this.liveRegion, this.grid.sentence(this.selected, this.drafts.current.tokens[this.selected]));
  }

  /** Writes a token into the selected cell of a grid of text; in other grids, selects the tool to draw with. */
  choose(token) {
    if (this.task.drawn) this.token = token;
    else this.put([this.selected], token);
    this.draw();
  }

  fill(token) {
    const { current } = this.drafts;
    if (!this.task.once.includes(token)) this.change({ ...current, tokens: current.tokens.map(() => token) });
  }

  point(cell, event) {
    this.selected = cell;
    if (this.task.drawn)
      this.stroke = { cells: [cell], last: cell, token: event.button === 2 ? this.task.blank : this.token };
    this.draw();
  }

  drag(cell) {
    const { stroke } = this;
    if (!stroke) this.selected = cell;
    else if (stroke.last !== cell) {
      stroke.cells.push(...cellsBetween(stroke.last, cell, this.drafts.current.columns).slice(1));
      this.selected = stroke.last = cell;
    }
    this.draw();
  }

  drop() {
    const { stroke } = this;
    if (!stroke) return;
    const drawn = this.gridWithStroke();
    this.stroke = null;
    this.change(drawn);
  }

  gridWithStroke() {
    return withToken(this.drafts.current, this.stroke.cells, this.stroke.token, this.task);
  }

  onKey(event) {
    const path = event.composedPath();
    if (
      event.defaultPrevented ||
      (["Enter", " "].includes(event.key) && !event.ctrlKey && !event.metaKey && path[0].matches("button"))
    )
      return;
    const meaning = editingKey(event, this.task.keys);
    if (!meaning) return;
    event.preventDefault();
    event.stopPropagation(); // the page has its own shortcuts
    if (meaning.move) this.move(meaning);
    else if (meaning.write != null) this.put([this.selected], meaning.write);
    else this.act(meaning.action);
  }

  move({ move, draws }) {
    const { rows, columns } = this.drafts.current;
    const from = this.selected;
    this.selected = cellBeside(from, move, rows, columns);
    if (draws && this.task.drawn) this.put(cellsBetween(from, this.selected, columns), this.token);
    else this.draw();
  }

  act(action) {
    if (action === "undo" || action === "redo") {
      if (!this.drafts[action]()) return;
      this.scheduleCheck();
      this.showNote("");
      this.draw();
    } else if (action === "use") this.use();
    else if (action === "cancel") this.cancel();
    else if (action === "empty") this.put([this.selected], this.task.blank);
    else if (action === "toggle") this.toggle();
    else if (this.task.drawn) this.put([this.selected], this.token);
  }

  /** Clears the selected cell, or restores it. */
  toggle() {
    const {
      selected,
      cleared,
      task,
      drafts: { current },
    } = this;
    const held = current.tokens[selected];
    if (held !== task.blank) cleared.set(selected, held);
    const before = cleared.get(selected) ?? (task.drawn ? task.writable[1] : null);
    if (held !== task.blank) this.put([selected], task.blank);
    else if (before != null) this.put([selected], before);
  }

  onPaste(event) {
    if (
      !event.composedPath().includes(this.root) &&
      document.activeElement?.matches("input, textarea, [contenteditable=true]")
    )
      return;
    const text = event.clipboardData?.getData("text/plain");
    if (!text) return;
    event.preventDefault();
    this.parsePasted(text);
  }

  async pasteFromClipboard() {
    try {
      this.parsePasted(await navigator.clipboard.readText());
    } catch {
      this.showNote(
        "The browser blocked access to the clipboard. Press Ctrl+V here, or use the text field in the sidebar.",
        true,
      );
    }
  }

  /** Sends a pasted text to Python, which reads all puzzle formats. */
  parsePasted(text) {
    this.pendingPaste = ++this.pasteCount;
    this.trigger("paste", { number: this.pendingPaste, text: text.slice(0, MAX_PASTE) });
  }

  use() {
    this.end("use", this.text);
  }

  /** Escape does not discard changes. */
  cancel() {
    if (this.drafts.changed)
      this.showNote(
        "The puzzle has unsaved changes. Click Cancel to discard them, or Use this puzzle to apply them.",
      );
    else this.leave();
  }

  leave() {
    this.end("cancel", true);
  }

  /** Ends editing. A draft reported later would come from an outdated page, and restore the former puzzle. */
  end(event, value) {
    clearTimeout(this.checkTimer);
    this.trigger(event, value);
  }

  scheduleCheck() {
    clearTimeout(this.checkTimer);
    this.checkTimer = setTimeout(
      () => this.report("draft", { text: this.text, at: Date.now() }),
      CHECK_DELAY,
    );
  }

  remove() {
    clearTimeout(this.checkTimer);
    this.listening.abort();
    this.root.remove();
  }
}

/**
 * Mounts the editor in `parentElement`, or updates the mounted one. Reports the draft with
 * setStateValue("draft", {text, at}); the time makes each report new, even for a text reported before. Sends
 * with setTriggerValue: "use" with the text, "cancel", and "paste" with {number, text}.
 * @returns a function that removes it once its element has left the page.
 */
export default function mount({ data, parentElement, setStateValue, setTriggerValue }) {
  const editor = mountedIn(parentElement) ?? new Editor(parentElement);
  editor.update(data, setStateValue, setTriggerValue);
  return registerMounted(parentElement, editor);
}
