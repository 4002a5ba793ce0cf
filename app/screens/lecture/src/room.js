/**
 * A follower goes with the lecturer from scene to scene and from call to call, until they choose for themselves. The
 * server answers a request for a room (app/server/http/rooms.py) once the lecturer has moved.
 */

import { followFeed } from "../../../../trm/player/feed.js";
import { pageWide } from "../../../../trm/player/memory.js";

/** A view as the server has it, "step.cycle.call;row,column;mode": {supervision_step, cycle, call, cell, mode}; else null. */
export function readView(text) {
  const [, place, , cell, mode] = /^(\d+\.\d+\.\d+);((\d+,\d+)?);([a-z]+)$/.exec(text ?? "") ?? [];
  if (!place) return null;
  const [supervision_step, cycle, call] = place.split(".").map(Number);
  return { supervision_step, cycle, call, cell: cell ? cell.split(",").map(Number) : null, mode };
}

/** The reverse of `readView`. */
export const writeView = ({ supervision_step, cycle, call, cell, mode }) =>
  `${supervision_step}.${cycle}.${call};${cell?.join() ?? ""};${mode}`;

/** A number of this page alone, by which the server counts the followers and their answers. */
const randomNumber = () =>
  Array.from({ length: 16 }, () => Math.floor(Math.random() * 36).toString(36)).join("");

export class Room {
  /**
   * `room`: {address, turn, scene, view} from Python; `go(scene, view)` is called when the lecturer moves.
   */
  constructor({ address, turn, scene, view }, go) {
    const follower = pageWide("follower", randomNumber);
    Object.assign(this, { address, turn, go, scene, view, follower, isFollowing: true });
    this.waiting = new AbortController();
    void followFeed(
      address,
      () => ({ turn: this.turn, follower }),
      (room) => this.receive(room),
      this.waiting.signal,
    );
  }

  /** `room`: {scene, view, turn}, or null while the server does not know it: its lecturer will open it again. */
  receive(room) {
    if (!room || room.turn === this.turn) return true;
    const { scene, view, turn } = room;
    Object.assign(this, { scene, view, turn });
    if (this.isFollowing) this.go(scene, readView(view));
    return true;
  }

  /** Starts or stops following. Starting goes to where the lecturer is. */
  follow(on) {
    this.isFollowing = on;
    if (on) this.go(this.scene, readView(this.view));
  }

  /** Sends the answer to the question of a scene: the number of a choice. Without a connection it is not counted. */
  answer(question, choice) {
    const query = new URLSearchParams({ follower: this.follower, question, choice });
    void fetch(`${this.address}/answers?${query}`, { method: "POST" }).catch(() => {});
  }

  close() {
    this.waiting.abort();
  }
}
