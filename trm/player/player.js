/**
 * The step player: one run of a recursive model on one puzzle, scrubbed in the browser.
 *
 * A grid shows text in its cells (Sudoku) or a picture on a canvas below them (mazes, ARC), depending on its
 * skin. Either way every cell is an element with its symbol as text, for tests, screen readers and clicks.
 *
 * The position is one number, the index of a call, and everything on screen is a function of (trace, call,
 * mode, selected cell, zoom, marks). These functions are in `model/`, `text/`, `skins/` and `keys.js`, and
 * are tested under Node. `view/` has one class per region, which updates only what has changed;
 * `player_view.js` draws all regions. This module handles commands from the user and Python, and reports to
 * Python.
 *
 * `mount.js` shows one player or, with `pair.js`, two on one clock.
 */

import { callAt, coordinatesOf, move, ZOOMS } from "./model/coordinates.js";
import { make } from "./view/dom.js";
import { releaseKeys, listenToKeys, MODES, pressMeaning, claimKeys } from "./keys.js";
import { linkTo, replaceAddress } from "./model/link.js";
import { isInPart, partOf } from "./view/part.js";
import { startPlayback } from "./model/clock.js";
import { PlayerView } from "./view/player_view.js";
import { Z_MODES } from "./model/grid_view.js";
import { PayloadError, continues, decodeTrace, sameRun, shapeOf } from "./model/trace.js";
import { messages } from "./text/translate.js";

const REPORT_DELAY = 500; // ms without a move before the view is reported to Python: each report reruns the page

export class Player extends PlayerView {
  /** `frame`: the element that receives the keys and can fill the screen; by default the player's own. */
  constructor(parent, frame = null) {
    super();
    this.parent = parent;
    this.root = make("div", {
      class: "player",
      "data-testid": "player",
      lang: messages.language,
      translate: "no",
    });
    this.frame = frame ?? this.root;
    Object.assign(this, {
      call: 0,
      cell: null,
      mode: "answer",
      zoom: "run",
      marks: false,
      missing: false,
      whole: false,
      numbers: false,
      speed: 5,
      playing: false,
      trace: null,
      differs: null,
      pendingView: null,
    });
    this.motionQuery = matchMedia("(prefers-reduced-motion: reduce)");
    this.listeners = new AbortController();
    const { signal } = this.listeners;
    const listen = (target, names, act) =>
      names.split(" ").forEach((name) => target.addEventListener(name, act, { signal }));
    listenToKeys(this, (event) => this.onKey(event), signal);
    listen(document, "fullscreenchange", () =>
      this.frame.classList.toggle("full", this.frame.matches(":fullscreen")),
    );
    listen(matchMedia("(prefers-color-scheme: dark)"), "change", () => this.grid?.redraw());
    listen(this.motionQuery, "change", () => this.trace && this.draw());
    listen(window, "resize", () => this.measureTop());
    listen(this.frame, "pointerdown focusin", () => claimKeys(this));
    claimKeys(this, { ifFree: true });
    parent.append(this.root);
  }

  // ---- data from Python

  update(data, report, trigger) {
    Object.assign(this, { report, trigger });
    if (!this.root.isConnected) this.parent.append(this.root);
    const isFirst = !this.data;
    const isNew = !sameRun(data, this.data) && !this.decode(data);
    this.data = data;
    if (!this.trace) return;
    const start = JSON.stringify(data.start ?? null);
    if (data.start && start !== this.start && start !== this.reported) this.applyView(data.start);
    else if (this.pendingView) this.goToView(this.pendingView);
    this.start = start;
    if (isNew) this.cell ??= this.trace.mostChangedCell;
    if (isNew && !isFirst) this.reportSoon(); // the last report was about the previous run
    this.measureTop();
    this.drawPart();
    this.controls.drawPin(data.pin);
    this.controls.drawEdit(data.edit);
    this.drawChosen();
  }

  /** Decodes new data. Returns whether it continues the run on screen, which then keeps its position. */
  decode(data) {
    let trace;
    try {
      trace = decodeTrace(data);
    } catch (error) {
      if (!(error instanceof PayloadError)) throw error;
      this.fail(error.message);
      return false;
    }
    const isContinuation = continues(this.trace, trace);
    const fits = this.trace && shapeOf(this.trace) === shapeOf(trace);
    this.trace = trace;
    if (!isContinuation) {
      this.play(false);
      Object.assign(this, { call: trace.n, cell: null, pendingView: null });
    }
    this.call = Math.min(this.call, trace.calls - 1);
    if (!fits) this.build();
    this.show();
    return isContinuation;
  }

  /** Goes to a view that Python requests. */
  applyView(start) {
    const { rows, columns } = this.trace;
    this.goToView(start);
    if (MODES.includes(start.mode)) this.mode = start.mode;
    const [row, column] = start.cell ?? [];
    if (row >= 0 && row < rows && column >= 0 && column < columns) this.cell = row * columns + column;
    this.whole ||= this.cell != null && !isInPart(partOf(this.trace), this.cell, columns);
  }

