/**
 * Of a grid that is only used in its top left corner (ARC): the part that is shown, and what is said of it.
 */

import { make, write } from "./dom.js";
import { cropAt } from "../model/reading.js";
import { translate } from "../text/translate.js";

/**
 * Rows and columns to show: all, or of a task that crops its grids those of the largest of input, solution
 * and latest answer, with their border. It is the same at every call, so that nothing jumps.
 */
export function partOf({ crops, rows, columns }, whole = false) {
  if (!crops || whole) return { rows, columns };
  const sizes = [crops.input, crops.solution, crops.answers.at(-1)].filter(Boolean);
  const largest = (axis, limit) => Math.min(limit, Math.max(1, ...sizes.map((size) => size[axis])) + 1);
  return { rows: largest(0, rows), columns: largest(1, columns) };
}

/** Whether a cell is in the part. */
export const isInPart = (part, cell, columns) =>
  Math.floor(cell / columns) < part.rows && cell % columns < part.columns;

/** What is to be read about the part at a call; "" where all of the grid is shown. */
export function partSentence(trace, part, call, mode) {
  if (part.rows === trace.rows && part.columns === trace.columns) return "";
  const [rows, columns] = cropAt(trace, call, mode) ?? [0, 0];
  const size = translate("part_shown", { ...part, all_rows: trace.rows, all_columns: trace.columns });
  return rows > part.rows || columns > part.columns
    ? translate("part_is_larger", { size, rows, columns })
    : size;
}

/** Under a grid of colours: how much of it is shown, and two switches, `whole` and `numbers`. */
export class PartBar {
  constructor(trace, { whole, numbers }) {
    const button = (name, text, act) => {
      const node = make("button", { type: "button", "data-testid": name, "aria-pressed": "false" }, text);
      node.addEventListener("mousedown", (event) => event.preventDefault());
      node.addEventListener("click", act);
      return node;
    };
    this.sizeLabel = make("span", { "data-testid": "part" }, "");
    this.whole = button("whole", translate("whole"), whole);
    this.numbers = button("numbers", translate("numbers"), numbers);
    this.node = make("p", { class: "part", hidden: !trace.skin.numbers }, [
      this.sizeLabel,
      this.whole,
      this.numbers,
    ]);
  }

  draw(trace, part, { call, mode, whole, numbers }) {
    write(this.sizeLabel, partSentence(trace, part, call, mode));
    this.whole.hidden = !whole && partSentence(trace, part, call, mode) === "";
    this.whole.setAttribute("aria-pressed", String(whole));
    this.numbers.setAttribute("aria-pressed", String(numbers));
  }
}
