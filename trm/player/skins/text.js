/** Cells with their symbol as text: Sudoku. */

import { CHANGED, CONFLICT, GIVEN, WRONG } from "../model/flags.js";
import { say } from "../text/words.js";

export const TEXT_SKIN = {
  name: "text",
  marks: [GIVEN, CHANGED, CONFLICT, WRONG],
  broken: "in_conflict",
  breaks: "mark_conflict",
  brokenSentence: (count) => (count ? say("cells_in_conflict", { count }) : say("no_rule_broken")),
  captions: {
    answer: "y_caption",
    probabilities: "symbol_size",
    confidence: "shade_caption",
    change: "large_small",
  },
};
