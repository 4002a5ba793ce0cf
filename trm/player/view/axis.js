/** The time axis of the timeline and its zoom. */

import { coordinatesOf, ZOOMS } from "../model/coordinates.js";
import { make, write } from "./dom.js";
import { placeSentence } from "../text/sentences.js";
import { translate } from "../text/translate.js";

const NAMES = { run: "step", step: "cycle", cycle: "call" };

/** A row of units per zoom level: supervision steps, the cycles of a step, the calls of a cycle. */
export class Axis {
  constructor({ N_sup, T, n }) {
    const every = Math.ceil(N_sup / 16);
    const steps = this.makeUnits(N_sup, (step) =>
      step === 1 || step === N_sup || step % every === 0 ? String(step) : "",
    );
    this.units = {
      run: steps,
      step: this.makeUnits(T, String),
      cycle: this.makeUnits(n + 1, (call) => (call > n ? "f_H" : String(call))),
    };
    this.rows = Object.fromEntries(
      ZOOMS.map((zoom) => [zoom, make("div", { class: "units", "data-zoom": zoom }, this.units[zoom])]),
    );
    this.drawn = {};
    this.node = make(
      "div",
      {
        class: "steps",
        role: "slider",
        tabindex: "0",
        "data-testid": "timeline-steps",
        "aria-label": translate("axis"),
        "aria-valuemin": "1",
      },
      Object.values(this.rows),
    );
  }

  makeUnits(count, text) {
    return Array.from({ length: count }, (_, index) => make("span", {}, make("i", {}, text(index + 1))));
  }

  show(trace) {
    this.units.run.forEach((node, step) => node.classList.toggle("pending", step >= trace.steps));
    this.node.setAttribute("aria-valuemax", trace.calls);
  }

  /** Returns the label of the axis: the name of the unit, and the current one of how many. */
  draw(trace, call, zoom) {
    const { drawn, units, rows, node } = this;
    const { supervision_step, cycle, call: number } = coordinatesOf(trace, call);
    const unit = { run: supervision_step, step: cycle, cycle: number }[zoom];
    if (drawn.zoom !== zoom) for (const [name, row] of Object.entries(rows)) row.hidden = name !== zoom;
    if (drawn.zoom !== zoom || drawn.unit !== unit) {
      units[drawn.zoom]?.[drawn.unit - 1].classList.remove("current");
      units[zoom][unit - 1].classList.add("current");
    }
    this.drawn = { zoom, unit };
    node.setAttribute("aria-valuenow", call + 1);
    node.setAttribute("aria-valuetext", placeSentence(trace, call));
    return { name: translate(NAMES[zoom]), value: `${unit}/${units[zoom].length}` };
  }
}

/** Buttons for the three zoom levels, with the current position in each, and a bar of the whole run. */
export class ZoomBar {
  constructor({ N_sup }, zoom) {
    const button = (attributes, text, level) => {
      const node = make("button", { type: "button", ...attributes }, text);
      node.addEventListener("mousedown", (event) => event.preventDefault());
      node.addEventListener("click", () => zoom(level()));
      return node;
    };
    const next = (by) => () => ZOOMS[ZOOMS.indexOf(this.zoom) + by] ?? this.zoom;
    this.out = button(
      { "data-testid": "zoom-out", "aria-label": translate("zoom_out"), title: translate("zoom_out") },
      "−",
      next(-1),
    );
    this.in = button(
      { "data-testid": "zoom-in", "aria-label": translate("zoom_in"), title: translate("zoom_in") },
      "+",
      next(1),
    );
    this.levels = ZOOMS.map((level) =>
      button(
        { "data-testid": `zoom-${level}` },
        [level === "run" ? translate("all_steps", { N_sup }) : ""],
        () => level,
      ),
    );
    this.part = make("i");
    this.here = make("b");
    this.whole = make("div", { class: "whole", "aria-hidden": "true" }, [this.part, this.here]);
    this.node = make("div", { class: "zoom", role: "group", "aria-label": translate("part_of_run") }, [
      this.out,
      this.in,
      ...this.levels,
      this.whole,
    ]);
  }

  draw(trace, call, zoom, { start, width }) {
    const { supervision_step, cycle } = coordinatesOf(trace, call);
    if (this.zoom !== zoom) {
      this.zoom = zoom;
      this.levels.forEach((node, index) => node.setAttribute("aria-pressed", String(ZOOMS[index] === zoom)));
      this.out.setAttribute("aria-disabled", String(zoom === ZOOMS[0]));
      this.in.setAttribute("aria-disabled", String(zoom === ZOOMS.at(-1)));
    }
    write(this.levels[1], translate("step_number", { step: supervision_step }));
    write(this.levels[2], translate("cycle_number", { cycle }));
    const percent = (calls) => `${(100 * calls) / trace.length}%`;
    if (this.start !== start || this.width !== width)
      Object.assign(this.part.style, { left: percent(start), width: percent(width) });
    Object.assign(this, { start, width });
    this.here.style.left = percent(call + 0.5);
  }
}
