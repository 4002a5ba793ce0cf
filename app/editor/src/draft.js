/** The puzzle being edited. A grid is {rows, columns, tokens} and immutable: each change makes a new one. */

/**
 * The grid with `token` in these cells. A token in `once` exists only once: it moves to the last of the cells
 * and leaves `blank` behind.
 */
export function withToken(grid, cells, token, { blank, once }) {
  const tokens = [...grid.tokens];
  if (once.includes(token)) {
    tokens.forEach((other, cell) => {
      if (other === token) tokens[cell] = blank;
    });
    cells = cells.slice(-1);
  }
  for (const cell of cells) tokens[cell] = token;
  return { ...grid, tokens };
}

/** The grid with a new size: cropped at the bottom and right, or padded with `blank`. */
export function resizeGrid({ rows, columns, tokens }, newRows, newColumns, blank) {
  const isOld = (row, column) => row < rows && column < columns;
  const cellAt = (_, cell) => {
    const [row, column] = [Math.floor(cell / newColumns), cell % newColumns];
    return isOld(row, column) ? tokens[row * columns + column] : blank;
  };
  return { rows: newRows, columns: newColumns, tokens: Array.from({ length: newRows * newColumns }, cellAt) };
}

/** The grid as text for its task: one symbol per cell, `separator` between rows. */
export function textOf({ rows, columns, tokens }, symbols, separator) {
  const row = (_, at) =>
    tokens
      .slice(at * columns, (at + 1) * columns)
      .map((token) => symbols[token])
      .join("");
  return Array.from({ length: rows }, row).join(separator);
}

export const sameGrid = (one, other) =>
  one.rows === other.rows &&
  one.columns === other.columns &&
  one.tokens.every((token, cell) => token === other.tokens[cell]);

/** The cells on a straight line between two, both included: a fast pointer skips cells. */
export function cellsBetween(from, to, columns) {
  const [row, column] = [Math.floor(from / columns), from % columns];
  const [down, right] = [Math.floor(to / columns) - row, (to % columns) - column];
  const steps = Math.max(Math.abs(down), Math.abs(right), 1);
  const at = (_, step) =>
    Math.round(row + (down * step) / steps) * columns + Math.round(column + (right * step) / steps);
  return Array.from({ length: steps + 1 }, at);
}

/** The undo history of a draft. */
export class DraftHistory {
  constructor(grid) {
    Object.assign(this, { original: grid, past: [], current: grid, undone: [] });
  }

  get changed() {
    return !sameGrid(this.original, this.current);
  }

  /** Returns whether the grid changed. */
  push(grid) {
    if (sameGrid(grid, this.current)) return false;
    this.past.push(this.current);
    this.current = grid;
    this.undone = [];
    return true;
  }

  undo() {
    return this.go(this.past, this.undone);
  }

  redo() {
    return this.go(this.undone, this.past);
  }

  go(from, to) {
    if (!from.length) return false;
    to.push(this.current);
    this.current = from.pop();
    return true;
  }
}
