/**
 * A follower goes from scene to scene with the lecturer, until they choose a scene themselves. The server has the
 * lecturer's scene in a small file (app/screens/lecture/rooms.py).
 */

const POLL_INTERVAL = 500; // milliseconds

export class Room {
  /**
   * `room`: {code, turn, scene} from Python; `go(scene)` is called when the lecturer changes the scene.
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
      // the server is unreachable: try again
    }
    if (!this.isClosed) this.wait();
  }

  receive({ scene, turn }) {
    if (this.isClosed || turn === this.turn) return;
    Object.assign(this, { scene, turn });
    if (this.isFollowing) this.go(scene);
  }

  /** Starts or stops following. Starting goes to the lecturer's current scene. */
  follow(on) {
    this.isFollowing = on;
    if (on) this.go(this.scene);
  }

  close() {
    this.isClosed = true;
    clearTimeout(this.timer);
  }
}