  /** Goes to coordinates, or as far as the run has arrived; then follows new steps until the user moves. */
  goToView(start) {
    const { steps, N_sup } = this.trace;
    this.call = callAt(this.trace, start);
    this.pendingView = steps < Math.min(start.supervision_step, N_sup) ? start : null;
  }

  fail(message) {
    this.play(false);
    this.trace = null;
    this.grid?.remove();
    this.root.replaceChildren(make("p", { class: "message", role: "status" }, message));
  }

  // ---- commands from the user

  go(call) {
    this.pendingView = null;
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
    this.panel.draw(this.call, cell, this.visibleMode);
    this.reportSoon();
  }

  setMode(mode) {
    this.mode = mode;
    this.controls.drawMode(this.visibleMode);
    this.draw();
    this.reportSoon();
  }

  /**
   * Toggles `whole` (the grid with its unused part) or `numbers` (in coloured cells), for grids of colours.
   */
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

  /** Toggles the marks of cells that a maze's path misses. */
  toggleMissing() {
    if (!this.trace.skin.hasMissingCells) return;
    this.missing = !this.missing;
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
    startPlayback(this);
  }

  /** Whether the player is at the last call of a complete run. */
  get isOver() {
    return this.call === this.trace.calls - 1 && this.trace.steps === this.trace.N_sup;
  }

  /** Plays the next call. At the end of a growing run it waits for the next step to arrive. */
  playNext() {
    if (this.isOver) this.play(false);
    else this.command(Z_MODES.includes(this.mode) ? "next call" : "next answer");
  }

  toggleFull() {
    // for browsers that do not support full screen for elements, or refuse it
    const fillPage = () => this.frame.classList.toggle("full");
    if (!this.frame.requestFullscreen) fillPage();
    else
      (document.fullscreenElement ? document.exitFullscreen() : this.frame.requestFullscreen()).catch(
        fillPage,
      );
  }

  get takesKeys() {
    return true;
  }

  /** Returns whether this player handled the key press. */
  onKey(event) {
    if (!this.trace || !this.takesKeys) return false;
    const meaning = pressMeaning(event, this, this.cell == null && this.controls.help.hidden);
    if (!meaning) return false;
    event.preventDefault();
    if (meaning.move) this.command(meaning.move);
    else if (meaning.mode) this.setMode(meaning.mode);
    else if (meaning.zoom) this.setZoom(ZOOMS[ZOOMS.indexOf(this.zoom) + meaning.zoom] ?? this.zoom);
    else if (meaning.select) this.moveSelection(...meaning.select);
    else if (!event.repeat) this.act(meaning.action);
    return true;
  }

  act(action) {
    if (action === "play") this.play(!this.playing);
    else if (action === "marks") this.setMarks(!this.marks);
    else if (action === "missing") this.toggleMissing();
    else if (action === "whole" || action === "numbers") this.toggleView(action);
    else if (action === "link") this.controls.share.copy();
    else if (action === "pin") this.pin();
    else if (action === "full") this.toggleFull();
    else if (action === "help") this.controls.toggleHelp();
    else if (!this.controls.help.hidden) this.controls.toggleHelp(false);
    else this.select(null);
  }

  moveSelection(down, right) {
    const {
      part: { rows, columns: visibleColumns },
      trace: { columns },
    } = this;
    const from = this.cell ?? this.trace.mostChangedCell;
    const within = (value, top) => Math.min(Math.max(value, 0), top - 1);
    this.select(
      within(Math.floor(from / columns) + down, rows) * columns +
        within((from % columns) + right, visibleColumns),
    );
  }

  // ---- reports to Python

  /** The view: coordinates, cell and mode. */
  view() {
    const {
      trace: { columns },
      cell,
    } = this;
    return {
      ...coordinatesOf(this.trace, this.call),
      cell: cell == null ? null : [Math.floor(cell / columns), cell % columns],
      mode: this.mode,
    };
  }

  /** Asks Python to pin this run, or to unpin the pinned one. */
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
      if (this.data.addressed) replaceAddress(this.link());
      this.report?.("view", view);
    }, REPORT_DELAY);
  }

  /** The user's settings, for a player that replaces this one. */
  get settings() {
    const { call, cell, mode, zoom, marks, missing, speed, start, reported, playing } = this;
    return { call, cell, mode, zoom, marks, missing, speed, start, reported, playing };
  }

  /** Applies settings, except the position in the run. */
  applySettings(settings) {
    Object.assign(this, settings, { call: this.call, playing: this.playing });
  }

  restore(settings) {
    this.applySettings(settings);
    if (!this.trace) return;
    this.call = Math.min(settings.call, this.trace.calls - 1);
    this.drawChosen();
    this.play(settings.playing);
  }

  remove() {
    this.playing = false;
    clearTimeout(this.reporting);
    clearTimeout(this.announcing);
    this.listeners.abort();
    this.grid?.remove();
    this.root.remove();
    releaseKeys(this);
  }
}
