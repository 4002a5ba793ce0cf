/** Pencil marks: the probabilities of all symbols, in grids of text. */

import { answerAt } from "../model/coordinates.js";
import { fitCanvas, make } from "./dom.js";

const PENCIL_SIZES = 20;

/** A canvas over a grid of text, with pencil marks in the probabilities mode. */
export class Pencil {
  constructor(node) {
    this.node = node;
    this.canvas = make("canvas", { class: "pencil", "aria-hidden": "true" });
    this.drawn = -1;
    node.append(this.canvas);
  }

  show(trace) {
    this.trace = trace;
  }

  setPart() {} // grids of text are always shown whole

  select() {} // the style sheet rings the selected cell

  draw(call, mode) {
    const answer = mode === "probabilities" ? answerAt(this.trace, call) : -1;
    const all = this.mode !== mode;
    this.mode = mode;
    if (all || this.drawn !== answer) this.drawMarks(answer, all);
  }

  redraw() {
    if (this.mode === "probabilities") this.drawMarks(this.drawn, true);
  }

  /** Draws the cells whose probabilities have changed, or all. */
  drawMarks(answer, all) {
    const {
      trace: { L, V, columns, probabilities },
      canvas,
    } = this;
    if (all) {
      fitCanvas(canvas);
      const [size, candidates] = [canvas.width / columns, this.candidates()];
      this.tools = {
        context: canvas.getContext("2d"),
        size,
        candidates,
        ...this.makeAtlas(size, candidates),
      };
    }
    if (answer >= 0) {
      for (let cell = 0; cell < L; cell++) {
        const [now, was] = [(answer * L + cell) * V, (this.drawn * L + cell) * V];
        let same = !all && this.drawn >= 0;
        for (let token = 0; same && token < V; token++)
          same = probabilities[now + token] === probabilities[was + token];
        if (!same) this.drawCell(cell, now);
      }
    } else if (!all) this.tools.context.clearRect(0, 0, canvas.width, canvas.height);
    this.drawn = answer;
  }

  /** The symbols, each with its position; the blank is in the middle, drawn from probability 0.5. */
  candidates() {
    const { texts, empty } = this.trace;
    const all = texts.map((_, token) => token);
    const tokens = all.filter((token) => !empty[token]);
    const blanks = all.filter((token) => empty[token] && texts[token].trim());
    const across = this.trace.box_columns || Math.ceil(Math.sqrt(tokens.length));
    const down = Math.ceil(tokens.length / across);
    const marks = tokens.map((token, place) => ({
      token,
      minimum: 0.02,
      x: ((place % across) + 0.5) / across,
      y: (Math.floor(place / across) + 0.5) / down,
    }));
    return [...marks, ...blanks.map((token) => ({ token, minimum: 0.5, x: 0.5, y: 0.5 }))];
  }

  /**
   * Every symbol at every size, drawn once: a column per symbol, a row per size. Shaping the text of every
   * cell would exceed the budget of a key press.
   */
  makeAtlas(size, candidates) {
    const side = Math.ceil(size * 0.72);
    const atlas = make("canvas", { width: side * candidates.length, height: side * (PENCIL_SIZES + 1) });
    const context = atlas.getContext("2d");
    const { color, fontFamily } = getComputedStyle(this.node);
    for (let level = 0; level <= PENCIL_SIZES; level++) {
      const p = level / PENCIL_SIZES;
      const height = Math.round(size * (0.17 + 0.43 * p));
      Object.assign(context, {
        font: `${height}px ${fontFamily}`,
        fillStyle: color,
        globalAlpha: 0.4 + 0.6 * p,
        textAlign: "center",
        textBaseline: "middle",
      });
      candidates.forEach(({ token }, column) =>
        context.fillText(
          this.trace.texts[token],
          (column + 0.5) * side,
          (level + 0.5) * side + height * 0.05,
        ),
      );
    }
    return { atlas, side };
  }

  /** Draws a symbol small at its own position; it grows towards the middle as its probability nears 1. */
  drawCell(cell, start) {
    const { context, size, candidates, atlas, side } = this.tools;
    const { columns, givens, probabilities } = this.trace;
    const [left, top] = [(cell % columns) * size, Math.floor(cell / columns) * size];
    context.clearRect(left, top, size, size);
    if (givens[cell]) return;
    candidates.forEach(({ token, minimum, x, y }, column) => {
      const p = probabilities[start + token] / 255;
      if (p < minimum) return;
      const level = Math.round(p * PENCIL_SIZES);
      const extent = Math.min(side, Math.ceil(size * (0.22 + 0.5 * p)));
      const inset = (side - extent) / 2;
      const corner = (place) => size * (place + (0.5 - place) * p * p) - extent / 2;
      context.drawImage(
        atlas,
        column * side + inset,
        level * side + inset,
        extent,
        extent,
        left + corner(x),
        top + corner(y),
        extent,
        extent,
      );
    });
  }
}
