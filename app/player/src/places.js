/** Places of the run in words, without the rest of a sentence. */

import { callOfAnswer, coordinatesOf } from "./coordinates.js";

/** Where an f_H call stands: "step 3, cycle 2". */
export function answerPlace(trace, answer) {
  const { supervision_step, cycle } = coordinatesOf(trace, callOfAnswer(trace, answer));
  return `step ${supervision_step}, cycle ${cycle}`;
}

/** Where any call stands: an f_H call as above, an f_L call with its number. */
export function callPlace(trace, call) {
  const { supervision_step, cycle, call: number, kind } = coordinatesOf(trace, call);
  return `step ${supervision_step}, cycle ${cycle}${kind === "f_L" ? `, f_L ${number}` : ""}`;
}
