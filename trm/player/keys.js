/**
 * Keyboard shortcuts. One table defines both the keys and the help, so that the help lists every key; a key
 * that the surrounding page handles has no meaning here. One player per page receives the keys. Controls that
 * use keys themselves keep them: text fields, sliders, open lists, and lists or buttons reached with the
 * keyboard. A list or button that was used with the pointer gives its keys to the player.
 */

export const MODES = ["answer", "probabilities", "confidence", "change", "z", "reverse"];

const pairOf = (forth, back) => ({ forth: { move: forth }, back: { move: back } });
const [answers, steps, calls] = [
  pairOf("next answer", "previous answer"),
  pairOf("next step", "previous step"),
  pairOf("next call", "previous call"),
];

/** Rows of the help: [keys as displayed, name of the help text, {key name in the browser: meaning}]. */
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
  ["y", "help_why", { y: { action: "why" } }],
  ["o", "help_map", { o: { action: "map" } }],
  ["shift o", "help_map_size", { "shift o": { action: "map size" } }],
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
 * The name of a key press in a table of keys, on any keyboard layout; null if the table lacks it. A Latin
 * letter counts as printed on its key, in upper case only with shift: caps lock is ignored. Other keys that
 * are not in the table count by their position on the keyboard, such as the letters of a Russian layout or
 * the digits of a French one. `isName(name)`: whether the table has a name.
 */
export function keyName({ key, code = "", shiftKey }, isName) {
  const inBothCases = (letter) =>
    shiftKey ? [letter.toUpperCase(), letter.toLowerCase()] : [letter.toLowerCase()];
  const [, letter, digit] = /^(?:Key([A-Z])|Digit([0-9]))$/.exec(code) ?? [];
  const names = /^[a-z]$/i.test(key)
    ? inBothCases(key)
    : [key, ...(letter ? inBothCases(letter) : []), ...(digit && !shiftKey ? [digit] : [])];
  return names.find(isName) ?? null;
}

/** The meaning of a key: {move}, {mode}, {select: [rows, columns]}, {zoom: levels} or {action}; else null. */
export function keyMeaning(event) {
  const { shiftKey, ctrlKey, altKey, metaKey } = event;
  if (ctrlKey || altKey || metaKey) return null;
  const name = keyName(event, (name) => MEANINGS.has(name));
  return (shiftKey && MEANINGS.get(`shift ${name}`)) || (MEANINGS.get(name) ?? null);
}

// the player that receives the page's keys: the one used last
const ACTIVE = Symbol.for("recursion-lens.active-player");
// whether the focused list or button was used with the pointer, or by choosing from a list
const USED_CONTROL = Symbol.for("recursion-lens.used-control");
const CLOSED_LIST = "[role=combobox][aria-expanded=false]";
const CHOICES = `${CLOSED_LIST}, [type=checkbox], [type=radio]`; // not text fields
const FIELDS = `input:not(${CHOICES}), textarea, select, [contenteditable=''], [contenteditable='true']`;
const ROLES = ["slider", "spinbutton", "listbox", "menu", "tree", "grid"];
const OWN_KEYS = [FIELDS, "canvas", "video", "audio", ...ROLES.map((role) => `[role=${role}]`)].join();
const OWN_ARROWS_UNTIL_USED = `${CHOICES}, [role=combobox], [role=tablist], [role=radiogroup]`;
const PRESSED_BY_SPACE = "button, a, summary, [role=button], [role=checkbox], [role=switch]";
const OVERLAYS = "[role=dialog], dialog, [data-testid=stPopoverBody]";

const USED_AFTER = {
  Tab: () => false,
  Enter: (target) => (target.matches?.("[role=combobox][aria-expanded=true]") ? true : null),
};

const isIn = (path, selector) => path.some((node) => node.matches?.(selector));

/** Records which controls of the page are used, for `isReleased`. Runs once per page. */
function watchControls() {
  if (USED_CONTROL in document) return;
  document[USED_CONTROL] = false;
  const record = (name, used) =>
    document.addEventListener(
      name,
      (event) => {
        document[USED_CONTROL] = used(event) ?? document[USED_CONTROL];
      },
      { capture: true },
    );
  record("pointerdown", () => true);
  record("input", ({ target }) => (target.matches?.("[role=combobox]") ? false : null)); // typing filters its list
  record("keydown", ({ key, target }) => USED_AFTER[key]?.(target));
}

/** Whether the focused control has been used and gives up its keys: a closed list, a button, a tab. */
export function isReleased(path) {
  return (
    Boolean(document[USED_CONTROL]) &&
    isIn(path.slice(0, 1), `${CHOICES}, ${PRESSED_BY_SPACE}, [role=tab], [role=radio]`) &&
    !isIn(path, `${OWN_KEYS}, ${OVERLAYS}`)
  );
}

/** Whether a key press goes to a text field or a list. */
export const isEditing = (path) => isIn(path, FIELDS) || (isIn(path, CLOSED_LIST) && !isReleased(path));

/** Gives the page's keys to this player; with `ifFree`, only if no other player has them. */
export function claimKeys(player, { ifFree = false } = {}) {
  if (!ifFree || !document[ACTIVE]?.root.isConnected) document[ACTIVE] = player;
}

export function releaseKeys(player) {
  if (document[ACTIVE] === player) delete document[ACTIVE];
}

/**
 * The meaning of a key press for a player; null if it is not for this player. `isIdle`: Escape has nothing to
 * close.
 */
export function pressMeaning(event, player, isIdle) {
  const { frame } = player;
  if (event.defaultPrevented) return null;
  const path = event.composedPath();
  const isInside = path.includes(frame);
  if (!isInside && document[ACTIVE]?.frame !== frame && document[ACTIVE]?.root.isConnected) return null;
  const released = !isInside && isReleased(path);
  if (isIn(path, isInside ? "input, textarea, select" : OWN_KEYS)) return null;
  if (!isInside && !released && isIn(path, OWN_ARROWS_UNTIL_USED)) return null;
  const meaning = keyMeaning(event);
  if (meaning?.action === "play" && !released && path[0].matches?.(PRESSED_BY_SPACE)) return null;
  return meaning?.action === "escape" && !isInside && isIdle ? null : meaning;
}

/**
 * Calls `act(event)` for each key press on the page; it returns whether the player handled the press. A
 * released list or button does not receive a handled press and loses the focus.
 */
export function listenToKeys(player, act, signal) {
  watchControls();
  document.addEventListener("keydown", act, { signal });
  document.addEventListener(
    "keydown",
    (event) => {
      const path = event.composedPath();
      if (path.includes(player.frame) || !isReleased(path) || !act(event)) return;
      event.stopPropagation();
      path[0].blur();
    },
    { signal, capture: true },
  );
}
