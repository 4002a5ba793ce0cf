/** Texts of the lecture as elements. Their content is inserted as text, never as markup. */

import { make } from "../../../../trm/player/view/dom.js";
import { spans } from "./call.js";

/** `code` and **emphasis** as elements. */
export const inline = (text) =>
  spans(text).map(([kind, part]) => (kind ? make(kind, {}, part) : document.createTextNode(part)));

/** A paragraph. One that is only code is set as a formula. */
export function paragraph(text) {
  const parts = spans(text);
  const isFormula = parts.length === 1 && parts[0][0] === "code";
  return make(
    "p",
    { class: isFormula ? "formula" : null },
    isFormula ? parts[0][1].replaceAll("<-", "←") : inline(text),
  );
}
