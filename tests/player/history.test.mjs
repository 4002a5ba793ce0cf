/** The history of cells over a run, on answers written by hand. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { flagNames } from "../../trm/player/model/cells.js";
import { cellHistory, stableFrom, lastAnswered } from "../../trm/player/model/history.js";
import { pictureView } from "../../trm/player/skins/picture.js";
import { gridView } from "../../trm/player/model/grid_view.js";
import { historyEntries } from "../../trm/player/text/sentences.js";
import { decodeTrace } from "../../trm/player/model/trace.js";
import { arcPayload, base64, GOAL, mazePayload, OPEN, PATH, START, tinyPayload, WALL } from "./by_hand.mjs";

/** A run of one cell with these answers; its solution is 9. */
const oneCell = (answers, labels = [9]) => ({
  L: 1,
  answers: answers.length,
  tokens: Uint8Array.from(answers),
  labels: labels && Uint8Array.from(labels),
  givens: [0],
});

test("an answer is final from the f_H call after which it never changes", () => {
  const of = (answers) => cellHistory(oneCell(answers), 0);
  const read = ({ finalFrom, changes, firstRight, losses, rightFrom }) => [
    finalFrom,
    changes,
    firstRight,
    losses,
    rightFrom,
  ];
  assert.deepEqual(read(of([9, 9, 9, 9])), [0, 0, 0, 0, 0]);
  assert.deepEqual(read(of([2, 3, 9, 9])), [2, 2, 2, 0, 2]);
  assert.deepEqual(read(of([9, 2, 9, 9])), [2, 2, 0, 1, 2]);
  assert.deepEqual(read(of([9, 2, 9, 3])), [3, 3, 0, 2, -1]);
  assert.deepEqual(read(of([2, 2, 3, 3])), [2, 1, -1, 0, -1]);
  assert.deepEqual(read(of([2, 2, 2, 9])), [3, 1, 3, 0, 3]);
});

test("without a solution, and on padding, nothing is called correct", () => {
  for (const labels of [null, [0]]) {
    const { finalFrom, changes, firstRight, losses, rightFrom } = cellHistory(oneCell([2, 9, 9], labels), 0);
    assert.deepEqual([finalFrom, changes, firstRight, losses, rightFrom], [1, 1, null, null, null]);
    assert.deepEqual([...stableFrom(oneCell([2, 9, 9], labels))], [3]);
  }
});

test("stable: correct for the first time and never wrong again", () => {
  const from = (answers) => stableFrom(oneCell(answers))[0];
  assert.equal(from([9, 9, 9]), 0);
  assert.equal(from([2, 9, 9]), 1);
  assert.equal(from([2, 3, 9]), 2);
  assert.equal(from([9, 2, 9]), 3); // right again, but it had been lost
  assert.equal(from([9, 9, 2]), 3);
  assert.equal(from([2, 3, 2]), 3);
  assert.equal(stableFrom({ ...oneCell([9, 9, 9]), givens: [1] })[0], 3);
});

test("the latest f_H call that answered a cell with a token", () => {
  const tokens = Uint8Array.from([5, 2, 2, 2, 5, 2, 2, 5]); // two cells: 5 2 5 2 and 2 2 2 5
  assert.deepEqual([...lastAnswered({ tokens, answers: 4, L: 2 }, 5)], [0, -1, 0, -1, 2, -1, 2, 3]);
});

test("a cell's history in words, with the calls to go to", () => {
  const story = (changes, cell = 1) =>
    historyEntries(decodeTrace(tinyPayload(changes)), cell).map(({ text, call }) =>
      call == null ? text : `${text} (${call})`,
    );
  assert.deepEqual(story({}), [
    "last changed at step 2, cycle 2 (7)",
    "changed 2 times (7)",
    "first correct at step 2, cycle 2 (7)",
    "and stayed correct",
  ]);
  assert.deepEqual(story({}, 0), [
    "unchanged since step 1, cycle 1 (1)",
    "never changed",
    "first correct at step 1, cycle 1 (1)",
    "and stayed correct",
  ]);
  assert.deepEqual(story({ answers: base64([2, 3, 2, 2, 2, 3, 2, 3]) }), [
    "last changed at step 2, cycle 1 (5)",
    "changed 2 times (5)",
    "first correct at step 1, cycle 1 (1)",
    "lost once, back for good at step 2, cycle 1 (5)",
  ]);
  assert.deepEqual(story({ answers: base64([2, 3, 2, 2, 2, 3, 2, 1]) }).slice(2), [
    "first correct at step 1, cycle 1 (1)",
    "lost 2 times, wrong at the end",
  ]);
  assert.deepEqual(story({ answers: base64([2, 1, 2, 1, 2, 2, 2, 2]) }), [
    "last changed at step 2, cycle 1 (5)",
    "changed once (5)",
    "never correct",
  ]);
  assert.deepEqual(story({ labels: null, cells_right: null }), [
    "last changed at step 2, cycle 2 (7)",
    "changed 2 times (7)",
  ]);
  assert.equal(story({ N_sup: 3 })[0], "unchanged since step 2, cycle 2 (7)"); // more is to come
});

