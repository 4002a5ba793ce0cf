/** *Why?*: the button that opens it in the panel of the selected cell, and what it shows there. */

import { make, write } from "../view/dom.js";
import { callOfAnswer } from "../model/coordinates.js";
import { translate } from "../text/translate.js";
import { Answers } from "../answers.js";
import {
  asCsv,
  asJson,
  cellName,
  changeAt,
  flipsOf,
  pushesOf,
  questionOf,
  removable,
  ruleAt,
  strongest,
} from "./explanation.js";
import {
  agreementSentence,
  changeSentence,
  flipText,
  probabilityText,
  pushText,
  ruleSentence,
  shareSentence,
  sideText,
} from "./sentences.js";

/** A button that does not take the focus, so that the space bar still plays. */
function makeButton(name, text, act, title = null) {
  const node = make("button", { type: "button", "data-testid": name, title }, text);
  node.addEventListener("mousedown", (event) => event.preventDefault());
  node.addEventListener("click", act);
  return node;
}

/**
 * What pushed a cell to its answer. `player` is asked for what it shows (`trace`, `call`, `cell`, `why`, `data`)
 * and does what a press asks for (`showWhy`, `go`, `removeGiven`); `marks` draws the givens on its grid.
 */
export class Why {
  constructor(player, marks) {
    Object.assign(this, { player, marks });
    this.attributions = new Answers(() => player.trace && this.draw());
    this.button = makeButton(
      "why",
      translate("why"),
      () => player.showWhy(!player.why),
      translate("why_title"),
    );
    const line = (name, attributes = {}) => make("p", { class: name, ...attributes });
    this.lines = {
      change: line("why-change"),
      rule: line("why-rule"),
      towards: line("why-towards"),
      away: line("why-away"),
      share: line("why-share", { role: "status" }),
      agreement: line("why-agreement"),
    };
    this.probabilities = line("why-probabilities");
    this.flips = make("div", { class: "why-flips", role: "group", "aria-label": translate("why_flips") });
    this.remove = makeButton(
      "remove-given",
      "",
      () => player.removeGiven(this.strongestGiven),
      translate("why_remove_title"),
    );
    const file = (kind) =>
      makeButton(`why-${kind}`, kind.toUpperCase(), () => this.save(kind), translate(`why_${kind}`));
    this.command = make("code", {}, "");
    this.details = make("details", {}, [make("summary", {}, translate("why_command")), this.command]);
    const { change, rule, towards, away, share, agreement } = this.lines;
    this.node = make(
      "section",
      { class: "why", "data-testid": "why-panel", "aria-label": translate("why_title"), hidden: true },
      [
        make("div", { class: "why-answers" }, [change, this.probabilities]),
        this.flips,
        rule,
        towards,
        away,
        share,
        agreement,
        make("div", { class: "why-actions" }, [this.remove, file("json"), file("csv"), this.details]),
      ],
    );
  }

  show(trace) {
    this.button.hidden = !trace.rules;
    this.drawnFlips = null;
  }

  /** Draws what the player shows; hides itself and its marks if it is not open. */
  draw() {
    const { trace, call, cell, why, data } = this.player;
    const isOpen = Boolean(why && trace.rules && cell != null);
    this.node.hidden = !isOpen;
    this.button.setAttribute("aria-pressed", String(isOpen));
    if (!isOpen) {
      this.attributions.stop();
      return this.marks.draw(trace, null);
    }
    const change = changeAt(trace, call, cell);
    this.drawFlips(cell, change);
    for (const name of ["rule", "towards", "away", "share", "agreement"]) write(this.lines[name], "");
    this.probabilities.replaceChildren();
    this.remove.hidden = this.details.hidden = true;
    if (!change) {
      write(this.lines.change, translate("why_no_answer"));
      this.attributions.stop();
      return this.marks.draw(trace, null);
    }
    const rule = ruleAt(trace, change);
    write(this.lines.change, changeSentence(trace, change));
    this.probabilities.replaceChildren(
      ...["token", "versus"]
        .filter((which) => change[which] != null)
        .map((which) => make("span", {}, probabilityText(trace, change[which], change.probabilities[which]))),
    );
    write(this.lines.rule, ruleSentence(trace, rule));
    const attribution = data.why ? this.attributions.find(data.why, questionOf(trace, change)) : null;
    Object.assign(this, { change, rule, attribution: attribution?.cells ? attribution : null });
    if (this.attribution) return this.drawAttribution();
    write(this.lines.share, this.statusText(attribution));
    return this.marks.draw(trace, { rule });
  }

  /** Why there is no attribution yet. */
  statusText(attribution) {
    if (!this.player.data.why) return translate("why_needs_model");
    if (attribution?.error === "gone") return translate("why_gone");
    return attribution?.error ?? translate("why_computing");
  }

  drawAttribution() {
    const { change, rule, attribution, player } = this;
    const { trace } = player;
    const pushes = pushesOf(trace, attribution.cells);
    const shown = {};
    for (const [side, token] of [
      ["towards", change.token],
      ["away", change.versus],
    ]) {
      const { top, share } = strongest(pushes[side]);
      shown[side] = top;
      const name = token == null ? translate("why_others") : sideText(trace, token, share);
      if (top.length)
        this.lines[side].replaceChildren(
          make("b", {}, name),
          ...top.map((push) =>
            make("span", { "data-cell-name": cellName(trace, push.cell) }, pushText(trace, push)),
          ),
        );
    }
    write(this.lines.share, shareSentence(trace, attribution));
    write(this.lines.agreement, agreementSentence(trace, rule, change, pushes));
    write(this.command, attribution.command);
    this.details.hidden = false;
    this.strongestGiven = removable(trace, pushes);
    this.remove.hidden = this.strongestGiven == null || !player.canRemove;
    if (!this.remove.hidden)
      write(this.remove, translate("why_remove", { cell: cellName(trace, this.strongestGiven) }));
    this.marks.draw(trace, { rule, ...shown });
  }

  /** The flips of the cell, as buttons that go there. */
  drawFlips(cell, change) {
    const { trace } = this.player;
    const flips = flipsOf(trace, cell);
    const signature = JSON.stringify([cell, flips]);
    if (signature !== this.drawnFlips) {
      this.drawnFlips = signature;
      this.flips.hidden = !flips.length;
      this.flips.replaceChildren(
        ...flips.map((flip) =>
          makeButton(`flip-${flip.answer}`, flipText(trace, flip), () =>
            this.player.go(callOfAnswer(trace, flip.answer)),
          ),
        ),
      );
    }
    for (const node of this.flips.children)
      node.setAttribute("aria-current", String(node.dataset.testid === `flip-${change?.answer}`));
  }

  /** Saves what the panel shows as a file. */
  save(kind) {
    const {
      change,
      rule,
      attribution,
      player: { trace },
    } = this;
    const text =
      kind === "json"
        ? JSON.stringify(asJson(trace, change, rule, attribution), null, 2)
        : asCsv(trace, rule, attribution);
    const address = URL.createObjectURL(
      new Blob([text], { type: kind === "json" ? "application/json" : "text/csv" }),
    );
    make("a", { href: address, download: `why-${cellName(trace, change.cell)}.${kind}` }).click();
    setTimeout(() => URL.revokeObjectURL(address));
  }
}
