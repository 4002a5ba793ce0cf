/**
 * Two players on one clock: moving, selecting or playing in one applies to both, and cells that differ are
 * marked in both. They share one set of controls. clock.js aligns runs of different depths; a run that the
 * clock has passed stays at its end, with a note.
 */

import { ALIGNMENTS, clockAt, follow, isOver, isPast, moveClock } from "./model/clock.js";
import {
  areComparable,
  cellComparison,
  differenceSentence,
  differences,
  endSentence,
  incomparableSentence,
} from "./model/compare.js";
import { callAt } from "./model/coordinates.js";
import { make, write } from "./view/dom.js";
import { PairedPlayer } from "./paired_player.js";
import { ANNOUNCE_DELAY } from "./view/player_view.js";
import { placeSentence } from "./text/sentences.js";
import { translate, messages } from "./text/translate.js";

// the state that both players share; also the cell, if the grids have the same size
const SHARED = ["mode", "zoom", "marks", "missing", "whole", "numbers", "speed", "why", "map", "embedding"];

export class Pair {
  constructor(parent) {
    Object.assign(this, {
      parent,
      align: "step",
      clock: null,
      names: [translate("left"), translate("right")],
      updating: false,
    });
    this.root = make("div", {
      class: "player pair",
      "data-testid": "pair",
      lang: messages.language,
      translate: "no",
    });
    this.bar = make("div", { class: "pair-controls" });
    this.summary = make("p", { class: "pair-summary", "data-testid": "differences" }, "");
    this.cellLine = make("p", { class: "pair-cell", "data-testid": "cell-difference" }, "");
    this.liveRegion = make("p", { class: "live-region", "aria-live": "polite" });
    this.alignButtons = ALIGNMENTS.map((align) => this.makeAlignButton(align));
    const switcher = make("div", { class: "align", role: "group", "aria-label": translate("aligned") }, [
      make("span", {}, translate("aligned_by")),
      ...this.alignButtons,
    ]);
    this.curvesButton = this.makeCurvesButton();
    this.halves = [0, 1].map(() => this.makeHalf());
    this.root.append(
      this.bar,
      make("div", { class: "pair-line" }, [
        this.summary,
        this.cellLine,
        make("div", { class: "pair-options" }, [switcher, this.curvesButton]),
      ]),
      make(
        "div",
        { class: "halves" },
        this.halves.map(({ node }) => node),
      ),
      this.liveRegion,
    );
    parent.append(this.root);
    this.players = this.halves.map(({ place }) => new PairedPlayer(place, this));
    this.drawAlign();
    this.showCurves(true);
  }

  makeAlignButton(align) {
    return makeButton(`align-${align}`, translate(`align_${align}`), () => this.setAlign(align));
  }

  makeCurvesButton() {
    const isPressed = () => this.curvesButton.getAttribute("aria-pressed") === "true";
    return makeButton("curves", translate("curves"), () => this.showCurves(!isPressed()));
  }

  makeHalf() {
    const [name, title, ended, place] = [
      make("b", {}, ""),
      make("span", { class: "half-title", dir: "auto" }, ""),
      make("span", { class: "ended" }, ""),
      make("div", {}),
    ];
    const node = make("section", { class: "half" }, [
      make("p", { class: "half-head" }, [name, title, ended]),
      place,
    ]);
    return { node, name, title, ended, place };
  }

  // ---- data from Python

  /** `data` as written by trm/export/payload.py. */
  update(data, report, trigger) {
    if (!this.root.isConnected) this.parent.append(this.root);
    Object.assign(this, { names: data.names, hint: data.hint });
    this.halves.forEach((half, place) => {
      write(half.name, data.names[place]);
      write(half.title, data.titles[place]);
      half.title.title = data.titles[place];
      half.node.style.setProperty("--name", JSON.stringify(data.names[place]));
      half.node.setAttribute("aria-label", `${data.names[place]}: ${data.titles[place]}`);
    });
    if (data.fold !== this.fold) this.showCurves(!data.fold);
    this.fold = data.fold;
    this.updating = true;
    this.players.forEach((player, place) =>
      player.update(
        {
          ...data.players[place],
          start: null,
          pin: data.pin,
          edit: data.edit,
          addressed: data.addressed,
          reports: data.reports,
          edits: data.edits,
        },
        report,
        trigger,
      ),
    );
    this.updating = false;
    const start = JSON.stringify(data.start ?? null);
    if (data.start && start !== this.start && start !== this.lead?.reported)
      Object.assign(this, { pendingView: data.start, appliedTo: null });
    this.start = start;
    this.settle();
  }

