/** The words that the player says now, and counts and numbers as a reader meets them. */

import { ENGLISH } from "./english.js";

/** Names and texts as in english.js; in the language that was chosen last. */
export const messages = { ...ENGLISH };

/** From now on in another language: its table. What it lacks stays English, and so is all without one. */
export function setLanguage(table = {}) {
  Object.assign(messages, ENGLISH, table);
}

/** A text with its values filled in. */
export function translate(name, values = {}) {
  return messages[name].replace(/\{(\w+)((?:\|[^|{}]*)*)\}/g, (_, value, forms) =>
    forms ? `${values[value]} ${pluralForm(values[value], forms.slice(1).split("|"))}` : values[value],
  );
}

/** The text of a name that not every table has, or what stands in for it. */
export const translateOr = (name, fallback) => messages[name] ?? fallback;

/** Two forms: one and many. Three: those of Slavic languages for 1, 2 to 4, and the rest. */
function pluralForm(number, forms) {
  if (forms.length === 2) return forms[number === 1 ? 0 : 1];
  const [tens, ones] = [number % 100, number % 10];
  if ((tens > 10 && tens < 15) || ones === 0 || ones > 4) return forms[2];
  return forms[ones === 1 ? 0 : 1];
}

export const formatNumber = (value) =>
  value == null ? "–" : value === 0 ? "0" : value >= 0.01 ? value.toFixed(2) : value.toExponential(0);
