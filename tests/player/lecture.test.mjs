/** What a call means for the diagram, the code and the texts of the lecture. */

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  clockText,
  endsStep,
  fillIn,
  flow,
  formula,
  hasGradient,
  layersDone,
  marksAt,
  positionText,
  readingText,
  spans,
} from "../../app/screens/lecture/src/call.js";
import { readView, writeView } from "../../app/screens/lecture/src/room.js";

const TRM = {
  n: 6,
  T: 3,
  N_sup: 16,
  layers_L: 2,
  layers_H: 2,
  depth: 672,
  gradient_calls: 7,
  shared: true,
  one_state: false,
};
const HRM = {
  n: 2,
  T: 2,
  N_sup: 16,
  layers_L: 4,
  layers_H: 3,
  depth: 352,
  gradient_calls: 2,
  shared: false,
  one_state: false,
};
const at = (supervision_step, cycle, call, kind) => ({ supervision_step, cycle, call, kind });

test("layers are counted call by call up to the full depth", () => {
  assert.equal(layersDone(TRM, at(1, 1, 1, "f_L")), 2);
  assert.equal(layersDone(TRM, at(1, 1, 7, "f_H")), 14);
  assert.equal(layersDone(TRM, at(16, 3, 7, "f_H")), 672);
  assert.equal(layersDone(HRM, at(1, 1, 2, "f_L")), 8);
  assert.equal(layersDone(HRM, at(1, 1, 3, "f_H")), 11); // two nets of different depths
  assert.equal(layersDone(HRM, at(16, 2, 3, "f_H")), HRM.depth);
});

test("f_L adds x and writes z, f_H leaves x out and writes y", () => {
  assert.deepEqual(flow(TRM, { kind: "f_L" }), { from: ["x", "y", "z"], to: "z" });
  assert.deepEqual(flow(TRM, { kind: "f_H" }), { from: ["y", "z"], to: "y" });
  assert.deepEqual(flow({ one_state: true }, { kind: "f_H" }), { from: ["z"], to: "z" });
  assert.equal(formula(TRM, { kind: "f_L" }), "z ← net(x + y + z)");
  assert.equal(formula(HRM, { kind: "f_H" }), "y ← H(y + z)");
});

test("a gradient reaches the last calls of a supervision step only", () => {
  const learning = (sizes) => {
    const calls = Array.from({ length: sizes.T * (sizes.n + 1) }, (_, place) => ({
      cycle: Math.floor(place / (sizes.n + 1)) + 1,
      call: (place % (sizes.n + 1)) + 1,
    }));
    return calls.map((call) => (hasGradient(sizes, call) ? "1" : "0")).join("");
  };
  assert.equal(learning(TRM), "000000000000001111111");
  assert.equal(learning(HRM), "000011");
});

test("heads and detach belong to the end of a supervision step", () => {
  assert.equal(endsStep(TRM, at(2, 3, 7, "f_H")), true);
  assert.equal(endsStep(TRM, at(2, 2, 7, "f_H")), false);
  assert.deepEqual(marksAt(TRM, at(1, 3, 7, "f_H")), {
    current: "f_H",
    around: ["loop_L", "loop_T", "loop_N", "detach", "heads"],
  });
  assert.deepEqual(marksAt(TRM, at(1, 1, 2, "f_L")).around, ["loop_L", "loop_T", "loop_N"]);
});

test("the caption tells readings that the head was not trained for", () => {
  const words = {
    reading_none: "none",
    reading_cycle: "cycle",
    reading_y: "y",
    reading_z: "z",
    reading_reverse: "reverse",
  };
  const reading = (place, mode = "answer") => readingText(words, TRM, place, mode);
  assert.equal(reading(at(1, 1, 3, "f_L")), "none");
  assert.equal(reading(at(1, 1, 7, "f_H")), "cycle");
  assert.equal(reading(at(1, 3, 7, "f_H")), "y");
  assert.equal(reading(at(2, 1, 1, "f_L")), "y"); // the answer of the step before
  assert.equal(reading(at(2, 2, 1, "f_L")), "cycle");
  assert.equal(reading(at(1, 1, 3, "f_L"), "z"), "z");
  assert.equal(reading(at(1, 1, 3, "f_L"), "reverse"), "reverse");
});

test("texts, positions and times", () => {
  assert.equal(fillIn("{now} of {all}, {other}", { now: 1, all: 2 }), "1 of 2, {other}");
  assert.equal(
    positionText(
      { place: "{step}/{N_sup} {cycle}/{T} {call}", place_L: "{call} of {n}" },
      TRM,
      at(2, 1, 3, "f_L"),
    ),
    "2/16 1/3 3 of 6",
  );
  assert.deepEqual(spans("a `b` **c**d"), [
    ["", "a "],
    ["code", "b"],
    ["", " "],
    ["b", "c"],
    ["", "d"],
  ]);
  assert.equal(clockText(605.7), "10:05");
});

test("a view is written for the server and read again, and nothing else is read", () => {
  const view = { supervision_step: 3, cycle: 1, call: 7, cell: [4, 5], mode: "change" };
  for (const each of [view, { ...view, cell: null }]) assert.deepEqual(readView(writeView(each)), each);
  for (const text of ["", null, undefined, "1.2;;answer", "1.2.3;4;answer", "1.2.3;;<b>"])
    assert.equal(readView(text), null, text);
});
