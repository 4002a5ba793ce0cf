/**
 * The step player: one recorded run of a recursive model on one puzzle, scrubbed in the browser.
 *
 * A grid is text in its cells (Sudoku) or a picture on a canvas under them (mazes, ARC): its skin, chosen by the looks of
 * the tokens, says how. Either way every cell is an element with its symbol as text: tests, screen readers and clicks meet those.
 *
 * The whole position of the player is one number, the place of a call in the line of all calls, and everything on the
 * screen is a function of (trace, call, mode, selected cell, zoom, marks). `trace`, `coordinates`, `keys`, `reading`,
 * `history`, `speech`, `markers`, `strips`, `link` and `skins` are those functions, tested under Node; `grid`, `timeline`,
 * `cell_panel` and `controls` have one class per region, which remembers what it drew and touches only what differs; here are
 * keys, clock, and what is told to Python.
 *
 * `mount` shows one such player or, as `pair`, two of them on one clock.
 */

import { CellPanel } from "./cell_panel.js";
import { Controls } from "./controls.js";
import { callAt, coordinatesOf, move, ZOOMS } from "./coordinates.js";
import { make, topOf, write } from "./dom.js";
import { Grid } from "./grid.js";
import { keyMeaning, MODES } from "./keys.js";
import { Legend } from "./legend.js";
import { linkTo } from "./link.js";
import { captionSentence, eventSentence, placeSentence } from "./speech.js";
import { cellCurves } from "./strips.js";
import { Timeline } from "./timeline.js";
import { isInPart, PartBar, partOf } from "./part.js";
import { isKnown, READS_Z } from "./reading.js";
import { PayloadError, continues, decodeTrace } from "./trace.js";

const ACTIVE = Symbol.for("recursion-lens.active-player"); // the player that the keys of the page go to: the one last touched
const SETTLED = 500; // ms without a move before the view is told to Python: each report reruns the page
export const SPOKEN = 700; // ms between sentences for screen readers
const OWN_ARROWS = ["input", "textarea", "select", "[contenteditable='']", "[contenteditable='true']", "canvas", "video", "audio",
  ...["slider", "spinbutton", "listbox", "combobox", "menu", "tablist", "radiogroup", "tree", "grid"].map((role) => `[role=${role}]`)].join();

export class Player {
  /** `frame`: the element whose keys these are and that fills the screen; its own, unless it is one of several. */
  constructor(parent, frame = null) {
    this.parent = parent;
    this.root = make("div", { class: "player", "data-testid": "player", lang: "en" });
    this.frame = frame ?? this.root;
    Object.assign(this, { call: 0, cell: null, mode: "answer", zoom: "run", marks: false, whole: false, numbers: false, speed: 5, playing: false, trace: null, differs: null });
    this.calm = matchMedia("(prefers-reduced-motion: reduce)");
    this.listening = new AbortController();
    const { signal } = this.listening;
    const listen = (target, names, act) => names.split(" ").forEach((name) => target.addEventListener(name, act, { signal }));
    listen(document, "keydown", (event) => this.onKey(event));
    listen(document, "fullscreenchange", () => this.frame.classList.toggle("full", this.frame.matches(":fullscreen")));
    listen(matchMedia("(prefers-color-scheme: dark)"), "change", () => this.grid?.redraw());
    listen(this.calm, "change", () => this.trace && this.draw());
    listen(window, "resize", () => this.fitIn());
    listen(this.frame, "pointerdown focusin", () => { document[ACTIVE] = this; });
    if (!document[ACTIVE]?.root.isConnected) document[ACTIVE] = this;
    parent.append(this.root);
  }

  // ---- what Python sends

  update(data, report, trigger) {
    Object.assign(this, { report, trigger });
    if (!this.root.isConnected) this.parent.append(this.root);
    const isFirst = !this.data;
    const isNew = !sameRun(data, this.data) && !this.decode(data);
    this.data = data;
    if (!this.trace) return;
    const start = JSON.stringify(data.start ?? null);
    if (data.start && start !== this.start && start !== this.reported) this.obey(data.start);
    this.start = start;
    if (isNew) this.cell ??= this.trace.restlessCell;
    if (isNew && !isFirst) this.reportSoon(); // what was told is of the run before
    this.fitIn();
    this.drawPart();
    this.controls.drawPin(data.pin);
    this.drawChosen();
  }

