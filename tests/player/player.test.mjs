/**
 * The pure functions of the player: decoding, navigation, keys, links. Run with
 * node --test tests/player/
 */

import assert from "node:assert/strict";
import { test } from "node:test";

import { answerAt, callAt, callOfAnswer, coordinatesOf, move } from "../../trm/player/model/coordinates.js";
import { KEYS, keyMeaning, keyName } from "../../trm/player/keys.js";
import { addressWith, linkTo } from "../../trm/player/model/link.js";
import { cellProbabilities } from "../../trm/player/model/grid_view.js";
import { continues, decodeBytes, decodeTrace } from "../../trm/player/model/trace.js";
import { base64, tinyPayload } from "./by_hand.mjs";
import { makePayload } from "./payload.mjs";

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
