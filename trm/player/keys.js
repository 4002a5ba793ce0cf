/**
 * What the keys mean. One table serves the keys and their help, so that the help lists every key; one that the page around
 * the player handles has no meaning here.
 */

export const MODES = ["answer", "probabilities", "confidence", "change", "z", "reverse"];

const forward = (forth, back) => ({ forth: { move: forth }, back: { move: back } });
const [answers, steps, calls] = [forward("next answer", "previous answer"), forward("next step", "previous step"), forward("next call", "previous call")];

/** The rows of the help: its keys as they are shown, the name of what they do in the table of words, and the meaning of each by its name in the browser. */
export const KEYS = [
  ["← →", "help_answers", { ArrowLeft: answers.back, ArrowRight: answers.forth }],
  ["shift ← →", "help_steps", { "shift ArrowLeft": steps.back, "shift ArrowRight": steps.forth }],
  ["↑ ↓", "help_calls", { ArrowUp: calls.back, ArrowDown: calls.forth }],
  ["home end", "help_ends", { Home: { move: "first" }, End: { move: "last" } }],
  ["space", "help_play", { " ": { action: "play" } }],
  ["1 … 6", "help_modes", Object.fromEntries(MODES.map((mode, index) => [index + 1, { mode }]))],
  ["w a s d", "help_select", { w: { select: [-1, 0] }, a: { select: [0, -1] }, s: { select: [1, 0] }, d: { select: [0, 1] } }],
  ["+ -", "help_zoom", { "+": { zoom: 1 }, "-": { zoom: -1 } }],
  ["g n", "help_view", { g: { action: "whole" }, n: { action: "numbers" } }],
  ["m", "help_marks", { m: { action: "marks" } }],
  ["p", "help_pin", { p: { action: "pin" } }],
  ["e", "help_edit", {}],
  ["l", "help_link", { l: { action: "link" } }],
  ["f", "help_full", { f: { action: "full" } }],
  ["?", "help_help", { "?": { action: "help" } }],
  ["esc", "help_escape", { Escape: { action: "escape" } }],
];

const MEANINGS = new Map(KEYS.flatMap(([, , meanings]) => Object.entries(meanings)));

/** What a key means: {move}, {mode}, {select: [rows, columns]}, {zoom: levels}, {action}, or null when it is not ours. */
export function keyMeaning({ key, shiftKey, ctrlKey, altKey, metaKey }) {
  if (ctrlKey || altKey || metaKey) return null;
  return (shiftKey && MEANINGS.get(`shift ${key}`)) || (MEANINGS.get(key) ?? null);
}
