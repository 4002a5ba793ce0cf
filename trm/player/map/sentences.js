/** The sentences of the map of states. */

import { placeSentence } from "../text/sentences.js";
import { formatPercent, translate } from "../text/translate.js";

const signed = (value) => value.toFixed(2).replace("-", "−");

/** Where the state of a call lies, and what the axes mean. */
export function mapSentence(trace, call, { state, embedding }, index) {
  const place = placeSentence(trace, call);
  const { method, run, shares } = embedding;
  if (index < 0) return translate("map_no_state", { state, place });
  const [x, y] = [run[2 * index], run[2 * index + 1]].map(signed);
  if (method !== "pca") return translate("map_at_umap", { state, place, x, y });
  const [first, second] = shares.map(formatPercent);
  return translate("map_at_pca", { state, place, first, second, x, y });
}

/** The axes in a few words. */
export function axesText({ method, shares }) {
  if (method !== "pca") return translate("map_no_unit");
  const [first, second] = shares.map(formatPercent);
  return translate("map_axes", { first, second });
}

/** What the axes mean, as a tooltip. */
export function axesTitle({ method, shares }) {
  const [first, second] = shares.map(formatPercent);
  return method === "pca" ? translate("map_pca_title", { first, second }) : translate("map_umap_title");
}

/** Which runs are behind the run on screen. */
export function poolTitle({ pool }, { state }) {
  return pool
    ? translate("map_pool", { state, count: pool.puzzles, data: pool.data })
    : translate("map_own_title");
}
