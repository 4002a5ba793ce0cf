/**
 * Sentences about a position in the run, for the status, the caption, the selected cell and screen readers.
 */

import { answerAt, callOfAnswer, coordinatesOf } from "../model/coordinates.js";
import { cellHistory } from "../model/history.js";
import { cellProbabilities, isRecorded, Z_MODES } from "../model/grid_view.js";
import { isScored } from "../model/cells.js";
import { formatNumber, translate, translateOr } from "./translate.js";

/** The position of an f_H call: "step 3, cycle 2". */
export function answerPlace(trace, answer) {
  const { supervision_step: step, cycle } = coordinatesOf(trace, callOfAnswer(trace, answer));
  return translate("answer_place", { step, cycle });
}

/** The position of any call: an f_L call has its number too. */
export function callPlace(trace, call) {
  const { supervision_step: step, cycle, call: number, kind } = coordinatesOf(trace, call);
  return translate(kind === "f_L" ? "call_place" : "answer_place", { step, cycle, call: number });
}

/** The position of a call as a sentence. */
export function placeSentence(trace, call) {
  const { supervision_step, cycle, call: number, kind } = coordinatesOf(trace, call);
  const name = kind === "f_H" ? "f_H" : translate("place_L", { call: number, n: trace.n });
  return translate("place", { step: supervision_step, N_sup: trace.N_sup, cycle, T: trace.T, call: name });
}

/** What a call did. */
export function eventSentence(trace, call) {
  const { kind } = coordinatesOf(trace, call);
  const answer = answerAt(trace, call);
  const halting = haltingSentence(trace, call);
  const z = latentName(trace, call);
  if (kind === "f_L")
    return translate("moved", {
      z,
      by: formatNumber(trace.residualZ[call]),
      y: translate(answer < 0 ? "no_answer" : "y_unchanged"),
      halting,
    });
  const changes =
    answer === 0 ? translate("first_answer") : translate("cells_changed", { count: trace.changed[answer] });
  return translate("answered", { changes, score: scoreSentence(trace, answer), halting });
}

/** The score of an answer. A score over blank cells only also counts overwritten givens. */
function scoreSentence(trace, answer) {
  const { cellsRight, cells_total, scored, skin, solved, conflicting, overwritten } = trace;
  if (!cellsRight) return solved[answer] ? translate("solved") : skin.conflictSentence(conflicting[answer]);
  const counts = { right: cellsRight[answer], all: cells_total };
  const score = scored
    ? translate("score_of", { ...counts, cells: translateOr(`scored_${scored}_cells`, `${scored} cells`) })
    : translate("score", counts);
  if (!scored || !overwritten[answer]) return score;
  return translate(scored === "open" ? "overwritten_open" : "overwritten", {
    score,
    count: overwritten[answer],
  });
}

/** The latent state that a call rewrites; numbered in models with one z per f_L call. */
function latentName(trace, call) {
  return trace.kind === "trm-multi-z" ? `z${"\u00a0"}${coordinatesOf(trace, call).call}` : "z";
}

/** The halting head reads y at the end of a supervision step; earlier answers have no probability. */
function haltingSentence({ halt_step, halts, haltProbability, perStep }, call) {
  if (halts === false) return translate("no_halting_head");
  const step = Math.floor(call / perStep) + 1;
  const isPast = halt_step && halt_step < step;
  if ((call + 1) % perStep)
    return isPast ? translate("halted_before", { step: halt_step }) : translate("halts_later");
  const p = haltProbability[step - 1].toFixed(2);
  if (halt_step === step) return translate("halts_here", { p });
  return isPast ? translate("halted", { step: halt_step, p }) : translate("halts_not", { p });
}

/** What is on screen, and whether the head was trained for it. */
export function captionSentence(trace, call, mode) {
  const { kind } = coordinatesOf(trace, call);
  if (!isRecorded(trace, mode)) return translate("not_recorded");
  if (mode === "reverse") return reverseSentence(trace, call);
  if (mode === "z" && trace.oneState) return translate("one_state_caption");
  if (mode === "z") return translate("z_caption");
  const answer = answerAt(trace, call);
  if (answer < 0 && trace.inputConflicts.includes(1)) return translate("givens_break");
  if (answer < 0) return translate(trace.givens.includes(1) ? "only_givens" : "only_puzzle");
  const cycle = (answer % trace.T) + 1;
  const unchanged = kind === "f_L" ? `${translate("y_stays")} ` : "";
  if (cycle < trace.T) return unchanged + translate("y_inside", { cycle, T: trace.T });
  return unchanged + translate(trace.skin.captions[mode]);
}

