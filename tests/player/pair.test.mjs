/** Two runs on one clock: their calls, which run a key moves, and which cells differ; worked out by hand. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { clockAt, follow, isOver, isPast, moveClock } from "../../trm/player/model/clock.js";
import {
  areComparable,
  cellComparison,
  differenceSentence,
  differences,
  endSentence,
  incomparableSentence,
} from "../../trm/player/model/compare.js";
import { coordinatesOf, move } from "../../trm/player/model/coordinates.js";
import { flagNames } from "../../trm/player/model/cells.js";
import { gridView } from "../../trm/player/model/grid_view.js";
import { decodeTrace } from "../../trm/player/model/trace.js";
import { arcPayload, base64, BLUE, BORDER, mazePayload, PAD, RED, tinyPayload } from "./by_hand.mjs";
import { makePayload } from "./payload.mjs";

/** The fields of a run that the clock reads. */
const run = ({ n, T, N_sup, steps = N_sup }) => ({
  n,
  T,
  N_sup,
  steps,
  perCycle: n + 1,
  perStep: T * (n + 1),
  calls: steps * T * (n + 1),
  answers: steps * T,
});
const [trm, hrm] = [run({ n: 6, T: 3, N_sup: 4 }), run({ n: 2, T: 2, N_sup: 4 })]; // 21 and 6 calls a step
const place = (trace, call) => {
  const { supervision_step, cycle, call: number, kind } = coordinatesOf(trace, call);
  return `${supervision_step}.${cycle}.${kind === "f_H" ? "f_H" : number}`;
};

/** The calls of both runs while the first one is stepped through. */
const positions = (traces, clock, align) => traces.map((trace) => place(trace, follow(trace, clock, align)));

test("a run that moves the clock stays at its own call, in either alignment", () => {
  for (const align of ["step", "call"]) {
    for (const trace of [trm, hrm]) {
      for (let call = 0; call < trace.calls; call++)
        assert.equal(follow(trace, clockAt([trace], 0, call, align), align), call);
    }
  }
});

test("by supervision step: equally far into the same step, f_H beside f_H and f_L beside f_L", () => {
  const beside = (call) => place(hrm, follow(hrm, clockAt([trm], 0, call, "step"), "step"));
  // a third, two thirds, a whole step
  assert.deepEqual([6, 13, 20].map(beside), ["1.1.f_H", "1.2.f_H", "1.2.f_H"]);
  assert.deepEqual([0, 5, 7, 12, 14, 19].map(beside), ["1.1.1", "1.1.2", "1.1.2", "1.2.1", "1.2.2", "1.2.2"]);
  assert.deepEqual([27, 41, 83].map(beside), ["2.1.f_H", "2.2.f_H", "4.2.f_H"]);
  for (let call = 0; call < trm.calls; call++) {
    const other = coordinatesOf(hrm, follow(hrm, clockAt([trm], 0, call, "step"), "step"));
    const { supervision_step, kind } = coordinatesOf(trm, call);
    assert.deepEqual([other.supervision_step, other.kind], [supervision_step, kind]);
  }
});

test("by f_H call: the same cycle counted from the start", () => {
  const beside = (call) => place(hrm, follow(hrm, clockAt([trm], 0, call, "call"), "call"));
  assert.deepEqual([6, 13, 20, 27].map(beside), ["1.1.f_H", "1.2.f_H", "2.1.f_H", "2.2.f_H"]);
  assert.deepEqual([0, 3, 4, 5].map(beside), ["1.1.1", "1.1.2", "1.1.2", "1.1.2"]);
  const other = (call) => place(trm, follow(trm, clockAt([hrm], 0, call, "call"), "call"));
  assert.deepEqual([0, 1, 2, 3, 8].map(other), ["1.1.3", "1.1.5", "1.1.f_H", "1.2.3", "1.3.f_H"]);
});

test("no run goes back when the other one moves on", () => {
  for (const align of ["step", "call"]) {
    for (const [one, other] of [
      [trm, hrm],
      [hrm, trm],
    ]) {
      const calls = Array.from({ length: one.calls }, (_, call) => call)
        .filter((call) => coordinatesOf(one, call).kind === "f_L")
        .map((call) => follow(other, clockAt([one], 0, call, align), align));
      assert.deepEqual(
        calls,
        [...calls].sort((a, b) => a - b),
      );
    }
  }
});

