/**
 * What the keys mean, and which presses are a player's. One table serves the keys and their help, so that the
 * help lists every key; one that the page around the player handles has no meaning here. One player of a page
 * has its keys, and what has keys of its own keeps those: text that is edited, a slider, an open list, and a
 * list or a button that was reached with the keyboard. One that was used with the pointer does not.
 */

export const MODES = ["answer", "probabilities", "confidence", "change", "z", "reverse"];

const pairOf = (forth, back) => ({ forth: { move: forth }, back: { move: back } });
const [answers, steps, calls] = [
  pairOf("next answer", "previous answer"),
  pairOf("next step", "previous step"),
  pairOf("next call", "previous call"),
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
 * The name that a table knows a press by, on any keyboard; null where it knows none. A Latin letter is what
 * is printed on its key, large only with shift: caps lock changes nothing. Any other key that is not name is
 * called by its place on the keyboard: the letters of a Russian layout, the digits of a French one.
 * `isName(name)`: whether the table has it.
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

/**
 * What a key means: {move}, {mode}, {select: [rows, columns]}, {zoom: levels}, {action}, or null when it is
 * not ours.
 */
export function keyMeaning(event) {
  const { shiftKey, ctrlKey, altKey, metaKey } = event;
  if (ctrlKey || altKey || metaKey) return null;
  const name = keyName(event, (name) => MEANINGS.has(name));
  return (shiftKey && MEANINGS.get(`shift ${name}`)) || (MEANINGS.get(name) ?? null);
}

// the player that the keys of the page go to: the one last touched
const ACTIVE = Symbol.for("recursion-lens.active-player");
// whether the list or button with the focus was used with the pointer, or by a choice in a list
const USED_CONTROL = Symbol.for("recursion-lens.used-control");
const CLOSED_LIST = "[role=combobox][aria-expanded=false]";
const CHOICES = `${CLOSED_LIST}, [type=checkbox], [type=radio]`; // fields in which no text is edited
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

/**
 * Begins to notice what is used on the page around players: from then on `isReleased` can tell. Once for each
 * page, however many players come and go.
 */
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
  record("input", ({ target }) => (target.matches?.("[role=combobox]") ? false : null)); // its list is filtered
  record("keydown", ({ key, target }) => USED_AFTER[key]?.(target));
}

/** Whether what has the focus was used, and wants no keys any more: a closed list, a button, a tab. */
export function isReleased(path) {
  return (
    Boolean(document[USED_CONTROL]) &&
    isIn(path.slice(0, 1), `${CHOICES}, ${PRESSED_BY_SPACE}, [role=tab], [role=radio]`) &&
    !isIn(path, `${OWN_KEYS}, ${OVERLAYS}`)
  );
}

/** Whether text is edited, or a list chosen from, where a press goes to. */
export const isEditing = (path) => isIn(path, FIELDS) || (isIn(path, CLOSED_LIST) && !isReleased(path));

/** The keys of the page go to this player from now on; `ifFree`: unless another one has them. */
export function claimKeys(player, { ifFree = false } = {}) {
  if (!ifFree || !document[ACTIVE]?.root.isConnected) document[ACTIVE] = player;
}

export function releaseKeys(player) {
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
 * Tells a player of each press on its page: `act(event)` returns whether it was the player's. A list or button
 * that was used before hears nothing of such a press, and has the focus no longer.
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
