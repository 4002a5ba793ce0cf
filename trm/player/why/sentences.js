/** The sentences of *Why?*. */

import { answerPlace } from "../text/sentences.js";
import { formatPercent, translate } from "../text/translate.js";
import { agreement, cellName, shareExplained } from "./explanation.js";

const signed = (value, digits) => (value < 0 ? "−" : "") + Math.abs(value).toFixed(digits);

/** What the call did to the cell. */
export function changeSentence(trace, { answer, token, before, hasChanged }) {
  const name = (which) => trace.symbolNames[which];
  const kind = hasChanged ? "why_changed" : before == null ? "why_first" : "why_stayed";
  return translate(kind, { place: answerPlace(trace, answer), before: name(before), token: name(token) });
}

/** A flip in the list of flips. */
export const flipText = (trace, { answer, before, token }) =>
  translate("why_flip", {
    place: answerPlace(trace, answer),
    before: trace.symbolNames[before],
    token: trace.symbolNames[token],
  });

/** A symbol with its probability before and after the call. */
export function probabilityText(trace, token, [earlier, now]) {
  const symbol = trace.symbolNames[token];
  if (earlier == null) return translate("why_probability_first", { symbol, now: now.toFixed(2) });
  return translate("why_probability", { symbol, earlier: earlier.toFixed(2), now: now.toFixed(2) });
}

/** The rule that decides the cell, and whether the answer before this call had what it rests on. */
export function ruleSentence(trace, rule) {
  const { name, place, token, round, cells, techniques, known } = rule;
  if (name === "none") return translate(`why_rule_none_${trace.task}`);
  if (name === "given") return translate("why_rule_given");
  const symbol = trace.symbolNames[token];
  const parts = [translate(`why_rule_${name}`, { place, symbol })];
  if (techniques.length)
    parts.push(
      translate("why_after", {
        techniques: techniques.map((each) => translate(`why_technique_${each}`)).join(", "),
      }),
    );
  if (known === cells.length && round === 1) parts.push(cells.length ? translate("why_from_givens") : "");
  else if (cells.length) parts.push(translate("why_rests_on", { count: cells.length, known }));
  return parts.filter(Boolean).join(" ");
}

/** Whether the rule and the givens agree. */
export function agreementSentence(trace, rule, change, pushes) {
  if (rule.token == null) return "";
  const { agrees, shared, needed, expected } = agreement(trace, rule, change, pushes);
  const symbol = trace.symbolNames[rule.token];
  if (agrees == null) return translate(rule.givens.length ? "why_other_answer" : "why_no_givens", { symbol });
  return translate(agrees ? "why_agrees" : "why_disagrees", {
    symbol,
    shared,
    needed,
    expected: expected.toFixed(1),
  });
}

/** How much of the logit the givens explain. */
export const shareSentence = (trace, attribution) =>
  translate("why_share", {
    share: formatPercent(shareExplained(attribution)),
    baseline: signed(attribution.baseline, 1),
    value: signed(attribution.value, 1),
  });

/** A given that pushed: its symbol and place, and its effect. */
export const pushText = (trace, { cell, effect }) =>
  translate("why_push", {
    symbol: trace.symbolNames[trace.inputs[cell]],
    cell: cellName(trace, cell),
    effect: `${effect < 0 ? "" : "+"}${signed(effect, 2)}`,
  });

export const sideText = (trace, token, share) =>
  translate("why_side", { symbol: trace.symbolNames[token], share: formatPercent(share) });
