/** The help: what the parts of the screen show, the keys (on a touch screen the gestures), and the terms. */

import { glossaryList } from "./glossary.js";
import { make } from "../view/dom.js";
import { KEYS } from "../keys.js";
import { translate, translateOr } from "../text/translate.js";

const PARTS = ["grid", "views", "calls", "timeline", "strips", "cell", "map"];
const GESTURES = ["cell", "strips", "zoom", "calls", "terms", "play", "map"];

/** Keys as displayed, with translated names. */
const keyWords = (keys) =>
  keys
    .split(" ")
    .map((key) => translateOr(`key_${key}`, key))
    .join(" ");

const rowsOf = (rows) => rows.flatMap(([name, text]) => [make("dt", {}, name), make("dd", {}, text)]);

/** `button(name, label, act, content)` makes a button of the player; `tour()` starts the tour. */
export class Help {
  constructor(button, tour) {
    const title = (name) => make("p", { class: "title" }, translate(name));
    const section = (name, heading, rows) =>
      make("section", { class: name }, [title(heading), make("dl", {}, rows)]);
    this.keyRows = rowsOf(KEYS.map(([key, meaning]) => [keyWords(key), translate(meaning)]));
    const partRows = rowsOf(PARTS.map((part) => [translate(`part_${part}`), translate(`see_${part}`)]));
    const gestureRows = rowsOf(
      GESTURES.map((name) => [translate(`gesture_${name}`), translate(`gesture_does_${name}`)]),
    );
    this.mapRows = [partRows, gestureRows, this.rowOf("o"), this.rowOf("shift o")].flatMap((rows) =>
      rows.slice(-2),
    );
    this.close = button("close-help", translate("close"), () => this.toggle(false), translate("close"));
    this.tour = button("start-tour", translate("tour"), () => this.leaveFor(tour), translate("tour"));
    this.tour.hidden = true;
    const body = make(
      "div",
      { class: "help-body", tabindex: "0", role: "group", "aria-label": translate("help_title") },
      [
        section("parts", "parts", partRows),
        section("keys", "keys", this.keyRows),
        section("gestures", "gestures", gestureRows),
        section("terms", "terms", glossaryList()),
      ],
    );
    this.node = make(
      "div",
      { class: "help", role: "dialog", "aria-label": translate("help_title"), hidden: true },
      make("div", {}, [body, make("div", { class: "help-buttons" }, [this.close, this.tour])]),
    );
  }

  /** The elements of the row of a key. */
  rowOf(name) {
    const at = 2 * KEYS.findIndex(([key]) => key === name);
    return this.keyRows.slice(at, at + 2);
  }

  /** Opening takes the focus; closing returns it. */
  toggle(open = this.node.hidden) {
    if (open === !this.node.hidden) return;
    const focused = this.node.getRootNode().activeElement;
    this.node.hidden = !open;
    if (open) {
      this.focusedBefore = focused;
      this.close.focus({ preventScroll: true });
    } else if (this.focusedBefore?.isConnected) this.focusedBefore.focus({ preventScroll: true });
  }

  leaveFor(act) {
    this.toggle(false);
    act();
  }
}
