/** Feeds of the server, and what a player remembers when it leaves the page. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { arrive, followFeed, whenUpToDate } from "../../trm/player/feed.js";
import { recall, remember } from "../../trm/player/memory.js";
import { serve, soon } from "./page.mjs";

test("a feed is asked again, with what is known, until it has ended", async () => {
  const asked = serve([{ steps: 1 }, { steps: 3, ended: true }]);
  const taken = [];
  const query = () => ({ steps: taken.at(-1)?.steps ?? 0 });
  const take = (content) => {
    taken.push(content);
    return !content.ended;
  };
  await followFeed("/runs/a", query, take, new AbortController().signal);
  assert.deepEqual(asked, ["/runs/a?steps=0", "/runs/a?steps=1"]);
  assert.deepEqual(
    taken.map(({ steps }) => steps),
    [1, 3],
  );
});

test("a feed that the server does not know is null, and one that cannot be reached is asked again", async () => {
  const asked = serve([new Error("no network"), 503, 404]);
  const taken = [];
  const realTimeout = globalThis.setTimeout;
  globalThis.setTimeout = (act) => realTimeout(act, 0);
  try {
    await followFeed(
      "/runs/a",
      () => ({}),
      (content) => void taken.push(content),
      new AbortController().signal,
    );
  } finally {
    globalThis.setTimeout = realTimeout;
  }
  assert.equal(asked.length, 3);
  assert.deepEqual(taken, [null]);
});

test("an error in what takes an answer is not taken for a server that cannot be reached", async () => {
  const asked = serve([{ steps: 1 }]);
  const take = () => {
    throw new Error("cannot be drawn");
  };
  const following = followFeed("/runs/a", () => ({}), take, new AbortController().signal);
  const late = soon(500).then(() => "asked again");
  await assert.rejects(Promise.race([following, late]), /cannot be drawn/);
  assert.equal(asked.length, 1);
});

test("nothing arrives after the end of a signal", async () => {
  const ending = new AbortController();
  const taken = [];
  globalThis.fetch = async () => {
    ending.abort();
    return { status: 200, ok: true, json: async () => ({}) };
  };
  await followFeed(
    "/runs/a",
    () => ({}),
    (content) => taken.push(content),
    ending.signal,
  );
  assert.deepEqual(taken, []);
});

/** A page whose script runs, and on which the user acts. */
function page() {
  const listeners = {};
  const app = { dataset: { testScriptState: "notRunning" } };
  globalThis.document = { querySelector: () => app };
  globalThis.location = { pathname: "/" };
  globalThis.addEventListener = (name, listener) => (listeners[name] = listener);
  const act = (type, ...names) =>
    listeners[type]({ type, composedPath: () => names.map((localName) => ({ localName })) });
  return { app, act };
}

test("the page is rerun once it is up to date", async () => {
  const { app, act } = page();
  const sent = [];
  const send = (name) => whenUpToDate(() => sent.push(name), new AbortController().signal);
  await send("at rest");
  assert.deepEqual(sent, ["at rest"]);

  app.dataset.testScriptState = "running";
  const waiting = send("after a run");
  await soon(150);
  assert.deepEqual(sent, ["at rest"]);
  app.dataset.testScriptState = "notRunning";
  await waiting;

  act("keydown", "textarea");
  const afterKey = send("after a key");
  await soon(150);
  assert.equal(sent.length, 2);
  await afterKey;

  act("click", "span", "a");
  const leaving = new AbortController();
  const never = whenUpToDate(() => sent.push("while leaving"), leaving.signal);
  await soon(600); // longer than for other actions
  arrive(); // what the page that is left still draws
  await soon(150);
  assert.equal(sent.length, 3);
  location.pathname = "/halting";
  arrive(); // the other page is there
  await never;
  assert.equal(sent.at(-1), "while leaving");
});

test("a page that nobody sees is rerun when it is seen again", async () => {
  page();
  const sent = [];
  const send = (name, options) => whenUpToDate(() => sent.push(name), new AbortController().signal, options);
  document.hidden = true;
  await send("unseen");
  const waiting = send("seen", { onlyVisible: true });
  await soon(150);
  assert.deepEqual(sent, ["unseen"]);
  document.hidden = false;
  await waiting;
  assert.deepEqual(sent, ["unseen", "seen"]);
});

const view = (settings, run = "run", start = "null") => ({ settings, runs: [run], start });

test("a player goes on where it was, for the same run and place", () => {
  remember("solve", view({ call: 7 }));
  assert.deepEqual(recall({ place: "solve", trace_id: "run" }), { start: "null", settings: { call: 7 } });
  assert.deepEqual(recall({ place: "solve", trace_id: "other" }), { start: "null", settings: undefined });
  assert.deepEqual(recall({ place: "compare", trace_id: "run" }), {});
});

test("a new link is followed, and the same one is not applied again", () => {
  const start = { supervision_step: 3 };
  remember("solve", view({ call: 7 }, "run", JSON.stringify(start)));
  assert.equal(recall({ place: "solve", trace_id: "run", start }).settings.call, 7);
  assert.deepEqual(recall({ place: "solve", trace_id: "run", start: { ...start, link: 1 } }), {});
});

test("two players are one view, and only so many are remembered", () => {
  remember("pair", { settings: { call: 1 }, runs: ["a", "b"], start: "null" });
  const players = [{ trace_id: "a" }, { trace_id: "b" }];
  assert.equal(recall({ place: "pair", players }).settings.call, 1);
  for (let run = 0; run < 60; run++) remember("pair", view({ call: run }, `run ${run}`));
  assert.equal(recall({ place: "pair", players }).settings, undefined);
  assert.equal(recall({ place: "pair", trace_id: "run 59" }).settings.call, 59);
});
