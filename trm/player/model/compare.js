/** Comparison of two runs: which cells differ, and sentences about it. A view is {trace, call, mode}. */

import { cropAt, gridView, Z_MODES } from "./grid_view.js";
import { translate, translateOr } from "../text/translate.js";

/** Whether two runs can be compared cell by cell: the same task, grid size and symbols. */
export function areComparable(one, other) {
  return (
    one.task === other.task &&
    one.rows === other.rows &&
    one.columns === other.columns &&
    one.symbols.join("\n") === other.symbols.join("\n")
  );
}

/**
 * The differences between two views of comparable runs: `cells` [L], 1 where they differ; `count`, how many
 * differ of `total`; `tokens`, the tokens [L] of each view. For cropped grids (ARC), only cells inside either
 * crop count.
 */
export function differences(one, other) {
  const tokens = [one, other].map(({ trace, call, mode }) => gridView(trace, call, mode).tokens);
  const [[mine, theirs], { L, columns }] = [tokens, one.trace];
  const crops = [one, other]
    .map(({ trace, call, mode }) => cropAt(trace, call, mode))
    .filter((crop) => crop?.[0] && crop[1]);
  const counts = (cell) =>
    !crops.length ||
    crops.some(([height, width]) => Math.floor(cell / columns) < height && cell % columns < width);
  const result = { cells: new Uint8Array(L), count: 0, total: 0, tokens };
  for (let cell = 0; cell < L; cell++) {
    if (!counts(cell)) continue;
    result.total++;
    if (mine[cell] === theirs[cell]) continue;
    result.cells[cell] = 1;
    result.count++;
  }
  return result;
}

/** How many cells differ, as a sentence. */
export function differenceSentence({ count, total }, mode) {
  const what = Z_MODES.includes(mode) ? translate("in_what_z_reads") : "";
  const counted = { differing: count, count: total, what };
  if (!count) return translate("no_cell_differs", counted);
  return translate(count === total ? "all_differ" : count === 1 ? "one_differs" : "some_differ", counted);
}

/** Why no differences are marked between runs that cannot be compared. */
export function incomparableSentence(traces, names) {
  const [left_size, right_size] = traces.map(
    ({ task, rows, columns }) => `${rows}x${columns} ${translateOr(`task_${task}`, task)}`,
  );
  return translate("incomparable", { left: names[0], left_size, right: names[1], right_size });
}

/** The sentence about a run that the clock has passed. */
export const endSentence = ({ steps, N_sup }) =>
  steps < N_sup
    ? translate("arrived_so_far", { step: steps, N_sup })
    : translate("ended_after", { step: N_sup });

/** The symbols of both runs in a cell. */
export function cellComparison(traces, tokens, names, cell) {
  const [{ columns }] = traces;
  const symbols = traces.map(
    ({ symbolNames }, place) => `${names[place]}: ${symbolNames[tokens[place][cell]]}`,
  );
  return translate("compared_cell", {
    row: Math.floor(cell / columns) + 1,
    column: (cell % columns) + 1,
    symbols: symbols.join(", "),
  });
}
