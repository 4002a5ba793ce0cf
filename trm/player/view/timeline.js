/** The timeline: the steps and calls of the run, the strips, and a cursor over all. */

import { Axis, ZoomBar } from "./axis.js";
import { callOfAnswer, coordinatesOf, windowOf } from "../model/coordinates.js";
import { make, write } from "./dom.js";
import { markTerm } from "../guide/glossary.js";
import { StepCalls } from "./step_calls.js";
import { Markers } from "./marker_flags.js";
import { callPlace, likelySymbols } from "../text/sentences.js";
import { STRIPS } from "./strips.js";
import { translate } from "../text/translate.js";

// terms of the glossary
const STRIP_TERMS = {
  halting: "halting",
  entropy: "entropy",
  "residual-y": "residual",
  "residual-z": "residual",
};
const AXIS_TERMS = { run: "supervision_step", step: "cycle", cycle: null };
// maximum ms and pixels between the two presses of a double click or double tap
const DOUBLE_PRESS = { within: 400, near: 24 };

/**
 * The calls of the step, the axis, the strips and the curves of the selected cell. `go(call)` moves the
 * player, `zoom(level)` changes the zoom.
 */
export class Timeline {
  constructor(trace, { go, zoom }) {
    Object.assign(this, { go, values: {}, names: {}, plots: {}, part: { start: 0, width: trace.length } });
    this.cursor = make("div", { class: "cursor" });
    this.hoverLine = make("div", { class: "hover-line", hidden: true });
    this.tip = make("div", { class: "tip", hidden: true });
    this.tracks = make("div", { class: "tracks" });
    this.stepCalls = new StepCalls(trace, go);
    this.axis = new Axis(trace);
    this.zoomBar = new ZoomBar(trace, zoom);
    this.markers = new Markers(go, (marker) =>
      marker ? this.showTip(marker.call, marker.text) : this.hideTip(),
    );
    this.zoomNext = () => zoom({ run: "step", step: "cycle", cycle: "run" }[this.zoom]);
    this.addTrack("step", this.axis.node, () => null);
    this.axis.node.after(this.markers.legend);
    for (const strip of STRIPS)
      this.addTrack(
        strip.id,
        this.makePlot(strip.id),
        (call) => `${strip.name(this.trace)} ${strip.valueAt(this.trace, call)}`,
        strip.quiet,
      );
    this.values.halting.dataset.testid = "halt-probability";
    for (const [id, term] of Object.entries(STRIP_TERMS)) markTerm(this.names[id], term);
    this.addTrack("cell", this.makePlot("cell"), (call) =>
      this.cell == null ? null : likelySymbols(this.trace, call, this.cell),
    );
    this.setPaths(
      "cell",
      trace.texts.map(() => ["line", ""]),
    );
    const clip = make("div", { class: "clip" }, [this.hoverLine, this.cursor]);
    this.tracks.append(make("div", { class: "overlay" }, [this.markers.node, clip, this.tip]));
    this.connector = make("div", { class: "connector", "aria-hidden": "true" });
    this.node = make("div", { class: `timeline ${trace.skin.name}`, "data-testid": "timeline" }, [
      this.zoomBar.node,
      this.stepCalls.node,
      this.connector,
      this.tracks,
    ]);
  }

  /** Shows the curves and markers of a trace of the same depth. */
  show(trace) {
    this.trace = trace;
    for (const strip of STRIPS) {
      write(this.names[strip.id], strip.name(trace));
      this.setPaths(strip.id, strip.paths(trace));
    }
    this.axis.show(trace);
    this.markers.show(trace);
  }

  /**
   * Sets the curves of a track: [class name, path] pairs in a box as wide as the run has calls and 1 high.
   */
  setPaths(id, paths) {
    this.plots[id].replaceChildren(...paths.map(([name, d]) => make("path", { class: name, d })));
  }

  makePlot(id) {
    this.plots[id] = make("svg", {
      viewBox: `0 0 ${this.part.width} 1`,
      preserveAspectRatio: "none",
      "aria-hidden": "true",
    });
    return make("div", { class: "plot" }, this.plots[id]);
  }

