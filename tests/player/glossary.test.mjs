/** The terms in texts. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { namesOf, TERMS, termsIn } from "../../trm/player/guide/glossary.js";
import { ENGLISH } from "../../trm/player/text/english.js";
import { setLanguage } from "../../trm/player/text/translate.js";

const found = (text) => termsIn(text).filter(([, id]) => id);

test("every term of the table is listed, with a name and a meaning", () => {
  const named = Object.keys(ENGLISH).filter((name) => name.startsWith("term_"));
  assert.deepEqual(
    named,
    TERMS.map((id) => `term_${id}`),
  );
  for (const id of TERMS) assert.ok(namesOf(id)[0] && ENGLISH[`about_${id}`], id);
});

test("terms are found in sentences as whole words, the longest name first, and nothing of the text is lost", () => {
  const place = "Supervision step 2 of 16, cycle 1 of 3, f_H";
  assert.deepEqual(found(place), [
    ["Supervision step", "supervision_step"],
    ["cycle", "cycle"],
    ["f_H", "f_H"],
  ]);
  assert.equal(
    termsIn(place)
      .map(([part]) => part)
      .join(""),
    place,
  );
  assert.deepEqual(found("yes, z_cycle: P(halt)"), [["P(halt)", "halting"]]);
});

test("terms are found in another language, with its own word forms", () => {
  setLanguage({ term_cycle: "цикл|цикла", term_supervision_step: "шаг супервизии" });
  assert.deepEqual(found("Шаг супервизии 2, цикл 1"), [
    ["Шаг супервизии", "supervision_step"],
    ["цикл", "cycle"],
  ]);
  assert.deepEqual(found("после цикла, вне циклами"), [["цикла", "cycle"]]);
  setLanguage();
});
