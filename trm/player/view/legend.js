/** The legend: what the marks mean, and how many cells have each. */

import { make, write } from "./dom.js";
import { CHANGED, CONFLICT, DIFFERS, DROPPED, GIVEN, STABLE, MISSING, WRONG } from "../model/cells.js";
import { translate } from "../text/translate.js";

const MARKS = [
  [GIVEN, "given"],
  [CHANGED, "changed"],
  [CONFLICT, "conflict"],
  [WRONG, "wrong"],
  [MISSING, "missing"],
  [DROPPED, "dropped"],
  [STABLE, "stable"],
  [DIFFERS, "differs"],
];

export class Legend {
  /** Missing cells reveal the solution: their entry is a button, `toggleMissing`, which marks them. */
  constructor({ skin }, toggleMissing) {
    this.marks = MARKS.filter(([bit]) => [STABLE, DIFFERS].includes(bit) || skin.marks.includes(bit)).map(
      ([bit, kind]) => {
        const count = make("b", {}, "");
        const words = make("span", {}, translate(bit === CONFLICT ? skin.conflictMark : `mark_${kind}`));
        const content = [make("i"), words, " ", count];
        const node =
          bit === MISSING
            ? makeToggle(content, toggleMissing)
            : make("span", { class: `key ${kind}`, "aria-hidden": "true" }, content);
        return { bit, count, words, node };
      },
    );
    this.node = make(
      "p",
      { class: "legend" },
      this.marks.map(({ node }) => node),
    );
  }

  /** Without a solution only an overwritten given counts as wrong. */
  show({ labels }) {
    this.hasSolution = Boolean(labels);
    for (const { bit, words } of this.marks)
      if (bit === WRONG) write(words, translate(this.hasSolution ? "mark_wrong" : "mark_overwritten"));
  }

  /** `marks` and `missing`: whether cells that stayed correct, and cells that the path misses, are marked. */
  draw(flags, { marks, missing }) {
    for (const { bit, count, node } of this.marks) {
      if (bit === MISSING) node.setAttribute("aria-pressed", String(missing));
      const without = bit === WRONG ? MISSING : 0;
      let total = 0;
      for (const each of flags) if (each & bit && !(each & without)) total++;
      write(count, String(total));
      const isUnknown = !this.hasSolution && (bit === MISSING || (bit === WRONG && !total));
      node.hidden = isUnknown || (bit === STABLE && !marks);
    }
  }
}

function makeToggle(content, act) {
  const node = make(
    "button",
    { type: "button", class: "key missing", "data-testid": "missing", title: translate("missing") },
    content,
  );
  node.addEventListener("mousedown", (event) => event.preventDefault());
  node.addEventListener("click", act);
  return node;
}
