/** The way in, for Streamlit (Components v2). */

import { Editor } from "./editor.js";

const mounted = new WeakMap(); // the editor in an element, and how often it was brought up to date

/**
 * Mounts the editor in `parentElement`, or tells the one that is there what Python has to say.
 * Reports the draft with setStateValue("draft", {text, at}), where the time makes it news even where the text is one
 * that was told before; asks with setTriggerValue: "use" with the text, "cancel", and "paste" with {number, text}.
 * @returns a function that removes it, unless it has been brought up to date since.
 */
export default function mount({ data, parentElement, setStateValue, setTriggerValue }) {
  const here = mounted.get(parentElement) ?? { shown: new Editor(parentElement), turn: 0 };
  mounted.set(parentElement, here);
  here.shown.update(data, setStateValue, setTriggerValue);
  const turn = ++here.turn;
  return () => {
    if (here.turn !== turn) return;
    mounted.delete(parentElement);
    here.shown.remove();
  };
}
