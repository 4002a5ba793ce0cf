/** Grids of colours (ARC). */

import { LEVELS, brightness } from "./brush.js";
import { CHANGED, CONFLICT, WRONG } from "../model/cells.js";
import { translate } from "../text/translate.js";

/** Whether white is more legible than black on a colour, by relative luminance (WCAG 2.2). */
export function needsWhite(colour) {
  const [red, green, blue] = [1, 3, 5].map((at) => (parseInt(colour.slice(at, at + 2), 16) / 255) ** 2.2);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue < 0.179;
}

export const COLOURS_SKIN = {
  name: "colours",
  numbers: true,
  marks: [CHANGED, CONFLICT, WRONG],
  conflictLabel: "border_broken",
  conflictMark: "border_broken",
  conflictSentence: (count) =>
    count ? translate("border_broken_at", { count }) : translate("border_closed"),
  captions: {
    answer: "y_caption",
    probabilities: "inner_square",
    confidence: "square_size",
    change: "bright_small",
  },

  joints: ({ L }) => new Uint8Array(L),

  showsShade: (look, flags, mode) => mode === "z" || look[0] === "#",

  setProbabilities({ V }, probabilities, start, cell, picture) {
    let second = -1;
    for (let token = 0; token < V; token++) {
      if (
        token !== picture.tokens[cell] &&
        (second < 0 || probabilities[start + token] > probabilities[start + second])
      )
        second = token;
    }
    picture.levels[cell] = probabilities[start + second] >> 3;
    picture.others[cell] = picture.levels[cell] ? second + 1 : 0;
  },

  paint(brush, { look, number, other, level, flags }, mode) {
    const { context, ink } = brush;
    const share = mode === "confidence" ? level / LEVELS : 1;
    brush.fill(look[0] === "#" ? ink.gridLine : ink.paper);
    context.globalAlpha = brightness(mode, flags, level);
    if (look[0] !== "#") this.paintOutside(brush, look);
    else if (share < 1) brush.square(look, share);
    else brush.fill(look, 0, 0, brush.width - 1, brush.height - 1);
    context.globalAlpha = 1;
    if (number && look[0] === "#" && (share > 0.4 || brush.size < 20))
      brush.stamp(`number ${needsWhite(look) ? "light" : "dark"}`, Number(number));
    if (flags & CONFLICT) brush.fill(ink.hatch);
    if (other && mode === "probabilities") this.paintInner(brush, other, level / LEVELS);
    else if (other) this.paintSmall(brush, other);
    brush.marks(flags);
  },

  /** The number of a colour, for people who cannot tell all ten apart. */
  drawings: {
    "number light": (brush, number) => brush.letter("#ffffff", String(number)),
    "number dark": (brush, number) => brush.letter("#000000", String(number)),
  },

  /** Border: thin hatching. Padding: a faint dot. */
  paintOutside(brush, look) {
    if (look === "border") brush.fill(brush.ink.borderHatch);
    else brush.square(brush.ink.floorLine, 0.02);
  },

  paintInner(brush, look, share) {
    const { ink } = brush;
    brush.square(look[0] === "#" ? look : ink.paper, share);
  },

  paintSmall(brush, look) {
    const { ink, width, height, size } = brush;
    const side = Math.round(size * 0.36);
    brush.fill(ink.paper, width - side - 2, height - side - 2, side + 2, side + 2);
    brush.fill(look[0] === "#" ? look : ink.floorLine, width - side - 1, height - side - 1, side, side);
  },
};
