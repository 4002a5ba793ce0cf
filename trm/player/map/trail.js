/**
 * The map of states: which states it shows, and where they lie in the pixels of a plot. The coordinates of an
 * embedding are flat lists: x, y, x, y, ... (trm/export/state_map.py).
 */

import { answerAt, callOfAnswer } from "../model/coordinates.js";
import { Z_MODES } from "../model/grid_view.js";

const MARGIN = 10; // px between the outermost states and the edge
const CROSS = 2.2; // px, half the width of a cross
const SAME = 1; // px; of calls that are as near to the pointer, the one next to the current call is chosen

/** The state and the embedding to show. Modes that show y use y if the map has it; all others use z. */
export function chosenState({ states }, mode, method) {
  const wanted = Z_MODES.includes(mode) ? "z" : "y";
  const state = states[wanted] ? wanted : Object.keys(states)[0];
  const embeddings = states[state];
  return { state, embeddings, embedding: embeddings.find((each) => each.method === method) ?? embeddings[0] };
}

/** Places coordinates in a plot of this size, with one scale for both axes. */
export function scaleOf({ run, solved, unsolved }, width, height) {
  const [low, high] = [
    [Infinity, Infinity],
    [-Infinity, -Infinity],
  ];
  for (const values of [run, solved, unsolved])
    values.forEach((value, index) => {
      low[index % 2] = Math.min(low[index % 2], value);
      high[index % 2] = Math.max(high[index % 2], value);
    });
  const [wide, tall] = [high[0] - low[0], high[1] - low[1]];
  const scale = Math.min((width - 2 * MARGIN) / (wide || 1e-9), (height - 2 * MARGIN) / (tall || 1e-9));
  return (x, y) => [
    width / 2 + (x - (low[0] + high[0]) / 2) * scale,
    height / 2 - (y - (low[1] + high[1]) / 2) * scale,
  ];
}

/** Coordinates as points in pixels. */
export function pointsOf(values, place) {
  const points = [];
  for (let index = 0; index < values.length; index += 2) points.push(place(values[index], values[index + 1]));
  return points;
}

const text = (value) => value.toFixed(1);

/** One path of a dot at each point (as wide as the stroke), or of a cross. */
export const dotsPath = (points) => points.map(([x, y]) => `M${text(x)} ${text(y)}h0`).join("");
export const crossesPath = (points) =>
  points
    .map(
      ([x, y]) =>
        `M${text(x - CROSS)} ${text(y - CROSS)}l${2 * CROSS} ${2 * CROSS}m0 ${-2 * CROSS}l${-2 * CROSS} ${2 * CROSS}`,
    )
    .join("");

/**
 * The trail of a run: the calls that it passes. z changes at every call, but is recorded for other runs after
 * f_H calls, so it passes all calls only in modes that show z.
 */
export class Trail {
  constructor(trace, state, mode, points) {
    const isAnswer = state === "y";
    this.points = points;
    this.indexAt = (call) => (isAnswer ? answerAt(trace, call) : call);
    const every = !isAnswer && Z_MODES.includes(mode);
    const count = every ? trace.calls : trace.answers;
    this.calls = Array.from({ length: count }, (_, index) =>
      every ? index : callOfAnswer(trace, index),
    ).filter((call) => this.indexAt(call) < points.length);
    this.texts = points.map(([x, y]) => `${text(x)} ${text(y)}`);
  }

  /** The point of a call; null before the first answer. */
  at(call) {
    return this.points[this.indexAt(call)] ?? null;
  }

  /** The paths up to a call and from it on. */
  paths(call) {
    const name = (each) => this.texts[this.indexAt(each)];
    const here = this.at(call) ? [name(call)] : [];
    const path = (names) => (names.length ? `M${names.join("L")}` : "");
    const split = this.calls.findIndex((each) => each > call);
    const past = split < 0 ? this.calls : this.calls.slice(0, split);
    const rest = split < 0 ? [] : this.calls.slice(split);
    return [path([...past.map(name), ...here]), path([...here, ...rest.map(name)])];
  }

  /** The call nearest to a point of the plot. */
  nearest(x, y, current) {
    const distances = this.calls.map((call) => Math.hypot(this.at(call)[0] - x, this.at(call)[1] - y));
    const most = Math.min(...distances) + SAME;
    let best = null;
    this.calls.forEach((call, index) => {
      const isNearer = best == null || Math.abs(call - current) < Math.abs(best - current);
      if (distances[index] <= most && isNearer) best = call;
    });
    return best;
  }
}
