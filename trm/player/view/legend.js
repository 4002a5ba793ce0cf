/** What the marks in the cells mean, and how many cells carry each. */

import { make, write } from "./dom.js";
import { CHANGED, CONFLICT, DIFFERS, DROPPED, GIVEN, KEPT, MISSING, WRONG } from "../model/cells.js";
import { say } from "../text/words.js";

const MARKS = [
  [GIVEN, "given"],
  [CHANGED, "changed"],
  [CONFLICT, "conflict"],
  [WRONG, "wrong"],
  [MISSING, "missing"],
  [DROPPED, "dropped"],
  [KEPT, "kept"],
  [DIFFERS, "differs"],
];

export class Legend {
  /** What a path lacks gives the solution away: its entry is the button, `switchMissing`, that marks it. */
  constructor({ skin }, switchMissing) {
    this.marks = MARKS.filter(([bit]) => [KEPT, DIFFERS].includes(bit) || skin.marks.includes(bit)).map(
      ([bit, kind]) => {
        const count = make("b", {}, "");
        const content = [make("i"), say(bit === CONFLICT ? skin.breaks : `mark_${kind}`), " ", count];
        const node =
          bit === MISSING
            ? makeSwitch(content, switchMissing)
            : make("span", { class: `key ${kind}`, "aria-hidden": "true" }, content);
        return { bit, count, node };
      },
    );
    this.node = make(
      "p",
      { class: "legend" },
      this.marks.map(({ node }) => node),
    );
  }

  show({ labels }) {
    this.isJudged = Boolean(labels);
  }

  /** `marks` and `missing`: whether what stayed right, and what a path lacks, is marked. */
  draw(flags, { marks, missing }) {
    for (const { bit, count, node } of this.marks) {
      node.hidden = ([WRONG, MISSING].includes(bit) && !this.isJudged) || (bit === KEPT && !marks);
      if (bit === MISSING) node.setAttribute("aria-pressed", String(missing));
      const without = bit === WRONG ? MISSING : 0;
      let total = 0;
      for (const each of flags) if (each & bit && !(each & without)) total++;
      write(count, String(total));
    }
  }
}

function makeSwitch(content, act) {
  const node = make(
    "button",
    { type: "button", class: "key missing", "data-testid": "missing", title: say("missing") },
    content,
  );
  node.addEventListener("mousedown", (event) => event.preventDefault());
  node.addEventListener("click", act);
  return node;
}
