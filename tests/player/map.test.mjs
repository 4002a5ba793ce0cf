/** The map of states: which state it shows, where its points lie, the trail, and the call under the pointer. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { decodeTrace, sameRun } from "../../trm/player/model/trace.js";
import { linkTo } from "../../trm/player/model/link.js";
import { keyMeaning } from "../../trm/player/keys.js";
import { axesText, axesTitle, mapSentence, poolTitle } from "../../trm/player/map/sentences.js";
import { chosenState, crossesPath, dotsPath, pointsOf, scaleOf, Trail } from "../../trm/player/map/trail.js";
import { tinyPayload } from "./by_hand.mjs";

const trace = () => decodeTrace(tinyPayload()); // 8 calls, f_H at 1, 3, 5, 7
const pca = (run, others = {}) => ({
  method: "pca",
  shares: [0.8, 0.05],
  run,
  solved: [],
  unsolved: [],
  ...others,
});
const UMAP = { method: "umap", shares: [], run: [0, 0], solved: [], unsolved: [] };

const pixels = (count, step = 10) => Array.from({ length: count }, (_, index) => [step * index, 0]);

test("modes that show y use y, and modes that show z use z; a map of one state shows it in all modes", () => {
  const own = { states: { z: [pca([])], y: [pca([])] } };
  assert.equal(chosenState(own, "answer", "pca").state, "y");
  assert.equal(chosenState(own, "change", "pca").state, "y");
  assert.equal(chosenState(own, "z", "pca").state, "z");
  assert.equal(chosenState(own, "reverse", "pca").state, "z");
  const pool = { states: { z: [pca([]), UMAP] } };
  assert.equal(chosenState(pool, "answer", "pca").state, "z");
  assert.equal(chosenState(pool, "answer", "umap").embedding, UMAP);
  assert.equal(chosenState(own, "answer", "umap").embedding.method, "pca"); // it has no UMAP
});

test("both axes have one scale, the second points up, and all points are inside the plot", () => {
  const place = scaleOf({ run: [0, 0, 4, 1], solved: [2, 2], unsolved: [] }, 100, 60);
  assert.deepEqual(place(2, 1), [50, 30]); // the middle
  const [left, right] = [place(0, 1), place(4, 1)];
  assert.deepEqual([left[0], right[0]], [10, 90]);
  assert.deepEqual(place(2, 2), [50, 10]);
  assert.equal(right[0] - left[0], 2 * (place(2, 0)[1] - place(2, 2)[1]));
  assert.deepEqual(scaleOf({ run: [3, 3], solved: [], unsolved: [] }, 100, 60)(3, 3), [50, 30]); // a single place
});

test("the states of other runs are one path each: dots and crosses", () => {
  const points = pointsOf([1, 2, 3, 4], (x, y) => [x, y]);
  assert.equal(dotsPath(points), "M1.0 2.0h0M3.0 4.0h0");
  assert.equal(crossesPath(points).split("M").length, 3);
});

test("the trail of z passes the f_H calls, and every call in modes that show z", () => {
  const run = trace();
  const trail = new Trail(run, "z", "answer", pixels(8));
  assert.deepEqual(trail.calls, [1, 3, 5, 7]);
  assert.deepEqual(trail.paths(3), ["M10.0 0.0L30.0 0.0L30.0 0.0", "M30.0 0.0L50.0 0.0L70.0 0.0"]);
  assert.deepEqual(trail.paths(4), ["M10.0 0.0L30.0 0.0L40.0 0.0", "M40.0 0.0L50.0 0.0L70.0 0.0"]); // the f_L call on screen
  assert.deepEqual(new Trail(run, "z", "z", pixels(8)).calls, [0, 1, 2, 3, 4, 5, 6, 7]);
});

test("y has a point for each f_H call and none before the first", () => {
  const trail = new Trail(trace(), "y", "answer", pixels(4));
  assert.equal(trail.at(0), null);
  assert.deepEqual(trail.at(1), [0, 0]);
  assert.deepEqual(trail.at(4), [10, 0]);
  assert.deepEqual(trail.paths(0), ["", "M0.0 0.0L10.0 0.0L20.0 0.0L30.0 0.0"]);
});

test("a run that still grows has a trail as far as its steps have arrived", () => {
  const trail = new Trail({ ...trace(), calls: 4, answers: 2 }, "z", "answer", pixels(8));
  assert.deepEqual(trail.calls, [1, 3]);
});

test("a press goes to the nearest call; of calls at one place, to the one next to the call on screen", () => {
  const trail = new Trail(trace(), "z", "answer", pixels(8));
  assert.equal(trail.nearest(48, 5, 1), 5);
  assert.equal(trail.nearest(-100, 0, 7), 1);
  const settled = new Trail(trace(), "z", "answer", pixels(8, 0.5));
  assert.equal(settled.nearest(2, 0, 1), 1);
  assert.equal(settled.nearest(2, 0, 7), 7);
});

test("the label says what the coordinates mean", () => {
  const chosen = { state: "z", embedding: pca([0, 0, 1.5, -2]) };
  assert.equal(
    mapSentence(trace(), 1, chosen, 1),
    "Supervision step 1 of 2, cycle 1 of 2, f_H. z, mean over the cells, by PCA: component 1 (80\u00a0% of the variance) 1.50, component 2 (5\u00a0%) −2.00",
  );
  assert.match(
    mapSentence(trace(), 1, { state: "z", embedding: UMAP }, 0),
    /by UMAP, without a unit: 0\.00, 0\.00$/,
  );
  assert.match(mapSentence(trace(), 0, { state: "y", embedding: pca([]) }, -1), /There is no y yet$/);
  assert.equal(axesText(pca([])), "→ 80\u00a0%, ↑ 5\u00a0%");
  assert.match(axesTitle(UMAP), /Distances on UMAP are not distances/);
  assert.match(
    poolTitle({ pool: { data: "sudoku/test", puzzles: 64 } }, { state: "z" }),
    /64 runs \(sudoku\/test\)/,
  );
  assert.match(poolTitle({}, { state: "z" }), /No projection of this model is recorded/);
});

test("o opens the map and shift o makes it larger; the map is in links, but not part of the run", () => {
  assert.deepEqual(keyMeaning({ key: "o" }), { action: "map" });
  assert.deepEqual(keyMeaning({ key: "O", shiftKey: true }), { action: "map size" });
  const view = { supervision_step: 1, cycle: 1, call: 2, mode: "answer", cell: null };
  assert.match(linkTo("http://a/", { ...view, map: "1" }), /map=1/);
  assert.doesNotMatch(linkTo("http://a/?map=1", view), /map/);
  assert.ok(sameRun({ ...tinyPayload(), map: "/map/a" }, { ...tinyPayload(), map: "/map/b" }));
});