test("a shorter run stays at its end; the sentence says whether it has ended or is still growing", () => {
  const [short, long] = [run({ n: 6, T: 3, N_sup: 2 }), trm];
  const clock = clockAt([short, long], 1, 62, "step"); // the end of step 3
  assert.deepEqual(positions([short, long], clock, "step"), ["2.3.f_H", "3.3.f_H"]);
  assert.deepEqual(
    [short, long].map((trace) => isPast(trace, clock, "step")),
    [true, false],
  );
  assert.equal(endSentence(short), "ended after step 2");
  assert.equal(endSentence(run({ n: 6, T: 3, N_sup: 16, steps: 2 })), "computed up to step 2 of 16");
  // at its end the clock is not past it
  assert.equal(isPast(short, clockAt([short, long], 1, 41, "step"), "step"), false);
});

test("keys step the second run, then the first one to its end, and the same way back", () => {
  const traces = [run({ n: 1, T: 2, N_sup: 4 }), run({ n: 1, T: 2, N_sup: 2 })];
  let clock = clockAt(traces, 1, 5, "step");
  const seen = [];
  for (const command of [
    "next answer",
    "next answer",
    "next answer",
    "next step",
    "previous answer",
    "previous step",
    "previous answer",
    "previous answer",
  ]) {
    clock = moveClock(traces, clock, command, "step");
    seen.push(`${positions(traces, clock, "step").join(" ")} ${clock.run}`);
  }
  assert.deepEqual(seen, [
    "2.2.f_H 2.2.f_H 1",
    "3.1.f_H 2.2.f_H 0",
    "3.2.f_H 2.2.f_H 0",
    "4.2.f_H 2.2.f_H 0",
    "4.1.f_H 2.2.f_H 0",
    "3.1.f_H 2.2.f_H 0",
    "2.2.f_H 2.2.f_H 0",
    "2.1.f_H 2.1.f_H 1",
  ]);
});

test("first and last apply to both runs", () => {
  const traces = [trm, hrm];
  for (const align of ["step", "call"]) {
    const first = moveClock(traces, clockAt(traces, 1, 13, align), "first", align);
    assert.deepEqual(positions(traces, first, align), ["1.1.f_H", "1.1.f_H"]);
    assert.deepEqual(moveClock(traces, first, "first", align), first);
    const last = moveClock(traces, first, "last", align);
    assert.deepEqual(positions(traces, last, align), ["4.3.f_H", "4.2.f_H"]);
    assert.deepEqual(moveClock(traces, last, "last", align), last);
    assert.ok(isOver(traces, last, align) && !isOver(traces, first, align));
  }
});

test("a key that can move neither run returns the same clock", () => {
  const traces = [trm, trm];
  const end = clockAt(traces, 1, trm.calls - 1, "step");
  assert.equal(moveClock(traces, end, "next answer", "step"), end);
});

test("runs that have not reached the clock wait at their end, and a key back starts from there", () => {
  const traces = [run({ n: 1, T: 1, N_sup: 8, steps: 2 }), run({ n: 1, T: 1, N_sup: 8, steps: 3 })];
  const clock = { run: 1, progress: 6, kind: "f_H" };
  assert.equal(moveClock(traces, clock, "next answer", "step"), clock);
  assert.deepEqual(positions(traces, moveClock(traces, clock, "previous answer", "step"), "step"), [
    "2.1.f_H",
    "2.1.f_H",
  ]);
  assert.equal(isOver(traces, clock, "step"), false);
});

test("while one run has not arrived the other is stepped alone", () => {
  const traces = [trm, null];
  const clock = moveClock(traces, clockAt(traces, 0, 6, "step"), "next answer", "step");
  assert.deepEqual([clock.run, place(trm, follow(trm, clock, "step"))], [0, "1.2.f_H"]);
  assert.equal(place(trm, follow(trm, moveClock(traces, clock, "last", "step"), "step")), "4.3.f_H");
  assert.equal(isOver(traces, clock, "step"), false);
});

test("two runs of one depth stay at the same call, whatever is pressed", () => {
  const traces = [trm, run({ n: 6, T: 3, N_sup: 4 })];
  let [clock, seed, call] = [clockAt(traces, 1, 6, "step"), 1, 6];
  const commands = [
    "next answer",
    "previous answer",
    "next step",
    "previous step",
    "next call",
    "previous call",
    "first",
    "last",
  ];
  for (let press = 0; press < 500; press++) {
    seed = (seed * 48271) % 2147483647;
    const command = commands[seed % commands.length];
    clock = moveClock(traces, clock, command, "step");
    call = move(trm, call, command);
    assert.deepEqual(
      traces.map((trace) => follow(trace, clock, "step")),
      [call, call],
    );
  }
});

