/**
 * What is said of a place in the run: sentences for the status, the caption, the selected cell and screen
 * readers.
 */

import { answerAt, callOfAnswer, coordinatesOf } from "../model/coordinates.js";
import { cellHistory } from "../model/history.js";
import { cellProbabilities, isKnown, READS_Z } from "../model/reading.js";
import { isScored } from "../model/cells.js";
import { figure, say, sayIfKnown } from "./words.js";

/** Where an f_H call stands: "step 3, cycle 2". */
export function answerPlace(trace, answer) {
  const { supervision_step: step, cycle } = coordinatesOf(trace, callOfAnswer(trace, answer));
  return say("answer_place", { step, cycle });
}

/** Where any call stands: an f_H call as above, an f_L call with its number. */
export function callPlace(trace, call) {
  const { supervision_step: step, cycle, call: number, kind } = coordinatesOf(trace, call);
  return say(kind === "f_L" ? "call_place" : "answer_place", { step, cycle, call: number });
}

/** Where a call stands, in words. */
export function placeSentence(trace, call) {
  const { supervision_step, cycle, call: number, kind } = coordinatesOf(trace, call);
  const name = kind === "f_H" ? "f_H" : say("place_L", { call: number, n: trace.n });
  return say("place", { step: supervision_step, N_sup: trace.N_sup, cycle, T: trace.T, call: name });
}

/** What a call did, in words. */
export function eventSentence(trace, call) {
  const { kind } = coordinatesOf(trace, call);
  const answer = answerAt(trace, call);
  const halting = haltingSentence(trace, call);
  const z = latentName(trace, call);
  if (kind === "f_L")
    return say("moved", {
      z,
      by: figure(trace.residualZ[call]),
      y: say(answer < 0 ? "no_answer" : "y_unchanged"),
      halting,
    });
  const changes = answer === 0 ? say("first_answer") : say("cells_changed", { count: trace.changed[answer] });
  return say("answered", { changes, score: scoreSentence(trace, answer), halting });
}

/** How right an answer is. A score that leaves givens out says when some were overwritten. */
function scoreSentence(trace, answer) {
  const { cellsRight, cells_total, scored, skin, solved, conflicting, overwritten } = trace;
  if (!cellsRight) return solved[answer] ? say("solved") : skin.brokenSentence(conflicting[answer]);
  const counts = { right: cellsRight[answer], all: cells_total };
  const score = scored
    ? say("score_of", { ...counts, cells: sayIfKnown(`scored_${scored}_cells`, `${scored} cells`) })
    : say("score", counts);
  return scored && overwritten[answer] ? say("overwritten", { score, count: overwritten[answer] }) : score;
}

/** The z that a call rewrites: with a z for every f_L call it has a number. */
function latentName(trace, call) {
  return trace.kind === "trm-multi-z" ? `z${"\u00a0"}${coordinatesOf(trace, call).call}` : "z";
}

/** The halting head reads y as a supervision step leaves it: earlier answers of the step have no number. */
function haltingSentence({ halt_step, halts, haltProbability, perStep }, call) {
  if (halts === false) return say("no_halting_head");
  const step = Math.floor(call / perStep) + 1;
  const isPast = halt_step && halt_step < step;
  if ((call + 1) % perStep) return isPast ? say("halted_before", { step: halt_step }) : say("halts_later");
  const p = haltProbability[step - 1].toFixed(2);
  if (halt_step === step) return say("halts_here", { p });
  return isPast ? say("halted", { step: halt_step, p }) : say("halts_not", { p });
}

/** What must be said about the reading on the screen, so that nobody takes it for more than it is. */
export function captionSentence(trace, call, mode) {
  const { kind } = coordinatesOf(trace, call);
  if (!isKnown(trace, mode)) return say("not_recorded");
  if (mode === "reverse") return reverseSentence(trace, call);
  if (mode === "z" && trace.oneState) return say("one_state_caption");
  if (mode === "z") return say("z_caption");
  const answer = answerAt(trace, call);
  if (answer < 0 && trace.inputConflicts.includes(1)) return say("givens_break");
  if (answer < 0) return say(trace.givens.includes(1) ? "only_givens" : "only_puzzle");
  const cycle = (answer % trace.T) + 1;
  const unchanged = kind === "f_L" ? `${say("y_stays")} ` : "";
  if (cycle < trace.T) return unchanged + say("y_inside", { cycle, T: trace.T });
  return unchanged + say(trace.skin.captions[mode]);
}

