/** Fetches answers to questions about a run from the server, one at a time, once the player rests. */

import { followFeed } from "./feed.js";

const REST = 250; // ms without a new question before the server is asked
const MOST = 200; // answers in memory
const GONE = { error: "gone" };

export class Answers {
  /** `arrived()` is called when an answer has arrived. */
  constructor(arrived) {
    Object.assign(this, { arrived, found: new Map(), current: null });
  }

  /** The server's answer to a question, or {error}; null until it has arrived. */
  find(address, question) {
    const key = `${address}?${new URLSearchParams(question)}`;
    if (key === this.current) return null;
    this.stop();
    if (this.found.has(key)) return this.found.get(key);
    for (const [other, { error }] of this.found) if (error) this.found.delete(other); // to be tried again
    Object.assign(this, { current: key, asking: new AbortController() });
    this.timer = setTimeout(
      () =>
        void followFeed(
          address,
          () => question,
          (content) => this.take(key, content),
          this.asking.signal,
        ),
      REST,
    );
    return null;
  }

  /** Takes an answer; `content` is null if the server no longer knows the run. Returns whether to ask again. */
  take(key, content) {
    if (content && !content.ended) return true;
    this.found.set(key, content?.result ?? content ?? GONE);
    if (this.found.size > MOST) this.found.delete(this.found.keys().next().value);
    this.current = null;
    this.arrived();
    return false;
  }

  /** Asks for nothing any more. */
  stop() {
    clearTimeout(this.timer);
    this.asking?.abort();
    this.current = null;
  }
}
