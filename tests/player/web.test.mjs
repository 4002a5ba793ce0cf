/** The model in the browser: the order of its calls, hooks, rules, and the numbers that a run consists of. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { hashOf } from "../../trm/web/bytes.js";
import { Model, readTensors, sum } from "../../trm/web/model.js";
import { growingRun, quantised } from "../../trm/web/record.js";
import { deepSupervision } from "../../trm/web/recursion.js";
import { Maze } from "../../trm/web/rules/maze.js";
import { randomFrom } from "../../trm/web/rules/random.js";
import { Sudoku } from "../../trm/web/rules/sudoku.js";
import { frozen } from "../../trm/web/worker.js";

const EASY = "....3......9.6573..54.1...25..1....8.4.6.....6...8...7.8.32.....7.8...1.23.9.1.4.";
const sudoku = new Sudoku({ box_rows: 3, box_columns: 3 });
const tiny = new Sudoku({ box_rows: 2, box_columns: 2 });
const maze = new Maze({ rows: 5 });

/** A model whose nets add 1 (L) or 10 (H), with a cell, a prefix of one position and D = 2. */
function countingModel() {
  const config = {
    hidden_size: 2,
    vocab_size: 2,
    sequence_length: 1,
    prefix_length: 1,
    halting_position: 0,
    halting: "q_halt > q_continue",
  };
  const tables = {
    embed_tokens: Float32Array.of(0, 0, 1, 0),
    lm_head: Float32Array.of(1, 0, 0, 1),
    "q_head.weight": Float32Array.of(1, 0, 0, 1),
    "q_head.bias": Float32Array.of(5, 2),
    H_init: Float32Array.of(0, 1),
    L_init: Float32Array.of(0, 0),
  };
  const plus = (number) => async (state) => state.map((value) => value + number);
  return new Model(config, tables, { L: plus(1), H: plus(10) });
}

const depth = { n: 2, T: 2, N_sup: 2 };

async function runOf(model, hooks = {}) {
  const steps = [];
  for await (const step of deepSupervision(model, [1], { depth, ...hooks })) steps.push(step);
  return steps;
}

test("every call is run in the order of the recursion, and hooks see it at its coordinates", async () => {
  const seen = [];
  const note = (name) => (at, state) => {
    seen.push(`${name} ${at.step}.${at.cycle}.${at.call} ${at.kind}`);
    return state;
  };
  const steps = await runOf(countingModel(), { beforeCall: note("before"), afterCall: note("after") });
  assert.deepEqual(
    steps.map(({ number }) => number),
    [1, 2],
  );
  assert.deepEqual(seen.slice(0, 6), [
    "before 1.1.1 f_L",
    "after 1.1.1 f_L",
    "before 1.1.2 f_L",
    "after 1.1.2 f_L",
    "before 1.1.3 f_H",
    "after 1.1.3 f_H",
  ]);
  assert.equal(seen.length, 2 * 2 * 2 * 3);
  assert.equal(seen.at(-1), "after 2.2.3 f_H");
});

test("f_L reads x, y and z, and f_H reads y and z", async () => {
  const model = countingModel();
  const x = model.embed([1]);
  assert.deepEqual([...x], [0, 0, Math.fround(Math.SQRT2), 0]); // the prefix is empty
  const start = model.initialState();
  const { y, z } = await model.fL(x, start);
  assert.deepEqual(
    [[...y], [...z]],
    [
      [0, 1, 0, 1],
      [1, 2, Math.fround(1 + Math.SQRT2), 2],
    ],
  );
  assert.deepEqual(
    [...(await model.fH({ y, z })).y],
    [...sum(y, z)].map((value) => Math.fround(value + 10)),
  );
  assert.deepEqual(model.heads(start.y), { logits: Float32Array.of(0, 1), haltingLogit: 5 - 3 });
});

test("a hook replaces the state that the next call reads", async () => {
  const zero = { afterCall: (at, { y, z }) => ({ y, z: z.map(() => 0) }) };
  const [first] = await runOf(countingModel(), zero);
  assert.deepEqual([...first.state.z], [0, 0, 0, 0]);
  assert.deepEqual([...first.state.y], [20, 21, 20, 21]);
});

test("a frozen state stays as it was at the end of a step", async () => {
  const [first, second] = await runOf(countingModel(), frozen({ part: "z", step: 1 }));
  assert.deepEqual(second.state.z, first.state.z);
  assert.notDeepEqual(second.state.y, first.state.y);
  assert.deepEqual(frozen(null), {});
  assert.equal(frozen({ part: "y", step: 3 }).changes, "y frozen after step 3");
});

