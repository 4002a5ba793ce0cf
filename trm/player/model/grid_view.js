/** The view of a grid: (trace, call, mode) -> what each cell shows. */

import { answerAt, callOfAnswer } from "./coordinates.js";
import {
  CHANGED,
  CONFLICT,
  DIFFERS,
  DROPPED,
  EMPTY,
  GIVEN,
  isScored,
  STABLE,
  MISSING,
  WRONG,
} from "./cells.js";

/** The modes that show z. Older recordings lack the reverse embedding. */
export const Z_MODES = ["z", "reverse"];
export const isRecorded = (trace, mode) => mode !== "reverse" || trace.zReverse != null;

const FULL = 255; // the byte for 1

/**
 * What every cell shows at a call:
 * - `tokens` [L] and `flags` [L];
 * - `small` [L], tokens drawn small, -1 for none: in the change mode the previous answer, in the reverse mode
 *   the decoded y where it differs from z; null in other modes;
 * - `shade` [L], 0..255, the confidence, in the modes that show it, else null;
 * - `fading` [L], 0..255, the opacity of path cells that were dropped, else null.
 *
 * At an f_L call y is unchanged; before the first f_H call only the puzzle is shown. A maze cell on the
 * solution's path that is not answered as path is both wrong and missing.
 *
 * Options: `marks` flags cells that became correct and stayed correct; `reducedMotion` draws dropped cells at
 * one constant opacity; `differs` [L] holds 1 for cells to flag as different from another run.
 */
export function gridView(trace, call, mode, { marks = false, reducedMotion = false, differs = null } = {}) {
  const { L, givens, inputs, labels, empty, pathToken } = trace;
  const answer = answerAt(trace, call);
  const row = (array, index) => (index < 0 ? null : array.subarray(index * L, (index + 1) * L));
  const showsZ = Z_MODES.includes(mode);
  const decoded = mode === "reverse" ? trace.zReverse : trace.zTokens;
  const tokens = showsZ ? row(decoded, call) : (row(trace.tokens, answer) ?? inputs);
  const isNew = showsZ || callOfAnswer(trace, answer) === call;
  const before = isNew ? (showsZ ? row(decoded, call - 1) : row(trace.tokens, answer - 1)) : null;
  const conflicts = showsZ ? null : (row(trace.conflicts, answer) ?? trace.inputConflicts);
  const isAnswer = showsZ || answer >= 0;
  const stableSince = marks && !showsZ && answer >= 0 ? trace.stableFrom : null;
  const fading =
    mode === "answer" && answer > 0 && trace.lastPath ? fadingPath(trace, call, answer, reducedMotion) : null;
  const flags = new Uint16Array(L);
  for (let cell = 0; cell < L; cell++) {
    const token = tokens[cell];
    const wrong =
      isAnswer &&
      (labels ? token !== labels[cell] && isScored(labels, cell) : givens[cell] && token !== inputs[cell]);
    flags[cell] =
      (givens[cell] ? GIVEN : 0) |
      (before && before[cell] !== token ? CHANGED : 0) |
      (conflicts?.[cell] ? CONFLICT : 0) |
      (wrong ? WRONG : 0) |
      (wrong && labels?.[cell] === pathToken ? MISSING : 0) |
      (empty[token] ? EMPTY : 0) |
      (stableSince && stableSince[cell] <= answer ? STABLE : 0) |
      (fading?.[cell] ? DROPPED : 0) |
      (differs?.[cell] ? DIFFERS : 0);
  }
  const shade =
    mode === "z"
      ? row(trace.zConfidence, call)
      : mode === "confidence"
        ? highestProbability(trace, answer)
        : null;
  return { tokens, flags, small: smallTokens(trace, mode, { answer, before, tokens }), shade, fading };
}

function smallTokens({ L, yReverse }, mode, { answer, before, tokens }) {
  const others =
    mode === "change"
      ? before
      : mode === "reverse" && answer >= 0
        ? yReverse.subarray(answer * L, (answer + 1) * L)
        : null;
  return others && Int16Array.from(others, (token, cell) => (token === tokens[cell] ? -1 : token));
}

/** The opacity of dropped path cells: full at the call that drops them, 0 one supervision step later. */
function fadingPath(trace, call, answer, reducedMotion) {
  const { L, lastPath, perStep } = trace;
  const fading = new Uint8Array(L);
  for (let cell = 0, at = answer * L; cell < L; cell++, at++) {
    if (lastPath[at] < 0 || lastPath[at] === answer) continue;
    const left = 1 - (call - callOfAnswer(trace, lastPath[at] + 1)) / perStep;
    if (left > 0) fading[cell] = reducedMotion ? FULL >> 1 : Math.floor(FULL * left + 1e-6);
  }
  return fading;
}

function highestProbability({ L, V, probabilities }, answer) {
  const highest = new Uint8Array(L);
  if (answer < 0) return highest;
  for (let cell = 0, at = answer * L * V; cell < L; cell++) {
    for (let token = 0; token < V; token++, at++)
      if (probabilities[at] > highest[cell]) highest[cell] = probabilities[at];
  }
  return highest;
}

/** Probabilities of the V symbols of one cell at an f_H call. They sum to 1; all are 0 before the first. */
export function cellProbabilities(trace, answer, cell) {
  const start = (answer * trace.L + cell) * trace.V;
  return Array.from({ length: trace.V }, (_, token) =>
    answer < 0 ? 0 : trace.probabilities[start + token] / 255,
  );
}

/** Rows and columns of the cropped grid on screen; null for tasks without crops. */
export function cropAt(trace, call, mode) {
  const { crops } = trace;
  if (!crops) return null;
  if (mode === "reverse") return crops.z_reverse[call];
  return mode === "z" ? crops.z[call] : (crops.answers[answerAt(trace, call)] ?? crops.input);
}
