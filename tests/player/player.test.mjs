/**
 * The pure functions of the player: decoding, navigation, views of the cells, sentences, curves. Run with
 * node --test tests/player/
 */

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  answerAt,
  callAt,
  callOfAnswer,
  coordinatesOf,
  move,
  windowOf,
} from "../../trm/player/model/coordinates.js";
import { flagNames } from "../../trm/player/model/cells.js";
import { KEYS, keyMeaning, keyName } from "../../trm/player/keys.js";
import { addressWith, linkTo } from "../../trm/player/model/link.js";
import { markersOf, spreadOut } from "../../trm/player/model/markers.js";
import { isInPart, partOf, partSentence } from "../../trm/player/view/part.js";
import { pictureView } from "../../trm/player/skins/picture.js";
import { cellProbabilities, cropAt, isRecorded, gridView } from "../../trm/player/model/grid_view.js";
import {
  captionSentence,
  cellSentence,
  eventSentence,
  likelySymbols,
  placeSentence,
} from "../../trm/player/text/sentences.js";
import { cellCurves, STRIPS } from "../../trm/player/view/strips.js";
import { continues, decodeBytes, decodeTrace } from "../../trm/player/model/trace.js";
import {
  arcPayload,
  base64,
  BLUE,
  GOAL,
  mazePayload,
  OPEN,
  PATH,
  RED,
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

test("base64 is decoded, and invalid fields are refused by name", () => {
  assert.deepEqual([...decodeBytes(base64([0, 7, 255]), 3, "inputs")], [0, 7, 255]);
  assert.throws(() => decodeBytes(base64([1]), 2, "inputs"), /"inputs" has 1 bytes instead of 2/);
  assert.throws(() => decodeBytes("%%", 2, "givens"), /"givens" is not base64/);
  assert.throws(() => decodeBytes(undefined, 2, "givens"), /"givens" is missing/);
});

test("an invalid payload is refused with one line that names the first invalid field", () => {
  const refused = (changes, message) =>
    assert.throws(
      () => decodeTrace(tinyPayload(changes)),
      (error) => message.test(error.message) && !error.message.includes("\n"),
    );
  assert.throws(() => decodeTrace(undefined), /not written for this player/);
  refused({ version: 2 }, /version 1/);
  refused({ n: 0 }, /"n" is 0/);
  refused({ steps: 3 }, /"steps" is 3/);
  refused({ steps: 0 }, /Waiting for the first supervision step/);
  refused({ answers: base64([2, 1]) }, /"answers" has 2 bytes instead of 8/);
  refused({ labels: base64([2, 4]) }, /"labels" holds token 4, but there are 4 symbols/);
  refused({ entropy: [1] }, /"entropy" has 1 numbers instead of 4/);
});

test("a decoded trace counts what changed", () => {
  const trace = decodeTrace(tinyPayload());
  assert.deepEqual([trace.answers, trace.calls, trace.length], [4, 8, 8]);
  assert.deepEqual(trace.changed, [0, 1, 0, 1]);
  assert.deepEqual(trace.conflicting, [0, 2, 2, 0]);
  assert.deepEqual(trace.texts, [".", ".", "1", "2"]);
});

test("probabilities of a cell sum to 1 at every answer, and are 0 before the first", () => {
  const trace = decodeTrace(makePayload({ N_sup: 2 }));
  for (let answer = 0; answer < trace.answers; answer++) {
    for (let cell = 0; cell < trace.L; cell++)
      assert.ok(Math.abs(cellProbabilities(trace, answer, cell).reduce((a, b) => a + b) - 1) < 1e-9);
  }
  assert.deepEqual(cellProbabilities(trace, -1, 5), Array(11).fill(0));
});

test("coordinates and calls are inverse to each other, and coordinates outside the run are clipped", () => {
  const trace = decodeTrace(makePayload({ n: 2, T: 3, N_sup: 4, growth: 3 }));
  for (let call = 0; call < trace.calls; call++)
    assert.equal(callAt(trace, coordinatesOf(trace, call)), call);
  assert.deepEqual(coordinatesOf(trace, 0), { supervision_step: 1, cycle: 1, call: 1, kind: "f_L" });
  assert.deepEqual(coordinatesOf(trace, 2), { supervision_step: 1, cycle: 1, call: 3, kind: "f_H" });
  assert.deepEqual(coordinatesOf(trace, 9), { supervision_step: 2, cycle: 1, call: 1, kind: "f_L" });
  assert.equal(callAt(trace, { supervision_step: 99, cycle: 99, call: 99 }), trace.calls - 1);
  assert.equal(callAt(trace, { supervision_step: 2 }), 11);
});

test("the answer on screen is that of the last f_H call", () => {
  const trace = decodeTrace(makePayload({ n: 2, T: 2, N_sup: 2 }));
  assert.deepEqual(
    [0, 1, 2, 3, 4, 5, 6].map((call) => answerAt(trace, call)),
    [-1, -1, 0, 0, 0, 1, 1],
  );
  for (let answer = 0; answer < trace.answers; answer++)
    assert.equal(answerAt(trace, callOfAnswer(trace, answer)), answer);
});

test("every move, in the middle and at the ends", () => {
  // 6 calls a step, 18 in all; f_H at 2, 5, 8, 11, 14, 17
  const trace = decodeTrace(makePayload({ n: 2, T: 2, N_sup: 3 }));
  const moves = {
    "next answer": { 0: 2, 2: 5, 3: 5, 14: 17, 15: 17, 17: 17 },
    "previous answer": { 0: 0, 2: 2, 3: 2, 5: 2, 17: 14 },
    "next step": { 0: 6, 2: 8, 11: 17, 12: 12, 17: 17 },
    "previous step": { 17: 11, 6: 0, 5: 5, 0: 0 },
    "next call": { 0: 1, 2: 3, 17: 17 },
    "previous call": { 17: 16, 3: 2, 0: 0 },
    first: { 0: 2, 17: 2 },
    last: { 0: 17, 17: 17 },
  };
  for (const [command, cases] of Object.entries(moves)) {
    for (const [from, to] of Object.entries(cases))
      assert.equal(move(trace, Number(from), command), to, `${command} from ${from}`);
  }
});

test("keys have their meanings; with ctrl, alt or meta they have none", () => {
  assert.deepEqual(keyMeaning({ key: "ArrowRight" }), { move: "next answer" });
  assert.deepEqual(keyMeaning({ key: "ArrowLeft", shiftKey: true }), { move: "previous step" });
  assert.deepEqual(keyMeaning({ key: "ArrowDown" }), { move: "next call" });
  assert.deepEqual(keyMeaning({ key: "End" }), { move: "last" });
  assert.deepEqual(keyMeaning({ key: "5" }), { mode: "z" });
  assert.deepEqual(keyMeaning({ key: "6" }), { mode: "reverse" });
  assert.deepEqual(keyMeaning({ key: "?", shiftKey: true }), { action: "help" });
  assert.deepEqual(keyMeaning({ key: "w" }), { select: [-1, 0] });
  assert.deepEqual(keyMeaning({ key: "+", shiftKey: true }), { zoom: 1 });
  assert.deepEqual(keyMeaning({ key: "-" }), { zoom: -1 });
  assert.deepEqual(keyMeaning({ key: "m" }), { action: "marks" });
  assert.deepEqual(keyMeaning({ key: "l" }), { action: "link" });
  assert.deepEqual(keyMeaning({ key: "p" }), { action: "pin" });
  assert.deepEqual(keyMeaning({ key: "Home", shiftKey: true }), { move: "first" });
  for (const key of ["7", "0", "x", "r", "c", "constructor"]) assert.equal(keyMeaning({ key }), null);
  for (const held of ["ctrlKey", "altKey", "metaKey"])
    assert.equal(keyMeaning({ key: "ArrowRight", [held]: true }), null);
});

test("keys mean the same on other keyboards and with caps lock", () => {
  const pressed = (key, code, shiftKey = false) => keyMeaning({ key, code, shiftKey });
  const [down, up] = [{ select: [1, 0] }, { select: [-1, 0] }];
  assert.deepEqual(pressed("ы", "KeyS"), down); // Russian
  assert.deepEqual(pressed("Ы", "KeyS"), down); // with caps lock
  assert.deepEqual(pressed("S", "KeyS"), down);
  assert.deepEqual(pressed("s", "KeyS", true), down); // caps lock and shift
  assert.deepEqual(pressed("а", "KeyF"), { action: "full" });
  assert.deepEqual(pressed("F", "KeyF"), { action: "full" });
  assert.deepEqual(pressed("'", "KeyW"), up); // Hebrew
  assert.deepEqual(pressed("é", "Digit2"), { mode: "probabilities" }); // French
  assert.deepEqual(pressed("2", "Digit2", true), { mode: "probabilities" });
  assert.deepEqual(pressed("٢", "Digit2"), { mode: "probabilities" }); // Arabic
  // on other Latin layouts the printed letter counts, and keys with their own meaning keep it
  assert.equal(pressed("z", "KeyW"), null);
  assert.deepEqual(pressed("w", "KeyZ"), up);
  assert.deepEqual(pressed("-", "Digit6"), { zoom: -1 });
  assert.deepEqual(pressed("?", "Digit7", true), { action: "help" });
  for (const [key, code, shiftKey] of [
    ["@", "Digit2", true],
    ["Unidentified", ""],
    ["F2", "F2"],
    ["й", "KeyQ"],
    ["à", "Digit0"],
  ])
    assert.equal(pressed(key, code, shiftKey), null);
  assert.equal(keyMeaning({ key: "ы", code: "KeyS", ctrlKey: true }), null);
});

test("an upper-case name is the letter with shift", () => {
  const known = (name) => ["t", "T"].includes(name);
  const named = (key, shiftKey, code = "KeyT") => keyName({ key, code, shiftKey }, known);
  assert.deepEqual([named("t", false), named("T", true)], ["t", "T"]);
  assert.deepEqual([named("T", false), named("t", true)], ["t", "T"]); // caps lock
  assert.deepEqual([named("е", false), named("Е", true)], ["t", "T"]);
  assert.equal(named("t", false, "KeyK"), "t");
});

test("every key has one meaning, and every move is valid", () => {
  const meanings = KEYS.flatMap(([, , keys]) => Object.entries(keys));
  assert.equal(new Set(meanings.map(([key]) => key)).size, meanings.length);
  for (const [name, meaning] of meanings) {
    const [shiftKey, key] = name.startsWith("shift ") ? [true, name.slice(6)] : [false, name];
    assert.deepEqual(keyMeaning({ key, shiftKey }), meaning);
    if (meaning.move) assert.doesNotThrow(() => move(decodeTrace(tinyPayload()), 3, meaning.move));
  }
});

test("the same run or a grown one continues a run, another run does not", () => {
  const run = (options) => decodeTrace(makePayload({ N_sup: 4, ...options }));
  assert.equal(continues(null, run({})), false);
  assert.equal(continues(run({ growth: 1 }), run({ growth: 3 })), true);
  assert.equal(continues(run({ growth: 3 }), run({ growth: 1 })), false);
  assert.equal(continues(run({ seed: 1 }), run({ seed: 2 })), false);
  assert.equal(continues(run({ growth: 2 }), run({ growth: 2, n: 3 })), false);
});

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

/** The tiny run with reverse embeddings: y decodes to 2 2, then to 2 3 until the end. */
const reversePayload = (changes) =>
  tinyPayload({
    z_reverse: base64([2, 1, 1, 1, 2, 3, 2, 3, 2, 2, 1, 2, 2, 3, 2, 3]),
    y_reverse: base64([2, 2, 2, 3, 2, 3, 2, 3]),
    ...changes,
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

test("markers: first solved, solution lost, would halt, trained depth, arrived; with letter, call and text", () => {
  const marks = (changes) =>
    markersOf(decodeTrace(tinyPayload(changes))).map(({ letter, call, text }) => `${letter} ${call} ${text}`);
  const quiet = { halt_step: null };
  assert.deepEqual(marks({}), [
    "S 7 solved at step 2, cycle 2, and stays solved",
    "H 7 would halt at step 2 (q_halt > 0)",
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

test("a link has the view and keeps the other parameters of the address", () => {
  const view = { supervision_step: 3, cycle: 2, call: 7, kind: "f_H", mode: "confidence", cell: [4, 0] };
  assert.equal(
    linkTo("http://host:8501/?model=m&puzzle=53..&at=1.1.1#x", view),
    "http://host:8501/?model=m&puzzle=53..&at=3.2.7&mode=confidence&cell=4%2C0#x",
  );
  assert.equal(
    linkTo("http://host/?cell=1%2C2", { ...view, cell: null }),
    "http://host/?at=3.2.7&mode=confidence",
  );
  const pair = { ...view, cell: null, align: "call", lead: "left" };
  assert.equal(linkTo("http://host/", pair), "http://host/?at=3.2.7&mode=confidence&align=call&lead=left");
  assert.equal(
    linkTo(linkTo("http://host/", pair), { ...pair, align: null, lead: null }),
    "http://host/?at=3.2.7&mode=confidence",
  );
});

test("an address is escaped as Python does it", () => {
  const before = "http://host/?model=a%2Fb&pin=m~6.3.16~53..&puzzle=*+~%D1%8B&scene=one";
  assert.equal(
    addressWith(before, { scene: "two", lang: "ru", puzzle: "*~ ы,/", room: null }),
    // urllib.parse.urlencode({"model": "a/b", "pin": "m~6.3.16~53..", "puzzle": "*~ ы,/", "scene": "two", "lang": "ru"})
    "http://host/?model=a%2Fb&pin=m~6.3.16~53..&puzzle=%2A~+%D1%8B%2C%2F&scene=two&lang=ru",
  );
  assert.equal(addressWith("http://host/?at=1.1.1", { at: null }), "http://host/");
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
