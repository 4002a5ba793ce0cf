/**
 * The glossary: what a term on the screen means, by hover, keyboard focus or long press. The texts `term_ID` (its names,
 * separated by |) and `about_ID` are those of docs/glossary.md.
 */

import { make } from "../view/dom.js";
import { messages, translate } from "../text/translate.js";

/** All terms, in the order of the list in the help. */
export const TERMS = (
  "x y z f_L f_H cycle supervision_step N_sup halting entropy residual output_head reverse_embedding exact trace " +
  "prefix probe"
).split(" ");

const DELAY = { mouse: 350, touch: 500 }; // ms of hovering, and of a long press

/** The names of a term, the usual one first. */
export const namesOf = (id) => translate(`term_${id}`).split("|");

let pattern; // of the names in the current language, and the ids of the terms by name
function patternOfNames() {
  if (pattern?.source === messages.term_cycle) return pattern;
  const ids = new Map(TERMS.flatMap((id) => namesOf(id).map((name) => [name.toLowerCase(), id])));
  const escaped = [...ids.keys()]
    .sort((one, other) => other.length - one.length)
    .map((name) => name.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  pattern = {
    source: messages.term_cycle,
    ids,
    names: new RegExp(`(?<![\\p{L}\\p{N}_])(${escaped.join("|")})(?![\\p{L}\\p{N}_])`, "giu"),
  };
  return pattern;
}

/** A text as [part, id of the term or null] pairs. */
export function termsIn(text) {
  const { ids, names } = patternOfNames();
  return text
    .split(names)
    .map((part, index) => [part, index % 2 ? ids.get(part.toLowerCase()) : null])
    .filter(([part]) => part);
}

/** Makes the text of an element one term. `id`: null takes the mark away. */
export function markTerm(node, id) {
  if ((node.dataset.term ?? null) === id) return;
  if (id) node.dataset.term = id;
  else delete node.dataset.term;
  node.toggleAttribute("tabindex", Boolean(id));
  if (id) node.setAttribute("tabindex", "0");
}

/**
 * Writes a text with its terms marked. Elements stay while the same terms follow each other, so that focus and hover do.
 * `isFocusable`: whether the terms are in the tab order.
 */
export function writeTerms(node, text, isFocusable = false) {
  if (node.termsOf === text) return;
  node.termsOf = text;
  const parts = termsIn(text);
  const shape = parts.map(([, id]) => id ?? "").join(" ");
  if (node.shapeOfTerms === shape)
    parts.forEach(([part], index) => {
      const target = node.childNodes[index];
      if (target.textContent !== part) target.textContent = part;
    });
  else
    node.replaceChildren(
      ...parts.map(([part, id]) =>
        id ? make("span", { "data-term": id, tabindex: isFocusable ? "0" : null }, part) : part,
      ),
    );
  node.shapeOfTerms = shape;
}

/** Shows the meaning of the term below the pointer or with the focus, inside `root`. */
export class Glossary {
  constructor(root, signal) {
    this.root = root;
    this.node = make("div", {
      class: "meaning",
      role: "tooltip",
      id: `meaning-${crypto.randomUUID?.() ?? Math.random()}`,
      hidden: true,
    });
    const listen = (name, act) => root.addEventListener(name, act, { signal });
    const termOf = ({ target }) => target.closest?.("[data-term]");
    const isOurs = ({ target }) => termOf({ target }) || this.node.contains(target);
    listen("pointerover", (event) => {
      if (event.pointerType === "touch" || event.buttons) return;
      if (termOf(event)) this.showSoon(termOf(event), DELAY.mouse);
      else if (!isOurs(event)) this.hide();
    });
    listen("pointerleave", ({ pointerType }) => pointerType !== "touch" && this.hide());
    listen("pointerdown", (event) => {
      if (!isOurs(event) || event.pointerType !== "touch") this.hide();
      if (event.pointerType === "touch" && termOf(event)) this.showSoon(termOf(event), DELAY.touch);
    });
    for (const name of ["pointerup", "pointercancel"]) listen(name, () => clearTimeout(this.waiting));
    listen("contextmenu", (event) => {
      if (event.pointerType === "touch" && termOf(event)) event.preventDefault(); // a long press is ours
    });
    listen("focusin", (event) => {
      if (termOf(event)?.matches(":focus-visible")) this.show(termOf(event));
    });
    listen("focusout", () => this.hide());
  }

  showSoon(term, delay) {
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => term.isConnected && this.show(term), delay);
  }

  show(term) {
    clearTimeout(this.waiting);
    if (this.term !== term) this.hide();
    const { node, root } = this;
    this.term = term;
    const id = term.dataset.term;
    node.replaceChildren(make("b", {}, namesOf(id)[0]), `: ${translate(`about_${id}`)}`);
    node.hidden = false;
    term.setAttribute("aria-describedby", node.id);
    const [around, box] = [root.getBoundingClientRect(), term.getBoundingClientRect()];
    const left = Math.max(0, Math.min(box.left - around.left, around.width - node.offsetWidth));
    const fitsBelow = box.bottom + node.offsetHeight < innerHeight;
    const top = fitsBelow ? box.bottom : box.top - node.offsetHeight;
    Object.assign(node.style, {
      left: `${left + root.scrollLeft}px`,
      top: `${top - around.top + root.scrollTop}px`,
    });
  }

  /** Returns whether a meaning was on screen. */
  hide() {
    clearTimeout(this.waiting);
    if (this.node.hidden) return false;
    this.node.hidden = true;
    this.term?.removeAttribute("aria-describedby");
    this.term = null;
    return true;
  }
}

/** All terms and their meanings, for the help. */
export function glossaryList() {
  return TERMS.flatMap((id) => [make("dt", {}, namesOf(id)[0]), make("dd", {}, translate(`about_${id}`))]);
}
