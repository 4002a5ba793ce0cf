/** A page without a browser: elements that take everything and show nothing, and a server with prepared answers. */

import { PlayerView } from "../../trm/player/view/player_view.js";

/** An element, a list of listeners, a region of a player: whatever is read, called or written. */
export const anything = new Proxy(() => {}, {
  get: (_, name) => (name === Symbol.toPrimitive ? () => "" : anything),
  apply: () => anything,
  set: () => true,
});

const REGIONS =
  "grid timeline panel explanation stateMap menu legend controls partBar stage place event caption label liveRegion".split(
    " ",
  );

/** Makes players whose regions draw nothing. */
export function playersWithoutPage() {
  globalThis.document = { createElement: () => anything, addEventListener() {}, querySelector: () => null };
  globalThis.window = { addEventListener() {} };
  globalThis.location = { pathname: "/" };
  globalThis.addEventListener = () => {};
  globalThis.matchMedia = () => ({ matches: true, addEventListener() {} });
  PlayerView.prototype.build = function () {
    for (const name of REGIONS) this[name] = anything;
  };
  PlayerView.prototype.measureTop = () => {};
  PlayerView.prototype.announceSoon = () => {};
}

/** Makes `fetch` give these answers in turn: a status, an error, or the content; then none. Returns the addresses asked. */
export function serve(answers) {
  const asked = [];
  globalThis.fetch = async (address) => {
    asked.push(address);
    if (!answers.length) return new Promise(() => {});
    const answer = answers.shift();
    if (answer instanceof Error) throw answer;
    const status = typeof answer === "number" ? answer : 200;
    return { status, ok: status === 200, json: async () => answer };
  };
  return asked;
}

export const soon = (ms = 0) => new Promise((done) => setTimeout(done, ms));
