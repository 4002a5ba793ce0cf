/** The rules of the task of a model. */

import { Maze } from "./maze.js";
import { Sudoku } from "./sudoku.js";

/** `facts`: the fields of a payload that depend on the model. */
export const rulesOf = (facts) => (facts.task === "maze" ? new Maze(facts) : new Sudoku(facts));

/** The tokens of the unique solution; null without one. */
export function uniqueSolution(rules, inputs) {
  const solutions = rules.solutions(inputs, 2);
  return solutions?.length === 1 ? solutions[0] : null;
}
