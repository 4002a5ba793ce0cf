/**
 * The way in, for Streamlit (Components v2) and for the offline HTML file alike, which take one text:
 * trm/player/bundle.py.
 */

import { registerMounted, mountedIn } from "./mounting.js";
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
  const existing = mountedIn(parentElement);
  const replaced = existing instanceof Kind ? null : existing;
  const settings = replaced?.settings;
  const focused = replaced && focusIn(replaced.root);
  replaced?.remove();
  const view = existing && !replaced ? existing : new Kind(parentElement);
  if (settings) view.start = settings.start; // a place that was gone to already
  view.update(data, setStateValue, setTriggerValue);
  if (settings) view.restore(settings);
  if (focused) view.root.querySelector(`[data-testid="${focused}"]`)?.focus({ preventScroll: true });
  return registerMounted(parentElement, view);
}

/** The name of the control that has the focus, if one of these has it. */
function focusIn(root) {
  const { activeElement } = root.getRootNode();
  return root.contains(activeElement) ? activeElement.dataset.testid : null;
}
