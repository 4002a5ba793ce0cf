/** Which key presses are a player's: one player of a page has its keys, and what has keys of its own keeps those. */

import { keyMeaning } from "./keys.js";

const ACTIVE = Symbol.for("recursion-lens.active-player"); // the player that the keys of the page go to: the one last touched
const OWN_ARROWS = ["input", "textarea", "select", "[contenteditable='']", "[contenteditable='true']", "canvas", "video", "audio",
  ...["slider", "spinbutton", "listbox", "combobox", "menu", "tablist", "radiogroup", "tree", "grid"].map((role) => `[role=${role}]`)].join();
const PRESSED_BY_SPACE = "button, a, summary, [role=button], [role=checkbox], [role=switch]";

/** The keys of the page go to this player from now on; `ifFree`: unless another one has them. */
export function takeKeys(player, { ifFree = false } = {}) {
  if (!ifFree || !document[ACTIVE]?.root.isConnected) document[ACTIVE] = player;
}

export function leaveKeys(player) {
  if (document[ACTIVE] === player) delete document[ACTIVE];
}

/** What a press means to a player; null where it is somebody else's. `isIdle`: there is nothing that escape would close. */
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
