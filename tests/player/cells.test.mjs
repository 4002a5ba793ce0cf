/** Views of the cells and of pictures, on runs written by hand. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { callOfAnswer } from "../../trm/player/model/coordinates.js";
import { flagNames } from "../../trm/player/model/cells.js";
import { keyMeaning } from "../../trm/player/keys.js";
import { isInPart, partOf, partSentence } from "../../trm/player/view/part.js";
import { pictureView } from "../../trm/player/skins/picture.js";
import { cropAt, gridView } from "../../trm/player/model/grid_view.js";
import { cellSentence } from "../../trm/player/text/sentences.js";
import { decodeTrace } from "../../trm/player/model/trace.js";
import {
  arcPayload,
  base64,
  BLUE,
  GOAL,
  mazePayload,
  OPEN,
  PATH,
  RED,
  reversePayload,
  START,
  tinyPayload,
  WALL,
} from "./by_hand.mjs";
import { conflictsOf, makePayload } from "./payload.mjs";

/** The picture at a call as plain lists. */
function pictureOf(trace, call, mode) {
  const picture = pictureView(trace, call, mode, gridView(trace, call, mode));
  return Object.fromEntries(Object.entries(picture).map(([name, values]) => [name, [...values]]));
}

test("cells: givens, changes, conflicts and errors agree with counts from the payload", () => {
  const payload = makePayload({ N_sup: 3 });
  const trace = decodeTrace(payload);
  for (let answer = 0; answer < trace.answers; answer++) {
    const view = gridView(trace, callOfAnswer(trace, answer), "answer");
    const with_ = (name) => [...view.flags].filter((flags) => flagNames(flags).includes(name)).length;
    assert.equal(trace.cells_total - with_("wrong"), payload.cells_right[answer]);
    assert.equal(
      with_("conflict"),
      conflictsOf([...view.tokens]).reduce((a, b) => a + b),
    );
    assert.equal(with_("changed"), trace.changed[answer]);
  }
});

test("cells at f_L calls: y is unchanged; only the givens before the first f_H call; z is decoded on its own", () => {
  const trace = decodeTrace(tinyPayload());
  const names = (call, mode) =>
    Array.from(gridView(trace, call, mode).flags, (flags) => flagNames(flags).join(" "));
  assert.deepEqual([...gridView(trace, 0, "answer").tokens], [2, 1]);
  assert.deepEqual(names(0, "answer"), ["given", "empty"]);
  assert.deepEqual(names(3, "answer"), ["given conflict", "changed conflict wrong"]);
  assert.deepEqual(names(4, "answer"), ["given conflict", "conflict wrong"]);
  assert.deepEqual([...gridView(trace, 2, "z").tokens], [2, 3]);
  assert.deepEqual(names(2, "z"), ["given", "changed"]);
  assert.deepEqual([...gridView(trace, 2, "z").shade], [40, 50]);
  assert.deepEqual([...gridView(trace, 3, "confidence").shade], [255, 150]);
  assert.deepEqual([...gridView(trace, 0, "confidence").shade], [0, 0]);
});

test("z by reverse embedding: its tokens large, those of y small where they differ, no confidence and no conflicts", () => {
  const trace = decodeTrace(reversePayload());
  const view = (call) => gridView(trace, call, "reverse");
  assert.deepEqual([...view(0).tokens], [2, 1]);
  assert.equal(view(0).small, null); // no y yet
  assert.deepEqual([...view(1).tokens], [1, 1]);
  assert.deepEqual([...view(1).small], [2, 2]);
  assert.deepEqual([...view(3).small], [-1, -1]);
  assert.equal(view(3).shade, null);
  assert.deepEqual(
    Array.from(view(2).flags, (flags) => flagNames(flags).join(" ")),
    ["given changed", "changed"],
  );
  assert.deepEqual([...gridView(trace, 3, "change").small], [-1, 1]);
  assert.equal(gridView(trace, 3, "z").small, null);
});

test("looks define the skin, and names replace symbols of tokens with a look", () => {
  assert.equal(decodeTrace(tinyPayload()).skin.name, "text");
  assert.deepEqual(decodeTrace(tinyPayload()).symbolNames, ["pad", "blank", "1", "2"]);
  const maze = decodeTrace(mazePayload());
  assert.equal(maze.skin.name, "maze");
  assert.deepEqual(maze.symbolNames, ["pad", "wall", "open", "start", "goal", "path"]);
  assert.deepEqual(maze.texts, [".", "#", ".", "S", "G", "o"]);
  assert.equal(decodeTrace(arcPayload()).skin.name, "colours");
  assert.throws(
    () => decodeTrace(mazePayload({ looks: ["wall"] })),
    /"looks" has 1 entries, but there are 6 symbols/,
  );
  assert.throws(
    () => decodeTrace(arcPayload({ crops: { input: [1, 2], answers: [[1, 2]], z: [] } })),
    /"crops" has 1 entries instead of 2/,
  );
});