test("a run grows by a supervision step at a time", async () => {
  const rules = { givens: () => [false], conflicts: () => [false], isSolved: () => true };
  const facts = { ...depth, weights: "w", label: "model" };
  const steps = [];
  for await (const payload of growingRun(countingModel(), facts, rules, [1], [1])) steps.push(payload);
  assert.deepEqual(
    steps.map(({ steps }) => steps),
    [1, 2],
  );
  const bytes = (name) => [...Buffer.from(steps[1][name], "base64")];
  assert.deepEqual([bytes("answers").length, bytes("z_answers").length], [4, 12]);
  assert.deepEqual(steps[1].halt_probability.length, 2);
  assert.equal(steps[0].trace_id, steps[1].trace_id);
  const changed = growingRun(countingModel(), facts, rules, [1], null, frozen({ part: "z", step: 1 }));
  const { value } = await changed.next();
  assert.notEqual(value.trace_id, steps[0].trace_id);
  assert.equal(value.label, "model; interventions: z frozen after step 1");
  assert.equal(value.cells_right, null);
});

test("probabilities become bytes that sum to 255", () => {
  assert.deepEqual(quantised([0.5, 0.5]), [128, 127]);
  assert.deepEqual(quantised([1 / 3, 1 / 3, 1 / 3]), [85, 85, 85]);
  const row = [0.123, 0.004, 0.8, 0.073];
  assert.equal(
    quantised(row).reduce((one, other) => one + other),
    255,
  );
});

test("tensors of a safetensors file are read by name", () => {
  const header = Buffer.from(JSON.stringify({ b: { dtype: "F32", shape: [2], data_offsets: [0, 8] } }));
  const file = Buffer.alloc(8 + header.length + 8);
  file.writeBigUInt64LE(BigInt(header.length));
  header.copy(file, 8);
  file.writeFloatLE(1.5, 8 + header.length);
  const buffer = file.buffer.slice(file.byteOffset, file.byteOffset + file.length);
  assert.deepEqual(readTensors(buffer), { b: Float32Array.of(1.5, 0) });
});

test("a Sudoku is solved, and the number of its solutions is said", () => {
  const inputs = sudoku.parse(EASY);
  const [solution, ...others] = sudoku.solutions(inputs, 2);
  assert.ok(sudoku.isSolved(inputs, solution));
  assert.deepEqual(others, []);
  assert.equal(sudoku.verdict(inputs).solutions, "one");
  assert.equal(sudoku.verdict(Array(81).fill(1)).solutions, "several");
  assert.equal(sudoku.verdict(sudoku.parse(`11${".".repeat(79)}`)).solutions, "none");
  assert.ok(!sudoku.isSolved(inputs, solution.with(0, solution[1])));
  assert.equal(tiny.solutions(Array(16).fill(1), 1000).length, 288);
});

test("a Sudoku is read from what people copy, and a mistake is named", () => {
  const grid = EASY.replaceAll(".", "0").match(/.{9}/g).join("\n");
  assert.deepEqual(sudoku.parse(grid), sudoku.parse(EASY));
  assert.equal(sudoku.format(sudoku.parse(EASY)), EASY);
  assert.throws(() => sudoku.parse("12x"), /x is not part of a Sudoku/);
  assert.throws(() => sudoku.parse("12"), /has 81 cells, but this text has 2/);
});

test("a generated Sudoku has one solution and needs no guess", () => {
  for (const seed of [1, 2, 3]) {
    const inputs = sudoku.generate(randomFrom(seed));
    assert.equal(sudoku.solutions(inputs, 2).length, 1);
    const givens = sudoku.givens(inputs).filter(Boolean).length;
    assert.ok(givens >= 24 && givens < 45, `${givens} givens`);
  }
  assert.notDeepEqual(sudoku.generate(randomFrom(1)), sudoku.generate(randomFrom(2)));
});

test("a maze is solved by its shortest paths", () => {
  const inputs = maze.parse("S....\n###.#\n.....\n.##.#\n....G");
  const [solution, ...others] = maze.solutions(inputs, 9);
  assert.deepEqual(others, []);
  assert.equal(maze.distance(inputs), 8);
  assert.ok(maze.isSolved(inputs, solution));
  assert.ok(!maze.isSolved(inputs, inputs));
  assert.match(maze.verdict(inputs).sentence, /8 steps\.$/);
  const closed = maze.parse("S#...#####.........G.....".padEnd(25, "."));
  assert.equal(maze.verdict(closed).solutions, "none");
  assert.deepEqual(maze.solutions(closed, 2), []);
  assert.equal(maze.verdict(maze.parse("S....................G...")).solutions, "several");
});

test("a generated maze has one path of two sides or more", () => {
  const large = new Maze({ rows: 15 });
  for (const seed of [1, 2, 3]) {
    const inputs = large.generate(randomFrom(seed));
    assert.equal(large.solutions(inputs, 2).length, 1);
    assert.ok(large.distance(inputs) >= 30);
  }
});

test("different values have different hashes of 16 digits", () => {
  const hashes = Array.from({ length: 1000 }, (_, number) => hashOf([number]));
  assert.equal(new Set(hashes).size, 1000);
  assert.ok(hashes.every((hash) => /^[0-9a-f]{16}$/.test(hash)));
});
