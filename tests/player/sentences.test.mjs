/** What the player says of a call, a cell and a run, on runs written by hand. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { flagNames } from "../../trm/player/model/cells.js";
import { isRecorded, gridView } from "../../trm/player/model/grid_view.js";
import {
  captionSentence,
  cellSentence,
  eventSentence,
  likelySymbols,
  placeSentence,
} from "../../trm/player/text/sentences.js";
import { STRIPS } from "../../trm/player/view/strips.js";
import { decodeTrace } from "../../trm/player/model/trace.js";
import {
  arcPayload,
  base64,
  GOAL,
  mazePayload,
  OPEN,
  PATH,
  reversePayload,
  START,
  tinyPayload,
  WALL,
} from "./by_hand.mjs";

test("a run without reverse embedding says so and shows z through the head", () => {
  const [known, older] = [decodeTrace(reversePayload()), decodeTrace(tinyPayload())];
  assert.deepEqual(
    [known, older].map((trace) => isRecorded(trace, "reverse")),
    [true, false],
  );
  assert.ok(isRecorded(older, "z"));
  assert.match(
    captionSentence(older, 3, "reverse"),
    /^This older recording has no reverse embedding.*z decoded with the output head/,
  );
  assert.throws(
    () => decodeTrace(reversePayload({ z_reverse: base64([1]) })),
    /"z_reverse" has 1 bytes instead of 16/,
  );
  assert.throws(
    () => decodeTrace(reversePayload({ y_reverse: base64(Array(8).fill(4)) })),
    /"y_reverse" holds token 4/,
  );
});

test("without a solution only an overwritten given is wrong", () => {
  const trace = decodeTrace(
    tinyPayload({ labels: null, cells_right: null, answers: base64([3, 2, 2, 2, 2, 2, 2, 3]) }),
  );
  assert.deepEqual(
    Array.from(gridView(trace, 1, "answer").flags, (flags) => flagNames(flags).includes("wrong")),
    [true, false],
  );
  assert.equal(eventSentence(trace, 3), "1 cell changed, 2 cells in conflict, no halt (p\u00a0=\u00a00.12)");
  assert.equal(eventSentence(trace, 7), "1 cell changed, solved, would halt here (p\u00a0=\u00a00.97)");
});

test("a model without a halting head has no halting decision", () => {
  const trace = decodeTrace(tinyPayload({ halts: false }));
  assert.equal(eventSentence(trace, 3), "1 cell changed, 1 of 2 correct, no halting head");
  assert.equal(eventSentence(trace, 1), "first answer, 1 of 2 correct, no halting head");
});

test("the status gives the position and what the call did", () => {
  const trace = decodeTrace(tinyPayload());
  assert.equal(placeSentence(trace, 3), "Supervision step 1 of 2, cycle 2 of 2, f_H");
  assert.equal(placeSentence(trace, 4), "Supervision step 2 of 2, cycle 1 of 2, f_L 1 of 1");
  const later = "halting is decided at the end of the step";
  assert.equal(eventSentence(trace, 0), `relative change in z: 1.00, no answer yet, ${later}`);
  assert.equal(eventSentence(trace, 1), `first answer, 1 of 2 correct, ${later}`);
  assert.equal(eventSentence(trace, 2), `relative change in z: 0.50, y unchanged, ${later}`);
  assert.equal(eventSentence(trace, 3), "1 cell changed, 1 of 2 correct, no halt (p\u00a0=\u00a00.12)");
  assert.equal(eventSentence(trace, 5), `0 cells changed, 1 of 2 correct, ${later}`);
  assert.equal(
    eventSentence(trace, 7),
    "1 cell changed, 2 of 2 correct, would halt here (p\u00a0=\u00a00.97)",
  );
  assert.equal(
    eventSentence(decodeTrace(tinyPayload({ halt_step: 1 })), 7),
    "1 cell changed, 2 of 2 correct, would have halted at step 1 (p\u00a0=\u00a00.97)",
  );
  assert.equal(
    eventSentence(decodeTrace(tinyPayload({ halt_step: 1 })), 4),
    "relative change in z: 0.25, y unchanged, would have halted at step 1",
  );
});

test("the caption says what the head was not trained for", () => {
  const trace = decodeTrace(tinyPayload());
  assert.match(captionSentence(trace, 5, "z"), /never trained on z/);
  const both = decodeTrace(reversePayload());
  assert.match(
    captionSentence(both, 5, "reverse"),
    /^z decoded by reverse embedding .*an untrained readout.*Small: y/,
  );
  assert.doesNotMatch(captionSentence(both, 0, "reverse"), /Small/);
  assert.match(
    captionSentence(decodeTrace(reversePayload({ kind: "trm-single-z" })), 5, "reverse"),
    /^z \(also y in this model\) decoded by reverse embedding/,
  );
  assert.match(captionSentence(trace, 0, "answer"), /No answer yet/);
  assert.match(
    captionSentence(trace, 1, "answer"),
    /^Intermediate answer, cycle 1 of 2: the head is trained only on the last cycle/,
  );
  assert.match(captionSentence(trace, 2, "answer"), /^f_L rewrites z.*cycle 1 of 2/);
  assert.doesNotMatch(captionSentence(trace, 3, "answer"), /trained/);
  assert.doesNotMatch(captionSentence(trace, 4, "confidence"), /trained/);
  assert.match(
    captionSentence(decodeTrace(tinyPayload({ input_conflicts: base64([1, 1]) })), 0, "answer"),
    /givens already break a rule/,
  );
});

test("the selected cell in words", () => {
  const trace = decodeTrace(tinyPayload());
  assert.equal(cellSentence(trace, 7, 1), "Row 1, column 2: 2 with probability 1.00; correct: 2");
  assert.equal(cellSentence(trace, 1, 1), "Row 1, column 2: blank with probability 0.61; correct: 2");
  assert.equal(cellSentence(trace, 0, 0), "Row 1, column 1, given: no answer yet; correct: 1");
  assert.equal(
    cellSentence(trace, 0, 0, "z"),
    "Row 1, column 1, given: no answer yet; correct: 1; z decodes to 1 (p\u00a0=\u00a00.00)",
  );
  assert.equal(
    cellSentence(trace, 7, 1, "z"),
    "Row 1, column 2: 2 with probability 1.00; correct: 2; z decodes to 2 (p\u00a0=\u00a00.59)",
  );
  const both = decodeTrace(reversePayload());
  assert.equal(
    cellSentence(both, 0, 1, "reverse"),
    "Row 1, column 2: no answer yet; correct: 2; z is nearest to blank",
  );
  assert.equal(
    cellSentence(both, 3, 1, "reverse"),
    "Row 1, column 2: 1 with probability 0.59; correct: 2; z is nearest to 2, y to 2",
  );
  assert.equal(
    cellSentence(both, 3, 1, "confidence"),
    "Row 1, column 2: 1 with probability 0.59; correct: 2",
  );
});

test("the most probable symbols of a cell", () => {
  const trace = decodeTrace(tinyPayload());
  assert.equal(likelySymbols(trace, 1, 1), "blank 0.61, 1 0.24, 2 0.16");
  assert.equal(likelySymbols(trace, 4, 1), "1 0.59, 2 0.41"); // y as the f_H call before left it
  assert.equal(likelySymbols(trace, 0, 1), "no answer yet");
});

test("mazes and colours in words", () => {
  const trace = decodeTrace(mazePayload());
  assert.equal(
    eventSentence(trace, 1),
    "first answer, 2 of 3 open cells correct, halting is decided at the end of the step",
  );
  assert.equal(cellSentence(trace, 3, 1), "Row 1, column 2: path with probability 0.67; correct: path");
  assert.equal(STRIPS[1].name(trace), "correct cells");
  const noWalls = decodeTrace(
    mazePayload({
      answers: base64([START, PATH, GOAL, OPEN, OPEN, OPEN, START, PATH, GOAL, OPEN, WALL, OPEN]),
    }),
  );
  assert.match(
    eventSentence(noWalls, 1),
    /2 of 3 open cells correct, 1 fixed cell \(walls, start, goal\) overwritten,/,
  );
  const unknown = {
    labels: null,
    cells_right: null,
    solved: [false, false],
    conflicts: base64([0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
  };
  assert.match(eventSentence(decodeTrace(mazePayload(unknown)), 1), /path broken at 2 cells/);
  assert.match(eventSentence(decodeTrace(mazePayload(unknown)), 3), /no shortest path yet/);
  assert.match(
    eventSentence(decodeTrace(arcPayload({ labels: null, cells_right: null, solved: [false, false] })), 1),
    /border closed/,
  );
  assert.match(captionSentence(decodeTrace(arcPayload()), 0, "answer"), /the cells show only the puzzle/);
  assert.match(captionSentence(trace, 3, "probabilities"), /Dot size: probability of path/);
});

test("sentences for models with one state and with one z per call", () => {
  const single = decodeTrace(tinyPayload({ kind: "trm-single-z" }));
  assert.match(captionSentence(single, 3, "z"), /trained on z only at the end of a supervision step/);
  assert.equal(STRIPS.find(({ id }) => id === "residual-z").valueAt(single, 1), "0.10"); // f_H rewrites z too
  const multi = decodeTrace(tinyPayload({ kind: "trm-multi-z" }));
  assert.match(eventSentence(multi, 4), /^relative change in z\u00a01: 0.25/);
});