test("marks are on cells that stay correct, from their f_H call on, only on request and not in modes that show z", () => {
  const trace = decodeTrace(tinyPayload({ givens: base64([0, 0]) }));
  const kept = (call, mode = "answer", marks = true) =>
    Array.from(gridView(trace, call, mode, { marks }).flags, (flags) => flagNames(flags).includes("stable"));
  assert.deepEqual(kept(0), [false, false]);
  assert.deepEqual(kept(1), [true, false]);
  assert.deepEqual(kept(6), [true, false]);
  assert.deepEqual(kept(7), [true, true]);
  assert.deepEqual(kept(7, "confidence"), [true, true]);
  assert.deepEqual(kept(7, "z"), [false, false]);
  assert.deepEqual(kept(7, "answer", false), [false, false]);
});

/** S.G above .#. : the cell below the start is path in the first answer only; 3 cycles, one f_L call each. */
function deadEnd() {
  const [first, then] = [
    [START, OPEN, GOAL, PATH, WALL, OPEN],
    [START, OPEN, GOAL, OPEN, WALL, OPEN],
  ];
  const list = (count, value) => Array(count).fill(value);
  return decodeTrace(
    mazePayload({
      T: 3,
      N_sup: 2,
      steps: 2,
      answers: base64([first, then, then, then, then, then].flat()),
      conflicts: base64(list(36, 0)),
      probabilities: base64(list(36, [0, 0, 255, 0, 0, 0]).flat()),
      z_answers: base64(list(12, then).flat()),
      z_confidence: base64(list(72, 9)),
      halt_probability: [0.1, 0.2],
      entropy: list(6, 0),
      residual_y: list(6, 0),
      residual_z: list(12, 0),
      cells_right: list(6, 2),
      solved: list(6, false),
    }),
  );
}

test("a dead end fades over one supervision step after it was dropped", () => {
  const trace = deadEnd();
  const CELL = 3;
  const left = (call, mode = "answer", options) => gridView(trace, call, mode, options).fading?.[CELL] ?? 0;
  assert.deepEqual(
    [1, 2].map((call) => left(call)),
    [0, 0],
  ); // it is path, and stays so during f_L
  // in sixths: a step has 6 calls
  assert.deepEqual(
    [3, 4, 5, 6, 7, 8].map((call) => left(call)),
    [255, 212, 170, 127, 85, 42],
  );
  assert.deepEqual(
    [9, 10, 11].map((call) => left(call)),
    [0, 0, 0],
  );
  const dropped = (call, options) =>
    flagNames(gridView(trace, call, "answer", options).flags[CELL]).includes("dropped");
  assert.deepEqual(
    [2, 3, 8, 9].map((call) => dropped(call)),
    [false, true, true, false],
  );
  const view = gridView(trace, 4, "answer");
  assert.deepEqual([...pictureView(trace, 4, "answer", view).fading], [0, 0, 0, 212 >> 3, 0, 0]);
});

test("with reduced motion its opacity is constant; other modes and tasks do not fade", () => {
  const trace = deadEnd();
  assert.deepEqual(
    [3, 5, 8, 9].map((call) => gridView(trace, call, "answer", { reducedMotion: true }).fading[3]),
    [127, 127, 127, 0],
  );
  for (const mode of ["probabilities", "confidence", "change", "z"])
    assert.equal(gridView(trace, 4, mode).fading, null);
  assert.equal(gridView(decodeTrace(arcPayload()), 3, "answer").fading, null);
  assert.equal(gridView(decodeTrace(tinyPayload()), 3, "answer").fading, null);
});
