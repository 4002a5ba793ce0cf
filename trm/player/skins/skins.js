/**
 * Skins: how a kind of grid is drawn and spoken of.
 *
 * `name` is the class of the player; `marks` are the flags worth a place in the legend; `broken` and `breaks`
 * are the names, in the table of words, of cells that break a rule and of their mark, `captions` those of
 * what a mode draws. Pictures also have `joints`, `readProbabilities` (see readPicture), `showsShade`
 * (whether how sure a reading is can be seen in a cell) and `paint(brush, cell, mode)`, where a cell is
 * {look, number, other, level, joints, fading, flags}, and `drawings` that it stamps; where path cells that
 * are no more so fade out, `fades`; where a path may lack cells of the solution, `lacks`; where symbols can be
 * written over colours, `numbers`.
 */

import { CHANGED, CONFLICT, GIVEN, WRONG } from "../model/cells.js";
import { translate } from "../text/translate.js";
import { COLOURS_SKIN } from "./colours.js";
import { MAZE_SKIN } from "./maze.js";

/** Cells with their symbol as text: Sudoku. */
const TEXT_SKIN = {
  name: "text",
  marks: [GIVEN, CHANGED, CONFLICT, WRONG],
  conflictLabel: "in_conflict",
  conflictMark: "mark_conflict",
  conflictSentence: (count) =>
    count ? translate("cells_in_conflict", { count }) : translate("no_rule_broken"),
  captions: {
    answer: "y_caption",
    probabilities: "symbol_size",
    confidence: "shade_caption",
    change: "large_small",
  },
};

export const SKINS = { text: TEXT_SKIN, maze: MAZE_SKIN, colours: COLOURS_SKIN };

/** Text where tokens have no look of their own, else a picture: colours where one is a colour. */
export function skinOf(looks) {
  if (looks.some((look) => look.startsWith("#"))) return SKINS.colours;
  return looks.includes("path") ? SKINS.maze : SKINS.text;
}
