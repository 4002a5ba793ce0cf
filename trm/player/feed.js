/** What the server computes while it is on screen: fetched until it has ended, and reported to Python when it is due. */

import { pageWide } from "./memory.js";

const RETRY = 1000; // ms until the first new try after a failed request; doubled after each further one
const SLOWEST_RETRY = 10_000;
const LEAVING = 5000; // ms after a click on a link during which the page is about to be replaced
const ANSWER = 300; // ms that the server usually needs to answer an action of the user
const LOOK = 100; // ms between looks at whether the page is up to date

/**
 * Fetches a feed of app/server/http/routes.py again and again. A request waits on the server until there is something new.
 * `query()` returns the parameters of the next request. `take(content)` receives an answer, or null if nothing is
 * computed any more, and returns whether to go on. `headers` are sent with each request.
 */
export async function followFeed(address, query, take, signal, headers = {}) {
  let pause = RETRY;
  while (!signal.aborted) {
    const content = await read(`${address}?${new URLSearchParams(query())}`, signal, headers);
    if (signal.aborted || (content !== undefined && !take(content))) return;
    if (content) {
      pause = RETRY;
      continue;
    }
    await sleep(pause);
    pause = Math.min(2 * pause, SLOWEST_RETRY);
  }
}

/** Returns the content at an address, null if there is none any more, or undefined if the server cannot be reached. */
async function read(address, signal, headers) {
  try {
    const answer = await fetch(address, { signal, headers, cache: "no-store" });
    if (answer.ok) return await answer.json();
    return answer.status === 404 ? null : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Calls `send`, which makes Streamlit rerun the page, once the page is up to date. A message that overtakes the answer
 * to an action of the user would undo this action: it contains the widget values and the page from before.
 * With `onlyVisible`, a page in a hidden tab waits until it is visible.
 */
export async function whenUpToDate(send, signal, { onlyVisible = false } = {}) {
  while (!signal.aborted) {
    if (isUpToDate() && !(onlyVisible && document.hidden)) {
      send();
      return;
    }
    await sleep(LOOK);
  }
}

/** Notes that something of a page was drawn. If it is another page, the page is not about to be left any more. */
export function arrive() {
  const times = userTimes();
  if (location.pathname !== times.left) times.link = NEVER;
}

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const NEVER = -Infinity;

/** The times of the user's last action, and of the last click on a link, with the page that was left. */
const userTimes = () =>
  pageWide("user times", () => {
    const times = { action: NEVER, link: NEVER };
    const note = (event) => {
      times.action = performance.now();
      if (event.type === "click" && event.composedPath().some(({ localName }) => localName === "a"))
        Object.assign(times, { link: times.action, left: location.pathname });
    };
    for (const name of ["click", "change", "keydown"]) addEventListener(name, note, { capture: true });
    return times;
  });

function isUpToDate() {
  const { action, link } = userTimes();
  const now = performance.now();
  const app = document.querySelector("[data-test-script-state]");
  return now - link > LEAVING && now - action > ANSWER && app?.dataset.testScriptState !== "running";
}
