/** The call that the page opens at. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { coordinatesOf } from "../../trm/player/model/coordinates.js";
import { openingCall } from "../../trm/player/model/opening.js";

const SOLUTION = [1, 2, 3, 4];
/** A run of n = 1, T = 2 on four open cells with these answers, one row each. */
const runOf = (answers, changes = {}) => ({
  n: 1,
  T: 2,
  perCycle: 2,
  perStep: 4,
  L: 4,
  N_sup: answers.length / 2,
  steps: answers.length / 2,
  answers: answers.length,
  givens: [0, 0, 0, 0],
  labels: SOLUTION,
  tokens: answers.flat(),
  conflicts: answers.flat().map((token, at) => Number(token !== SOLUTION[at % 4])),
  ...changes,
});
const placeOf = (trace) => Object.values(coordinatesOf(trace, openingCall(trace)));

test("it is the f_H call that repairs most cells, once few are wrong", () => {
  const answers = [
    [9, 9, 9, 9],
    [1, 9, 9, 9],
    [1, 2, 9, 9], // repairs one, half are wrong
    [1, 2, 9, 9],
    [1, 2, 3, 4], // repairs two
    [1, 2, 3, 9],
  ];
  assert.deepEqual(placeOf(runOf(answers)), [3, 1, 2, "f_H"]);
  assert.deepEqual(
    placeOf(runOf(answers, { labels: null })),
    [3, 1, 2, "f_H"],
    "without a solution, by conflicts",
  );
});

test("a run that stays wrong opens where it repairs most, and one that repairs nothing at its first answer", () => {
  const wrong = [9, 9, 9, 9];
  assert.deepEqual(placeOf(runOf([wrong, wrong, [1, 9, 9, 9], [1, 2, 9, 9]])), [2, 1, 2, "f_H"]);
  assert.deepEqual(placeOf(runOf([SOLUTION, SOLUTION])), [1, 1, 2, "f_H"]);
});

test("a growing run opens at its first answer", () => {
  assert.deepEqual(placeOf(runOf([[9, 9, 9, 9], SOLUTION], { N_sup: 8 })), [1, 1, 2, "f_H"]);
});
