/** The rules of Sudoku with boxes of any size, as in trm/tasks/sudoku. Tokens: 1 blank, 2 and up the digits from 1. */

import { shuffled } from "./random.js";

const BLANK = 1;
const MOST_GUESSES = 20_000; // then the number of solutions is unknown
const FEWEST_GIVENS = 24; // of a generated puzzle with 81 cells

export class Sudoku {
  constructor({ box_rows, box_columns }) {
    this.side = box_rows * box_columns;
    this.cells = this.side ** 2;
    const boxOf = (cell) =>
      box_rows * Math.floor(Math.floor(cell / this.side) / box_rows) +
      Math.floor((cell % this.side) / box_columns);
    const all = [...Array(this.cells).keys()];
    const units = [(cell) => Math.floor(cell / this.side), (cell) => cell % this.side, boxOf];
    this.peers = all.map((cell) =>
      all.filter((other) => other !== cell && units.some((unit) => unit(cell) === unit(other))),
    );
  }

  countsOpenCells = false;
  example = "5 3 . . 7 . . . . … or 53..7....6..";

  givens(tokens) {
    return Array.from(tokens, (token) => token > BLANK);
  }

  /** The cells whose digit is repeated in their row, column or box. */
  conflicts(tokens) {
    return this.peers.map(
      (peers, cell) => tokens[cell] > BLANK && peers.some((peer) => tokens[peer] === tokens[cell]),
    );
  }

  isSolved(inputs, answer) {
    const respects = (token, cell) => token > BLANK && (inputs[cell] === BLANK || inputs[cell] === token);
    return answer.every(respects) && !this.conflicts(answer).includes(true);
  }

  /** Up to `limit` solutions; null if the search takes too long. `random` shuffles the order of the digits. */
  solutions(inputs, limit, random = null) {
    if (this.conflicts(inputs).includes(true)) return [];
    const [found, tokens] = [[], Array.from(inputs)];
    let guesses = 0;
    const search = () => {
      const [cell, digits] = this.fewestCandidates(tokens);
      if (cell == null) return found.push([...tokens]) < limit;
      for (const digit of random ? shuffled(digits, random) : digits) {
        if (digits.length > 1 && ++guesses > MOST_GUESSES) return false;
        tokens[cell] = digit;
        if (!search()) return false;
      }
      tokens[cell] = BLANK;
      return true;
    };
    search();
    return guesses > MOST_GUESSES && found.length < limit ? null : found;
  }

  /** A blank cell with the fewest digits that its peers allow, and these digits; [null, []] without a blank cell. */
  fewestCandidates(tokens) {
    let best = [null, []];
    for (let cell = 0; cell < this.cells; cell++) {
      if (tokens[cell] !== BLANK) continue;
      const digits = this.candidates(tokens, cell);
      if (best[0] == null || digits.length < best[1].length) best = [cell, digits];
      if (digits.length < 2) break;
    }
    return best;
  }

  candidates(tokens, cell) {
    const seen = new Set(this.peers[cell].map((peer) => tokens[peer]));
    return [...Array(this.side).keys()].map((digit) => digit + BLANK + 1).filter((digit) => !seen.has(digit));
  }

  /** Makes a puzzle with one solution that needs no guess: each next cell has a single candidate. */
  generate(random) {
    const [solution] = this.solutions(Array(this.cells).fill(BLANK), 1, random) ?? [];
    if (!solution) return this.generate(random);
    const tokens = [...solution];
    let givens = this.cells;
    for (const cell of shuffled([...tokens.keys()], random)) {
      if (givens <= (FEWEST_GIVENS * this.cells) / 81) break;
      tokens[cell] = BLANK;
      if (this.isSolvedBySingles(tokens)) givens--;
      else tokens[cell] = solution[cell];
    }
    return tokens;
  }

  /** Whether naked singles fill every blank cell. */
  isSolvedBySingles(inputs) {
    const tokens = [...inputs];
    for (;;) {
      const [cell, digits] = this.fewestCandidates(tokens);
      if (cell == null) return true;
      if (digits.length !== 1) return false;
      tokens[cell] = digits[0];
    }
  }

  /** Reads digits in order; `.`, `0`, `_` and `*` are blank, and what only draws the grid is skipped. */
  parse(text) {
    const tokens = [];
    for (const character of text) {
      if (/[.0_*]/.test(character)) tokens.push(BLANK);
      else if (/[1-9]/.test(character) && Number(character) <= this.side)
        tokens.push(Number(character) + BLANK);
      else if (!/[\s|+,;/\-[\]]/.test(character))
        throw new Error(
          `${character} is not part of a Sudoku. Type the digits row by row, with . for blank cells.`,
        );
    }
    if (tokens.length !== this.cells)
      throw new Error(
        `A Sudoku has ${this.cells} cells, but this text has ${tokens.length}. Type them row by row, with . for blank cells.`,
      );
    return tokens;
  }

  format(tokens) {
    return Array.from(tokens, (token) => (token > BLANK ? token - BLANK : ".")).join("");
  }

  /** What is to be said about a puzzle before a model sees it. */
  verdict(tokens) {
    const solutions = this.solutions(tokens, 2);
    if (!solutions) return { solutions: "unknown", sentence: "The number of solutions is unknown." };
    const [none, one, several] = ["No solution.", "The solution is unique.", "Several solutions."];
    return [
      { solutions: "none", sentence: none },
      { solutions: "one", sentence: one },
      { solutions: "several", sentence: several },
    ][solutions.length];
  }
}
