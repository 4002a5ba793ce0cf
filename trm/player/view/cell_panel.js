/** The panel of the selected cell. */

import { answerAt } from "../model/coordinates.js";
import { make, write } from "./dom.js";
import { cellProbabilities } from "../model/grid_view.js";
import { SKINS } from "../skins/skins.js";
import { cellSentence, historyEntries } from "../text/sentences.js";
import { applyTokenColour } from "./timeline.js";
import { translate } from "../text/translate.js";

/**
 * Sentence and history of the selected cell, a column per symbol whose height is its probability, and
 * `explanation`, which tells why the cell changed.
 */
export class CellPanel {
  constructor(trace, go, explanation) {
    this.go = go;
    this.explanation = explanation;
    this.title = make("p", { class: "title" }, "");
    this.columns = trace.symbolNames.map((word, token) => {
      const [number, fill] = [make("span", { class: "number" }, ""), make("i")];
      const node = make("div", { class: "column", "data-symbol": token, "data-probability": "0" }, [
        number,
        make("span", { class: "well" }, fill),
        this.makeName(trace, token, word),
      ]);
      return { node, number, fill, drawn: null };
    });
    this.history = make("p", { class: "cell-history", "data-testid": "cell-history" });
    const columns = make(
      "div",
      { class: "columns" },
      this.columns.map(({ node }) => node),
    );
    this.node = make(
      "section",
      { class: "cell-panel", "data-testid": "cell-panel", "aria-label": translate("selected_cell") },
      [
        this.title,
        this.history,
        make("div", { class: "cell-row" }, [columns, explanation.button]),
        explanation.node,
      ],
    );
  }

  /** A symbol, its name if it has none, or a chip of colour: ten names would not fit. */
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
    this.explanation.show(trace);
  }

  /**
   * Colours the columns as the curves. Hides a blank or padding token that is never probable in this cell.
   */
  select(cell, curves) {
    this.columns.forEach(({ node }, token) => {
      const rank = curves ? curves.ranks[token] : -1;
      node.className = rank < 0 ? "column" : `column series-${rank}`;
      applyTokenColour(node, this.trace, token);
      node.hidden = this.trace.empty[token] && !(curves?.peaks[token] > 0.01);
    });
    this.node.classList.toggle("unselected", cell == null);
    this.drawHistory(cell);
  }

  /** The history of the cell; entries with a position are buttons that go there. */
  drawHistory(cell) {
    const entries = cell == null ? [] : historyEntries(this.trace, cell);
    const signature = JSON.stringify(entries);
    if (signature === this.drawnHistory) return;
    this.drawnHistory = signature;
    this.history.replaceChildren(
      ...entries.map(({ kind, text, call, opens }) => {
        if (call == null || (opens && !this.trace.rules)) return make("span", { "data-event": kind }, text);
        const button = make(
          "button",
          { type: "button", "data-event": kind, title: translate(opens ? "why_title" : "go_there") },
          text,
        );
        button.addEventListener("mousedown", (event) => event.preventDefault());
        button.addEventListener("click", () => this.go(call, opens));
        return button;
      }),
    );
  }

  draw(call, cell, mode) {
    write(this.title, cell == null ? translate("click_a_cell") : cellSentence(this.trace, call, cell, mode));
    const probabilities = cellProbabilities(
      this.trace,
      cell == null ? -1 : answerAt(this.trace, call),
      cell ?? 0,
    );
    this.columns.forEach((column, token) => {
      const p = probabilities[token];
      if (column.drawn === p) return;
      column.drawn = p;
      column.node.dataset.probability = p;
      column.fill.style.transform = `scaleY(${p})`;
      write(column.number, p < 0.005 ? "" : p.toFixed(2));
    });
  }
}
