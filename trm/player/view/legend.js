/** What the marks in the cells mean, and how many cells carry each. */

import { make, write } from "./dom.js";
import { CHANGED, CONFLICT, DIFFERS, DROPPED, GIVEN, KEPT, WRONG } from "../model/cells.js";
import { say } from "../text/words.js";

const MARKS = [
  [GIVEN, "given"],
  [CHANGED, "changed"],
  [CONFLICT, "conflict"],
  [WRONG, "wrong"],
  [DROPPED, "dropped"],
  [KEPT, "kept"],
  [DIFFERS, "differs"],
];

export class Legend {
  constructor({ skin }) {
    this.marks = MARKS.filter(([bit]) => [KEPT, DIFFERS].includes(bit) || skin.marks.includes(bit)).map(
      ([bit, kind]) => {
        const count = make("b", {}, "");
        return {
          bit,
          count,
          node: make("span", { class: `key ${kind}` }, [
            make("i"),
            say(bit === CONFLICT ? skin.breaks : `mark_${kind}`),
            " ",
            count,
          ]),
        };
      },
    );
    this.node = make(
      "p",
      { class: "legend", "aria-hidden": "true" },
      this.marks.map(({ node }) => node),
    );
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
