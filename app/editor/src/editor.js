/**
 * A puzzle edited in its grid. The draft and all it was before live here; Python reads texts and judges
 * drafts: what it says belongs to the draft with that very text.
 */

import { keepMounted, mountedIn } from "../../../trm/player/mounting.js";
import { make, write } from "../../../trm/player/view/dom.js";
import { cellsBetween, Drafts, resized, textOf, written } from "./draft.js";
import { EditorGrid } from "./editor_grid.js";
import { cellBeside, editingKey, keysInWords } from "./editor_keys.js";
import { Size, Tools } from "./tools.js";

const SETTLED = 80; // ms without a change before Python is asked: fast typing is not judged key by key
const LONGEST = 200_000; // characters of a pasted text; more than any puzzle has
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
    this.pastes = 0;
    this.listening = new AbortController();
    const { signal } = this.listening;
    this.root.addEventListener("keydown", (event) => this.onKey(event), { signal });
    document.addEventListener("paste", (event) => this.onPaste(event), { signal });
    parent.append(this.root);
  }

  // ---- what Python sends

  update(data, report, ask) {
    Object.assign(this, { report, ask });
    if (!this.root.isConnected) this.parent.append(this.root);
    if (this.puzzle !== data.puzzle.text || this.task?.kind !== data.task.kind) this.takePuzzle(data);
    this.said = data.said;
    const { pasted } = data;
    if (pasted && pasted.number === this.awaited) {
      this.awaited = null;
      if (pasted.mistake) this.tell(pasted.mistake, true);
      else this.change(pasted.grid, "Pasted.");
    }
    this.draw();
  }

  /** The page's puzzle: what is edited first; a later one, chosen meanwhile, comes after what there was. */
  takePuzzle({ task, puzzle }) {
    this.puzzle = puzzle.text;
    if (this.task && JSON.stringify(this.task) === JSON.stringify(task)) {
      this.change(puzzle.grid, "The puzzle that was chosen. Undo brings back the draft.");
      return;
    }
    this.task = task;
    this.drafts = new Drafts(puzzle.grid);
    this.chosen = 0;
    this.token = task.drawn ? task.writable[1] : null;
    this.emptied = new Map(); // what cells held before they were emptied
    this.build();
    this.grid.node.focus({ preventScroll: true });
  }

  build() {
    const { task } = this;
    const button = (name, label, act, options = {}) => {
      const node = make("button", { type: "button", "data-testid": name, ...options }, label);
      node.addEventListener("mousedown", (event) => event.preventDefault()); // the keys stay with the grid
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
      ? new Size(task.most, (rows, columns) =>
          this.change(
            resized(this.drafts.now, rows, columns, task.blank),
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
      { class: "changes", role: "group", "aria-label": "Change" },
      [
        this.undoButton,
        this.redoButton,
        button("clear", task.drawn ? "Clear all" : "Empty all", () => this.fill(task.blank)),
        task.drawn &&
          button("fill", "Fill", () => this.fill(this.token), {
            title: "Every cell as the one you draw with",
          }),
        button("paste", "Paste", () => this.pasteFromClipboard()),
      ].filter(Boolean),
    );
    const ends = make("div", { class: "ends" }, [
      button("use", "Use this puzzle", () => this.act("use")),
      button("cancel", "Cancel", () => this.leave()),
    ]);
    const keys = keysInWords(task.drawn, task.key_words).flatMap(([key, does]) => [
      make("dt", {}, key),
      make("dd", {}, does),
    ]);
    this.spoken = make("p", { class: "spoken", "aria-live": "polite" });
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
      this.spoken,
    );
  }

  // ---- what is on the screen

  draw() {
    const { drafts, stroke } = this;
    const shown = stroke ? this.stroked() : drafts.now;
    this.chosen = Math.min(this.chosen, shown.tokens.length - 1);
    const isSaid = this.said.text === this.text;
    const broken = new Set(
      (isSaid ? this.said.conflicts : []).map(([row, column]) => row * shown.columns + column),
    );
    this.grid.draw(shown, this.chosen, broken);
    this.root.style.setProperty("--shape", shown.columns / shown.rows);
    if (this.task.drawn) this.tools.mark(this.token);
    this.size?.show(shown.rows, shown.columns);
    const focused = this.root.getRootNode().activeElement;
    this.undoButton.disabled = !drafts.past.length;
    this.redoButton.disabled = !drafts.undone.length;
    if (focused?.disabled) this.grid.node.focus({ preventScroll: true });
    this.drawVerdict(isSaid);
  }

  drawVerdict(isSaid) {
    const { solutions, sentence } = this.said;
    this.verdict.setAttribute("aria-busy", String(!isSaid));
    if (!isSaid) return;
    this.verdict.dataset.solutions = solutions;
    const [mark, words] = this.verdict.children;
    write(mark, MARKS[solutions] ?? "");
    write(words, solutions === "one" ? `${TITLES.one}. ${sentence}` : sentence);
    if (TITLES[solutions]) mark.title = TITLES[solutions];
  }

  tell(words, isMistake = false) {
    write(this.note, words);
    this.note.classList.toggle("mistake", isMistake);
  }

  get text() {
    return textOf(this.stroke ? this.stroked() : this.drafts.now, this.task.symbols, this.task.separator);
  }

  // ---- what a person does

  /** A new draft, if it is another one. `words` are told, and by a screen reader read. */
  change(grid, words = "") {
    if (this.drafts.push(grid)) this.judgeSoon();
    this.tell(words);
    this.draw();
  }

  put(cells, token) {
    this.change(written(this.drafts.now, cells, token, this.task));
    write(this.spoken, this.grid.sentence(this.chosen, this.drafts.now.tokens[this.chosen]));
  }

  /** Grids of text are written into the chosen cell; others are drawn with what was chosen. */
  choose(token) {
    if (this.task.drawn) this.token = token;
    else this.put([this.chosen], token);
    this.draw();
  }

  fill(token) {
    const { now } = this.drafts;
    if (!this.task.once.includes(token)) this.change({ ...now, tokens: now.tokens.map(() => token) });
  }

  point(cell, event) {
    this.chosen = cell;
    if (this.task.drawn)
      this.stroke = { cells: [cell], last: cell, token: event.button === 2 ? this.task.blank : this.token };
    this.draw();
  }

  drag(cell) {
    const { stroke } = this;
    if (!stroke) this.chosen = cell;
    else if (stroke.last !== cell) {
      stroke.cells.push(...cellsBetween(stroke.last, cell, this.drafts.now.columns).slice(1));
      this.chosen = stroke.last = cell;
    }
    this.draw();
  }

  drop() {
    const { stroke } = this;
    if (!stroke) return;
    const drawn = this.stroked();
    this.stroke = null;
    this.change(drawn);
  }

  stroked() {
    return written(this.drafts.now, this.stroke.cells, this.stroke.token, this.task);
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
    event.stopPropagation(); // the page has shortcuts of its own
    if (meaning.move) this.move(meaning);
    else if (meaning.write != null) this.put([this.chosen], meaning.write);
    else this.act(meaning.action);
  }

  move({ move, draws }) {
    const { rows, columns } = this.drafts.now;
    const from = this.chosen;
    this.chosen = cellBeside(from, move, rows, columns);
    if (draws && this.task.drawn) this.put(cellsBetween(from, this.chosen, columns), this.token);
    else this.draw();
  }

  act(action) {
    if (action === "undo" || action === "redo") {
      if (!this.drafts[action]()) return;
      this.judgeSoon();
      this.tell("");
      this.draw();
    } else if (action === "use") this.use();
    else if (action === "cancel") this.cancel();
    else if (action === "empty") this.put([this.chosen], this.task.blank);
    else if (action === "toggle") this.toggle();
    else if (this.task.drawn) this.put([this.chosen], this.token);
  }

  /** Takes a given off, or puts it back. */
  toggle() {
    const {
      chosen,
      emptied,
      task,
      drafts: { now },
    } = this;
    const held = now.tokens[chosen];
    if (held !== task.blank) emptied.set(chosen, held);
    const before = emptied.get(chosen) ?? (task.drawn ? task.writable[1] : null);
    if (held !== task.blank) this.put([chosen], task.blank);
    else if (before != null) this.put([chosen], before);
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
    this.read(text);
  }

  async pasteFromClipboard() {
    try {
      this.read(await navigator.clipboard.readText());
    } catch {
      this.tell(
        "This browser does not hand over what was copied. Press ctrl v here, or use the text field beside.",
        true,
      );
    }
  }

  /** Python reads all the forms that a puzzle is written in. */
  read(text) {
    this.awaited = ++this.pastes;
    this.ask("paste", { number: this.awaited, text: text.slice(0, LONGEST) });
  }

  use() {
    this.ask("use", this.text);
  }

  /** The key alone drops no work. */
  cancel() {
    if (this.drafts.changed)
      this.tell("The puzzle was changed. Press Cancel to drop that, or Use this puzzle.");
    else this.leave();
  }

  leave() {
    this.ask("cancel", true);
  }

  judgeSoon() {
    clearTimeout(this.judging);
    this.judging = setTimeout(() => this.report("draft", { text: this.text, at: Date.now() }), SETTLED);
  }

  remove() {
    clearTimeout(this.judging);
    this.listening.abort();
    this.root.remove();
  }
}

/**
 * Mounts the editor in `parentElement`, or tells the one that is there what Python has to say. Reports the
 * draft with setStateValue("draft", {text, at}), where the time makes it news even where the text is one that
 * was told before; asks with setTriggerValue: "use" with the text, "cancel", and "paste" with {number, text}.
 * @returns a function that removes it, once its element has left the page.
 */
export default function mount({ data, parentElement, setStateValue, setTriggerValue }) {
  const editor = mountedIn(parentElement) ?? new Editor(parentElement);
  editor.update(data, setStateValue, setTriggerValue);
  return keepMounted(parentElement, editor);
}
