/** What the marks in the cells mean, and how many cells carry each. */

import { make, write } from "./dom.js";
import { CHANGED, CONFLICT, DIFFERS, DROPPED, GIVEN, KEPT, WRONG } from "./flags.js";

const MARKS = [
  [GIVEN, "given", () => "given"], [CHANGED, "changed", () => "changed"], [CONFLICT, "conflict", (skin) => skin.breaks],
  [WRONG, "wrong", () => "not the solution"], [DROPPED, "dropped", () => "dropped from the path"], [KEPT, "kept", () => "right and stayed right"],
  [DIFFERS, "differs", () => "differs"],
];

export class Legend {
  constructor({ skin }) {
    this.marks = MARKS.filter(([bit]) => [KEPT, DIFFERS].includes(bit) || skin.marks.includes(bit)).map(([bit, kind, text]) => {
      const count = make("b", {}, "");
      return { bit, count, node: make("span", { class: `key ${kind}` }, [make("i"), text(skin), " ", count]) };
    });
    this.node = make("p", { class: "legend", "aria-hidden": "true" }, this.marks.map(({ node }) => node));
  }

  show({ labels }) {
    this.isJudged = Boolean(labels);
  }

  draw(flags, marks) {
    for (const { bit, count, node } of this.marks) {
      node.hidden = (bit === WRONG && !this.isJudged) || (bit === KEPT && !marks);
      let total = 0;
      for (const each of flags) if (each & bit) total++;
      write(count, String(total));
    }
  }
}
