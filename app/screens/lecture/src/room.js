/**
 * Who follows a lecturer goes where they go, until they go somewhere of their own. Where the lecturer is stands in a small file on the server
 * (app/screens/lecture/rooms.py).
 */

const POLL_INTERVAL = 500; // milliseconds

export class Room {
  /**
   * `room`: {code, turn, scene} as Python knew it; `go(scene)` is called when the lecturer went to another scene.
   */
  constructor({ code, turn, scene }, go) {
    Object.assign(this, {
      address: `app/static/rooms/${code}.json`,
      turn,
      go,
      scene,
      isFollowing: true,
      isClosed: false,
    });
    this.wait();
  }

  wait() {
    this.timer = setTimeout(() => this.poll(), POLL_INTERVAL);
  }

  async poll() {
    try {
      const answer = await fetch(this.address, { cache: "no-store" });
      if (answer.ok) this.receive(await answer.json());
    } catch {
      // the server is out of reach: in a moment it may be there again
    }
    if (!this.isClosed) this.wait();
  }

  receive({ scene, turn }) {
    if (this.isClosed || turn === this.turn) return;
    Object.assign(this, { scene, turn });
    if (this.isFollowing) this.go(scene);
  }

  /** Whether to go along from now on; who does goes where the lecturer is by now. */
  follow(on) {
    this.isFollowing = on;
    if (on) this.go(this.scene);
  }

  close() {
    this.isClosed = true;
    clearTimeout(this.timer);
  }
}
