/** Editing a puzzle: drawing, undo and text, on grids written by hand; and the meaning of each key. */

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  cellsBetween,
  DraftHistory,
  resizeGrid,
  sameGrid,
  textOf,
  withToken,
} from "../../app/editor/src/draft.js";
import { cellBeside, editingKey, keyHelp } from "../../app/editor/src/editor_keys.js";

const [OPEN, WALL, START] = [2, 1, 3];
const MAZE = { blank: OPEN, once: [START] };
const grid = (tokens, columns = 3) => ({ rows: tokens.length / columns, columns, tokens });

test("cells are written, and the previous grid is unchanged", () => {
  const before = grid([OPEN, OPEN, OPEN, START, OPEN, OPEN]);
  assert.deepEqual(withToken(before, [0, 1], WALL, MAZE).tokens, [WALL, WALL, OPEN, START, OPEN, OPEN]);
  assert.deepEqual(before.tokens, [OPEN, OPEN, OPEN, START, OPEN, OPEN]);
});

test("a token that exists once is moved, and restores the walls it passes", () => {
  const before = grid([WALL, WALL, OPEN, START, OPEN, OPEN]);
  assert.deepEqual(withToken(before, [0, 1, 2], START, MAZE).tokens, [WALL, WALL, START, OPEN, OPEN, OPEN]);
});

test("a fast pointer leaves no gap", () => {
  assert.deepEqual(cellsBetween(0, 3, 9), [0, 1, 2, 3]);
  assert.deepEqual(cellsBetween(20, 0, 9), [20, 10, 0]);
  assert.deepEqual(cellsBetween(0, 11, 9), [0, 10, 11]);
  assert.deepEqual(cellsBetween(4, 4, 9), [4, 4]);
  for (const [from, to] of [
    [0, 80],
    [8, 72],
    [3, 77],
  ]) {
    const line = cellsBetween(from, to, 9);
    line
      .slice(1)
      .forEach((cell, at) =>
        assert.ok(
          Math.abs((cell % 9) - (line[at] % 9)) <= 1 &&
            Math.abs(Math.floor(cell / 9) - Math.floor(line[at] / 9)) <= 1,
        ),
      );
    assert.deepEqual([line[0], line.at(-1)], [from, to]);
  }
});

test("a grid keeps its top left part when its size changes", () => {
  const small = grid([1, 2, 3, 4], 2);
  assert.deepEqual(resizeGrid(small, 2, 3, 0), { rows: 2, columns: 3, tokens: [1, 2, 0, 3, 4, 0] });
  assert.deepEqual(resizeGrid(small, 1, 1, 0), { rows: 1, columns: 1, tokens: [1] });
  assert.equal(sameGrid(resizeGrid(small, 4, 1, 0), grid([1, 3, 0, 0], 4)), false);
});

test("the text has one symbol per cell and the task's separator between rows", () => {
  assert.equal(textOf(grid([WALL, OPEN, START, OPEN], 2), [".", "#", ".", "S"], ""), "#.S.");
  assert.equal(textOf(grid([0, 1, 1, 0], 2), ["7", "8"], "/"), "78/87");
});

test("undo and redo go through every grid, and a change clears the redo", () => {
  const [one, two, three] = [grid([1], 1), grid([2], 1), grid([3], 1)];
  const drafts = new DraftHistory(one);
  assert.equal(drafts.push(grid([1], 1)), false);
  assert.deepEqual([drafts.undo(), drafts.redo(), drafts.changed], [false, false, false]);
  drafts.push(two);
  drafts.push(three);
  assert.equal(drafts.changed, true);
  assert.ok(
    drafts.undo() && drafts.current === two && drafts.undo() && drafts.current === one && !drafts.undo(),
  );
  assert.ok(drafts.redo() && drafts.current === two);
  drafts.push(grid([4], 1));
  assert.equal(drafts.redo(), false);
  assert.ok(drafts.undo() && drafts.current === two);
});

test("each key has one meaning, and none with other modifiers", () => {
  const keys = { 5: 6, "#": 1, s: 3 };
  const meaning = (key, modifiers = {}) => editingKey({ key, ...modifiers }, keys);
  assert.deepEqual(meaning("5"), { write: 6 });
  assert.deepEqual(meaning("S", { shiftKey: true }), { write: 3 });
  assert.deepEqual(meaning("ArrowUp", { shiftKey: true }), { move: [-1, 0], draws: true });
  assert.deepEqual(
    ["Backspace", "Delete", " ", "Escape"].map((key) => meaning(key).action),
    ["empty", "empty", "toggle", "cancel"],
  );
  const control = (key, shiftKey = false) => meaning(key, { ctrlKey: true, shiftKey })?.action;
  assert.deepEqual(
    [control("z"), control("Z", true), control("z", true), control("y"), control("Enter")],
    ["undo", "redo", "redo", "redo", "use"],
  );
  assert.equal(meaning("z", { metaKey: true }).action, "undo");
  assert.deepEqual(
    [control("v"), control("5"), meaning("5", { altKey: true }), meaning("x"), meaning("F5")],
    [undefined, undefined, null, null, null],
  );
});

test("keys work on any keyboard layout and with caps lock", () => {
  const keys = { 2: 3, w: 1, ".": 5 };
  const meaning = (key, code, modifiers = {}) => editingKey({ key, code, ...modifiers }, keys);
  assert.deepEqual(meaning("ц", "KeyW"), { write: 1 }); // Russian
  assert.deepEqual(meaning("W", "KeyW"), { write: 1 });
  assert.deepEqual(meaning("é", "Digit2"), { write: 3 }); // French
  assert.deepEqual(meaning("٢", "Digit2"), { write: 3 }); // Arabic
  assert.deepEqual(meaning(".", "Slash"), { write: 5 });
  assert.equal(meaning("z", "KeyW"), null); // what is printed
  assert.equal(meaning("@", "Digit2", { shiftKey: true }), null);
  const control = (key, code, shiftKey = false) => meaning(key, code, { ctrlKey: true, shiftKey })?.action;
  assert.deepEqual(
    [control("я", "KeyZ"), control("Я", "KeyZ", true), control("Z", "KeyZ"), control("z", "KeyZ", true)],
    ["undo", "redo", "undo", "redo"],
  );
  assert.deepEqual([control("z", "KeyW"), control("н", "KeyY")], ["undo", "redo"]);
});

test("moves stop at the edges", () => {
  assert.equal(cellBeside(0, [-1, 0], 2, 3), 0);
  assert.equal(cellBeside(5, [0, 1], 2, 3), 5);
  assert.equal(cellBeside(1, [1, 0], 2, 3), 4);
  assert.equal(cellBeside(4, [0, -Infinity], 2, 3), 3);
  assert.equal(cellBeside(1, [Infinity, 0], 2, 3), 4);
});

test("the list of keys names those of the task", () => {
  assert.deepEqual(keyHelp(false, "1 … 9")[1], ["1 … 9", "enter the digit"]);
  assert.match(keyHelp(true, "w o s g")[0][1], /shift/);
});
