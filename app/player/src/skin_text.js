/** Cells with their symbol as text: Sudoku. */

import { CHANGED, CONFLICT, GIVEN, WRONG } from "./flags.js";
import { plural } from "./words.js";

export const TEXT_SKIN = {
  name: "text",
  marks: [GIVEN, CHANGED, CONFLICT, WRONG],
  broken: "in conflict",
  breaks: "breaks a rule",
  brokenSentence: (count) => (count ? `${plural(count, "cell")} in conflict` : "no rule broken"),
  captions: {
    answer: "y through the output head.",
    probabilities: "Size of a symbol: its probability.",
    confidence: "Shade: the highest probability in the cell.",
    change: "Large: now. Small: at the f_H call before.",
  },
};
