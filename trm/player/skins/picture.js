/** Grids drawn as pictures: the data behind each cell, and the canvas. */

import { Brush } from "./brush.js";
import { answerAt } from "../model/coordinates.js";
import { fitCanvas, make } from "../view/dom.js";
import { MISSING, WRONG } from "../model/cells.js";
import { isInPart } from "../view/part.js";
import { cropAt } from "../model/grid_view.js";

/**
 * Everything that the picture of a cell depends on: `tokens` and `flags` as in gridView; `levels` [L], a
 * probability from 0 to LEVELS of brush.js; `fading` [L], the opacity of dropped path cells on that scale;
 * `others` [L], a second token + 1, 0 for none; `joints` [L], bits of the sides where a trail continues.
 * Cells with equal numbers are drawn alike. A cell that the path misses is drawn as floor, so as not to
 * reveal the solution, unless `missing` is set.
 */
export function pictureView(trace, call, mode, view, missing = false) {
  const { L, V, skin, looks, probabilities } = trace;
  const answer = answerAt(trace, call);
  const unseen = missing ? WRONG : WRONG | MISSING;
  const picture = {
    tokens: view.tokens,
    flags: view.flags.map((flags) => (flags & MISSING ? flags & ~unseen : flags)),
    levels: new Uint8Array(L),
    others: new Uint8Array(L),
    fading: new Uint8Array(L),
    joints: skin.joints(trace, view.tokens),
  };
  for (let cell = 0; cell < L; cell++) {
    if (view.fading) picture.fading[cell] = view.fading[cell] >> 3;
    if (view.shade)
      picture.levels[cell] = skin.showsShade(looks[view.tokens[cell]], view.flags[cell], mode)
        ? view.shade[cell] >> 3
        : 0;
    else if (view.small) picture.others[cell] = view.small[cell] + 1;
    else if (mode === "probabilities" && answer >= 0)
      skin.setProbabilities(trace, probabilities, (answer * L + cell) * V, cell, picture);
  }
  return picture;
}

const INKS = [
  "paper",
  "soft",
  "accent",
  "wrong",
  "wall",
  "trail",
  "goal",
  "onGoal",
  "differs",
  "floorLine",
  "gridLine",
];

/**
 * The canvas of a grid that is a picture. Only cells that change are repainted. 900 elements with borders and
 * backgrounds of their own would take three times the budget of a key press.
 */
export class Picture {
  constructor(node) {
    this.node = node;
    this.canvas = make("canvas", { class: "picture", "aria-hidden": "true" });
    this.ring = make("div", { class: "ring", hidden: true, "aria-hidden": "true" });
    this.crop = make("div", { class: "crop", hidden: true, "aria-hidden": "true" });
    node.prepend(this.canvas);
    node.append(this.crop, this.ring);
  }

  show(trace) {
    this.trace = trace;
  }

  /** Shows only the rows and columns of `part`; `numbers` writes the symbols into the cells. */
  setPart(part, numbers) {
    Object.assign(this, { part, numbers });
    this.select(this.selected);
    this.redraw();
  }

  /** Draws a ring around the selected cell. */
  select(selected) {
    this.selected = selected;
    this.ring.hidden = selected == null;
    if (selected != null)
      this.place(this.ring, Math.floor(selected / this.trace.columns), selected % this.trace.columns, 1, 1);
  }

  place(node, row, column, rows, columns) {
    const share = (count, of) => `${(100 * count) / of}%`;
    const { part } = this;
    Object.assign(node.style, {
      left: share(column, part.columns),
      top: share(row, part.rows),
      width: share(columns, part.columns),
      height: share(rows, part.rows),
    });
  }

  draw(call, mode, view, { missing } = {}) {
    const was = this.mode === mode ? this.picture : null;
    this.picture = pictureView(this.trace, call, mode, view, missing);
    this.mode = mode;
    if (this.brush) this.paint(was);
    else this.redraw();
    this.drawCrop(call, mode);
  }

