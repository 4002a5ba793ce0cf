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
import { followFeed, whenUpToDate } from "./feed.js";
import { Guide, isOpening } from "./guide/guide.js";
import { startPlayback } from "./model/clock.js";
import { openingCall } from "./model/opening.js";
import { PlayerView } from "./view/player_view.js";
import { Z_MODES } from "./model/grid_view.js";
import { PayloadError, continues, decodeTrace, sameRun, shapeOf } from "./model/trace.js";
import { messages } from "./text/translate.js";

const REPORT_DELAY = 500; // ms without a move before the view is written into the address and reported to Python
// what a player that replaces this one goes on with
const SETTINGS =
  "call cell mode zoom marks missing whole numbers speed why map embedding start reported playing pendingView".split(
    " ",
  );

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
      why: false,
      map: "closed",
      embedding: "pca",
      playing: false,
      trace: null,
      differs: null,
      pendingView: null,
      feed: null,
      grown: null,
      hasEnded: false,
    });
    this.motionQuery = matchMedia("(prefers-reduced-motion: reduce)");
    this.listeners = new AbortController();
    const { signal } = this.listeners;
    const listen = (target, names, act) =>
      names.split(" ").forEach((name) => target.addEventListener(name, act, { signal }));
    this.guide = new Guide(this, signal);
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
    if (this.grown?.feed === data.feed && this.grown?.steps > data.steps) data = { ...data, ...this.grown };
    const isFirst = !this.data;
    const nowReports = data.reports && this.data?.reports === false;
    const isNew = !sameRun(data, this.data) && !this.decode(data);
    this.data = data;
    this.follow(data.feed ?? null); // asks at once for what follows `data.steps`
    if (!this.trace) return;
    const start = JSON.stringify(data.start ?? null);
    if (data.start && start !== this.start && start !== this.reported) this.applyView(data.start);
    else if (this.pendingView) this.goToView(this.pendingView);
    this.start = start;
    if (isNew) this.cell ??= this.trace.mostChangedCell;
    this.guide.show(data.guide);
    const isInside = isFirst && data.guide && !data.start && this.call !== this.trace.n;
    // the last report was about the previous run, and Python may have written an older view into the address
    if ((isNew && !isFirst) || isInside || this.reported) this.reportSoon();
    if (nowReports) this.reported = null; // the page now needs the view that is only in the address
    this.measureTop();
    this.controls.drawPin(data.pin);
    this.controls.drawEdit(data.edit);
    this.controls.drawMap(data.map);
    this.drawChosen();
  }

  /** Fetches the steps of a run that is being computed, until it has ended. */
  follow(feed) {
    if (feed === this.feed) return;
    this.feeding?.abort();
    Object.assign(this, { feed, hasEnded: false, feeding: feed && new AbortController() });
    if (!feed) return;
    const query = () => ({ steps: this.data.steps });
    void followFeed(feed, query, (content) => this.grow(content), this.feeding.signal);
  }

  /** Takes what has been computed, or null if nothing is computed any more. Returns whether there will be more. */
  grow(content) {
    if (content?.payload) {
      const { start: _, ...payload } = content.payload;
      this.grown = { ...payload, feed: this.feed };
      this.update({ ...this.data, ...payload }, this.report, this.trigger);
    }
    if (content && !content.ended) return true;
    this.hasEnded = true;
    if (!content) this.feed = undefined; // Python may publish it again, or publish none
    this.endGrowth();
    return false;
  }

  /** Makes Python draw the page of a run that has ended. */
  endGrowth() {
    void whenUpToDate(() => this.trigger?.("news", { edits: this.data.edits }), this.feeding.signal);
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
      const call = isOpening(data) ? openingCall(trace) : trace.n;
      Object.assign(this, { call, cell: null, pendingView: null });
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
    this.why ||= Boolean(start.why);
    if (start.map && this.map === "closed") this.map = "small";
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
    this.drawWhy();
    this.reportSoon();
  }

  /** Opens or closes *Why?*, for the selected cell or the one that changes most. */
  showWhy(on) {
    if (on && !this.trace.rules) return;
    this.why = on;
    if (on && this.cell == null) this.select(this.trace.mostChangedCell);
    this.draw();
    this.reportSoon();
  }

  /** Opens the map of states ("small" or "large"), or closes it ("closed"). */
  showMap(size) {
    if (!this.data.map) return;
    this.map = size;
    this.draw();
    this.reportSoon();
  }

  /** Chooses the embedding on the map: "pca" or "umap". */
  setEmbedding(method) {
    this.embedding = method;
    this.draw();
  }

  /** Asks Python to pin this run and to run the puzzle without a given. */
  removeGiven(cell) {
    this.trigger("pin", { pin: true, trace_id: this.trace.trace_id, without: cell });
  }

  /** Whether Python removes a given from the puzzle of this run. */
  get canRemove() {
    return Boolean(this.data.pin);
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

  /** Whether Escape has nothing to close. */
  get isIdle() {
    return this.cell == null && !this.why && this.controls.help.hidden && !this.guide.isOpen;
  }

  /** Returns whether this player handled the key press. */
  onKey(event) {
    if (!this.trace || !this.takesKeys) return false;
    const meaning = pressMeaning(event, this, this.isIdle);
    if (!meaning || (meaning.action?.startsWith("map") && !this.data.map)) return false;
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
    else if (action === "why") this.showWhy(!this.why);
    else if (action === "map") this.showMap(this.map === "closed" ? "small" : "closed");
    else if (action === "map size") this.showMap(this.map === "large" ? "small" : "large");
    else if (action === "marks") this.setMarks(!this.marks);
    else if (action === "missing") this.toggleMissing();
    else if (action === "whole" || action === "numbers") this.toggleView(action);
    else if (action === "link") this.controls.share.copy();
    else if (action === "pin") this.pin();
    else if (action === "full") this.toggleFull();
    else if (action === "help") this.controls.helpDialog.toggle();
    else if (this.guide.close()) return;
    else if (!this.controls.help.hidden) this.controls.helpDialog.toggle(false);
    else if (this.why) this.showWhy(false);
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

  /** The view: coordinates, cell, mode, and whether *Why?* and the map are open. */
  view() {
    const {
      trace: { columns },
      cell,
    } = this;
    return {
      ...coordinatesOf(this.trace, this.call),
      cell: cell == null ? null : [Math.floor(cell / columns), cell % columns],
      mode: this.mode,
      why: this.why ? "1" : null,
      map: this.map === "closed" ? null : "1",
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
      if (!this.trace || this.pendingView) return;
      const view = this.view();
      if (this.data.addressed) replaceAddress(this.link());
      if (this.reported === JSON.stringify(view)) return;
      this.reported = JSON.stringify(view);
      this.reportView(view);
    }, REPORT_DELAY);
  }

  /** Reports the view to Python, which reruns the page, unless the page needs the view only in its address. */
  reportView(view) {
    this.sending?.abort();
    if (this.data.reports === false || !this.report) return;
    this.sending = new AbortController();
    void whenUpToDate(() => this.report("view", view), this.sending.signal);
  }

  /** The ids of the runs on screen. */
  get runs() {
    return [this.trace?.trace_id];
  }

  /** The user's settings, for a player that replaces this one. */
  get settings() {
    const settings = Object.fromEntries(SETTINGS.map((name) => [name, this[name]]));
    return Object.assign(settings, { hasMoved: Boolean(this.reported || this.reporting) });
  }

  /** Applies settings, except the position in the run. */
  applySettings(settings) {
    Object.assign(this, settings, { call: this.call, playing: this.playing });
    if (this.data?.reports) this.reported = null; // Python has lost what the player before this one reported
  }

  restore(settings) {
    this.applySettings(settings);
    if (!this.trace) return;
    this.call = Math.min(settings.call, this.trace.calls - 1);
    if (settings.pendingView) this.goToView(settings.pendingView);
    this.drawChosen();
    if (settings.hasMoved) this.reportSoon();
    this.play(settings.playing);
  }

  remove() {
    this.playing = false;
    this.around?.disconnect();
    this.feeding?.abort();
    this.sending?.abort();
    this.explanation?.attributions.stop();
    this.stateMap?.answers.stop();
    clearTimeout(this.reporting);
    clearTimeout(this.announcing);
    this.listeners.abort();
    this.grid?.remove();
    this.root.remove();
    releaseKeys(this);
  }
}
