/**
 * Skins: how a kind of grid is drawn and described.
 *
 * - `name`: its class in the style sheet;
 * - `marks`: the flags in the legend;
 * - `conflictLabel`, `conflictMark`, `captions`: names of texts for the strip of cells that break a rule, for
 *   their mark in the legend, and for what each mode draws; `conflictSentence(count)` is a text.
 *
 * Skins of pictures also have
 * - `joints`, `setProbabilities`: see pictureView;
 * - `showsShade`: whether a cell shows the confidence;
 * - `paint(brush, cell, mode)`, where a cell is {look, number, other, level, joints, fading, flags}, and the
 *   `drawings` that it stamps;
 * - `fades`: dropped path cells fade out; `hasMissingCells`: a path may lack cells of the solution;
 *   `numbers`: symbols can be written over colours.
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

/** Colours if a token is a colour, a maze if one is a path, else text. */
export function skinOf(looks) {
  if (looks.some((look) => look.startsWith("#"))) return SKINS.colours;
  return looks.includes("path") ? SKINS.maze : SKINS.text;
}