  /** Repaints everything if colours or size have changed. */
  redraw() {
    if (!this.picture) return;
    const tones = this.tones();
    const drawnWith = [
      ...Object.values(tones),
      ...Object.values(this.part),
      this.numbers,
      this.canvas.clientWidth,
      this.canvas.clientHeight,
      globalThis.devicePixelRatio,
    ].join();
    if (drawnWith === this.drawnWith) return;
    this.drawnWith = drawnWith;
    fitCanvas(this.canvas);
    this.brush = null;
    if (!this.canvas.width || !this.canvas.height) return; // the page is hidden
    const context = this.canvas.getContext("2d", { alpha: false });
    this.brush = new Brush(
      context,
      { ...tones, ...hatches(context, tones, this.canvas.width / this.part.columns) },
      this.trace.skin.drawings,
    );
    this.paint(null);
  }

  /** Paints the cells that differ from the previous picture `was`; all without one. */
  paint(was) {
    const {
      picture,
      brush,
      trace: { L, columns, looks, texts, skin },
      part,
      canvas,
      mode,
    } = this;
    const edges = (count, length) =>
      Array.from({ length: count + 1 }, (_, place) => Math.round((place * length) / count));
    const [lefts, tops] = [edges(part.columns, canvas.width), edges(part.rows, canvas.height)];
    const cell = { look: "", number: "", other: "", level: 0, fading: 0, joints: 0, flags: 0 };
    for (let place = 0; place < L; place++) {
      if (!isInPart(part, place, columns) || (was && looksSame(was, picture, place))) continue;
      const [row, column] = [Math.floor(place / columns), place % columns];
      brush.at(lefts[column], tops[row], lefts[column + 1] - lefts[column], tops[row + 1] - tops[row]);
      cell.look = looks[picture.tokens[place]];
      cell.number = this.numbers ? texts[picture.tokens[place]] : "";
      cell.other = looks[picture.others[place] - 1];
      cell.level = picture.levels[place];
      cell.fading = picture.fading[place];
      cell.joints = picture.joints[place];
      cell.flags = picture.flags[place];
      skin.paint(brush, cell, mode);
    }
    brush.finish();
  }

  /** Outlines the cropped grid. */
  drawCrop(call, mode) {
    const { crops } = this.trace;
    const [rows, columns] = cropAt(this.trace, call, mode) ?? [0, 0];
    this.crop.hidden = !crops || !rows || !columns;
    if (!this.crop.hidden)
      this.place(this.crop, 0, 0, Math.min(rows, this.part.rows), Math.min(columns, this.part.columns));
  }

  /** The page's colours, resolved for the canvas. */
  tones() {
    const probe = make("i", { hidden: true });
    this.node.append(probe);
    const tones = { font: getComputedStyle(this.node).fontFamily };
    for (const name of INKS) {
      probe.style.color = `var(--${name})`;
      tones[name] = getComputedStyle(probe).color;
    }
    probe.remove();
    return tones;
  }
}

const looksSame = (one, other, cell) =>
  one.tokens[cell] === other.tokens[cell] &&
  one.flags[cell] === other.flags[cell] &&
  one.levels[cell] === other.levels[cell] &&
  one.others[cell] === other.others[cell] &&
  one.joints[cell] === other.joints[cell] &&
  one.fading[cell] === other.fading[cell];

/** Hatch patterns for cells of `size` pixels. */
function hatches(context, { paper, soft, gridLine }, size) {
  const thick = Math.max(1, Math.round(size / 16));
  const pattern = (step, tones) => {
    const tile = make("canvas", { width: step, height: step });
    const pen = tile.getContext("2d");
    tones.forEach(([tone, opacity], line) => {
      Object.assign(pen, { fillStyle: tone, globalAlpha: opacity });
      for (let y = 0; y < step; y++)
        for (let x = 0; x < thick; x++) pen.fillRect((step - y + line * thick + x) % step, y, 1, 1);
    });
    return context.createPattern(tile, "repeat");
  };
  return {
    hatch: pattern(Math.max(6 * thick, Math.round(size / 3)), [
      [paper, 0.75],
      [soft, 0.9],
    ]),
    borderHatch: pattern(Math.max(4 * thick, Math.round(size / 4)), [[gridLine, 0.8]]),
  };
}
