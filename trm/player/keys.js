/**
 * What the keys mean, and which presses are a player's. One table serves the keys and their help, so that the
 * help lists every key; one that the page around the player handles has no meaning here. One player of a page
 * has its keys, and what has keys of its own keeps those.
 */

export const MODES = ["answer", "probabilities", "confidence", "change", "z", "reverse"];

const forward = (forth, back) => ({ forth: { move: forth }, back: { move: back } });
const [answers, steps, calls] = [
  forward("next answer", "previous answer"),
  forward("next step", "previous step"),
  forward("next call", "previous call"),
];

/**
 * The rows of the help: its keys as they are shown, the name of what they do in the table of words, and the
 * meaning of each by its name in the browser.
 */
export const KEYS = [
  ["← →", "help_answers", { ArrowLeft: answers.back, ArrowRight: answers.forth }],
  ["shift ← →", "help_steps", { "shift ArrowLeft": steps.back, "shift ArrowRight": steps.forth }],
  ["↑ ↓", "help_calls", { ArrowUp: calls.back, ArrowDown: calls.forth }],
  ["home end", "help_ends", { Home: { move: "first" }, End: { move: "last" } }],
  ["space", "help_play", { " ": { action: "play" } }],
  ["1 … 6", "help_modes", Object.fromEntries(MODES.map((mode, index) => [index + 1, { mode }]))],
  [
    "w a s d",
    "help_select",
    { w: { select: [-1, 0] }, a: { select: [0, -1] }, s: { select: [1, 0] }, d: { select: [0, 1] } },
  ],
  ["+ -", "help_zoom", { "+": { zoom: 1 }, "-": { zoom: -1 } }],
  ["g n", "help_view", { g: { action: "whole" }, n: { action: "numbers" } }],
  ["m", "help_marks", { m: { action: "marks" } }],
  ["h", "help_missing", { h: { action: "missing" } }],
  ["p", "help_pin", { p: { action: "pin" } }],
  ["e", "help_edit", {}],
  ["l", "help_link", { l: { action: "link" } }],
  ["f", "help_full", { f: { action: "full" } }],
  ["?", "help_help", { "?": { action: "help" } }],
  ["esc", "help_escape", { Escape: { action: "escape" } }],
];

const MEANINGS = new Map(KEYS.flatMap(([, , meanings]) => Object.entries(meanings)));

/**
 * What a key means: {move}, {mode}, {select: [rows, columns]}, {zoom: levels}, {action}, or null when it is
 * not ours.
 */
export function keyMeaning({ key, shiftKey, ctrlKey, altKey, metaKey }) {
  if (ctrlKey || altKey || metaKey) return null;
  return (shiftKey && MEANINGS.get(`shift ${key}`)) || (MEANINGS.get(key) ?? null);
}

// the player that the keys of the page go to: the one last touched
const ACTIVE = Symbol.for("recursion-lens.active-player");
const OWN_ARROWS = [
  "input",
  "textarea",
  "select",
  "[contenteditable='']",
  "[contenteditable='true']",
  "canvas",
  "video",
  "audio",
  ...["slider", "spinbutton", "listbox", "combobox", "menu", "tablist", "radiogroup", "tree", "grid"].map(
    (role) => `[role=${role}]`,
  ),
].join();
const PRESSED_BY_SPACE = "button, a, summary, [role=button], [role=checkbox], [role=switch]";

/** The keys of the page go to this player from now on; `ifFree`: unless another one has them. */
export function takeKeys(player, { ifFree = false } = {}) {
  if (!ifFree || !document[ACTIVE]?.root.isConnected) document[ACTIVE] = player;
}

export function leaveKeys(player) {
  if (document[ACTIVE] === player) delete document[ACTIVE];
}

/**
 * What a press means to a player; null where it is somebody else's. `isIdle`: there is nothing that escape
 * would close.
 */
export function pressMeaning(event, player, isIdle) {
  const { frame } = player;
  if (event.defaultPrevented) return null;
  const path = event.composedPath();
  const own = path.includes(frame);
  if (!own && document[ACTIVE]?.frame !== frame && document[ACTIVE]?.root.isConnected) return null;
  if (path.some((node) => node.matches?.(own ? "input, textarea, select" : OWN_ARROWS))) return null;
  const meaning = keyMeaning(event);
  if (meaning?.action === "play" && path[0].matches?.(PRESSED_BY_SPACE)) return null;
  return meaning?.action === "escape" && !own && isIdle ? null : meaning;
}