  /** Brings both players to the clock after a run has arrived, grown or been replaced. */
  settle() {
    const { lead } = this;
    const controls = lead?.controls;
    if (this.controls !== controls) {
      this.bar.replaceChildren(...(controls ? [controls.modes, controls.transport] : []));
      this.controls?.help.remove();
      if (controls) this.root.append(controls.help);
      this.controls = controls;
    }
    if (!lead) return this.drawSummary();
    if (this.pendingView) this.applyPendingView();
    this.clock ??= clockAt(this.traces, this.players.indexOf(lead), lead.trace.n, this.align);
    this.selection ??= selectionOf(lead);
    this.shareCell();
    for (const player of this.players) if (player.trace) player.drawSelection(); // the other run has changed
    this.setClock(this.clock);
  }

  /** Goes to the view that Python requests; again once the run that it belongs to arrives. */
  applyPendingView() {
    const requested = this.pendingView.lead === "left" ? 0 : 1;
    const run = this.traces[requested] ? requested : 1 - requested;
    if (this.appliedTo !== run) this.applyView(this.pendingView, run);
    this.appliedTo = run;
    if (run === requested) this.pendingView = null;
  }

  applyView(start, run) {
    this.align = ALIGNMENTS.includes(start.align) ? start.align : "step";
    this.drawAlign();
    this.updating = true;
    for (const player of this.players) {
      if (!player.trace) continue;
      player.applyView(start);
      player.drawChosen();
    }
    this.updating = false;
    const trace = this.traces[run];
    this.clock = clockAt(this.traces, run, callAt({ ...trace, steps: trace.N_sup }, start), this.align);
    this.selection = selectionOf(this.players[run]);
  }

  // ---- both players

  /** The player with the keys and controls: the second one, or the first while the second has no run. */
  get lead() {
    return [this.players[1], this.players[0]].find(({ trace }) => trace) ?? null;
  }

  get traces() {
    return this.players.map(({ trace }) => trace);
  }

  get isOver() {
    return isOver(this.traces, this.clock, this.align);
  }

  command(name) {
    const clock = moveClock(this.traces, this.clock, name, this.align);
    if (clock === this.clock) return this.lead.reportSoon();
    this.move(clock);
  }

  goTo(player, call) {
    this.move(clockAt(this.traces, this.players.indexOf(player), call, this.align));
  }

  /** Moves at the user's command; a requested view that has not arrived is dropped. */
  move(clock) {
    this.pendingView = null;
    this.setClock(clock);
    this.lead.reportSoon();
  }

  setClock(clock) {
    this.clock = clock;
    for (const player of this.players)
      if (player.trace) player.call = follow(player.trace, clock, this.align);
    this.drawBoth();
  }

  /** Changes the unit of the clock; the run that moved last stays where it is. */
  setAlign(align) {
    const run = [this.clock?.run, 1, 0].find(
      (place) => this.traces[place] && !isPast(this.traces[place], this.clock, this.align),
    );
    this.align = align;
    this.drawAlign();
    if (run == null) return;
    this.move(clockAt(this.traces, run, this.players[run].call, align));
  }

  drawAlign() {
    this.alignButtons.forEach((button, place) =>
      button.setAttribute("aria-pressed", String(ALIGNMENTS[place] === this.align)),
    );
  }

  // ---- drawing

  /** Shows or hides the timelines and cell panels below the grids. */
  showCurves(on) {
    this.curvesButton.setAttribute("aria-pressed", String(on));
    this.root.classList.toggle("folded", !on);
  }

  /** Draws both after a change in one player, which applies to both. */
  draw(source) {
    if (this.updating || !this.clock) return;
    this.selection = selectionOf(source);
    this.share(source);
    this.shareCell();
    this.drawBoth();
  }

  share(source) {
    for (const player of this.players) {
      if (player === source) continue;
      for (const name of SHARED) player[name] = source[name];
      player.controls?.drawMarks(player.marks);
      if (!player.trace) continue;
      player.controls.drawMode(player.visibleMode);
      player.drawPart();
    }
  }

