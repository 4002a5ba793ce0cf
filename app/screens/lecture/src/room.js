/**
 * Who follows a lecturer goes where they go. Where that is stands in a small file on the server
 * (app/screens/lecture/rooms.py).
 */

const LOOKS_EVERY = 500; // milliseconds

export class Room {
  /**
   * `room`: {code, turn} as Python knew it; `go(scene)` is called when the lecturer went to another scene.
   */
  constructor({ code, turn }, go) {
    Object.assign(this, { address: `app/static/rooms/${code}.json`, turn, go, isLeft: false });
    this.wait();
  }

  wait() {
    this.timer = setTimeout(() => this.look(), LOOKS_EVERY);
  }

  async look() {
    try {
      const answer = await fetch(this.address, { cache: "no-store" });
      if (answer.ok) this.take(await answer.json());
    } catch {
      // the server is out of reach: in a moment it may be there again
    }
    if (!this.isLeft) this.wait();
  }

  take({ scene, turn }) {
    if (this.isLeft || turn === this.turn) return;
    this.turn = turn;
    this.go(scene);
  }

  leave() {
    this.isLeft = true;
    clearTimeout(this.timer);
  }
}
