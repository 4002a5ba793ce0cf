/** Whether what Python sends is what is shown already. */

/** Whether two payloads hold the same run; the view that Python asks for does not count. */
export function sameRun(one, other) {
  const names = (data) => Object.keys(data).filter((name) => name !== "start");
  const same = (a, b) => a === b || (typeof a === "object" && JSON.stringify(a) === JSON.stringify(b));
  return Boolean(one && other) && names(one).length === names(other).length && names(one).every((name) => same(one[name], other[name]));
}

/** Runs of one shape are shown in the same elements. */
export const shapeOf = ({ task, rows, columns, box_rows, box_columns, n, T, N_sup, looks, words, texts }) =>
  JSON.stringify([task, rows, columns, box_rows, box_columns, n, T, N_sup, looks, words, texts]);
