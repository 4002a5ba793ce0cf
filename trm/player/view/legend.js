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
        const words = make("span", {}, say(bit === CONFLICT ? skin.breaks : `mark_${kind}`));
        const content = [make("i"), words, " ", count];
        const node =
          bit === MISSING
            ? makeSwitch(content, switchMissing)
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

  /** Where no solution is known, only a given can be wrong: by being written over. */
  show({ labels }) {
    this.isJudged = Boolean(labels);
    for (const { bit, words } of this.marks)
      if (bit === WRONG) write(words, say(this.isJudged ? "mark_wrong" : "mark_overwritten"));
  }

  /** `marks` and `missing`: whether what stayed right, and what a path lacks, is marked. */
  draw(flags, { marks, missing }) {
    for (const { bit, count, node } of this.marks) {
      if (bit === MISSING) node.setAttribute("aria-pressed", String(missing));
      const without = bit === WRONG ? MISSING : 0;
      let total = 0;
      for (const each of flags) if (each & bit && !(each & without)) total++;
      write(count, String(total));
      const isUnknown = !this.isJudged && (bit === MISSING || (bit === WRONG && !total));
      node.hidden = isUnknown || (bit === KEPT && !marks);
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
