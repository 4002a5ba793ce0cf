/** The way in, for Streamlit (Components v2) and for the offline file alike. */

import { Lecture } from "./lecture.js";

const lectures = new WeakMap(); // what an element shows, and how often it was brought up to date

/**
 * Mounts the lecture in `parentElement`, or brings it up to date. Asks for scenes and languages with
 * setTriggerValue("ask", {scene, language}).
 * @returns a function that removes it, unless it has been brought up to date since.
 */
export default function mount({ data, parentElement, setTriggerValue }) {
  const here = lectures.get(parentElement) ?? { shown: new Lecture(parentElement), turn: 0 };
  lectures.set(parentElement, here);
  here.shown.update(data, setTriggerValue);
  const turn = ++here.turn;
  return () => {
    if (here.turn !== turn) return;
    lectures.delete(parentElement);
    here.shown.remove();
  };
}
