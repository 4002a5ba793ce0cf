/** The way in, for Streamlit (Components v2) and for the offline file alike. */

import { keepMounted, mountedIn } from "../../../../trm/player/mounting.js";
import { Lecture } from "./lecture.js";

/**
 * Mounts the lecture in `parentElement`, or brings it up to date. Asks for scenes and languages with
 * setTriggerValue("ask", {scene, language}).
 * @returns a function that removes it, once its element has left the page.
 */
export default function mount({ data, parentElement, setTriggerValue }) {
  const lecture = mountedIn(parentElement) ?? new Lecture(parentElement);
  lecture.update(data, setTriggerValue);
  return keepMounted(parentElement, lecture);
}
