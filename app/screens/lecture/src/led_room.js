/**
 * The room that a lecturer leads. The tab remembers it, so that the class is not lost on a reload. While the page is
 * open, it keeps the room: after a restart of the server it opens the room again.
 */

import { followFeed } from "../../../../trm/player/feed.js";

const STORAGE_KEY = "recursion-lens-room";
const PAUSE = 400; // ms between two messages while the lecturer steps through a run

/** {code, key} as Python sent it to this tab earlier, or null. */
export function rememberedRoom() {
  try {
    return JSON.parse(sessionStorage.getItem(STORAGE_KEY));
  } catch {
    return null; // storage is blocked
  }
}

export function rememberRoom(lead) {
  try {
    sessionStorage.setItem(STORAGE_KEY, JSON.stringify(lead));
  } catch {
    // storage is blocked: a reload opens a new room
  }
}

/** A room that this page leads, for as long as the page is open. */
export class LedRoom {
  /**
   * `room`: {address, key} from Python; `place()`: {scene, view}, where the lecturer is; `hear(audience)` is called with
   * {followers, answers: {scene: [followers by choice]}}.
   */
  constructor({ address, key }, place, hear) {
    Object.assign(this, { address, key, place, hear, turn: 0, tag: "", followers: 0, hasMoved: false });
    this.follow();
  }

  follow() {
    this.waiting?.abort();
    this.waiting = new AbortController();
    const query = () => ({
      turn: this.turn,
      audience: this.tag,
      ...this.place(),
      ...(this.hasMoved ? { move: 1 } : {}),
    });
    void followFeed(this.address, query, (room) => this.take(room), this.waiting.signal, {
      Authorization: `Bearer ${this.key}`,
    });
  }

  take(room) {
    const { scene, view } = this.place();
    if (room?.scene === scene && room.view === view) this.hasMoved = false;
    this.turn = room?.turn ?? 0;
    if (room?.audience) {
      Object.assign(this, { tag: room.audience.tag, followers: room.audience.followers });
      this.hear(room.audience);
      this.moveSoon();
    }
    return true;
  }

  /** Tells the server where the lecturer is now. */
  move() {
    clearTimeout(this.moving);
    Object.assign(this, { hasMoved: true, moving: null, sent: JSON.stringify(this.place()) });
    this.follow();
  }

  /** The same if there are followers, at most once in a while: the lecturer may be playing a run. */
  moveSoon() {
    if (!this.followers || this.sent === JSON.stringify(this.place())) return;
    this.moving ??= setTimeout(() => this.move(), PAUSE);
  }

  close() {
    clearTimeout(this.moving);
    this.waiting.abort();
  }
}
