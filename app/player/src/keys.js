/** What the keys mean. One table serves the keys and their help, so that the help lists every key. */

export const MODES = ["answer", "probabilities", "confidence", "change", "z", "reverse"];

const forward = (forth, back) => ({ forth: { move: forth }, back: { move: back } });
const [answers, steps, calls] = [forward("next answer", "previous answer"), forward("next step", "previous step"), forward("next call", "previous call")];

/** The rows of the help: its keys as they are shown, what they do, and the meaning of each by its name in the browser. */
export const KEYS = [
  ["← →", "one f_H call: the answer before, the answer after", { ArrowLeft: answers.back, ArrowRight: answers.forth }],
  ["shift ← →", "one supervision step", { "shift ArrowLeft": steps.back, "shift ArrowRight": steps.forth }],
  ["↑ ↓", "one call, f_L or f_H: back, forward", { ArrowUp: calls.back, ArrowDown: calls.forth }],
  ["home end", "first and last answer", { Home: { move: "first" }, End: { move: "last" } }],
  ["space", "play and pause: every f_H call; in the views of z every call", { " ": { action: "play" } }],
  ["1 … 6", "answer, probabilities, confidence, change, z through the head, z by reverse embedding", Object.fromEntries(MODES.map((mode, index) => [index + 1, { mode }]))],
  ["w a s d", "move the selected cell", { w: { select: [-1, 0] }, a: { select: [0, -1] }, s: { select: [1, 0] }, d: { select: [0, 1] } }],
  ["+ -", "the timeline: all steps, one step, one cycle; also by a double click on it", { "+": { zoom: 1 }, "-": { zoom: -1 } }],
  ["g n", "colours: the whole grid or the part that is used; numbers in the cells", { g: { action: "whole" }, n: { action: "numbers" } }],
  ["m", "mark the cells that were right once and stayed right", { m: { action: "marks" } }],
  ["p", "pin this run, to compare the next one with it; unpin it", { p: { action: "pin" } }],
  ["l", "copy the link to this view", { l: { action: "link" } }],
  ["f", "full screen", { f: { action: "full" } }],
  ["?", "this list", { "?": { action: "help" } }],
  ["esc", "close this, or select no cell", { Escape: { action: "escape" } }],
];

const MEANINGS = new Map(KEYS.flatMap(([, , meanings]) => Object.entries(meanings)));

/** What a key means: {move}, {mode}, {select: [rows, columns]}, {zoom: levels}, {action}, or null when it is not ours. */
export function keyMeaning({ key, shiftKey, ctrlKey, altKey, metaKey }) {
  if (ctrlKey || altKey || metaKey) return null;
  return (shiftKey && MEANINGS.get(`shift ${key}`)) || (MEANINGS.get(key) ?? null);
}
