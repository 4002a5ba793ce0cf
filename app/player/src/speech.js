/** What is said of a place in the run: sentences for the status, the caption, the selected cell and screen readers. */

import { answerAt, callOfAnswer, coordinatesOf } from "./coordinates.js";
import { cellHistory } from "./history.js";
import { answerPlace } from "./places.js";
import { cellProbabilities, isKnown, READS_Z } from "./reading.js";
import { isScored } from "./scored.js";
import { figure, plural } from "./words.js";

/** Where a call stands, in words. */
export function placeSentence(trace, call) {
  const { supervision_step, cycle, call: number, kind } = coordinatesOf(trace, call);
  const name = kind === "f_H" ? "f_H" : `f_L ${number} of ${trace.n}`;
  return `Supervision step ${supervision_step} of ${trace.N_sup}, cycle ${cycle} of ${trace.T}, ${name}`;
}

/** What a call did, in words. */
export function eventSentence(trace, call) {
  const { supervision_step, kind } = coordinatesOf(trace, call);
  const answer = answerAt(trace, call);
  const halting = haltingSentence(trace, supervision_step);
  const z = latentName(trace, call);
  if (kind === "f_L") return `${z} moved by ${figure(trace.residualZ[call])}, ${answer < 0 ? "no answer yet" : "y unchanged"}, ${halting}`;
  const changes = answer === 0 ? "first answer" : `${plural(trace.changed[answer], "cell")} changed`;
  return `${changes}, ${scoreSentence(trace, answer)}, ${halting}`;
}

/** How right an answer is. A score that leaves givens out says when some were overwritten. */
function scoreSentence(trace, answer) {
  const { cellsRight, cells_total, scored, skin, solved, conflicting, overwritten } = trace;
  if (!cellsRight) return solved[answer] ? "solved" : skin.brokenSentence(conflicting[answer]);
  const score = `${cellsRight[answer]} of ${cells_total} ${scored && `${scored} cells `}right`;
  return scored && overwritten[answer] ? `${score}, ${plural(overwritten[answer], "given")} overwritten` : score;
}

/** The z that a call rewrites: with a z for every f_L call it has a number. */
function latentName(trace, call) {
  return trace.kind === "trm-multi-z" ? `z${"\u00a0"}${coordinatesOf(trace, call).call}` : "z";
}

function haltingSentence(trace, step) {
  const p = `(p\u00a0${trace.haltProbability[step - 1].toFixed(2)})`;
  if (trace.halt_step === step) return `would halt here ${p}`;
  return trace.halt_step && trace.halt_step < step ? `would have halted at step ${trace.halt_step} ${p}` : `would not halt ${p}`;
}

/** What must be said about the reading on the screen, so that nobody takes it for more than it is. */
export function captionSentence(trace, call, mode) {
  const { kind } = coordinatesOf(trace, call);
  if (!isKnown(trace, mode)) return "Not recorded in this run, which is older: let the model run again. Shown: z through the output head.";
  if (mode === "reverse") return reverseSentence(trace, call);
  if (mode === "z" && trace.oneState) return "z through the output head, which is trained on it only where a supervision step ends.";
  if (mode === "z") return "z through the output head: a reading the head was never trained for.";
  const answer = answerAt(trace, call);
  if (answer < 0 && trace.inputConflicts.includes(1)) return "No answer yet, and the givens already break a rule.";
  if (answer < 0) return `No answer yet: before the first f_H call ${trace.givens.includes(1) ? "there are only the givens" : "there is only the puzzle"}.`;
  const cycle = (answer % trace.T) + 1;
  const unchanged = kind === "f_L" ? "f_L rewrites z; y stays as f_H left it. " : "";
  if (cycle < trace.T) return `${unchanged}y after cycle ${cycle} of ${trace.T}: a reading the head was not trained for.`;
  return unchanged + trace.skin.captions[mode];
}

function reverseSentence(trace, call) {
  const reading = "by reverse embedding (argmax against the input embedding): a reading nothing was trained for.";
  if (trace.oneState) return `z, which is y here, ${reading}`;
  return `z ${reading}${answerAt(trace, call) < 0 ? "" : " Small: y likewise."}`;
}

/** The selected cell in words: what it holds now, how sure, what the solution says, and in the modes that show z how that reads. */
export function cellSentence(trace, call, cell, mode = "answer") {
  const [row, column] = [Math.floor(cell / trace.columns) + 1, (cell % trace.columns) + 1];
  const answer = answerAt(trace, call);
  const token = answer < 0 ? trace.inputs[cell] : trace.tokens[answer * trace.L + cell];
  const sure = answer < 0 ? "no answer yet" : `${trace.words[token]} with probability ${cellProbabilities(trace, answer, cell)[token].toFixed(2)}`;
  const solution = trace.labels && isScored(trace.labels, cell) ? `, solution ${trace.words[trace.labels[cell]]}` : "";
  return `Row ${row}, column ${column}${trace.givens[cell] ? ", given" : ""}: ${sure}${solution}${stateSentence(trace, call, cell, mode)}`;
}

/** How the states read in one cell, in the modes that show z. */
function stateSentence(trace, call, cell, mode) {
  const { L, words, zTokens, zConfidence, zReverse, yReverse } = trace;
  const [z, y] = [call * L + cell, answerAt(trace, call) * L + cell];
  if (!READS_Z.includes(mode)) return "";
  if (mode === "z" || !zReverse) return `; z reads ${words[zTokens[z]]} with ${(zConfidence[z] / 255).toFixed(2)}`;
  return `; z is nearest to ${words[zReverse[z]]}${y < 0 ? "" : `, y to ${words[yReverse[y]]}`}`;
}

/** The symbols that a cell may be at a call, the most probable first: "7 0.80, 1 0.07". */
export function likelySymbols(trace, call, cell) {
  const answer = answerAt(trace, call);
  if (answer < 0) return "no answer yet";
  const probabilities = cellProbabilities(trace, answer, cell);
  const likely = probabilities.map((_, token) => token).filter((token) => probabilities[token] >= 0.05).sort((a, b) => probabilities[b] - probabilities[a]);
  return likely.slice(0, 3).map((token) => `${trace.words[token]} ${probabilities[token].toFixed(2)}`).join(", ");
}

/**
 * The story of a cell over the f_H calls that have arrived, as sentences with the call to go to: [{kind, text, call}].
 * What is right is left out where nothing says so.
 */
export function cellStory(trace, cell) {
  const { decided, flips, firstRight, losses, rightFrom } = cellHistory(trace, cell);
  const at = (answer) => callOfAnswer(trace, answer);
  const final = trace.steps === trace.N_sup ? "decided at" : "unchanged since"; // while the run grows it may still change
  const story = [{ kind: "decided", text: `${final} ${answerPlace(trace, decided)}`, call: at(decided) }];
  story.push({ kind: "flips", text: flips ? plural(flips, "flip") : "no flips", call: null });
  if (firstRight === null) return story;
  if (firstRight < 0) return [...story, { kind: "right", text: "never right", call: null }];
  story.push({ kind: "right", text: `first right at ${answerPlace(trace, firstRight)}`, call: at(firstRight) });
  if (!losses) story.push({ kind: "kept", text: "and stayed right", call: null });
  else if (rightFrom < 0) story.push({ kind: "lost", text: `lost ${times(losses)}, not right in the end`, call: null });
  else story.push({ kind: "regained", text: `lost ${times(losses)}, right again from ${answerPlace(trace, rightFrom)}`, call: at(rightFrom) });
  return story;
}

const times = (count) => (count === 1 ? "once" : `${count} times`);
