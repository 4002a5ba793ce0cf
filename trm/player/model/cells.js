/**
 * What is said of a cell, as bits: by its class names, its marks and the legend; and whether a solution says
 * anything of it.
 */

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

// the token of cells that are no part of the puzzle: in a solution, whatever stands there is right
const PADDING = 0;

/** Whether a solution says something about a cell. */
export const isScored = (labels, cell) => !labels || labels[cell] !== PADDING;