test("a trail joins path, start and goal, and nothing across the edge of the grid", () => {
  const trace = decodeTrace(mazePayload());
  const [RIGHT, LEFT] = [2, 8];
  assert.deepEqual(pictureOf(trace, 1, "answer").joints, [0, 0, 0, 0, 0, 0]);
  assert.deepEqual(pictureOf(trace, 3, "answer").joints, [RIGHT, RIGHT | LEFT, LEFT, 0, 0, 0]);
  const column = decodeTrace(mazePayload({ rows: 6, columns: 1 }));
  assert.deepEqual(pictureOf(column, 3, "answer").joints, [4, 5, 1, 0, 0, 0]);
});

test("a cell that a maze's path misses is wrong, and drawn as floor unless its mark is requested", () => {
  const trace = decodeTrace(mazePayload());
  const view = gridView(trace, 1, "answer");
  assert.deepEqual(flagNames(view.flags[1]), ["wrong", "missing"]);
  const flagsIn = (missing) => flagNames(pictureView(trace, 1, "answer", view, missing).flags[1]);
  assert.deepEqual([flagsIn(false), flagsIn(true)], [[], ["missing"]]);
  const astray = decodeTrace(mazePayload({ labels: base64([START, OPEN, GOAL, PATH, WALL, PATH]) }));
  assert.deepEqual(flagNames(gridView(astray, 3, "answer").flags[1]), ["changed", "wrong"]);
  assert.deepEqual(keyMeaning({ key: "h" }), { action: "missing" });
});

test("pictures change where the values of a mode change", () => {
  const trace = decodeTrace(mazePayload());
  assert.deepEqual(pictureOf(trace, 1, "probabilities").levels, [0, (255 - 170) >> 3, 0, 0, 0, 0]);
  assert.deepEqual(pictureOf(trace, 3, "probabilities").levels, [0, 170 >> 3, 0, 0, 0, 0]);
  assert.deepEqual(pictureOf(trace, 3, "change").others, [0, OPEN + 1, 0, 0, 0, 0]);
  // a wall covers the shade
  assert.deepEqual(pictureOf(trace, 3, "confidence").levels, [31, 170 >> 3, 31, 31, 0, 31]);
  // givens have no shade
  assert.deepEqual(pictureOf(trace, 3, "z").levels, [0, 128 >> 3, 0, 128 >> 3, 0, 128 >> 3]);
  assert.deepEqual(pictureOf(trace, 0, "probabilities").levels, [0, 0, 0, 0, 0, 0]);
});

test("the inner square is the second most probable colour", () => {
  const picture = pictureOf(decodeTrace(arcPayload()), 1, "probabilities");
  assert.deepEqual(picture.others, [RED + 1, BLUE + 1, RED + 1, RED + 1]);
  assert.deepEqual(picture.levels, Array(4).fill(100 >> 3));
});

test("an answer is not wrong where the solution has padding", () => {
  const trace = decodeTrace(arcPayload());
  assert.deepEqual(
    Array.from(gridView(trace, 3, "answer").flags, (flags) => flagNames(flags).join(" ")),
    ["changed wrong", "", "", "changed"],
  );
  assert.equal(cellSentence(trace, 3, 3), "Row 1, column 4: blue with probability 0.61");
});

test("the outline follows the grid on screen", () => {
  const trace = decodeTrace(arcPayload());
  assert.deepEqual(cropAt(trace, 0, "answer"), [1, 2]);
  assert.deepEqual(cropAt(trace, 3, "z"), [1, 1]);
  assert.equal(cropAt(decodeTrace(mazePayload()), 3, "answer"), null);
});

test("a grid that uses only a corner shows that corner, the same at every call", () => {
  const trace = decodeTrace(arcPayload());
  const cut = (crops) => partOf({ ...trace, crops: { ...trace.crops, ...crops } });
  assert.deepEqual(partOf(trace), { rows: 1, columns: 3 }); // two cells and their border
  assert.deepEqual(partOf(trace, true), { rows: 1, columns: 4 });
  assert.deepEqual(cut({ solution: [1, 3] }), { rows: 1, columns: 4 });
  // the first cell if there is no grid
  assert.deepEqual(
    cut({
      input: [0, 0],
      answers: [
        [1, 2],
        [0, 0],
      ],
    }),
    { rows: 1, columns: 2 },
  );
  assert.deepEqual(partOf(decodeTrace(mazePayload())), { rows: 2, columns: 3 });
  assert.deepEqual(
    [2, 3, 4].map((cell) => isInPart({ rows: 1, columns: 3 }, cell, 4)),
    [true, false, false],
  );
  assert.equal(partSentence(trace, partOf(trace), 3, "answer"), "showing 1x3 of 1x4");
  assert.equal(
    partSentence(trace, { rows: 1, columns: 1 }, 3, "answer"),
    "showing 1x1 of 1x4; the grid at this call is 1x2",
  );
  assert.equal(partSentence(trace, partOf(trace, true), 3, "answer"), "");
});
