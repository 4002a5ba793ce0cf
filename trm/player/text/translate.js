/** The player's texts in the current language, with counts and numbers filled in. */

import { ENGLISH } from "./english.js";

/** Texts by name, as in english.js, in the current language. */
export const messages = { ...ENGLISH };

/** Switches to the language of a table; missing texts stay English. Without a table: English. */
export function setLanguage(table = {}) {
  Object.assign(messages, ENGLISH, table);
}

/** The text of a name, with its values filled in. */
export function translate(name, values = {}) {
  return messages[name].replace(/\{(\w+)((?:\|[^|{}]*)*)\}/g, (_, value, forms) =>
    forms ? `${values[value]} ${pluralForm(values[value], forms.slice(1).split("|"))}` : values[value],
  );
}

/** The text of a name, or `fallback` if there is none. */
export const translateOr = (name, fallback) => messages[name] ?? fallback;

/** The plural form for a number. Two forms: one, many. Three, as in Russian: 1, 2 to 4, the rest. */
function pluralForm(number, forms) {
  if (forms.length === 2) return forms[number === 1 ? 0 : 1];
  const [tens, ones] = [number % 100, number % 10];
  if ((tens > 10 && tens < 15) || ones === 0 || ones > 4) return forms[2];
  return forms[ones === 1 ? 0 : 1];
}

export const formatNumber = (value) =>
  value == null ? "–" : value === 0 ? "0" : value >= 0.01 ? value.toFixed(2) : value.toExponential(0);

export const formatPercent = (share) => `${Math.round(100 * share)}${"\u00a0"}%`;
