/** The way in, for Streamlit (Components v2) and for the offline HTML file alike, which take one text: app/player/assembled.py. */

import { Pair } from "./pair.js";
import { Player } from "./player.js";

const mounted = new WeakMap(); // what an element shows, and how often it was brought up to date

/**
 * Mounts the player in `parentElement`, or two of them where `data` has `players`, or brings what is there up to date.
 * Reports the settled view with setStateValue("view", {supervision_step, cycle, call, kind, cell, mode}), for two also
 * `align` and `lead`; asks to pin a run, or to let it go, with setTriggerValue("pin", {pin, trace_id}).
 * @returns a function that removes it, unless it has been brought up to date since.
 */
export default function mount({ data, parentElement, setStateValue, setTriggerValue }) {
  const here = mounted.get(parentElement) ?? { shown: null, turn: 0 };
  mounted.set(parentElement, here);
  const Kind = data?.players ? Pair : Player;
  const before = here.shown instanceof Kind ? null : here.shown;
  const settings = before?.settings;
  const focused = before && focusIn(before.root);
  before?.remove();
  if (!here.shown || before) here.shown = new Kind(parentElement);
  if (settings) here.shown.start = settings.start; // a place that was gone to already
  here.shown.update(data, setStateValue, setTriggerValue);
  if (settings) here.shown.restore(settings);
  if (focused) here.shown.root.querySelector(`[data-testid="${focused}"]`)?.focus({ preventScroll: true });
  const turn = ++here.turn;
  return () => {
    if (here.turn !== turn) return;
    mounted.delete(parentElement);
    here.shown.remove();
  };
}

/** The name of the control that has the focus, if one of these has it. */
function focusIn(root) {
  const { activeElement } = root.getRootNode();
  return root.contains(activeElement) ? activeElement.dataset.testid : null;
}
