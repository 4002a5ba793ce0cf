/** The visible part of a grid that uses only its top left corner (ARC). */

import { make, write } from "./dom.js";
import { cropAt } from "../model/grid_view.js";
import { translate } from "../text/translate.js";

/**
 * Rows and columns to show: all, or for tasks with crops those of the largest of input, solution and last
 * answer, plus a border. The same at every call, so that the grid does not jump.
 */
export function partOf({ crops, rows, columns }, whole = false) {
  if (!crops || whole) return { rows, columns };
  const sizes = [crops.input, crops.solution, crops.answers.at(-1)].filter(Boolean);
  const largest = (axis, limit) => Math.min(limit, Math.max(1, ...sizes.map((size) => size[axis])) + 1);
  return { rows: largest(0, rows), columns: largest(1, columns) };
}

/** Whether a cell is in the visible part. */
export const isInPart = (part, cell, columns) =>
  Math.floor(cell / columns) < part.rows && cell % columns < part.columns;

/** How much of the grid is visible at a call; "" if all of it is. */
export function partSentence(trace, part, call, mode) {
  if (part.rows === trace.rows && part.columns === trace.columns) return "";
  const [rows, columns] = cropAt(trace, call, mode) ?? [0, 0];
  const size = translate("part_shown", { ...part, all_rows: trace.rows, all_columns: trace.columns });
  return rows > part.rows || columns > part.columns
    ? translate("part_is_larger", { size, rows, columns })
    : size;
}

/** Below a grid of colours: how much of it is visible, and two toggles, `whole` and `numbers`. */
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
