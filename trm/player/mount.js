/**
 * The way in, for Streamlit (Components v2) and for the offline HTML file alike, which take one text:
 * trm/player/bundle.py.
 */

import { keepMounted, mountedIn } from "./mounting.js";
import { Pair } from "./pair.js";
import { Player } from "./player.js";

/**
 * Mounts the player in `parentElement`, or two of them where `data` has `players`, or brings what is there up
 * to date. Reports the settled view with setStateValue("view", {supervision_step, cycle, call, kind, cell,
 * mode}), for two also `align` and `lead`; asks to pin a run, or to let it go, with setTriggerValue("pin",
 * {pin, trace_id}).
 * @returns a function that removes it, once its element has left the page.
 */
export default function mount({ data, parentElement, setStateValue, setTriggerValue }) {
  const Kind = data?.players ? Pair : Player;
  const there = mountedIn(parentElement);
  const before = there instanceof Kind ? null : there;
  const settings = before?.settings;
  const focused = before && focusIn(before.root);
  before?.remove();
  const shown = there && !before ? there : new Kind(parentElement);
  if (settings) shown.start = settings.start; // a place that was gone to already
  shown.update(data, setStateValue, setTriggerValue);
  if (settings) shown.restore(settings);
  if (focused) shown.root.querySelector(`[data-testid="${focused}"]`)?.focus({ preventScroll: true });
  return keepMounted(parentElement, shown);
}

/** The name of the control that has the focus, if one of these has it. */
function focusIn(root) {
  const { activeElement } = root.getRootNode();
  return root.contains(activeElement) ? activeElement.dataset.testid : null;
}
