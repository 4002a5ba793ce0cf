/** The way in, for Streamlit (Components v2). */

import { keepMounted, mountedIn } from "../../../trm/player/mounting.js";
import { Editor } from "./editor.js";

/**
 * Mounts the editor in `parentElement`, or tells the one that is there what Python has to say.
 * Reports the draft with setStateValue("draft", {text, at}), where the time makes it news even where the text is one
 * that was told before; asks with setTriggerValue: "use" with the text, "cancel", and "paste" with {number, text}.
 * @returns a function that removes it, once its element has left the page.
 */
export default function mount({ data, parentElement, setStateValue, setTriggerValue }) {
  const editor = mountedIn(parentElement) ?? new Editor(parentElement);
  editor.update(data, setStateValue, setTriggerValue);
  return keepMounted(parentElement, editor);
}
