/** Counts and numbers as a reader meets them. */

export const plural = (count, thing) => `${count} ${thing}${count === 1 ? "" : "s"}`;
export const figure = (value) => (value == null ? "–" : value === 0 ? "0" : value >= 0.01 ? value.toFixed(2) : value.toExponential(0));