  /** Draws all that depends on what was chosen. */
  drawChosen() {
    this.controls.drawMode(this.shownMode);
    this.controls.drawMarks(this.marks);
    this.drawSelection();
    this.draw();
    this.grid.redraw();
  }

  /** Takes over new data. Returns whether it goes on with the run on the screen, which then stays where it is. */
  decode(data) {
    let trace;
    try {
      trace = decodeTrace(data);
    } catch (error) {
      if (!(error instanceof PayloadError)) throw error;
      this.fail(error.message);
      return false;
    }
    const goesOn = continues(this.trace, trace);
    const fits = this.trace && shapeOf(this.trace) === shapeOf(trace);
    this.trace = trace;
    if (!goesOn) {
      this.play(false);
      Object.assign(this, { call: trace.n, cell: null });
    }
    this.call = Math.min(this.call, trace.calls - 1);
    if (!fits) this.build();
    this.show();
    return goesOn;
  }

  /** Goes where Python asks. Its own report coming back does not count. */
  obey(start) {
    const { rows, columns } = this.trace;
    this.call = callAt(this.trace, start);
    if (MODES.includes(start.mode)) this.mode = start.mode;
    const [row, column] = start.cell ?? [];
    if (row >= 0 && row < rows && column >= 0 && column < columns) this.cell = row * columns + column;
    this.whole ||= this.cell != null && !isInPart(partOf(this.trace), this.cell, columns);
  }

  fail(message) {
    this.play(false);
    this.trace = null;
    this.grid?.remove();
    this.root.replaceChildren(make("p", { class: "message", role: "status" }, message));
  }

  /** What depends on the size and look of the grid and on the depth, but not on the run. */
  build() {
    const { trace } = this;
    this.grid?.remove();
    this.grid = new Grid(trace, (cell) => this.select(cell));
    this.timeline = new Timeline(trace, { go: (call) => this.go(call), zoom: (level) => this.setZoom(level) });
    this.panel = new CellPanel(trace, (call) => this.go(call));
    this.legend = new Legend(trace);
    this.controls = new Controls(this);
    this.place = make("p", { class: "place" }, "");
    this.event = make("p", { class: "event" }, "");
    this.spoken = make("p", { class: "spoken", "aria-live": "polite" });
    this.caption = make("p", { class: "caption" }, "");
    this.label = make("p", { class: "label" }, "");
    this.partBar = new PartBar(trace, { whole: () => this.act("whole"), numbers: () => this.act("numbers") });
    const board = make("div", { class: "board" }, [this.grid.node, this.partBar.node, this.legend.node, this.caption]);
    this.stage = make("div", { class: "stage" }, [
      make("div", { class: "status" }, [this.place, this.event]),
      make("div", { class: "left" }, [this.controls.modes, board, this.controls.transport]),
      make("div", { class: "right" }, [this.timeline.node, this.panel.node]),
    ]);
    this.root.replaceChildren(this.stage, this.label, this.spoken, this.controls.help);
    this.controls.drawPlaying(this.playing);
  }

  /** What depends on the run. While it grows nothing else is touched, so that focus, pointer and clock go on undisturbed. */
  show() {
    const { trace } = this;
    for (const part of [this.grid, this.timeline, this.panel, this.legend, this.controls]) part.show(trace);
    write(this.label, trace.label ?? "");
  }

  // ---- what is on the screen

  draw() {
    const { trace, call, zoom, marks, root, shownMode: mode } = this;
    const place = coordinatesOf(trace, call);
    root.dataset.supervisionStep = place.supervision_step;
    root.dataset.cycle = place.cycle;
    root.dataset.call = place.call;
    root.dataset.kind = place.kind;
    const view = this.grid.draw(call, mode, { marks, still: this.calm.matches, differs: this.differs });
    this.legend.draw(view.flags, marks);
    this.timeline.draw(call, zoom);
    this.panel.draw(call, this.cell, mode);
    this.partBar.draw(trace, this.part, { call, mode, whole: this.whole, numbers: this.numbers });
    write(this.place, placeSentence(trace, call));
    write(this.event, eventSentence(trace, call));
    write(this.caption, captionSentence(trace, call, this.mode));
    this.speakSoon();
  }

