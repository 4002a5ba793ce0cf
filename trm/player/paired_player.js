/**
 * A player that is one of two: what a person does to it is done to both, and the clock of the pair says where
 * it stands.
 */

import { Player } from "./player.js";

export class PairedPlayer extends Player {
  constructor(parent, pair) {
    super(parent, pair.root);
    this.pair = pair;
  }

  /** Keys go to the one whose controls are shown; it moves the pair. */
  get takesKeys() {
    return this.pair.lead === this;
  }

  get isOver() {
    return this.pair.isOver;
  }

  /** Controls and help are shown once for both, by the pair. */
  build() {
    super.build();
    const { modes, transport, help } = this.controls;
    for (const node of [modes, transport, help]) node.remove();
  }

  draw() {
    this.pair.draw(this);
  }

  /** Draws this player alone. */
  drawAlone() {
    super.draw();
  }

  go(call) {
    this.pair.goTo(this, call);
  }

  command(name) {
    this.pair.command(name);
  }

  select(cell) {
    super.select(cell);
    this.pair.draw(this);
  }

  setZoom(level) {
    super.setZoom(level);
    this.pair.draw(this);
  }

  announceSoon() {
    this.pair.announceSoon();
  }

  reportSoon() {
    if (this.pair.lead === this) super.reportSoon();
    else this.pair.lead?.reportSoon();
  }

  view() {
    return this.pair.view();
  }

  get beside() {
    return this.pair.comparable ? this.pair.traces.filter((trace) => trace !== this.trace) : [];
  }

  /** Coordinates of its own, cell and mode. */
  ownView() {
    return super.view();
  }
}
