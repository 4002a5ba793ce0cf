/** What *Why?* says about a cell at a call, as data: the change, the rule, the givens that pushed, and exports. */

import { answerAt, callOfAnswer, coordinatesOf } from "../model/coordinates.js";
import { cellProbabilities } from "../model/grid_view.js";

const AGREES_FROM = 0.5; // share of the rule's givens that must be among the strongest
const SHOWN = 4; // givens listed for each of the two answers

/** The f_H calls at which the answer in a cell changed: [{answer, before, token}]. */
export function flipsOf({ tokens, answers, L }, cell) {
  const at = (answer) => tokens[answer * L + cell];
  return Array.from({ length: answers }, (_, answer) => answer)
    .filter((answer) => answer > 0 && at(answer) !== at(answer - 1))
    .map((answer) => ({ answer, before: at(answer - 1), token: at(answer) }));
}

/**
 * What the latest f_H call did to a cell; null before the first: its `answer` (index of the call), the `token`
 * that it gives, the one `before` it (null at the first), `versus`, the token to contrast it with (the one
 * before or, if it did not change, the second most probable; null if no other has a probability), and
 * `probabilities` of both: {token: [before, after], versus: [before, after]}.
 */
export function changeAt(trace, call, cell) {
  const answer = answerAt(trace, call);
  if (answer < 0) return null;
  const at = (index) => trace.tokens[index * trace.L + cell];
  const token = at(answer);
  const before = answer ? at(answer - 1) : null;
  const now = cellProbabilities(trace, answer, cell);
  const then = answer ? cellProbabilities(trace, answer - 1, cell) : null;
  const hasChanged = before != null && before !== token;
  const versus = hasChanged ? before : runnerUp(now, token);
  const both = (which) => (which == null ? null : [then && then[which], now[which]]);
  return {
    answer,
    cell,
    token,
    before,
    versus,
    hasChanged,
    probabilities: { token: both(token), versus: both(versus) },
  };
}

function runnerUp(probabilities, token) {
  let best = null;
  probabilities.forEach((p, other) => {
    if (other !== token && p > (best == null ? 0 : probabilities[best])) best = other;
  });
  return best;
}

/** The parameters with which the server attributes a change. */
export function questionOf(trace, { answer, cell, token, versus }) {
  const { supervision_step: step, cycle } = coordinatesOf(trace, callOfAnswer(trace, answer));
  return { cell, step, cycle, token, ...(versus == null ? {} : { versus }) };
}

/**
 * The rule that decides a cell, as trm/tasks/base.py describes it, with its `givens`, and `known`, how many of
 * its cells had the derived symbol in the answer before. Its name is "given" for a given, "none" if no rule
 * decides the cell.
 */
export function ruleAt(trace, { cell, answer }) {
  const { rules, givens, tokens, L } = trace;
  if (!rules[cell]) return { name: givens[cell] ? "given" : "none" };
  const [name, place, token, round, cells, techniques] = rules[cell];
  const isKnown = (other) =>
    givens[other] || (answer > 0 && tokens[(answer - 1) * L + other] === rules[other]?.[2]);
  return {
    name,
    place,
    token,
    round,
    cells,
    techniques,
    givens: cells.filter((other) => givens[other]),
    known: cells.filter(isKnown).length,
  };
}

/** The givens that pushed: `towards` the answer and `away` from it, strongest first, as [{cell, effect}]. */
export function pushesOf({ givens }, effects) {
  const pushes = effects
    .map((effect, cell) => ({ cell, effect }))
    .filter(({ cell, effect }) => givens[cell] && effect)
    .sort((one, other) => Math.abs(other.effect) - Math.abs(one.effect));
  return {
    towards: pushes.filter(({ effect }) => effect > 0),
    away: pushes.filter(({ effect }) => effect < 0),
  };
}

/** The strongest givens of a side, and their share of all that pushes this way. */
export function strongest(pushes, most = SHOWN) {
  const sum = (list) => list.reduce((total, { effect }) => total + Math.abs(effect), 0);
  const top = pushes.slice(0, most);
  return { top, share: pushes.length ? sum(top) / sum(pushes) : 0 };
}

/** The share of the change in the logit, from the puzzle without givens to the puzzle, that the effects add up to. */
export const shareExplained = ({ completeness_error: error }) => Math.max(0, 1 - error);

/**
 * Whether the givens that push for the rule's symbol are those of the rule: how many of its `needed` givens are
 * `shared` with as many of the strongest, and how many would be by chance. `agrees` is null if the rule cannot
 * be compared: it rests on no given, or its symbol is neither of the two answers.
 */
export function agreement(trace, rule, { token, versus }, { towards, away }) {
  const side = { [token]: towards, [versus ?? -1]: away }[rule.token];
  const needed = rule.givens?.length ?? 0;
  if (!side || !needed) return { agrees: null };
  const top = side.slice(0, needed).map(({ cell }) => cell);
  const shared = rule.givens.filter((cell) => top.includes(cell)).length;
  const all = trace.givens.reduce((sum, given) => sum + (given ? 1 : 0), 0);
  return { agrees: shared / needed >= AGREES_FROM, shared, needed, expected: needed ** 2 / all };
}

/** The given that pushes hardest for the answer and may be removed: a maze keeps its start and goal. */
export const removable = ({ inputs, looks }, { towards }) =>
  towards.find(({ cell }) => !["start", "goal"].includes(looks[inputs[cell]]))?.cell ?? null;

/** The name of a cell in commands, such as r5c5. */
export const cellName = ({ columns }, cell) => `r${Math.floor(cell / columns) + 1}c${(cell % columns) + 1}`;

/** What the panel shows, as an object for a JSON file. `attribution` is the server's answer, or null. */
export function asJson(trace, change, rule, attribution) {
  const { symbolNames, inputs } = trace;
  const name = (token) => (token == null ? null : symbolNames[token]);
  const { supervision_step, cycle } = coordinatesOf(trace, callOfAnswer(trace, change.answer));
  const { towards, away } = pushesOf(trace, attribution?.cells ?? []);
  const listed = (pushes) =>
    pushes.map(({ cell, effect }) => ({ cell: cellName(trace, cell), symbol: name(inputs[cell]), effect }));
  return {
    run: trace.label,
    cell: cellName(trace, change.cell),
    supervision_step,
    cycle,
    answer: name(change.token),
    before: name(change.before),
    versus: name(change.versus),
    probabilities_before_and_after: change.probabilities,
    rule:
      rule.token == null
        ? { name: rule.name }
        : {
            ...rule,
            token: name(rule.token),
            cells: rule.cells.map((cell) => cellName(trace, cell)),
            givens: rule.givens.map((cell) => cellName(trace, cell)),
          },
    attribution: attribution && {
      of: attribution.of,
      logit: attribution.value,
      logit_without_givens: attribution.baseline,
      share_explained: shareExplained(attribution),
      agreement: agreement(trace, rule, change, { towards, away }),
      towards: listed(towards),
      away: listed(away),
      command: attribution.command,
    },
  };
}

/** One row per given: what it holds, its effect (empty without an attribution), and whether the rule needs it. */
export function asCsv(trace, rule, attribution) {
  const { givens, inputs, symbolNames } = trace;
  const rows = [...givens.keys()]
    .filter((cell) => givens[cell])
    .map((cell) => [
      cellName(trace, cell),
      symbolNames[inputs[cell]],
      attribution?.cells[cell] ?? "",
      Number(rule.givens?.includes(cell) ?? false),
    ]);
  return [["cell", "symbol", "effect", "needed_by_rule"], ...rows].map((row) => row.join()).join("\n");
}
