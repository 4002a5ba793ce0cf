/** Markers on the timeline. Each kind has a letter and, in the style sheet, a shape. */

import { callOfAnswer } from "./coordinates.js";
import { answerPlace } from "../text/sentences.js";
import { translate } from "../text/translate.js";

const LETTERS = { solved: "S", lost: "X", halt: "H", trained: "T", arrived: "A" };
const HALTING_RULES = { "q_halt > 0": "halts_alone", "q_halt > q_continue": "halts_or_continues" };

/**
 * The markers of a run, {kind, letter, call, text}, in the order of the legend: the puzzle is first solved;
 * each f_H call that loses the solution; the model would halt; the trained depth ends; the run has arrived up
 * to here.
 */
export function markersOf(trace) {
  const { steps, N_sup, perStep } = trace;
  const markers = [];
  const mark = (kind, call, text) => markers.push({ kind, letter: LETTERS[kind], call, text });
  const endOf = (step) => step * perStep - 1;
  const first = trace.solved.findIndex(Boolean);
  if (first >= 0)
    mark(
      "solved",
      callOfAnswer(trace, first),
      translate("solved_at", { place: answerPlace(trace, first), since: solvedSince(trace, first) }),
    );
  for (const answer of lossesOf(trace))
    mark(
      "lost",
      callOfAnswer(trace, answer),
      translate("solution_lost", { place: answerPlace(trace, answer) }),
    );
  if (trace.halt_step)
    mark(
      "halt",
      endOf(trace.halt_step),
      translate("marker_halt", {
        step: trace.halt_step,
        rule: translate(HALTING_RULES[trace.halt_rule] ?? "halts_by_other_rule"),
      }),
    );
  const depth = trace.trained?.N_sup ?? N_sup;
  if (N_sup > depth) mark("trained", endOf(depth), translate("trained_depth", { step: depth }));
  if (steps < N_sup) mark("arrived", endOf(steps), translate("has_arrived", { step: steps, N_sup }));
  return markers;
}

const lossesOf = ({ solved }) =>
  solved.map((_, answer) => answer).filter((answer) => answer > 0 && solved[answer - 1] && !solved[answer]);

/** What happens to the solution after the f_H call `first`. */
function solvedSince(trace, first) {
  let since = trace.answers;
  while (since > 0 && trace.solved[since - 1]) since--;
  if (since === trace.answers) return translate("but_not_in_the_end");
  return since === first
    ? translate("and_stays_solved")
    : translate("for_good", { place: answerPlace(trace, since) });
}

/**
 * Positions of flags, as fractions of the width, moved so that none overlaps another: at least `gap` apart,
 * inside the timeline, in their order.
 */
export function spreadOut(positions, gap) {
  const order = positions
    .map((_, index) => index)
    .sort((one, other) => positions[one] - positions[other] || one - other);
  const spread = [...positions];
  order.forEach((index, rank) => {
    if (rank) spread[index] = Math.max(spread[index], spread[order[rank - 1]] + gap);
  });
  let rightmost = 1 - gap / 2;
  for (const index of order.reverse()) {
    spread[index] = Math.min(spread[index], rightmost);
    rightmost = spread[index] - gap;
  }
  return spread;
}
