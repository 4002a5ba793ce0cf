/** The texts of the player and its languages. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

import { ENGLISH } from "../../trm/player/text/english.js";
import { eventSentence, placeSentence } from "../../trm/player/text/sentences.js";
import { decodeTrace } from "../../trm/player/model/trace.js";
import { translate, translateOr, setLanguage } from "../../trm/player/text/translate.js";
import { mazePayload, tinyPayload } from "./by_hand.mjs";

const SOURCES = new URL("../../trm/player/", import.meta.url);

test("values are filled in, with the plural form that fits the number", () => {
  setLanguage({ cells_changed: "изменено: {count|клетка|клетки|клеток}", changes: "{count|flip|flips}" });
  assert.deepEqual(
    [1, 2, 5, 11, 14, 21, 22, 112].map((count) => translate("cells_changed", { count })),
    [
      "изменено: 1 клетка",
      "изменено: 2 клетки",
      "изменено: 5 клеток",
      "изменено: 11 клеток",
      "изменено: 14 клеток",
      "изменено: 21 клетка",
      "изменено: 22 клетки",
      "изменено: 112 клеток",
    ],
  );
  assert.deepEqual(
    [1, 0, 2].map((count) => translate("changes", { count })),
    ["1 flip", "0 flips", "2 flips"],
  );
  assert.equal(translateOr("name_of_nothing", "x"), "x");
  setLanguage();
});

test("a table switches the language; missing texts are English, and without a table all are", () => {
  const trace = decodeTrace(tinyPayload());
  const english = [placeSentence(trace, 3), eventSentence(trace, 3)];
  setLanguage({ place: "Schritt {step}/{N_sup}, Zyklus {cycle}/{T}, {call}", name_path: "Weg" });
  assert.equal(placeSentence(trace, 3), "Schritt 1/2, Zyklus 2/2, f_H");
  assert.equal(eventSentence(trace, 3), english[1]);
  assert.ok(decodeTrace(mazePayload()).symbolNames.includes("Weg"));
  setLanguage();
  assert.deepEqual([placeSentence(trace, 3), eventSentence(trace, 3)], english);
  assert.ok(decodeTrace(mazePayload()).symbolNames.includes("path"));
});

test("every text is in the table, and no module has texts of its own", () => {
  for (const file of readdirSync(SOURCES, { recursive: true }).filter(
    (name) => name.endsWith(".js") && !name.endsWith("english.js"),
  )) {
    const text = readFileSync(new URL(file, SOURCES), "utf-8");
    for (const [, name] of text.matchAll(/\btranslate\("([\w-]+)"/g))
      assert.ok(name in ENGLISH, `${file}: ${name}`);
    const labels = [...text.matchAll(/(?:title|"aria-label"): "([^"]+)"/g)].map(([, label]) => label);
    assert.deepEqual(labels, [], file);
  }
});
