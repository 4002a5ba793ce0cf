/** What explains a player: the glossary in every player; on Solve also the sentence for first visitors and the tour. */

import { Glossary } from "./glossary.js";
import { pageWide } from "../memory.js";
import { Tour } from "./tour.js";
import { hasVisited, welcome } from "./welcome.js";

const opened = pageWide("opened", () => new Set()); // places whose players have shown a run on this page

/** Whether a payload is the first one on the page of Solve, without a requested view. */
export function isOpening({ guide, place, start }) {
  if (!guide || opened.has(place)) return false;
  opened.add(place);
  return !start;
}

export class Guide {
  constructor(player, signal) {
    this.player = player;
    this.glossary = new Glossary(player.root, signal);
    window.addEventListener("resize", () => this.tour?.place(), { signal });
  }

  /** Adds its elements to the player, whose regions have just been built. */
  build() {
    const { player, glossary, sentence } = this;
    this.tour?.end();
    this.tour = new Tour(player);
    player.root.append(this.tour.node, glossary.node);
    if (sentence) player.root.prepend(sentence);
    this.show(this.links);
  }

  /** `links`: {lecture: address, papers: {model: address}} on Solve, else undefined. */
  show(links) {
    this.links = links;
    const { player } = this;
    if (player.controls) player.controls.helpDialog.tour.hidden = !links;
    if (!links || this.isClosed || this.sentence || hasVisited()) return;
    this.sentence = welcome({
      ...links,
      tour: () => this.startTour(),
      close: ({ detail }) => {
        Object.assign(this, { isClosed: true, sentence: null });
        player.measureTop();
        if (!detail) player.controls.playButton.focus({ preventScroll: true }); // closed with the keyboard
      },
    });
    player.root.prepend(this.sentence);
  }

  startTour() {
    if (this.links && this.player.trace) this.tour.start(this.links);
  }

  get isOpen() {
    return Boolean(this.tour?.isOpen) || !this.glossary.node.hidden;
  }

  /** Closes what is open. Returns whether something was. */
  close() {
    return this.glossary.hide() || Boolean(this.tour?.end());
  }
}
