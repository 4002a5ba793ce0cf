/**
 * The entry point, for Streamlit (Components v2) and the offline HTML file; trm/player/bundle.py bundles it.
 */

import { arrive } from "./feed.js";
import { recall, remember } from "./memory.js";
import { readView } from "./model/link.js";
import { registerMounted, mountedIn } from "./mounting.js";
import { Pair } from "./pair.js";
import { Player } from "./player.js";

/**
 * Mounts a player in `parentElement`, or a pair if `data` has `players`, or updates the mounted one. Once the
 * view settles, reports it with setStateValue("view", {supervision_step, cycle, call, kind, cell, mode}), for
 * a pair also `align` and `lead`. Pins or unpins a run with setTriggerValue("pin", {pin, trace_id}).
 * @returns a function that removes it once its element has left the page.
 */
export default function mount({ data, parentElement, setStateValue, setTriggerValue }) {
  const Kind = data?.players ? Pair : Player;
  const existing = mountedIn(parentElement);
  const replaced = existing instanceof Kind ? null : existing;
  if (!existing) arrive();
  const before = replaced ? { start: replaced.start, settings: replaced.settings } : null;
  const { start, settings } = before ?? (existing ? {} : recall(data));
  const focused = replaced && focusIn(replaced.root);
  replaced?.remove();
  const view = existing && !replaced ? existing : new Kind(parentElement);
  if (start) view.start = start; // already applied
  view.update(data, setStateValue, setTriggerValue);
  if (settings) view.restore(settings);
  const leave = registerMounted(parentElement, view);
  if (focused) view.root.querySelector(`[data-testid="${focused}"]`)?.focus({ preventScroll: true });
  return () => {
    remember(data.place, view);
    leave();
  };
}

/** The test id of the focused control inside `root`, if any. */
function focusIn(root) {
  const { activeElement } = root.getRootNode();
  return root.contains(activeElement) ? activeElement.dataset.testid : null;
}

/** The view that the address of an exported page asks for. */
export const viewOfAddress = () => readView();
