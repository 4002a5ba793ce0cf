/** Players and progress bars that follow a feed: what they ask, and how they go on after a feed that is gone. */

import assert from "node:assert/strict";
import { test } from "node:test";

import mountBar from "../../app/ui/progress.js";
import { Pair } from "../../trm/player/pair.js";
import { Player } from "../../trm/player/player.js";
import { arcPayload, tinyPayload } from "./by_hand.mjs";
import { anything, playersWithoutPage, serve, soon } from "./page.mjs";
import { makePayload } from "./payload.mjs";

playersWithoutPage();

const grown = (steps, changes = {}) => makePayload({ n: 1, T: 1, N_sup: 4, growth: steps, ...changes });
const noStep = (feed) => ({ ...grown(1), trace_id: undefined, steps: 0, feed });

/** A player with this data, whose reports and triggers are kept in `sent`. */
function playerWith(data, sent = []) {
  const player = new Player(anything);
  player.update(data, undefined, (name) => sent.push(name));
  return player;
}

test("a player asks at once for what follows the steps that it has been given", () => {
  const asked = serve([]);
  const player = playerWith({ ...grown(2), feed: "/runs/a" });
  assert.deepEqual(asked, ["/runs/a?steps=2"]);

  player.update(noStep("/runs/b"), undefined, () => {}); // another puzzle
  assert.deepEqual(asked, ["/runs/a?steps=2", "/runs/b?steps=0"]);
  player.remove();
});

test("a player asks for what follows the steps that have arrived, whatever Python still has", async () => {
  const asked = serve([{ payload: grown(3) }]);
  const player = playerWith({ ...grown(1), feed: "/runs/a" });
  await soon();
  player.update({ ...grown(2), feed: "/runs/a" }, undefined, () => {});
  assert.deepEqual([asked, player.trace.steps], [["/runs/a?steps=1", "/runs/a?steps=3"], 3]);
  player.remove();
});

for (const gone of [null, 404])
  test(`a player follows a feed again that was gone (${gone}), and keeps its steps`, async () => {
    const asked = serve([{ payload: grown(3) }, gone]);
    const sent = [];
    const player = playerWith({ ...grown(1), feed: "/runs/a" }, sent);
    await soon(10);
    assert.deepEqual(sent, ["news"]); // Python publishes the feed again
    player.update(noStep("/runs/a"), undefined, () => {});
    assert.deepEqual(asked.slice(2), ["/runs/a?steps=3"]);
    assert.equal(player.trace.steps, 3);
    player.remove();
  });

test("a page without a feed, drawn after the feed was gone, is not drawn once more", async () => {
  serve([null]);
  const sent = [];
  const player = playerWith({ ...grown(1), feed: "/runs/a" }, sent);
  const page = document.querySelector;
  document.querySelector = () => ({ dataset: { testScriptState: "running" } });
  await soon(10);
  player.update({ ...grown(1), feed: null }, undefined, (name) => sent.push(name));
  document.querySelector = page;
  await soon(150);
  assert.deepEqual(sent, []);
  player.remove();
});

for (const gone of [null, 404])
  test(`a progress bar follows a feed again that was gone (${gone})`, async () => {
    const asked = serve([gone]);
    const sent = [];
    const parentElement = { querySelector: () => ({ children: [anything, anything], setAttribute() {} }) };
    const data = { feed: "/progress/a", stage: "running", share: 0.5, text: "Half", tag: "t", edits: 3 };
    const draw = (changes) =>
      mountBar({
        data: { ...data, reruns: true, ...changes },
        parentElement,
        setTriggerValue: (name, value) => sent.push([name, value]),
      });
    draw();
    await soon(10);
    assert.deepEqual(sent, [["news", { edits: 3 }]]);
    draw({ edits: 4 });
    assert.equal(asked.length, 2);
    assert.equal(asked[1], "/progress/a?stage=running&known=t");
    const leave = draw(); // the same feed is not asked twice
    assert.equal(asked.length, 2);
    leave();
  });

test("a pair that cannot draw a step still settles the next one", () => {
  serve([]);
  const pair = new Pair(anything);
  const players = [tinyPayload(), { ...grown(1), feed: "/runs/a" }];
  pair.update({ names: ["Left", "Right"], titles: ["one", "two"], players }, undefined, () => {});
  const [, right] = pair.players;
  right.show = () => {
    throw new Error("cannot be drawn");
  };
  assert.throws(() => right.grow({ payload: grown(2) }), /cannot be drawn/);
  assert.equal(pair.updating, false);
  pair.remove();
});

test("the views of a grid of colours are kept on a change of the page", () => {
  const before = playerWith(arcPayload());
  before.toggleView("whole");
  before.toggleView("numbers");
  const after = playerWith(arcPayload());
  const drawn = [];
  after.grid = {
    setPart: (...given) => drawn.push(given),
    select() {},
    redraw() {},
    remove() {},
    draw: () => anything,
  };
  after.restore(before.settings);
  assert.deepEqual([after.whole, after.numbers], [true, true]);
  assert.deepEqual(drawn.at(-1), [before.part, true]);
  assert.notDeepEqual(before.part, playerWith(arcPayload()).part);

  const pair = new Pair(anything);
  const players = [arcPayload(), arcPayload()];
  pair.update({ names: ["Left", "Right"], titles: ["one", "two"], players }, undefined, () => {});
  pair.restore(before.settings);
  assert.deepEqual(
    pair.players.map(({ part }) => part),
    [before.part, before.part],
  );
  for (const each of [before, after, pair]) each.remove();
});

test("a page that now depends on the view is told where the player already is", async () => {
  const views = [];
  const player = new Player(anything);
  const report = (name, view) => views.push([name, view.supervision_step]);
  const data = { ...grown(4), reports: false };
  player.update(data, report, () => {});
  player.go(player.trace.calls - 1);
  await soon(600);
  assert.deepEqual(views, []);
  player.update({ ...data, reports: true }, report, () => {});
  await soon(600);
  assert.deepEqual(views, [["view", 4]]);

  const next = new Player(anything); // Streamlit has drawn the page again
  next.update({ ...data, reports: true }, report, () => {});
  next.restore(player.settings);
  await soon(600);
  assert.deepEqual(views, [
    ["view", 4],
    ["view", 4],
  ]);
  player.remove();
  next.remove();
});