  /** The mode asked for, or what is shown where the run has nothing for it. */
  get shownMode() {
    return isKnown(this.trace, this.mode) ? this.mode : "z";
  }

  drawPart() {
    this.part = partOf(this.trace, this.whole);
    this.stage.style.setProperty("--shape", this.part.columns / this.part.rows);
    this.grid.cut(this.part, this.numbers);
    if (this.cell != null && !isInPart(this.part, this.cell, this.trace.columns)) this.cell = 0;
  }

  /** How far down its page the player begins: the rest of the window is its own. */
  fitIn() {
    this.root.style.setProperty("--top", `${Math.round(Math.min(topOf(this.root), innerHeight / 2))}px`);
  }

  drawSelection() {
    const curves = this.cell == null ? null : cellCurves(this.trace, this.cell);
    this.grid.select(this.cell);
    this.timeline.select(this.cell, curves);
    this.panel.select(this.cell, curves);
  }

  speakSoon() {
    this.speaking ??= setTimeout(() => {
      this.speaking = null;
      if (this.trace) write(this.spoken, `${placeSentence(this.trace, this.call)}: ${eventSentence(this.trace, this.call)}`);
    }, this.playing ? 4 * SPOKEN : SPOKEN);
  }

  // ---- what a person does

  go(call) {
    if (call !== this.call) {
      this.call = call;
      this.draw();
    }
    this.reportSoon();
  }

  command(name) {
    this.go(move(this.trace, this.call, name));
  }

  select(cell) {
    this.cell = cell;
    this.drawSelection();
    this.panel.draw(this.call, cell, this.shownMode);
    this.reportSoon();
  }

  setMode(mode) {
    this.mode = mode;
    this.controls.drawMode(this.shownMode);
    this.draw();
    this.reportSoon();
  }

  /** Switches `whole` (the grid with all that is not used) or `numbers` (in coloured cells) where there is such a thing. */
  toggleView(name) {
    if (!this.trace.skin.numbers) return;
    this[name] = !this[name];
    this.drawPart();
    this.drawSelection();
    this.draw();
  }

  setMarks(on) {
    this.marks = on;
    this.controls.drawMarks(on);
    this.draw();
  }

  setZoom(level) {
    this.zoom = level;
    this.timeline.draw(this.call, level);
  }

