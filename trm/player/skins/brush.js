/** Draws one cell of a picture. */

import { CHANGED, DIFFERS, GIVEN, STABLE, MISSING, WRONG } from "../model/cells.js";

export const [UP, RIGHT, DOWN, LEFT] = [1, 2, 4, 8];
export const LEVELS = 31; // a probability is drawn in 31 steps
const FADED = 0.3;

/**
 * The mark of a cell that differs from the other run: a diamond, a shape that no other mark has. Its rim in
 * the colour of the paper makes it visible on any colour. Around a letter it is larger and thinner.
 */
function differs({ context, ink, width, height, size }, isAroundLetter) {
  const [start, rim, line] = isAroundLetter ? [0.02, 0.13, 0.08] : [0.1, 0.24, 0.13];
  for (const [tone, share] of [
    [ink.paper, rim],
    [ink.differs, line],
  ]) {
    const [across, down, inset] = [width / 2, height / 2, size * start];
    Object.assign(context, { strokeStyle: tone, lineWidth: Math.max(1.5, size * share), lineJoin: "round" });
    context.beginPath();
    context.moveTo(across, inset);
    context.lineTo(width - inset, down);
    context.lineTo(across, height - inset);
    context.lineTo(inset, down);
    context.closePath();
    context.stroke();
  }
}

/** The mark of a cell that the path misses: a small dot, in a colour that no path has. */
const missing = (brush) => brush.dot(brush.ink.soft, 0.1);

/**
 * Draws one cell, in pixels from its corner. Shapes other than rectangles are drawn once and then stamped:
 * filling a path or drawing a letter takes ten times as long.
 */
export class Brush {
  constructor(context, ink, drawings = {}) {
    Object.assign(this, {
      context,
      ink,
      drawings: { ...drawings, differs, missing },
      stamps: new Map(),
      changed: [],
      wrong: [],
      stable: [],
      x: 0,
      y: 0,
      width: 0,
      height: 0,
      size: 0,
    });
  }

  /** Moves to a cell. */
  at(x, y, width, height) {
    this.x = x;
    this.y = y;
    this.width = width;
    this.height = height;
    this.size = Math.min(width, height);
  }

  fill(colour, x = 0, y = 0, width = this.width, height = this.height) {
    this.context.fillStyle = colour;
    this.context.fillRect(this.x + x, this.y + y, width, height);
  }

  /** A centred square with a share of the cell's area. */
  square(colour, share) {
    const side = Math.round(this.size * Math.sqrt(share));
    this.fill(colour, Math.floor((this.width - side) / 2), Math.floor((this.height - side) / 2), side, side);
  }

  /** Stamps what `drawings[kind]` draws for a number. */
  stamp(kind, number) {
    const { width, height } = this;
    const size = width * 4096 + height; // cells differ by one pixel if the grid does not divide evenly
    if (!this.stamps.has(size)) this.stamps.set(size, {});
    const stamps = (this.stamps.get(size)[kind] ??= []);
    if (!stamps[number]) {
      const canvas = new OffscreenCanvas(width, height);
      const own = new Brush(canvas.getContext("2d"), this.ink);
      own.at(0, 0, width, height);
      this.drawings[kind](own, number);
      stamps[number] = canvas.transferToImageBitmap();
    }
    this.context.drawImage(stamps[number], this.x, this.y);
  }

  /** A centred dot, and a bar from it to every side in `joints`. */
  dot(colour, radius, joints = 0) {
    const { context, x, y, width, height, size } = this;
    const [left, top, thick] = [x + width / 2, y + height / 2, size * 0.34];
    context.fillStyle = colour;
    context.beginPath();
    if (joints & UP) context.rect(left - thick / 2, y, thick, height / 2);
    if (joints & DOWN) context.rect(left - thick / 2, top, thick, height / 2);
    if (joints & LEFT) context.rect(x, top - thick / 2, width / 2, thick);
    if (joints & RIGHT) context.rect(left, top - thick / 2, width / 2, thick);
    context.moveTo(left + size * radius, top);
    context.arc(left, top, size * radius, 0, 2 * Math.PI);
    context.fill();
  }

  /** A centred ring. */
  circle(colour, radius, opacity) {
    const { context, x, y, width, height, size } = this;
    Object.assign(context, {
      strokeStyle: colour,
      lineWidth: Math.max(1, size * 0.12),
      globalAlpha: opacity,
    });
    context.beginPath();
    context.arc(x + width / 2, y + height / 2, size * radius, 0, 2 * Math.PI);
    context.stroke();
    context.globalAlpha = 1;
  }

  letter(colour, text) {
    const { context, x, y, width, height, size, ink } = this;
    Object.assign(context, {
      font: `700 ${Math.round(size * 0.62)}px ${ink.font}`,
      textAlign: "center",
      textBaseline: "middle",
      fillStyle: colour,
    });
    context.fillText(text, x + width / 2, y + height * 0.54);
  }

  /**
   * Diamond: differs from the other run. Dot: missing from the path. Top corner: changed. Bottom square:
   * correct and stayed correct. Bar: wrong. All have two tones, to be visible on any colour.
   */
  marks(flags, hasLetter = false) {
    if (flags & DIFFERS) this.stamp("differs", Number(hasLetter));
    if (flags & MISSING) this.stamp("missing", 0);
    if (flags & CHANGED) this.changed.push(this.x, this.y);
    if (flags & WRONG) this.wrong.push(this.x, this.y + this.height);
    if (flags & STABLE) this.stable.push(this.x, this.y + this.height);
  }

  /** Draws the marks collected so far, one path per tone: faster than one path per mark. */
  finish() {
    const { context, changed, wrong, stable, ink, size } = this;
    const [inset, thick, edge] = [
      Math.round(size * 0.14),
      Math.max(2, Math.round(size * 0.14)),
      Math.max(1, Math.round(size * 0.04)),
    ];
    const eachPlace = (places, tone, draw) => {
      context.fillStyle = tone;
      context.beginPath();
      for (let at = 0; at < places.length; at += 2) draw(places[at], places[at + 1]);
      context.fill();
    };
    for (const [tone, rim] of [
      [ink.paper, edge],
      [ink.accent, 0],
    ]) {
      const side = size * 0.31 + 2 * rim;
      eachPlace(changed, tone, (x, y) => {
        context.moveTo(x, y);
        context.lineTo(x + side, y);
        context.lineTo(x, y + side);
      });
    }
    for (const [tone, rim] of [
      [ink.paper, edge],
      [ink.wrong, 0],
    ]) {
      eachPlace(wrong, tone, (x, y) =>
        context.rect(x + inset - rim, y - edge - thick - rim, size - 2 * inset + 2 * rim, thick + 2 * rim),
      );
    }
    for (const [tone, rim] of [
      [ink.paper, edge],
      [ink.goal, 0],
    ]) {
      const side = Math.round(size * 0.26) + rim;
      eachPlace(stable, tone, (x, y) => context.rect(x, y - side, side, side));
    }
    this.changed = [];
    this.wrong = [];
    this.stable = [];
  }
}

/**
 * The brightness of a cell: unchanged cells are faded in the change mode, uncertain ones in the mode that
 * decodes z through the head.
 */
export const brightness = (mode, flags, level) =>
  mode === "change" && !(flags & CHANGED)
    ? FADED
    : mode === "z" && !(flags & GIVEN)
      ? FADED + ((1 - FADED) * level) / LEVELS
      : 1;
