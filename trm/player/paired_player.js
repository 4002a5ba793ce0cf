/** One player of a pair: commands apply to both players, and the pair's clock sets the call. */

import { Player } from "./player.js";

export class PairedPlayer extends Player {
  constructor(parent, pair) {
    super(parent, pair.root);
    this.pair = pair;
  }

  /** The player whose controls are on screen takes the keys and moves the pair. */
  get takesKeys() {
    return this.pair.lead === this;
  }

  get isOver() {
    return this.pair.isOver;
  }

  /** The pair has one set of controls and help for both. */
  build() {
    super.build();
    const { modes, transport, help } = this.controls;
    for (const node of [modes, transport, help]) node.remove();
  }

  draw() {
    this.pair.draw(this);
  }

  /** Draws only this player. */
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

  showWhy(on) {
    if (on) this.pair.showCurves(true);
    super.showWhy(on);
  }

  showMap(size) {
    if (size !== "closed") this.pair.showCurves(true);
    super.showMap(size);
  }

  /** Python removes givens from the puzzle of the page, which the second player shows. */
  get canRemove() {
    return super.canRemove && this.pair.players[1] === this;
  }

  grow(content) {
    this.pair.updating = true;
    let goesOn;
    try {
      goesOn = super.grow(content);
    } finally {
      this.pair.updating = false;
    }
    this.pair.settle();
    return goesOn;
  }

  /** One rerun of the page for both runs, unless one has failed. */
  endGrowth() {
    const isWhole = this.trace?.steps === this.trace?.N_sup;
    if (!isWhole || this.pair.players.every(({ feed, hasEnded }) => !feed || hasEnded)) super.endGrowth();
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

  /** This player's own coordinates, cell and mode. */
  ownView() {
    return super.view();
  }
}
