/** Places of the run in words, without the rest of a sentence. */

import { callOfAnswer, coordinatesOf } from "../model/coordinates.js";
import { say } from "./words.js";

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
