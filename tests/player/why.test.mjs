/** *Why?*: the change of a cell, the rule, the givens that pushed, and what is saved of them. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { decodeTrace } from "../../trm/player/model/trace.js";
import { linkTo } from "../../trm/player/model/link.js";
import { Answers } from "../../trm/player/answers.js";
import {
  agreement,
  asCsv,
  asJson,
  changeAt,
  flipsOf,
  pushesOf,
  questionOf,
  removable,
  ruleAt,
  shareExplained,
  strongest,
} from "../../trm/player/why/explanation.js";
import { agreementSentence, changeSentence, pushText, ruleSentence } from "../../trm/player/why/sentences.js";
import { GOAL, mazePayload, tinyPayload } from "./by_hand.mjs";
import { serve, soon } from "./page.mjs";

const NAKED = ["naked", 0, 3, 1, [0], []];
const tiny = (rule = NAKED) => decodeTrace(tinyPayload({ rules: [null, rule] }));
const LAST = 7; // call of the fourth answer
const EFFECTS = {
  cells: [1.5, 0],
  value: 2.5,
  baseline: 1,
  completeness_error: 0.02,
  of: "logit",
  command: "probes",
};

test("a change has both answers with their probabilities before and after the call", () => {
  const trace = tiny();
  const { probabilities, ...change } = changeAt(trace, LAST, 1);
  assert.deepEqual(change, { answer: 3, cell: 1, token: 3, before: 2, versus: 2, hasChanged: true });
  assert.deepEqual(probabilities, { token: [125 / 255, 1], versus: [130 / 255, 0] });
  assert.equal(changeSentence(trace, changeAt(trace, LAST, 1)), "step 2, cycle 2: 1 became 2");
});

test("an answer that stays is contrasted with the second most probable symbol, and one without rival with none", () => {
  const trace = tiny();
  const stayed = changeAt(trace, 5, 1);
  assert.deepEqual([stayed.token, stayed.before, stayed.versus, stayed.hasChanged], [2, 2, 3, false]);
  assert.equal(changeSentence(trace, stayed), "step 2, cycle 1: still 1");
  assert.equal(changeAt(trace, LAST, 0).versus, null);
  const first = changeAt(trace, 1, 1);
  assert.deepEqual([first.before, first.probabilities.token], [null, [null, 155 / 255]]);
  assert.equal(changeSentence(trace, first), "step 1, cycle 1: blank is the first answer");
  assert.equal(changeAt(trace, 0, 1), null); // before the first answer
});

test("between two answers the last one is explained, and the server is asked about its call", () => {
  const trace = tiny();
  assert.equal(changeAt(trace, 6, 1).answer, 2);
  assert.deepEqual(questionOf(trace, changeAt(trace, LAST, 1)), {
    cell: 1,
    step: 2,
    cycle: 2,
    token: 3,
    versus: 2,
  });
  assert.deepEqual(questionOf(trace, changeAt(trace, LAST, 0)), { cell: 0, step: 2, cycle: 2, token: 2 });
});

test("the flips of a cell are all its changes", () => {
  assert.deepEqual(flipsOf(tiny(), 1), [
    { answer: 1, before: 1, token: 2 },
    { answer: 3, before: 2, token: 3 },
  ]);
  assert.deepEqual(flipsOf(tiny(), 0), []);
});

test("a rule tells its givens and how many of its cells were right before the call", () => {
  const trace = tiny();
  const rule = ruleAt(trace, changeAt(trace, LAST, 1));
  assert.deepEqual([rule.name, rule.token, rule.givens, rule.known], ["naked", 3, [0], 1]);
  assert.equal(
    ruleSentence(trace, rule),
    "Rule: naked single. Only 2 is left for this cell. The givens decide it.",
  );
  assert.equal(ruleAt(trace, changeAt(trace, LAST, 0)).name, "given");
  const open = tiny(null);
  const none = ruleAt(open, changeAt(open, LAST, 1));
  assert.deepEqual(none, { name: "none" });
  assert.match(ruleSentence(open, none), /^Rule: none\. Singles/);
});

test("a rule that rests on derived cells says how many the answer before had right", () => {
  const rules = [null, ["path", 1, 5, 1, [0, 2, 4, 3], []], null, ["dead_end", 0, 2, 1, [4], []], null, null];
  const trace = decodeTrace(mazePayload({ rules }));
  const rule = ruleAt(trace, changeAt(trace, 3, 1));
  assert.deepEqual([rule.givens, rule.known], [[0, 2, 4], 4]); // cell 3 was open, as derived
  const first = ruleAt(trace, changeAt(trace, 1, 1));
  assert.equal(first.known, 3); // no answer before: only the givens
  assert.match(
    ruleSentence(trace, first),
    /on the only shortest path, 1 steps from the start\. It rests on 4 cells; 3 were right/,
  );
});

test("givens push towards the answer or away from it, strongest first; blank cells never", () => {
  const trace = {
    givens: [1, 1, 1, 0, 1],
    inputs: [2, 2, 2, 1, GOAL],
    looks: ["", "", "", "", "goal"],
    columns: 5,
    symbolNames: ["", "", "7"],
  };
  const pushes = pushesOf(trace, [1, -3, 2, 9, 4]);
  assert.deepEqual(
    pushes.towards.map(({ cell }) => cell),
    [4, 2, 0],
  );
  assert.deepEqual(pushes.away, [{ cell: 1, effect: -3 }]);
  assert.deepEqual(strongest(pushes.towards, 2), { top: pushes.towards.slice(0, 2), share: 6 / 7 });
  assert.deepEqual(strongest([]), { top: [], share: 0 });
  assert.equal(removable(trace, pushes), 2); // a maze keeps its goal
  assert.equal(removable(trace, { towards: [] }), null);
  assert.equal(pushText(trace, pushes.away[0]), "7 in r1c2 −3.00");
});

test("rule and givens agree if half of the rule's givens are among as many of the strongest", () => {
  const trace = { ...tiny(), givens: [1, 1, 1, 1, 1, 1, 1, 1] };
  const pushes = pushesOf(trace, [8, 7, 6, 5, 4, -1, -2, 0]);
  const compare = (givens, token, rest = {}) =>
    agreement(trace, { token, givens }, { token: 3, versus: 2, ...rest }, pushes);
  assert.deepEqual(compare([0, 1, 7, 4], 3), { agrees: true, shared: 2, needed: 4, expected: 2 });
  assert.equal(compare([0, 4, 7, 6], 3).agrees, false);
  assert.deepEqual(compare([5, 6], 2), { agrees: true, shared: 2, needed: 2, expected: 0.5 }); // the rule is for the other
  assert.equal(compare([0, 1], 1).agrees, null);
  assert.equal(compare([], 3).agrees, null);
  const say = (givens, token) => agreementSentence(trace, { token, givens }, { token: 3, versus: 2 }, pushes);
  assert.match(
    say([0, 1], 3),
    /^Rule and givens agree: 2 of the rule's 2 givens .* strongest for 2 \(chance: 0\.5\)/,
  );
  assert.match(say([6, 7], 3), /^Rule and givens do not agree: 0 of the rule's 2/);
  assert.match(say([0], 1), /neither of these two answers/);
  assert.match(say([], 3), /rests on no given/);
});

test("what the panel shows is saved as JSON, and every given as a row of CSV", () => {
  const trace = tiny();
  const change = changeAt(trace, LAST, 1);
  const rule = ruleAt(trace, change);
  const saved = JSON.parse(JSON.stringify(asJson(trace, change, rule, EFFECTS)));
  assert.deepEqual(
    [saved.cell, saved.supervision_step, saved.cycle, saved.before, saved.answer, saved.versus],
    ["r1c2", 2, 2, "1", "2", "1"],
  );
  assert.deepEqual(saved.probabilities_before_and_after.token, [125 / 255, 1]);
  assert.deepEqual([saved.rule.name, saved.rule.token, saved.rule.cells], ["naked", "2", ["r1c1"]]);
  assert.deepEqual(saved.attribution.towards, [{ cell: "r1c1", symbol: "1", effect: 1.5 }]);
  assert.deepEqual([saved.attribution.share_explained, saved.attribution.agreement.agrees], [0.98, true]);
  assert.equal(asCsv(trace, rule, EFFECTS), "cell,symbol,effect,needed_by_rule\nr1c1,1,1.5,1");
  assert.equal(asJson(trace, change, rule, null).attribution, null);
  assert.equal(asCsv(trace, rule, null), "cell,symbol,effect,needed_by_rule\nr1c1,1,,1");
  assert.equal(shareExplained({ completeness_error: 1.7 }), 0);
});

test("the server is asked once, only when the player rests, and only for the latest question", async () => {
  const result = { cells: [1, 2] };
  const asked = serve([{ ended: false }, { ended: true, result }]);
  let arrived = 0;
  const attributions = new Answers(() => arrived++);
  const find = (cell) => attributions.find("/why/key", { cell });
  assert.equal(find(1), null);
  assert.equal(find(2), null);
  assert.equal(find(2), null);
  assert.equal(asked.length, 0);
  await soon(400);
  assert.deepEqual(asked, ["/why/key?cell=2", "/why/key?cell=2"]);
  assert.deepEqual([find(2), arrived], [result, 1]);
  assert.equal(find(3), null);
  assert.equal(find(2), result); // back before it rested
  await soon(300);
  assert.equal(asked.length, 2);
});

test("a failed question is asked again after another one, and a run the server has forgotten is said to be gone", async () => {
  const asked = serve([{ ended: true, error: "no" }, 404, { ended: true, result: { cells: [] } }]);
  const attributions = new Answers(() => {});
  const find = async (cell) => {
    attributions.find("/why/key", { cell });
    await soon(300);
    return attributions.find("/why/key", { cell });
  };
  assert.equal((await find(1)).error, "no");
  assert.equal((await find(2)).error, "gone");
  assert.deepEqual((await find(1)).cells, []);
  assert.equal(asked.length, 3);
});

test("a link says that the panel is open", () => {
  const view = { supervision_step: 1, cycle: 1, call: 2, mode: "answer", cell: [0, 1] };
  assert.match(linkTo("https://host/", { ...view, why: "1" }), /&why=1$/);
  assert.doesNotMatch(linkTo("https://host/?why=1", { ...view, why: null }), /why/);
});
