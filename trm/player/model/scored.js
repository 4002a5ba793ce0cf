/** Which cells a solution says something about. */

const PADDING = 0; // the token of cells that are no part of the puzzle: in a solution, whatever stands there is right

export const isScored = (labels, cell) => !labels || labels[cell] !== PADDING;
