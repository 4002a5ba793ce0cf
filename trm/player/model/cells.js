/** The flags of a cell, one bit each; class names, marks and the legend follow from them. */

export const [GIVEN, CHANGED, CONFLICT, WRONG, EMPTY, STABLE, DROPPED, DIFFERS, MISSING] = [
  1, 2, 4, 8, 16, 32, 64, 128, 256,
];
const FLAG_NAMES = [
  [GIVEN, "given"],
  [CHANGED, "changed"],
  [CONFLICT, "conflict"],
  [WRONG, "wrong"],
  [EMPTY, "empty"],
  [STABLE, "stable"],
  [DROPPED, "dropped"],
  [DIFFERS, "differs"],
  [MISSING, "missing"],
];

/** The class names of a cell's flags. */
export const flagNames = (flags) => FLAG_NAMES.filter(([bit]) => flags & bit).map(([, name]) => name);

// the token of cells outside the puzzle: any answer there counts as correct
const PADDING = 0;

/** Whether a cell counts towards the score. Without a solution every cell does. */
export const isScored = (labels, cell) => !labels || labels[cell] !== PADDING;