// ---- differences

/** Answers of two cells: 2 1, 2 2, 2 2, 2 3 and 2 1, 2 3, 2 2, 3 3. */
const [one, other] = [
  tinyPayload(),
  tinyPayload({ trace_id: "other", answers: base64([2, 1, 2, 3, 2, 2, 3, 3]) }),
].map(decodeTrace);
const at = (trace, call, mode = "answer") => ({ trace, call, mode });

test("cells that differ at a call", () => {
  const cells = (call, mode) => [...differences(at(one, call, mode), at(other, call, mode)).cells];
  assert.deepEqual(
    [0, 1, 2, 3, 4, 5, 6, 7].map((call) => cells(call)),
    [
      [0, 0],
      [0, 0],
      [0, 0],
      [0, 1],
      [0, 1],
      [0, 0],
      [0, 0],
      [1, 0],
    ],
  );
  const { count, total, tokens } = differences(at(one, 7), at(other, 7));
  assert.deepEqual([count, total, [...tokens[0]], [...tokens[1]]], [1, 2, [2, 3], [3, 3]]);
  assert.deepEqual([...differences(at(one, 7), at(other, 5)).cells], [0, 1]); // each at its own call
  assert.deepEqual(cells(7, "z"), [0, 0]); // z reads alike
});

test("differing cells are flagged in both grids, only on request", () => {
  const { cells } = differences(at(one, 3), at(other, 3));
  for (const trace of [one, other]) {
    const flagged = (options) =>
      Array.from(gridView(trace, 3, "answer", options).flags, (flags) =>
        flagNames(flags).includes("differs"),
      );
    assert.deepEqual(
      [flagged({ differs: cells }), flagged()],
      [
        [false, true],
        [false, false],
      ],
    );
  }
});

test("grids of another size or task are not compared, with a sentence", () => {
  const maze = decodeTrace(mazePayload());
  assert.ok(areComparable(one, other));
  assert.ok(!areComparable(one, maze));
  assert.ok(!areComparable(one, decodeTrace(tinyPayload({ rows: 2, columns: 1 }))));
  assert.ok(!areComparable(one, decodeTrace(tinyPayload({ symbols: [" ", ".", "1", "3"] }))));
  assert.equal(
    incomparableSentence([one, maze], ["Pinned", "Now"]),
    "Differences are not marked: Pinned is 1x2 sudoku, Now is 2x3 maze",
  );
});

test("in ARC grids the cells inside either outline count", () => {
  const junk = decodeTrace(
    arcPayload({
      trace_id: "junk",
      answers: base64(
        [
          [BLUE, RED, BORDER, RED],
          [BLUE, BLUE, RED, BORDER],
        ].flat(),
      ),
      crops: {
        input: [1, 2],
        answers: [
          [1, 2],
          [1, 3],
        ],
        z: [
          [1, 2],
          [1, 2],
          [1, 2],
          [1, 2],
        ],
      },
    }),
  );
  const arc = decodeTrace(arcPayload());
  const found = (call) => {
    const { cells, count, total } = differences(at(arc, call), at(junk, call));
    return [[...cells], count, total];
  };
  // padding beyond the border is red in one run: not a cell of either grid
  assert.deepEqual(found(1), [[0, 0, 0, 0], 0, 2]);
  assert.deepEqual(found(3), [[1, 1, 1, 0], 3, 3]);
  assert.equal(PAD, 0);
});

test("the number of differing cells in words", () => {
  const said = (count, total, mode = "answer") => differenceSentence({ count, total }, mode);
  assert.equal(said(0, 81), "No cells differ");
  assert.equal(said(1, 81), "1 of 81 cells differs");
  assert.equal(said(12, 81), "12 of 81 cells differ");
  assert.equal(said(81, 81), "All 81 cells differ");
  assert.equal(said(12, 81, "z"), "12 of 81 cells differ in the decoded z");
  const { tokens } = differences(at(one, 7), at(other, 7));
  assert.equal(
    cellComparison([one, other], tokens, ["Pinned", "Now"], 0),
    "Row 1, column 1: Pinned: 1, Now: 2",
  );
});

test("a run compared with itself has no differences, at any call and in any mode", () => {
  const trace = decodeTrace(makePayload({ N_sup: 2 }));
  for (let call = 0; call < trace.calls; call++)
    for (const mode of ["answer", "z"])
      assert.equal(differences(at(trace, call, mode), at(trace, call, mode)).count, 0);
});
