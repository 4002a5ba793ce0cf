/**
 * The lecturer's tools: a timer, notes in a second window, a QR code for the class.
 */

import { make, write } from "../../../../trm/player/view/dom.js";
import { svgNode } from "./diagram.js";
import { clockText, fillIn } from "./call.js";

const NOTES_STYLE = [
  'body { margin: 0; padding: 24px 32px; font: 22px/1.45 "Source Sans 3", "Segoe UI", system-ui, sans-serif; color: #18222d; background: #fcfcfa; }',
  "header { display: flex; gap: 24px; align-items: baseline; color: #5c6670; font-size: 18px; }",
  "header b { margin-left: auto; font-size: 34px; color: #18222d; font-variant-numeric: tabular-nums; }",
  "h1 { margin: 10px 0 4px; font-size: 34px; line-height: 1.15; } p { margin: 12px 0; max-width: 42em; }",
  ".quiet { color: #5c6670; font-size: 19px; border-top: 1px solid #d5dadd; padding-top: 12px; }",
].join(" ");

/** A stopwatch. */
export class Timer {
  constructor(onTick) {
    Object.assign(this, { onTick, elapsed: 0, startedAt: null });
  }

  get seconds() {
    return this.elapsed + (this.startedAt == null ? 0 : (performance.now() - this.startedAt) / 1000);
  }

  get runs() {
    return this.startedAt != null;
  }

  toggle(on = !this.runs) {
    if (on === this.runs) return;
    this.elapsed = this.seconds;
    this.startedAt = on ? performance.now() : null;
    clearInterval(this.ticking);
    if (on) this.ticking = setInterval(() => this.onTick(), 500);
    this.onTick();
  }

  reset() {
    this.elapsed = 0;
    if (this.runs) this.startedAt = performance.now();
    this.onTick();
  }

  stop() {
    clearInterval(this.ticking);
  }
}

/**
 * The second window: speaker notes, next scene, time. It is written from here and loads nothing.
 */
export class NotesWindow {
  open() {
    if (this.isOpen) return this.window.focus();
    this.window = window.open("", "recursion-lens-notes", "popup,width=820,height=680");
    if (!this.window) return undefined; // blocked by the browser
    const { document: page } = this.window;
    page.documentElement.lang = this.content?.language ?? "en";
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
    if (this.content) this.show(this.content);
    return undefined;
  }

  get isOpen() {
    return Boolean(this.window && !this.window.closed && this.parts);
  }

  /** `content`: the texts {language, place, title, notes, question, answer, next}. */
  show(content) {
    this.content = content;
    if (!this.isOpen) return;
    const { document: page } = this.window;
    const { parts } = this;
    page.title = content.title;
    write(parts.place, content.place);
    write(parts.title, content.title);
    const line = (text, name = "") =>
      Object.assign(page.createElement("p"), { textContent: text, className: name });
    parts.body.replaceChildren(
      ...content.notes.map((text) => line(text)),
      line(content.question, "quiet"),
      line(content.answer),
      line(content.next, "quiet"),
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
 * The QR code with its address. `code`: {address, path, size, is_local, site} from app/screens/lecture/qr_code.py, where
 * `site` is a second code, without a server, if the lecture is published.
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
    this.followers = make("p", { class: "followers" }, "");
    this.choices = Object.fromEntries(["room", "site"].map((name) => [name, this.choice(name)]));
    this.chosen = "room";
  }

  /** The button that shows the code of the lecturer's room, or that of the site. */
  choice(name) {
    const button = make("button", { type: "button", "data-testid": `invite-${name}` });
    button.addEventListener("click", (event) => {
      event.stopPropagation(); // a click elsewhere closes the invitation
      this.chosen = name;
      this.draw();
      button.focus();
    });
    return button;
  }

  /** `text`: how many have joined, "" for none. */
  count(text) {
    write(this.followers, text);
  }

  /** `endsWithServer`: whether a restart of the server ends the room. */
  show(code, words, { endsWithServer = false } = {}) {
    Object.assign(this, { code, words, endsWithServer });
    this.draw();
  }

  draw() {
    const { code, words, choices } = this;
    const isSite = Boolean(code.site) && this.chosen === "site";
    const { address, path, size } = isSite ? code.site : code;
    const picture = svgNode(
      "svg",
      { viewBox: `-4 -4 ${size + 8} ${size + 8}`, role: "img", "aria-label": address },
      [
        svgNode("rect", { x: -4, y: -4, width: size + 8, height: size + 8, fill: "#fff" }),
        svgNode("path", { d: path, stroke: "#000", fill: "none" }),
      ],
    );
    for (const [name, button] of Object.entries(choices)) {
      write(button, words[`share_${name}`]);
      button.setAttribute("aria-pressed", String(isSite === (name === "site")));
    }
    const hint = (text) => make("p", { class: "hint" }, text);
    const about = isSite
      ? [hint(words.share_site_hint)]
      : [
          this.followers,
          hint(code.is_local ? words.share_local : words.share_hint),
          ...(this.endsWithServer ? [hint(words.room_ends)] : []),
        ];
    this.node.replaceChildren(
      make("div", {}, [
        make("h2", {}, words.share),
        ...(code.site ? [make("div", { class: "codes" }, Object.values(choices))] : []),
        picture,
        make("p", { class: "address" }, address),
        ...about,
      ]),
    );
  }
}

/** The content of the notes window for a scene. */
export function speakerNotes({ words, scenes }, outline, index, language) {
  const { id } = outline[index];
  const { title, notes, question, answer } = scenes[id];
  const next = outline[index + 1]
    ? fillIn(words.next_is, { title: scenes[outline[index + 1].id].title })
    : words.end;
  return {
    language,
    place: fillIn(words.scene, { scene: index + 1, scenes: outline.length }),
    title,
    notes,
    question,
    answer,
    next,
  };
}
