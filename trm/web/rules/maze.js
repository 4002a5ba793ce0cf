/** The rules of mazes, as in trm/tasks/maze. Tokens: 0 padding, 1 wall, 2 open, 3 start, 4 goal, 5 path. */

import { shuffled } from "./random.js";

const [WALL, OPEN, START, GOAL, PATH] = [1, 2, 3, 4, 5];
const CHARACTERS = { "#": WALL, ".": OPEN, " ": OPEN, o: OPEN, S: START, G: GOAL };

export class Maze {
  constructor({ rows }) {
    this.side = rows;
    this.cells = rows ** 2;
  }

  countsOpenCells = true;
  example = "# for walls, . for open cells, S and G";

  givens(tokens) {
    return Array.from(tokens, (token) => [WALL, START, GOAL].includes(token));
  }

  neighbours(cell) {
    const { side } = this;
    const [row, column] = [Math.floor(cell / side), cell % side];
    return [
      row > 0 && cell - side,
      row < side - 1 && cell + side,
      column > 0 && cell - 1,
      column < side - 1 && cell + 1,
    ].filter((other) => other !== false);
  }

  /** The cells where the path breaks off, forks or touches itself, and all starts or goals if there are several. */
  conflicts(tokens) {
    const isOnPath = (cell) => [PATH, START, GOAL].includes(tokens[cell]);
    const isDrawn = tokens.includes(PATH);
    return Array.from(tokens, (token, cell) => {
      const beside = this.neighbours(cell).filter(isOnPath).length;
      const isBroken = isDrawn && isOnPath(cell) && beside !== (token === PATH ? 2 : 1);
      return (
        isBroken || ([START, GOAL].includes(token) && tokens.filter((other) => other === token).length > 1)
      );
    });
  }

  /** Whether an answer keeps the maze and marks a shortest path. */
  isSolved(inputs, answer) {
    const respects = (token, cell) =>
      [OPEN, PATH].includes(inputs[cell]) ? [OPEN, PATH].includes(token) : token === inputs[cell];
    const steps = answer.filter((token) => token === PATH).length + 1;
    return (
      answer.every(respects) && steps === this.distance(inputs) && !this.conflicts(answer).includes(true)
    );
  }

  /** The distance of every cell from the start in steps; Infinity where it cannot be reached. */
  distances(tokens) {
    const from = Array(this.cells).fill(Infinity);
    const waiting = [tokens.indexOf(START)];
    if (waiting[0] < 0) return from;
    from[waiting[0]] = 0;
    for (const cell of waiting) {
      for (const other of this.neighbours(cell)) {
        if (tokens[other] === WALL || from[other] !== Infinity) continue;
        from[other] = from[cell] + 1;
        waiting.push(other);
      }
    }
    return from;
  }

  /** The length of the shortest path in steps; -1 without one, or without exactly one start and one goal. */
  distance(tokens) {
    const count = (token) => tokens.filter((other) => other === token).length;
    if (count(START) !== 1 || count(GOAL) !== 1) return -1;
    const steps = this.distances(tokens)[tokens.indexOf(GOAL)];
    return steps === Infinity ? -1 : steps;
  }

  /** Up to `limit` solutions: the maze with a shortest path. */
  solutions(tokens, limit) {
    if (this.distance(tokens) < 0) return [];
    const from = this.distances(tokens);
    const found = [];
    const goBack = (path) => {
      const [cell] = path;
      if (from[cell] === 0) return found.push(this.withPath(tokens, path)) < limit;
      return this.neighbours(cell)
        .filter((other) => from[other] === from[cell] - 1)
        .every((other) => goBack([other, ...path]));
    };
    goBack([tokens.indexOf(GOAL)]);
    return found;
  }

  withPath(tokens, path) {
    return Array.from(tokens, (token, cell) => (token === OPEN && path.includes(cell) ? PATH : token));
  }

  /** Makes a depth-first maze with a single path, as in training: rooms on every second row and column. */
  generate(random) {
    const { side } = this;
    const tokens = Array(this.cells).fill(WALL);
    const rooms = (cell) => Math.floor(cell / side) % 2 === 0 && (cell % side) % 2 === 0;
    const stack = [0];
    tokens[0] = OPEN;
    while (stack.length) {
      const cell = stack.at(-1);
      const step = shuffled([-2 * side, 2 * side, -2, 2], random).find((move) => {
        const isInRow = Math.abs(move) > 2 || Math.floor((cell + move) / side) === Math.floor(cell / side);
        return isInRow && tokens[cell + move] === WALL && rooms(cell + move);
      });
      if (step === undefined) stack.pop();
      else {
        tokens[cell + step / 2] = tokens[cell + step] = OPEN;
        stack.push(cell + step);
      }
    }
    return this.withEnds(tokens, random);
  }

  /** Places the start at random and the goal at least two sides away, or as far as the maze allows. */
  withEnds(tokens, random) {
    const open = tokens.flatMap((token, cell) => (token === OPEN ? [cell] : []));
    const [start] = shuffled(open, random);
    tokens[start] = START;
    const from = this.distances(tokens);
    const reached = open.filter((cell) => cell !== start && from[cell] < Infinity);
    const far = reached.filter((cell) => from[cell] >= 2 * this.side);
    const farthest = reached.reduce((one, other) => (from[other] > from[one] ? other : one));
    tokens[far.length ? shuffled(far, random)[0] : farthest] = GOAL;
    return tokens;
  }

  /** Reads characters row by row; slashes and line breaks between rows are skipped. */
  parse(text) {
    const tokens = [];
    for (const character of text.replaceAll(/[\n\r/]/g, "")) {
      if (!(character in CHARACTERS))
        throw new Error(`${character} is not part of a maze. Type # for walls, . for open cells, S and G.`);
      tokens.push(CHARACTERS[character]);
    }
    if (tokens.length !== this.cells)
      throw new Error(`A maze of this model has ${this.cells} cells, but this text has ${tokens.length}.`);
    return tokens;
  }

  format(tokens) {
    return Array.from(tokens, (token) => ".#.SG."[token]).join("");
  }

  verdict(tokens) {
    const steps = this.distance(tokens);
    if (steps < 0) return { solutions: "none", sentence: "No path leads from the start to the goal." };
    const isUnique = this.solutions(tokens, 2).length === 1;
    return {
      solutions: isUnique ? "one" : "several",
      sentence: `The shortest path has ${steps} steps${isUnique ? "" : ", and is not the only one"}.`,
    };
  }
}
