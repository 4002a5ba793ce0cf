/**
 * What a lecturer has besides the scene: a timer, a blank screen, a QR code for the class, notes in a second
 * window.
 */

import { make, write } from "../../../../trm/player/view/dom.js";
import { svgNode } from "./diagram.js";
import { clockText, fillIn } from "./following.js";

const NOTES_STYLE = [
  'body { margin: 0; padding: 24px 32px; font: 22px/1.45 "Source Sans 3", "Segoe UI", system-ui, sans-serif; color: #18222d; background: #fcfcfa; }',
  "header { display: flex; gap: 24px; align-items: baseline; color: #5c6670; font-size: 18px; }",
  "header b { margin-left: auto; font-size: 34px; color: #18222d; font-variant-numeric: tabular-nums; }",
  "h1 { margin: 10px 0 4px; font-size: 34px; line-height: 1.15; } p { margin: 12px 0; max-width: 42em; }",
  ".quiet { color: #5c6670; font-size: 19px; border-top: 1px solid #d5dadd; padding-top: 12px; }",
].join(" ");

/** Counts the seconds since it was started; a press stops it and goes on, a long one begins anew. */
export class Timer {
  constructor(tell) {
    Object.assign(this, { tell, passed: 0, since: null });
  }

  get seconds() {
    return this.passed + (this.since == null ? 0 : (performance.now() - this.since) / 1000);
  }

  get runs() {
    return this.since != null;
  }

  toggle(on = !this.runs) {
    if (on === this.runs) return;
    this.passed = this.seconds;
    this.since = on ? performance.now() : null;
    clearInterval(this.ticking);
    if (on) this.ticking = setInterval(() => this.tell(), 500);
    this.tell();
  }

  reset() {
    this.passed = 0;
    if (this.runs) this.since = performance.now();
    this.tell();
  }

  stop() {
    clearInterval(this.ticking);
  }
}

/**
 * The second window: what to say, what comes next, the time. It is written from here; nothing is loaded in
 * it.
 */
export class NotesWindow {
  open() {
    if (this.isOpen) return this.window.focus();
    this.window = window.open("", "recursion-lens-notes", "popup,width=820,height=680");
    if (!this.window) return undefined; // the browser refused; the button stays
    const { document: page } = this.window;
    page.documentElement.lang = this.told?.language ?? "en";
    page.head.replaceChildren(Object.assign(page.createElement("style"), { textContent: NOTES_STYLE }));
    this.parts = Object.fromEntries(
      ["place", "clock"].map((name) => [name, page.createElement(name === "clock" ? "b" : "span")]),
    );
    const header = page.createElement("header");
    header.append(this.parts.place, this.parts.clock);
    this.parts.title = page.createElement("h1");
    this.parts.body = page.createElement("main");
    page.body.replaceChildren(header, this.parts.title, this.parts.body);
    page.addEventListener("keydown", (event) => this.onKey?.(event));
    if (this.told) this.show(this.told);
    return undefined;
  }

  get isOpen() {
    return Boolean(this.window && !this.window.closed && this.parts);
  }

  /** `told`: {language, place, title, notes, question, answer, next} in words. */
  show(told) {
    this.told = told;
    if (!this.isOpen) return;
    const { document: page } = this.window;
    const { parts } = this;
    page.title = told.title;
    write(parts.place, told.place);
    write(parts.title, told.title);
    const line = (text, name = "") =>
      Object.assign(page.createElement("p"), { textContent: text, className: name });
    parts.body.replaceChildren(
      ...told.notes.map((text) => line(text)),
      line(told.question, "quiet"),
      line(told.answer),
      line(told.next, "quiet"),
    );
  }

  tick(seconds) {
    if (this.isOpen) write(this.parts.clock, clockText(seconds));
  }

  close() {
    if (this.isOpen) this.window.close();
  }
}

/**
 * The code to scan, with the address in letters. `code`: {address, path, size, is_local} as
 * app/screens/lecture/qr_code.py makes it.
 */
export class Invitation {
  constructor(close) {
    this.node = make("div", {
      class: "invitation",
      role: "dialog",
      hidden: true,
      "data-testid": "invitation",
    });
    this.node.addEventListener("click", close);
  }

  show(code, words) {
    if (!code) return;
    const picture = svgNode(
      "svg",
      { viewBox: `-4 -4 ${code.size + 8} ${code.size + 8}`, role: "img", "aria-label": code.address },
      [
        svgNode("rect", { x: -4, y: -4, width: code.size + 8, height: code.size + 8, fill: "#fff" }),
        svgNode("path", { d: code.path, stroke: "#000", fill: "none" }),
      ],
    );
    this.node.replaceChildren(
      make("div", {}, [
        make("h2", {}, words.share),
        picture,
        make("p", { class: "address" }, code.address),
        make("p", { class: "hint" }, code.is_local ? words.share_local : words.share_hint),
      ]),
    );
  }
}

/** What the notes window says of a scene. */
export function noteWords({ words, scenes }, outline, at, language) {
  const { id } = outline[at];
  const { title, notes, question, answer } = scenes[id];
  const next = outline[at + 1]
    ? fillIn(words.next_is, { title: scenes[outline[at + 1].id].title })
    : words.end;
  return {
    language,
    place: fillIn(words.scene, { scene: at + 1, scenes: outline.length }),
    title,
    notes,
    question,
    answer,
    next,
  };
}