  /** Selects the last selected cell in every grid of the same size. */
  shareCell() {
    const { rows, columns, cell } = this.selection;
    for (const player of this.players) {
      if (player.cell === cell || player.trace?.rows !== rows || player.trace.columns !== columns) continue;
      player.cell = cell;
      player.drawSelection();
    }
  }

  drawBoth() {
    const difference = this.compare();
    for (const player of this.players) {
      if (!player.trace) continue;
      player.differs = difference?.cells ?? null;
      player.drawAlone();
    }
    this.drawSummary(difference);
  }

  /** Whether both runs have arrived and can be compared. */
  get comparable() {
    const [one, other] = this.traces;
    return Boolean(one && other && areComparable(one, other));
  }

  /** The differences on screen; null if the runs cannot be compared. */
  compare() {
    if (!this.comparable) return null;
    return differences(...this.players.map(({ trace, call, visibleMode: mode }) => ({ trace, call, mode })));
  }

  /** Writes how many cells differ and which run the clock has passed. */
  drawSummary(difference) {
    const { traces, names, halves, clock, align, lead } = this;
    const ends = traces.map((trace) => (trace && isPast(trace, clock, align) ? endSentence(trace) : ""));
    halves.forEach(({ ended }, place) => write(ended, ends[place]));
    this.root.classList.toggle("incomparable", !difference);
    this.root.classList.toggle("differing", Boolean(difference?.count));
    this.sentence = this.differenceText(difference);
    this.endings = ends.map((end, place) => end && `${names[place]}: ${end}`).filter(Boolean);
    write(this.summary, this.sentence);
    write(
      this.cellLine,
      this.isSameRun
        ? this.hint
        : difference && lead.cell != null
          ? cellComparison(traces, difference.tokens, names, lead.cell)
          : "",
    );
  }

  get isSameRun() {
    const [one, other] = this.traces;
    return Boolean(this.hint && one && one.trace_id === other?.trace_id);
  }

  differenceText(difference) {
    const {
      traces: [one, other],
      names,
      lead,
    } = this;
    if (!one || !other) return "";
    if (!difference) return `${incomparableSentence([one, other], names)}.`;
    if (this.isSameRun) return translate("same_run");
    return `${differenceSentence(difference, lead.visibleMode)}.`;
  }

  announceSoon() {
    this.announcing ??= setTimeout(
      () => {
        this.announcing = null;
        const { lead } = this;
        if (lead)
          write(
            this.liveRegion,
            [placeSentence(lead.trace, lead.call), this.sentence, ...this.endings].join(". "),
          );
      },
      this.lead?.playing ? 4 * ANNOUNCE_DELAY : ANNOUNCE_DELAY,
    );
  }

  // ---- reports to Python, and handing over to another view

  get runs() {
    return this.traces.map((trace) => trace?.trace_id);
  }

  /** The view of the run that moved last, with the alignment and which run it is. */
  view() {
    const {
      clock: { run },
      traces,
      align,
    } = this;
    const player = traces[run] && !isPast(traces[run], this.clock, align) ? this.players[run] : this.lead;
    return {
      ...player.ownView(),
      align: align === "step" ? null : align,
      lead: player === this.players[0] ? "left" : null,
    };
  }

  get settings() {
    return { ...(this.lead ?? this.players[1]).settings, start: this.start, align: this.align };
  }

  /** Continues from a single player that showed the second run, or from an earlier pair of the same runs. */
  restore({ align = this.align, ...settings }) {
    Object.assign(this, { start: settings.start, align });
    this.drawAlign();
    for (const player of this.players) player.applySettings(settings);
    if (!this.lead) return;
    const run = this.players.indexOf(this.lead);
    const call = Math.min(settings.call, this.lead.trace.calls - 1);
    for (const player of this.players) if (player.trace) player.drawChosen();
    this.setClock(clockAt(this.traces, run, call, this.align));
    if (settings.hasMoved) this.lead.reportSoon();
  }

  remove() {
    clearTimeout(this.announcing);
    for (const player of this.players) player.remove();
    this.root.remove();
  }
}

/** The selected cell of a player and the size of its grid. */
const selectionOf = ({ cell, trace: { rows, columns } }) => ({ rows, columns, cell });

/** A click does not take the focus, so that the space bar still plays. */
function makeButton(name, label, act) {
  const button = make("button", { type: "button", "data-testid": name }, label);
  button.addEventListener("mousedown", (event) => event.preventDefault());
  button.addEventListener("click", act);
  return button;
}