function reverseSentence(trace, call) {
  if (trace.oneState) return translate("reverse_one_state");
  return `${translate("reverse_caption")}${answerAt(trace, call) < 0 ? "" : ` ${translate("small_y")}`}`;
}

/**
 * The selected cell as a sentence: its symbol, the probability, the solution, and in the modes that show z
 * what z decodes to.
 */
export function cellSentence(trace, call, cell, mode = "answer") {
  const [row, column] = [Math.floor(cell / trace.columns) + 1, (cell % trace.columns) + 1];
  const answer = answerAt(trace, call);
  const token = answer < 0 ? trace.inputs[cell] : trace.tokens[answer * trace.L + cell];
  const sure =
    answer < 0
      ? translate("no_answer")
      : translate("with_probability", {
          symbol: trace.symbolNames[token],
          p: cellProbabilities(trace, answer, cell)[token].toFixed(2),
        });
  const solution =
    trace.labels && isScored(trace.labels, cell)
      ? translate("solution", { symbol: trace.symbolNames[trace.labels[cell]] })
      : "";
  return translate(trace.givens[cell] ? "given_cell" : "cell", {
    row,
    column,
    state: `${sure}${solution}${stateSentence(trace, call, cell, mode)}`,
  });
}

/** What z, and y in the reverse mode, decodes to in one cell. */
function stateSentence(trace, call, cell, mode) {
  const { L, symbolNames, zTokens, zConfidence, zReverse, yReverse } = trace;
  const [z, y] = [call * L + cell, answerAt(trace, call) * L + cell];
  if (!Z_MODES.includes(mode)) return "";
  if (mode === "z" || !zReverse)
    return translate("z_reads", { symbol: symbolNames[zTokens[z]], p: (zConfidence[z] / 255).toFixed(2) });
  return (
    translate("z_nearest", { symbol: symbolNames[zReverse[z]] }) +
    (y < 0 ? "" : translate("y_nearest", { symbol: symbolNames[yReverse[y]] }))
  );
}

/** The most probable symbols of a cell at a call: "7 0.80, 1 0.07". */
export function likelySymbols(trace, call, cell) {
  const answer = answerAt(trace, call);
  if (answer < 0) return translate("no_answer");
  const probabilities = cellProbabilities(trace, answer, cell);
  const likely = probabilities
    .map((_, token) => token)
    .filter((token) => probabilities[token] >= 0.05)
    .sort((a, b) => probabilities[b] - probabilities[a]);
  return likely
    .slice(0, 3)
    .map((token) => `${trace.symbolNames[token]} ${probabilities[token].toFixed(2)}`)
    .join(", ");
}

/**
 * The history of a cell over the f_H calls that have arrived, as phrases with the call to go to:
 * [{kind, text, call, opens}]; `opens`: the phrase also opens *Why?*, which lists all changes. Without a
 * solution it does not say when the cell was correct.
 */
export function historyEntries(trace, cell) {
  const { finalFrom, changes, firstRight, losses, rightFrom } = cellHistory(trace, cell);
  const at = (answer) => callOfAnswer(trace, answer);
  // a growing run may still change it; a cell that never changed has no last change
  const final = changes && trace.steps === trace.N_sup ? "final" : "unchanged_since";
  const entries = [
    { kind: "final", text: translate(final, { place: answerPlace(trace, finalFrom) }), call: at(finalFrom) },
  ];
  entries.push({
    kind: "changes",
    text: changes ? translate("changes", { times: times(changes) }) : translate("no_changes"),
    call: changes ? at(finalFrom) : null,
    opens: changes > 0,
  });
  if (firstRight === null) return entries;
  if (firstRight < 0) return [...entries, { kind: "right", text: translate("never_right"), call: null }];
  entries.push({
    kind: "right",
    text: translate("first_right", { place: answerPlace(trace, firstRight) }),
    call: at(firstRight),
  });
  if (!losses) entries.push({ kind: "stayed", text: translate("stayed_right"), call: null });
  else if (rightFrom < 0)
    entries.push({ kind: "lost", text: translate("lost", { times: times(losses) }), call: null });
  else
    entries.push({
      kind: "regained",
      text: translate("regained", { times: times(losses), place: answerPlace(trace, rightFrom) }),
      call: at(rightFrom),
    });
  return entries;
}

const times = (count) => (count === 1 ? translate("once") : translate("times", { count }));
