/** What the user has chosen, as the address holds it: models, the puzzle as text, and what is frozen. */

import { addressWith } from "../../../trm/player/model/link.js";
import { rulesOf } from "../../../trm/web/rules/rules.js";

const VIEW = ["at", "mode", "cell", "align", "lead", "why", "map"]; // of the run before

/** `site` is the manifest of build.py; `names` are the models that the page shows if the address names none. */
export function readChoice(site, names, query = new URLSearchParams(location.search)) {
  const isModel = (name) => site.models[name];
  const requested = [query.get("model"), query.get("compare_with")].slice(0, names.length);
  const models = requested.map((name, place) => (isModel(name) ? name : names[place]));
  const { task } = site.models[models[0]];
  if (models.some((name) => site.models[name].task !== task)) models.splice(1, 1, partner(site, models[0]));
  const [, part, step] = /^([yz])([1-9]\d?)$/.exec(query.get("freeze") ?? "") ?? [];
  const puzzle = query.get("puzzle") || site.presets[task][0].puzzle;
  return { models, puzzle, freeze: part ? { part, step: Number(step) } : null };
}

/** Another model of the same task. */
export function partner(site, name) {
  const isPartner = (other) => other !== name && site.models[other].task === site.models[name].task;
  return Object.keys(site.models).find(isPartner) ?? name;
}

/** The address of a choice, with the view of `view` or without one. */
export function addressOf({ models: [model, second], puzzle, freeze }, view = {}) {
  const nothing = Object.fromEntries(VIEW.map((name) => [name, null]));
  const chosen = { model, compare_with: second, puzzle, freeze: freeze && `${freeze.part}${freeze.step}` };
  return addressWith(location.href, { ...nothing, ...view, ...chosen });
}

/** The tokens of a puzzle. Throws an error with a sentence for the user. */
export const tokensOf = (site, { models: [model], puzzle }) => rulesOf(site.models[model]).parse(puzzle);
