/** The selected cell. */

import { answerAt } from "../model/coordinates.js";
import { make, write } from "./dom.js";
import { cellProbabilities } from "../model/reading.js";
import { SKINS } from "../skins/skins.js";
import { cellSentence, cellStory } from "../text/speech.js";
import { paintOwn } from "./timeline.js";
import { say } from "../text/words.js";

/** The selected cell: a column per symbol, tall as its probability. */
export class CellPanel {
  constructor(trace, go) {
    this.go = go;
    this.title = make("p", { class: "title" }, "");
    this.columns = trace.words.map((word, token) => {
      const [number, fill] = [make("span", { class: "number" }, ""), make("i")];
      const node = make("div", { class: "column", "data-symbol": token, "data-probability": "0" }, [
        number,
        make("span", { class: "well" }, fill),
        this.makeName(trace, token, word),
      ]);
      return { node, number, fill, shown: null };
    });
    this.story = make("p", { class: "story", "data-testid": "cell-story" });
    const columns = make(
      "div",
      { class: "columns" },
      this.columns.map(({ node }) => node),
    );
    this.node = make(
      "section",
      { class: "cell-panel", "data-testid": "cell-panel", "aria-label": say("selected_cell") },
      [this.title, this.story, columns],
    );
  }

  /** A symbol; the word for what has none; a chip where ten words would not fit. */
  makeName({ empty, looks, skin }, token, word) {
    if (skin !== SKINS.colours)
      return make("b", { class: empty[token] || looks[token] ? "word" : null }, word);
    const isColour = looks[token].startsWith("#");
    return make("b", {
      class: isColour ? "chip" : `chip ${looks[token]}`,
      style: isColour ? `--chip:${looks[token]}` : null,
      title: word,
      role: "img",
      "aria-label": word,
    });
  }

  show(trace) {
    this.trace = trace;
  }

  /**
   * Colours the columns as the curves; a symbol that is not part of an answer and never matters here is left
   * out.
   */
  select(cell, curves) {
    this.columns.forEach(({ node }, token) => {
      const rank = curves ? curves.ranks[token] : -1;
      node.className = rank < 0 ? "column" : `column series-${rank}`;
      paintOwn(node, this.trace, token);
      node.hidden = this.trace.empty[token] && !(curves?.peaks[token] > 0.01);
    });
    this.node.classList.toggle("unselected", cell == null);
    this.tell(cell);
  }

  /** What became of the cell over the run: what has a place in it is a button that goes there. */
  tell(cell) {
    const story = cell == null ? [] : cellStory(this.trace, cell);
    const said = JSON.stringify(story);
    if (said === this.told) return;
    this.told = said;
    this.story.replaceChildren(
      ...story.map(({ kind, text, call }) => {
        if (call == null) return make("span", { "data-story": kind }, text);
        const button = make("button", { type: "button", "data-story": kind, title: say("go_there") }, text);
        button.addEventListener("mousedown", (event) => event.preventDefault());
        button.addEventListener("click", () => this.go(call));
        return button;
      }),
    );
  }

  draw(call, cell, mode) {
    write(this.title, cell == null ? say("click_a_cell") : cellSentence(this.trace, call, cell, mode));
    const probabilities = cellProbabilities(
      this.trace,
      cell == null ? -1 : answerAt(this.trace, call),
      cell ?? 0,
    );
    this.columns.forEach((column, token) => {
      const p = probabilities[token];
      if (column.shown === p) return;
      column.shown = p;
      column.node.dataset.probability = p;
      column.fill.style.transform = `scaleY(${p})`;
      write(column.number, p < 0.005 ? "" : p.toFixed(2));
    });
  }
}
