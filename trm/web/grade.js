/** Grades answers against the rules and the solution, as trm/grading.py does. */

import { base64 } from "./bytes.js";

/**
 * The fields of a payload that depend on a puzzle, its solution (tokens or null) and the answers (tokens after each
 * f_H call).
 */
export function gradeOf(rules, inputs, labels, answers) {
  const givens = rules.givens(inputs);
  const counted = (cell) => !rules.countsOpenCells || !givens[cell];
  const cells = [...inputs.keys()].filter(counted);
  const right = (answer) => cells.filter((cell) => answer[cell] === labels[cell]).length;
  const changes = inputs.map((_, cell) => {
    if (givens[cell]) return 0;
    return answers.reduce(
      (total, answer, at) => total + (at > 0 && answer[cell] !== answers[at - 1][cell]),
      0,
    );
  });
  return {
    givens: base64(givens),
    input_conflicts: base64(rules.conflicts(inputs)),
    conflicts: base64(answers.flatMap((answer) => rules.conflicts(answer))),
    cells_right: labels && answers.map(right),
    cells_total: cells.length,
    solved: answers.map((answer) => rules.isSolved(inputs, answer)),
    most_changed_cell: changes.indexOf(Math.max(...changes)),
  };
}