  play(on) {
    if (on === this.playing) return;
    this.playing = on;
    this.controls?.drawPlaying(on);
    if (!on) return this.reportSoon();
    if (this.isOver) this.command("first");
    let last = performance.now();
    const tick = (now) => {
      if (!this.playing) return;
      for (const beat = 1000 / this.speed; now - last >= beat && this.playing; last += beat) this.beat();
      requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  }

  /** At the last call of a run that is complete. */
  get isOver() {
    return this.call === this.trace.calls - 1 && this.trace.steps === this.trace.N_sup;
  }

  /** One call onwards. At the end of a run that still grows it waits for the next step to arrive. */
  beat() {
    if (this.isOver) this.play(false);
    else this.command(READS_Z.includes(this.mode) ? "next call" : "next answer");
  }

  toggleFull() {
    const fillPage = () => this.frame.classList.toggle("full"); // where the browser has no full screen for elements, or refuses
    if (!this.frame.requestFullscreen) fillPage();
    else (document.fullscreenElement ? document.exitFullscreen() : this.frame.requestFullscreen()).catch(fillPage);
  }

  get takesKeys() {
    return true;
  }

  onKey(event) {
    if (!this.trace || !this.takesKeys || event.defaultPrevented) return;
    const path = event.composedPath();
    const own = path.includes(this.frame);
    if (!own && document[ACTIVE]?.frame !== this.frame && document[ACTIVE]?.root.isConnected) return;
    if (path.some((node) => node.matches?.(own ? "input, textarea, select" : OWN_ARROWS))) return;
    const meaning = keyMeaning(event);
    if (!meaning || (meaning.action === "play" && path[0].matches?.("button, a, summary, [role=button], [role=checkbox], [role=switch]"))) return;
    if (meaning.action === "escape" && !own && this.cell == null && this.controls.help.hidden) return;
    event.preventDefault();
    if (meaning.move) this.command(meaning.move);
    else if (meaning.mode) this.setMode(meaning.mode);
    else if (meaning.zoom) this.setZoom(ZOOMS[ZOOMS.indexOf(this.zoom) + meaning.zoom] ?? this.zoom);
    else if (meaning.select) this.moveSelection(...meaning.select);
    else if (!event.repeat) this.act(meaning.action);
  }

  act(action) {
    if (action === "play") this.play(!this.playing);
    else if (action === "marks") this.setMarks(!this.marks);
    else if (action === "whole" || action === "numbers") this.toggleView(action);
    else if (action === "link") this.controls.share.copy();
    else if (action === "pin") this.pin();
    else if (action === "full") this.toggleFull();
    else if (action === "help") this.controls.toggleHelp();
    else if (!this.controls.help.hidden) this.controls.toggleHelp(false);
    else this.select(null);
  }

  moveSelection(down, right) {
    const { part: { rows, columns: shown }, trace: { columns } } = this;
    const from = this.cell ?? this.trace.restlessCell;
    const within = (value, top) => Math.min(Math.max(value, 0), top - 1);
    this.select(within(Math.floor(from / columns) + down, rows) * columns + within((from % columns) + right, shown));
  }

  // ---- what Python is told

  /** Coordinates, cell and mode. */
  view() {
    const { trace: { columns }, cell } = this;
    return { ...coordinatesOf(this.trace, this.call), cell: cell == null ? null : [Math.floor(cell / columns), cell % columns], mode: this.mode };
  }

  /** Asks Python to keep this run beside the next one; or, where one is kept, to let that go. */
  pin() {
    const { pin } = this.data;
    if (pin) this.trigger("pin", { pin: pin === "pin", trace_id: this.trace.trace_id });
  }

  link() {
    return linkTo(location.href, this.view());
  }

  reportSoon() {
    clearTimeout(this.reporting);
    if (this.playing) return;
    this.reporting = setTimeout(() => {
      if (!this.trace) return;
      const view = this.view();
      if (this.reported === JSON.stringify(view)) return;
      this.reported = JSON.stringify(view);
      this.report?.("view", view);
    }, SETTLED);
  }

  /** What a person has chosen, for who comes in this one's place. */
  get settings() {
    const { call, cell, mode, zoom, marks, speed, start, reported, playing } = this;
    return { call, cell, mode, zoom, marks, speed, start, reported, playing };
  }

  /** Takes over what is chosen, but for the place in the run. */
  take({ call, playing, ...chosen }) {
    Object.assign(this, chosen);
  }

  restore(settings) {
    this.take(settings);
    if (!this.trace) return;
    this.call = Math.min(settings.call, this.trace.calls - 1);
    this.drawChosen();
    this.play(settings.playing);
  }

  remove() {
    this.playing = false;
    clearTimeout(this.reporting);
    clearTimeout(this.speaking);
    this.listening.abort();
    this.grid?.remove();
    this.root.remove();
    if (document[ACTIVE] === this) delete document[ACTIVE];
  }
}

/** Whether two payloads hold the same run; the view that Python asks for does not count. */
function sameRun(one, other) {
  const names = (data) => Object.keys(data).filter((name) => name !== "start");
  const same = (a, b) => a === b || (typeof a === "object" && JSON.stringify(a) === JSON.stringify(b));
  return Boolean(one && other) && names(one).length === names(other).length && names(one).every((name) => same(one[name], other[name]));
}

/** Runs of one shape are shown in the same elements. */
const shapeOf = ({ task, rows, columns, box_rows, box_columns, n, T, N_sup, looks, words, texts }) =>
  JSON.stringify([task, rows, columns, box_rows, box_columns, n, T, N_sup, looks, words, texts]);
