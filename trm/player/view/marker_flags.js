/** The markers: flags on the time axis and a legend below it. */

import { make } from "./dom.js";
import { markersOf, spreadOut } from "../model/markers.js";
import { translate } from "../text/translate.js";

/** `point(marker)` is called when the pointer or the focus moves to a marker, with null when it leaves. */
export class Markers {
  constructor(go, point) {
    Object.assign(this, { go, point, markers: [], flags: [] });
    this.legend = make("p", { class: "markers" });
    this.node = make("div", { class: "flags", "aria-hidden": "true" });
    new ResizeObserver(([{ contentRect }]) => this.fit(contentRect.width)).observe(this.node);
  }

  /** Sets the gap between flags, so that none overlaps another at any width. */
  fit(width) {
    const flag = Math.max(0, ...this.flags.map((node) => node.offsetWidth));
    this.gap = width ? Math.min(flag / width, 1 / this.flags.length) : 0;
    this.drawn = null;
    if (this.part) this.draw(this.call, this.part);
  }

  show(trace) {
    const markers = markersOf(trace);
    const signature = JSON.stringify([markers, trace.calls]);
    if (signature === this.signature) return; // keeps the focus
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

  /** The legend entry of a kind: a click goes to its next marker after the current call. */
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

  /** Positions the flags inside the window of the timeline. */
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