  addTrack(id, plot, hover, quiet) {
    this.values[id] = make("b", {}, "");
    this.names[id] = make("span", {}, "");
    plot.classList.add("track", `track-${id}`);
    this.tracks.append(
      make("div", { class: quiet ? "gutter quiet" : "gutter" }, [this.names[id], this.values[id]]),
      plot,
    );
    let last = null;
    plot.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      plot.setPointerCapture(event.pointerId);
      const call = this.callUnder(event, plot);
      const isDouble =
        last &&
        event.timeStamp - last.timeStamp < DOUBLE_PRESS.within &&
        Math.abs(event.clientX - last.clientX) < DOUBLE_PRESS.near;
      last = isDouble ? null : event;
      if (isDouble) this.zoomNext();
      else this.go(call);
    });
    plot.addEventListener("pointermove", (event) => {
      const call = this.callUnder(event, plot);
      if (event.buttons && plot.hasPointerCapture(event.pointerId)) this.go(call);
      const value = hover(call);
      this.showTip(call, `${callPlace(this.trace, call)}${value ? `: ${value}` : ""}`);
    });
    plot.addEventListener("pointerleave", () => this.hideTip());
  }

  /** The call under the pointer; in the view of the whole run, the f_H call of its cycle. */
  callUnder({ clientX }, plot) {
    const { trace, part } = this;
    const box = plot.getBoundingClientRect();
    const call = part.start + ((clientX - box.left) / box.width) * part.width;
    const within = (value, least, most) => Math.min(Math.max(value, least), most);
    if (this.zoom === "run")
      return callOfAnswer(trace, within(Math.floor(call / trace.perCycle), 0, trace.answers - 1));
    return within(Math.floor(call), part.start, Math.min(part.start + part.width, trace.calls) - 1);
  }

  showTip(call, text) {
    write(this.tip, text);
    const percent = Math.min(Math.max(this.fractionAt(call), 0), 1) * 100;
    // stays inside the timeline
    Object.assign(this.tip.style, { left: `${percent}%`, transform: `translateX(-${percent}%)` });
    this.hoverLine.style.transform = `translateX(${percent}cqw)`;
    this.tip.removeAttribute("hidden");
    this.hoverLine.removeAttribute("hidden");
  }

  hideTip() {
    this.tip.toggleAttribute("hidden", true);
    this.hoverLine.toggleAttribute("hidden", true);
  }

  fractionAt(call) {
    return (call + 0.5 - this.part.start) / this.part.width;
  }

  draw(call, zoom) {
    const { trace } = this;
    const part = windowOf(trace, call, zoom);
    if (part.start !== this.part.start || part.width !== this.part.width) {
      for (const plot of Object.values(this.plots))
        plot.setAttribute("viewBox", `${part.start} 0 ${part.width} 1`);
    }
    if (this.zoom !== zoom) {
      this.node.dataset.zoom = zoom;
      markTerm(this.names.step, AXIS_TERMS[zoom]);
    }
    Object.assign(this, { call, zoom, part });
    this.stepCalls.draw(trace, call);
    this.zoomBar.draw(trace, call, zoom, part);
    this.markers.draw(call, part);
    this.drawConnector(coordinatesOf(trace, call), zoom);
    this.cursor.style.transform = `translateX(${this.fractionAt(call) * 100}cqw)`;
    const { name, value } = this.axis.draw(trace, call, zoom);
    write(this.names.step, name);
    write(this.values.step, value);
    for (const strip of STRIPS) write(this.values[strip.id], strip.valueAt(trace, call));
    this.drawHaltingLabel((call + 1) % trace.perStep !== 0);
  }

  /** The halting probability belongs to the end of the step: at earlier calls its label says so. */
  drawHaltingLabel(isEarly) {
    const { halting } = this.names;
    if (Boolean(halting.dataset.early) === isEarly) return;
    if (isEarly) halting.dataset.early = translate("strip_halting_early");
    else delete halting.dataset.early;
  }

  /** Connects the calls of the step with the same step or cycle on the axis. */
  drawConnector({ supervision_step: step, cycle }, zoom) {
    const { N_sup, T } = this.trace;
    const corners = [
      zoom === "cycle" ? (cycle - 1) / T : 0,
      zoom === "cycle" ? cycle / T : 1,
      zoom === "run" ? (step - 1) / N_sup : 0,
      zoom === "run" ? step / N_sup : 1,
    ];
    if (this.drawnConnector === corners.join()) return;
    this.drawnConnector = corners.join();
    ["--left", "--right", "--from", "--to"].forEach((name, at) =>
      this.connector.style.setProperty(name, corners[at]),
    );
  }

  /** Draws the curves of a cell; null clears them. */
  select(cell, curves) {
    [...this.plots.cell.children].forEach((path, token) => {
      path.setAttribute("d", curves ? curves.paths[token] : "");
      path.setAttribute(
        "class",
        curves && curves.ranks[token] >= 0 ? `line series-${curves.ranks[token]}` : "line faint",
      );
      applyTokenColour(path, this.trace, token);
    });
    const { columns } = this.trace;
    this.cell = cell;
    write(
      this.names.cell,
      cell == null
        ? translate("no_cell")
        : translate("row_and_column", { row: Math.floor(cell / columns) + 1, column: (cell % columns) + 1 }),
    );
  }
}

/** Draws the curve or column of a colour token in that colour. */
export function applyTokenColour(node, { looks }, token) {
  if (looks[token].startsWith("#")) node.style.setProperty("--series", looks[token]);
}
