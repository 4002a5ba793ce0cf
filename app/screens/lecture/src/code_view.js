/**
 * The code view: the lines of the recursion with the current call highlighted, and the shapes of its variables.
 */

import { make, write } from "../../../../trm/player/view/dom.js";
import { flow, formula, hasGradient, marksAt, shapeText } from "./call.js";

export class CodeView {
  /** `code`: the functions as app/screens/lecture/code_view.py returns them. */
  constructor(code) {
    this.rows = code.flatMap(({ lines }) => lines.map((line) => this.makeRow(line)));
    this.list = make(
      "div",
      { class: "source-lines", tabindex: "0", role: "region", "aria-label": "trm/recursion.py" },
      this.rows.map(({ node }) => node),
    );
    const columns = Math.max(...this.rows.map(({ text }) => text.length));
    this.list.style.setProperty("--columns", columns);
    this.name = make("b", {}, "");
    this.variables = make("div", { class: "variables", "data-testid": "variables" });
    this.node = make("section", { class: "source-view", "data-testid": "code", translate: "no" }, [
      make("div", { class: "code-head" }, [this.name, this.variables]),
      this.list,
    ]);
  }

  makeRow({ number, text, marks }) {
    const note = make("span", { class: "note" }, "");
    const isFold = number == null;
    const name = ["source-line", isFold && "fold", marks.includes("gradient") && "gradient"].filter(Boolean);
    const node = make("div", { class: name.join(" "), "data-line": number }, [
      make("span", { class: "number" }, isFold ? "" : String(number)),
      make("code", {}, isFold ? "⋯" : text),
      note,
    ]);
    return { node, text, marks, note };
  }

  show(sizes, words, scene) {
    Object.assign(this, { sizes, words });
    this.node.classList.toggle("with-gradient", scene.point.includes("gradient"));
    write(this.name, words.code);
    this.states = Object.fromEntries(
      ["x", "y", "z"]
        .filter((name) => !(sizes.one_state && name === "y"))
        .map((name) => {
          const written = make("i", {}, "");
          const node = make("span", { class: `variable ${name}`, "data-variable": name }, [
            make("b", {}, name === "x" ? "x" : `state.${name}`),
            ` ${shapeText(sizes[name])}`,
            written,
          ]);
          return [name, { node, written }];
        }),
    );
    this.variables.replaceChildren(...Object.values(this.states).map(({ node }) => node));
  }

  draw(at) {
    const { sizes, words } = this;
    const { current, around } = marksAt(sizes, at);
    const { supervision_step, cycle, call } = at;
    const counts = {
      loop_N: `${supervision_step}/${sizes.N_sup}`,
      loop_T: `${cycle}/${sizes.T}`,
      loop_L: `${Math.min(call, sizes.n)}/${sizes.n}`,
    };
    Object.assign(this.node.dataset, { supervisionStep: supervision_step, cycle, call, kind: current });
    let lit = null;
    for (const { node, marks, note } of this.rows) {
      const isCurrent = marks.includes(current);
      node.classList.toggle("current", isCurrent);
      node.classList.toggle(
        "around",
        marks.some((mark) => around.includes(mark)),
      );
      const loop = marks.find((mark) => mark in counts);
      write(note, isCurrent ? formula(sizes, at) : loop ? counts[loop] : "");
      if (isCurrent) lit = node;
    }
    const { to } = flow(sizes, at);
    for (const [name, { node, written }] of Object.entries(this.states)) {
      node.classList.toggle("written", name === to);
      write(written, name === to ? ` ← ${words.written}` : "");
    }
    write(this.name, `${words.code} · ${hasGradient(sizes, at) ? words.gradient : words.no_gradient}`);
    this.scrollTo(lit);
  }

  /** Scrolls only the list, so that the line is about in its middle and the first line is whole. */
  scrollTo(line) {
    if (!line) return;
    const top = line.offsetTop + (line.offsetHeight - this.list.clientHeight) / 2;
    const first = this.rows.find(({ node }) => node.offsetTop >= top);
    this.list.scrollTop = first.node.offsetTop;
  }
}