function reverseSentence(trace, call) {
  if (trace.oneState) return say("reverse_one_state");
  return `${say("reverse_caption")}${answerAt(trace, call) < 0 ? "" : ` ${say("small_y")}`}`;
}

/**
 * The selected cell in words: what it holds now, how sure, what the solution says, and in the modes that show
 * z how that reads.
 */
export function cellSentence(trace, call, cell, mode = "answer") {
  const [row, column] = [Math.floor(cell / trace.columns) + 1, (cell % trace.columns) + 1];
  const answer = answerAt(trace, call);
  const token = answer < 0 ? trace.inputs[cell] : trace.tokens[answer * trace.L + cell];
  const sure =
    answer < 0
      ? say("no_answer")
      : say("with_probability", {
          symbol: trace.words[token],
          p: cellProbabilities(trace, answer, cell)[token].toFixed(2),
        });
  const solution =
    trace.labels && isScored(trace.labels, cell)
      ? say("solution", { symbol: trace.words[trace.labels[cell]] })
      : "";
  return say(trace.givens[cell] ? "given_cell" : "cell", {
    row,
    column,
    said: `${sure}${solution}${stateSentence(trace, call, cell, mode)}`,
  });
}

/** How the states read in one cell, in the modes that show z. */
function stateSentence(trace, call, cell, mode) {
  const { L, words, zTokens, zConfidence, zReverse, yReverse } = trace;
  const [z, y] = [call * L + cell, answerAt(trace, call) * L + cell];
  if (!READS_Z.includes(mode)) return "";
  if (mode === "z" || !zReverse)
    return say("z_reads", { symbol: words[zTokens[z]], p: (zConfidence[z] / 255).toFixed(2) });
  return (
    say("z_nearest", { symbol: words[zReverse[z]] }) +
    (y < 0 ? "" : say("y_nearest", { symbol: words[yReverse[y]] }))
  );
}

/** The symbols that a cell may be at a call, the most probable first: "7 0.80, 1 0.07". */
export function likelySymbols(trace, call, cell) {
  const answer = answerAt(trace, call);
  if (answer < 0) return say("no_answer");
  const probabilities = cellProbabilities(trace, answer, cell);
  const likely = probabilities
    .map((_, token) => token)
    .filter((token) => probabilities[token] >= 0.05)
    .sort((a, b) => probabilities[b] - probabilities[a]);
  return likely
    .slice(0, 3)
    .map((token) => `${trace.words[token]} ${probabilities[token].toFixed(2)}`)
    .join(", ");
}

/**
 * The story of a cell over the f_H calls that have arrived, as sentences with the call to go to: [{kind,
 * text, call}]. What is right is left out where nothing says so.
 */
export function cellStory(trace, cell) {
  const { decided, flips, firstRight, losses, rightFrom } = cellHistory(trace, cell);
  const at = (answer) => callOfAnswer(trace, answer);
  // while the run grows it may still change
  const final = trace.steps === trace.N_sup ? "decided" : "unchanged_since";
  const story = [
    { kind: "decided", text: say(final, { place: answerPlace(trace, decided) }), call: at(decided) },
  ];
  story.push({ kind: "flips", text: flips ? say("flips", { count: flips }) : say("no_flips"), call: null });
  if (firstRight === null) return story;
  if (firstRight < 0) return [...story, { kind: "right", text: say("never_right"), call: null }];
  story.push({
    kind: "right",
    text: say("first_right", { place: answerPlace(trace, firstRight) }),
    call: at(firstRight),
  });
  if (!losses) story.push({ kind: "kept", text: say("stayed_right"), call: null });
  else if (rightFrom < 0)
    story.push({ kind: "lost", text: say("lost", { times: times(losses) }), call: null });
  else
    story.push({
      kind: "regained",
      text: say("regained", { times: times(losses), place: answerPlace(trace, rightFrom) }),
      call: at(rightFrom),
    });
  return story;
}

const times = (count) => (count === 1 ? say("once") : say("times", { count }));
