/** Markers, windows, strips and curves of the timeline, on runs written by hand. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { windowOf } from "../../trm/player/model/coordinates.js";
import { markersOf, spreadOut } from "../../trm/player/model/markers.js";
import { cellCurves, STRIPS } from "../../trm/player/view/strips.js";
import { decodeTrace } from "../../trm/player/model/trace.js";
import { setLanguage } from "../../trm/player/text/translate.js";
import { base64, tinyPayload } from "./by_hand.mjs";
import { makePayload } from "./payload.mjs";

test("markers: first solved, solution lost, would halt, trained depth, arrived; with letter, call and text", () => {
  const marks = (changes) =>
    markersOf(decodeTrace(tinyPayload(changes))).map(({ letter, call, text }) => `${letter} ${call} ${text}`);
  const quiet = { halt_step: null };
  assert.deepEqual(marks({}), [
    "S 7 solved at step 2, cycle 2, and stays solved",
    "H 7 would halt at step 2 (halts when q_halt > 0)",
  ]);
  assert.deepEqual(marks({ ...quiet, solved: [false, true, false, false] }), [
    "S 3 solved at step 1, cycle 2, but not at the end",
    "X 5 solution lost at step 2, cycle 1",
  ]);
  assert.deepEqual(marks({ ...quiet, solved: [true, true, true, true] }), [
    "S 1 solved at step 1, cycle 1, and stays solved",
  ]);
  assert.deepEqual(marks({ ...quiet, solved: [true, false, true, false] }), [
    "S 1 solved at step 1, cycle 1, but not at the end",
    "X 3 solution lost at step 1, cycle 2",
    "X 7 solution lost at step 2, cycle 2",
  ]);
  assert.deepEqual(
    marks({ ...quiet, solved: [true, false, true, true] })[0],
    "S 1 solved at step 1, cycle 1, for good at step 2, cycle 1",
  );
  const deeper = {
    ...quiet,
    solved: [false, false, false, false],
    trained: { n: 1, T: 2, N_sup: 1 },
    N_sup: 5,
  };
  assert.deepEqual(marks(deeper), ["T 3 trained depth ends at step 1", "A 7 computed up to step 2 of 5"]);
});

test("the halting rule is named in the language of the player", () => {
  setLanguage({ marker_halt: "стоп ({rule})", halts_alone: "правило TRM", halts_by_other_rule: "своё" });
  const texts = (halt_rule) => markersOf(decodeTrace(tinyPayload({ halt_rule }))).map(({ text }) => text);
  assert.ok(texts("q_halt > 0").includes("стоп (правило TRM)"));
  assert.ok(texts("q_halt > q_continue").includes("стоп (halts when q_halt > q_continue)"));
  assert.ok(texts("").includes("стоп (своё)"));
  setLanguage();
});

test("flags are at their positions, or moved apart if they would overlap, inside the timeline", () => {
  const apart = (places) => spreadOut(places, 0.1).map((place) => Number(place.toFixed(3)));
  assert.deepEqual(apart([0.2, 0.5]), [0.2, 0.5]);
  assert.deepEqual(apart([0.5, 0.5, 0.55]), [0.5, 0.6, 0.7]);
  assert.deepEqual(apart([0.55, 0.5]), [0.6, 0.5]);
  assert.deepEqual(apart([0.99, 0.98]), [0.95, 0.85]);
  assert.deepEqual(apart([]), []);
});

test("the timeline shows the run, the step or the cycle around a call", () => {
  // 3 calls a cycle, 6 a step, 18 when complete
  const trace = decodeTrace(makePayload({ n: 2, T: 2, N_sup: 3, growth: 2 }));
  assert.deepEqual(windowOf(trace, 7, "run"), { start: 0, width: 18 });
  assert.deepEqual(
    [0, 5, 6, 11].map((call) => windowOf(trace, call, "step").start),
    [0, 0, 6, 6],
  );
  assert.deepEqual(
    [0, 2, 3, 11].map((call) => windowOf(trace, call, "cycle").start),
    [0, 0, 3, 9],
  );
  assert.deepEqual([windowOf(trace, 7, "step").width, windowOf(trace, 7, "cycle").width], [6, 3]);
});

test("strips give the value at the cursor, and their curves stay inside the box", () => {
  const trace = decodeTrace(tinyPayload());
  const read = (call) => Object.fromEntries(STRIPS.map((strip) => [strip.id, strip.valueAt(trace, call)]));
  assert.deepEqual(read(7), {
    halting: "0.973",
    right: "2/2",
    changed: "1",
    entropy: "0.00",
    "residual-y": "4e-3",
    "residual-z": "–",
  });
  assert.deepEqual(read(0), {
    halting: "0.120",
    right: "–",
    changed: "–",
    entropy: "–",
    "residual-y": "–",
    "residual-z": "1.00",
  });
  for (const strip of STRIPS) {
    for (const [, path] of strip.paths(trace)) {
      for (const [, x, y] of path.matchAll(/[ML]([\d.]+) ([-\d.]+)/g))
        assert.ok(x >= 0 && x <= trace.length && y >= 0 && y <= 1, `${strip.id}: ${path}`);
    }
  }
});

test("curves of a cell rank the probable symbols", () => {
  const curves = cellCurves(decodeTrace(tinyPayload()), 1);
  assert.deepEqual(curves.ranks, [-1, 2, 1, 0]);
  assert.equal(curves.paths.length, 4);
  assert.equal(curves.paths[3].match(/[ML]/g).length, 4);
});

test("runs side by side share the ranks of a cell's symbols, so that a symbol has one colour in both", () => {
  const [one, other] = [
    tinyPayload(),
    tinyPayload({ probabilities: base64(Array(8).fill([0, 5, 250, 0]).flat()) }),
  ];
  const traces = [decodeTrace(one), decodeTrace(other)];
  const ranks = (trace, ...beside) => cellCurves(trace, 1, beside).ranks;
  assert.deepEqual(
    [ranks(traces[0]), ranks(traces[1])],
    [
      [-1, 2, 1, 0],
      [-1, -1, 0, -1],
    ],
  );
  assert.deepEqual(ranks(traces[0], traces[1]), [-1, 2, 0, 1]);
  assert.deepEqual(ranks(traces[1], traces[0]), [-1, 2, 0, 1]);
});
