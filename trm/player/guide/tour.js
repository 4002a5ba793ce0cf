/** A tour of five stops over the player: each moves it, marks a part of it and explains that part on a card. */

import { make, write } from "../view/dom.js";
import { openingCall } from "../model/opening.js";
import { paperLinks } from "./welcome.js";
import { translate } from "../text/translate.js";

const GAP = 12; // pixels between a part and the card

/** Stops: name of the texts; the part to mark; values of the text; what the player does first. */
const STOPS = [
  {
    name: "step",
    part: ({ timeline }) => timeline.stepCalls.node,
    values: ({ n, T, N_sup }) => ({ n, T, N_sup }),
    move: (player) => player.go(openingCall(player.trace)),
  },
  {
    name: "answer",
    part: ({ grid }) => grid.node,
    move: (player) => {
      player.setMode("answer");
      player.go(openingCall(player.trace));
    },
  },
  {
    name: "halting",
    part: ({ timeline }) => timeline.plots.halting.parentElement,
    values: ({ halts, halt_step: step }) => ({
      here: translate(halts === false ? "tour_no_head" : step ? "tour_halts" : "tour_never_halts", { step }),
    }),
    move: (player) => player.go((player.trace.halt_step || player.trace.steps) * player.trace.perStep - 1),
  },
  {
    name: "cell",
    part: ({ timeline }) => timeline.plots.cell.parentElement,
    move: (player) => player.select(player.cell ?? player.trace.mostChangedCell),
  },
  { name: "next", part: ({ controls }) => controls.transport, move() {} },
];

export class Tour {
  /** `player`: the player that the tour is about. */
  constructor(player) {
    Object.assign(this, { player, stop: null });
    const button = (name, act) => {
      const node = make(
        "button",
        { type: "button", "data-testid": `tour-${name}` },
        translate(`tour_${name}`),
      );
      node.addEventListener("click", act);
      return node;
    };
    this.count = make("span", { class: "count" }, "");
    this.title = make("p", { class: "title" }, "");
    this.text = make("p", {}, "");
    this.links = make("p", { class: "links", hidden: true });
    this.back = button("back", () => this.go(this.stop - 1));
    this.next = button("forward", () => this.go(this.stop + 1));
    this.done = button("end", () => this.end());
    this.node = make("div", { class: "tour", role: "dialog", "data-testid": "tour", hidden: true }, [
      make("div", { "aria-live": "polite" }, [this.count, this.title, this.text]),
      this.links,
      make("div", { class: "tour-buttons" }, [this.back, this.next, this.done]),
    ]);
    this.node.addEventListener("keydown", (event) => this.onKey(event));
  }

  get isOpen() {
    return this.stop != null;
  }

  /** `links`: {lecture, papers} as in guide.js. */
  start(links) {
    this.focusedBefore = this.node.getRootNode().activeElement;
    this.links.replaceChildren(
      make("a", { href: links.lecture }, translate("welcome_lecture")),
      ...paperLinks(links.papers),
    );
    this.player.play(false);
    this.go(0);
    this.next.focus({ preventScroll: true });
  }

  /** Goes to a stop; past the last one, ends the tour. */
  go(stop) {
    if (stop < 0) return;
    if (stop >= STOPS.length) return this.end();
    const { player } = this;
    const { name, part, values, move } = STOPS[stop];
    this.unmark();
    this.stop = stop;
    move(player);
    this.marked = part(player);
    this.marked.classList.add("toured");
    const place = { stop: stop + 1, stops: STOPS.length };
    const isLast = place.stop === place.stops;
    this.node.setAttribute("aria-label", translate("tour_place", place));
    write(this.count, translate("tour_place", place));
    write(this.title, translate(`tour_title_${name}`));
    write(this.text, translate(`tour_text_${name}`, values?.(player.trace)));
    this.links.hidden = !isLast;
    this.back.hidden = stop === 0;
    write(this.next, translate(isLast ? "tour_done" : "tour_forward"));
    this.done.hidden = isLast;
    this.node.hidden = false;
    this.place();
    if (!this.node.contains(this.node.getRootNode().activeElement)) this.next.focus({ preventScroll: true });
  }

  /** Puts the card beside the marked part, or below or above it if there is no room, and both into view. */
  place() {
    if (!this.isOpen) return;
    const { node, marked, player } = this;
    marked.scrollIntoView({ block: "nearest" });
    const [around, box] = [player.root.getBoundingClientRect(), marked.getBoundingClientRect()];
    const [width, height] = [node.offsetWidth, node.offsetHeight];
    const [before, after] = [box.left - GAP - width, box.right + GAP];
    const within = (value, least, most) => Math.max(least, Math.min(value, most));
    const isBeside = after + width <= around.right || before >= around.left;
    const left = !isBeside ? box.left : after + width <= around.right ? after : before;
    const above = box.top - GAP - height;
    const below = box.bottom + GAP + height <= Math.max(innerHeight, around.bottom) || above < 0;
    const top = isBeside ? box.top : below ? box.bottom + GAP : above;
    const most = isBeside ? innerHeight - height - GAP : Infinity;
    Object.assign(node.style, {
      left: `${within(left, around.left, around.right - width) - around.left + player.root.scrollLeft}px`,
      top: `${Math.max(Math.min(top, most), around.top) - around.top + player.root.scrollTop}px`,
    });
    node.scrollIntoView({ block: "nearest" });
  }

  /** The keys of the card: the player does not get them while the card has the focus. */
  onKey(event) {
    const act = {
      ArrowRight: () => this.go(this.stop + 1),
      ArrowLeft: () => this.go(this.stop - 1),
      Escape: () => this.end(),
    }[event.key];
    if (event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
    event.stopPropagation();
    if (!act) return;
    event.preventDefault();
    act();
  }

  unmark() {
    this.marked?.classList.remove("toured");
    this.marked = null;
  }

  /** Ends the tour and returns the focus. Returns whether there was a tour. */
  end() {
    if (!this.isOpen) return false;
    this.unmark();
    this.stop = null;
    const hadFocus = this.node.contains(this.node.getRootNode().activeElement);
    this.node.hidden = true;
    const target = this.focusedBefore?.isConnected ? this.focusedBefore : this.player.controls.playButton;
    if (hadFocus) target.focus({ preventScroll: true });
    return true;
  }
}
