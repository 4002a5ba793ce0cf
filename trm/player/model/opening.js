/** The call that shows a visitor first what the model does: many cells have just become correct, few are wrong. */

import { isScored } from "./cells.js";
import { callOfAnswer } from "./coordinates.js";

const MOST_WRONG = 0.25; // of the cells without a given

/**
 * The f_H call after which most cells became correct, among those whose answer has few wrong cells; the earliest of
 * equals. Without a solution, a cell in conflict counts as wrong. The first f_H call if nothing improves later, and in a
 * run that is still growing.
 */
export function openingCall(trace) {
  const { answers, givens, steps, N_sup } = trace;
  if (steps < N_sup) return callOfAnswer(trace, 0);
  const open = givens.filter((given) => !given).length;
  const repaired = Array.from({ length: answers }, (_, answer) => (answer ? repairs(trace, answer) : 0));
  const best = (candidates) =>
    candidates.reduce((one, other) => (repaired[other] > (repaired[one] ?? 0) ? other : one), 0);
  const all = [...repaired.keys()];
  const mostlyRight = all.filter((answer) => wrongCells(trace, answer) <= MOST_WRONG * open);
  return callOfAnswer(trace, best(mostlyRight) || best(all));
}

/** The number of cells that are wrong before an f_H call and not after it. */
function repairs(trace, answer) {
  return countCells(trace, (cell) => isWrong(trace, answer - 1, cell) && !isWrong(trace, answer, cell));
}

const wrongCells = (trace, answer) => countCells(trace, (cell) => isWrong(trace, answer, cell));

function countCells({ L }, isCounted) {
  let count = 0;
  for (let cell = 0; cell < L; cell++) count += isCounted(cell);
  return count;
}

const isWrong = ({ L, labels, tokens, conflicts }, answer, cell) =>
  labels
    ? isScored(labels, cell) && tokens[answer * L + cell] !== labels[cell]
    : conflicts[answer * L + cell] === 1;
