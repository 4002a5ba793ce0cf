/** The markers: flags on the time axis, and their legend below it. */

import { make } from "./dom.js";
import { markersOf, spreadOut } from "../model/markers.js";
import { translate } from "../text/translate.js";

/** `point(marker)` is told which marker the pointer or the focus is on, null for none. */
export class Markers {
  constructor(go, point) {
    Object.assign(this, { go, point, markers: [], flags: [] });
    this.legend = make("p", { class: "markers" });
    this.node = make("div", { class: "flags", "aria-hidden": "true" });
    new ResizeObserver(([{ contentRect }]) => this.fit(contentRect.width)).observe(this.node);
  }

  /** How far apart flags stand: none covers another, however narrow the timeline is. */
  fit(width) {
    const flag = Math.max(0, ...this.flags.map((node) => node.offsetWidth));
    this.gap = width ? Math.min(flag / width, 1 / this.flags.length) : 0;
    this.drawn = null;
    if (this.part) this.draw(this.call, this.part);
  }

  show(trace) {
    const markers = markersOf(trace);
    const signature = JSON.stringify([markers, trace.calls]);
    if (signature === this.signature) return; // a focused one stays
    Object.assign(this, { trace, markers, signature, drawn: null });
    this.flags = markers.map((marker) => this.makeFlag(marker));
    this.node.replaceChildren(...this.flags);
    this.fit(this.node.clientWidth);
    const focused = this.legend.getRootNode().activeElement?.dataset?.marker;
    const kinds = [...new Set(markers.map(({ kind }) => kind))];
    this.legend.replaceChildren(
      ...kinds.map((kind) => this.makeEntry(markers.filter((marker) => marker.kind === kind))),
    );
    this.legend.querySelector(`[data-marker="${focused}"]`)?.focus();
  }

  makeFlag(marker) {
    const flag = make(
      "button",
      { type: "button", tabindex: "-1", class: `flag ${marker.kind}` },
      make("i", {}, marker.letter),
    );
    this.listen(flag, marker, () => marker.call);
    return flag;
  }

  /** A kind with all its markers: a press goes to the next of them after where one is. */
  makeEntry(markers) {
    const [{ kind, letter, text }] = markers;
    const signature = markers.length > 1 ? translate("and_more", { text, count: markers.length - 1 }) : text;
    const entry = make(
      "button",
      { type: "button", class: `marker ${kind}`, "data-marker": kind, title: translate("go_there") },
      [make("i", { "aria-hidden": "true" }, letter), signature],
    );
    this.listen(entry, markers[0], () => (markers.find(({ call }) => call > this.call) ?? markers[0]).call);
    return entry;
  }

  listen(node, marker, targetCall) {
    node.addEventListener("mousedown", (event) => event.preventDefault());
    node.addEventListener("click", () => this.go(Math.min(targetCall(), this.trace.calls - 1)));
    for (const name of ["pointerenter", "focus"]) node.addEventListener(name, () => this.point(marker));
    for (const name of ["pointerleave", "blur"]) node.addEventListener(name, () => this.point(null));
  }

  /** Puts the flags of the part that is visible where they belong. */
  draw(call, { start, width }) {
    Object.assign(this, { call, part: { start, width } });
    if (this.drawn === `${start} ${width}`) return;
    this.drawn = `${start} ${width}`;
    const inside = this.markers.map(({ call: place }) => place >= start && place < start + width);
    const visible = this.markers.map((_, index) => index).filter((index) => inside[index]);
    const places = spreadOut(
      visible.map((index) => (this.markers[index].call + 0.5 - start) / width),
      this.gap ?? 0,
    );
    this.flags.forEach((flag, index) => {
      flag.hidden = !inside[index];
    });
    visible.forEach((index, at) => {
      this.flags[index].style.left = `${places[at] * 100}%`;
    });
  }
}
