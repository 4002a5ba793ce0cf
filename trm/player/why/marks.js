/** Marks on the grid: the givens that pushed towards the answer or away from it, and the cells that the rule needs. */

import { make } from "../view/dom.js";

/** Draws frames over cells. Frames are created when needed and reused. */
export class Marks {
  /** `grid`: the element over which the frames lie. */
  constructor(grid) {
    this.grid = grid;
    this.frames = [];
  }

  /** Draws the marks of an explanation: {rule, towards, away} as in explanation.js; null draws none. */
  draw({ rows, columns }, explanation) {
    const { rule, towards = [], away = [] } = explanation ?? {};
    const wanted = [
      ...towards.map(({ cell }) => [cell, "towards"]),
      ...away.map(({ cell }) => [cell, "away"]),
      ...(rule?.cells ?? []).map((cell) => [cell, "needed"]),
    ];
    while (this.frames.length < wanted.length) {
      const frame = make("i", { "aria-hidden": "true" });
      this.frames.push(frame);
      this.grid.append(frame);
    }
    this.frames.forEach((frame, index) => {
      frame.hidden = index >= wanted.length;
      if (frame.hidden) return;
      const [cell, kind] = wanted[index];
      frame.className = `push ${kind}`;
      Object.assign(frame.style, {
        left: `${(100 * (cell % columns)) / columns}%`,
        top: `${(100 * Math.floor(cell / columns)) / rows}%`,
        width: `${100 / columns}%`,
        height: `${100 / rows}%`,
      });
    });
  }
}
