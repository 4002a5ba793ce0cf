/** The words that the player says now, and counts and numbers as a reader meets them. */

import { ENGLISH } from "./english.js";

/** Names and texts as in english.js; in the language that was chosen last. */
export const words = { ...ENGLISH };

/** From now on in another language: its table. What it lacks stays English, and so is all without one. */
export function speak(table = {}) {
  Object.assign(words, ENGLISH, table);
}

/** A text with its values filled in. */
export function say(name, values = {}) {
  return words[name].replace(/\{(\w+)((?:\|[^|{}]*)*)\}/g, (_, value, forms) =>
    forms ? `${values[value]} ${formOf(values[value], forms.slice(1).split("|"))}` : values[value],
  );
}

/** The text of a name that not every table has, or what stands in for it. */
export const sayIfKnown = (name, otherwise) => words[name] ?? otherwise;

/** Two forms: one and many. Three: those of Slavic languages for 1, 2 to 4, and the rest. */
function formOf(number, forms) {
  if (forms.length === 2) return forms[number === 1 ? 0 : 1];
  const [tens, ones] = [number % 100, number % 10];
  if ((tens > 10 && tens < 15) || ones === 0 || ones > 4) return forms[2];
  return forms[ones === 1 ? 0 : 1];
}

export const figure = (value) =>
  value == null ? "–" : value === 0 ? "0" : value >= 0.01 ? value.toFixed(2) : value.toExponential(0);
