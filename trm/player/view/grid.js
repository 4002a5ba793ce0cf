/** The grid of cells. */

import { make } from "./dom.js";
import { DIFFERS, flagNames, STABLE } from "../model/cells.js";
import { isInPart } from "./part.js";
import { Pencil } from "./pencil.js";
import { Picture } from "../skins/picture.js";
import { gridView } from "../model/grid_view.js";
import { cellSentence } from "../text/sentences.js";
import { translate, translateOr } from "../text/translate.js";

const MANY = 100; // symbols written at once that would be slow to lay out
const REST = 250; // ms

let gridCount = 0; // for unique ids of cells on this page

/** One element per cell, which shows its symbol (text) or lies invisibly over the picture. */
export class Grid {
  constructor(trace, select) {
    this.drawn = { tokens: [], flags: [], shade: [], small: [] };
    this.selected = null;
    this.peers = [];
    this.number = ++gridCount;
    const { rows, columns, skin } = trace;
    this.cells = Array.from({ length: trace.L }, (_, cell) => this.makeCell(trace, cell));
    const lines = Array.from({ length: rows }, (_, row) =>
      make("div", { role: "row", class: "row" }, this.cells.slice(row * columns, (row + 1) * columns)),
    );
    this.texts = this.cells.map((node) => (skin.paint ? node.firstChild : node).firstChild);
    this.node = make(
      "div",
      {
        class: `cells ${skin.name}`,
        role: "grid",
        tabindex: "0",
      },
      lines,
    );
    this.layer = new (skin.paint ? Picture : Pencil)(this.node);
    this.node.addEventListener("click", (event) => {
      const cell = this.cellUnder(event);
      if (cell >= 0) select(cell);
    });
    this.sizes = new ResizeObserver(() => this.redraw());
    this.sizes.observe(this.node);
  }

  /** The cell under the pointer; -1 for none. */
  cellUnder({ target }) {
    return this.cells.indexOf(target.closest("[data-cell]"));
  }

  makeCell({ columns, rows, box_columns, box_rows, skin }, cell) {
    const [row, column] = [Math.floor(cell / columns), cell % columns];
    const closesBox = (place, size, count) => size && (place + 1) % size === 0 && place + 1 < count;
    const edges = [
      closesBox(column, box_columns, columns) && "right",
      closesBox(row, box_rows, rows) && "bottom",
    ].filter(Boolean);
    return make(
      "div",
      {
        class: skin.paint ? "spot" : "cell",
        role: "gridcell",
        id: `cell-${this.number}-${cell}`,
        "data-cell": `${row},${column}`,
        "data-edge": edges.join(" ") || null,
        "aria-selected": "false",
      },
      skin.paint ? make("span", {}, "") : "",
    );
  }

  /** Shows only the rows and columns of `part`; `numbers` as in Picture. */
  setPart(part, numbers) {
    const { trace, cells, node } = this;
    if (this.part?.rows !== part.rows || this.part?.columns !== part.columns) {
      cells.forEach((cell, place) => {
        cell.hidden = !isInPart(part, place, trace.columns);
      });
      [...node.querySelectorAll(".row")].forEach((row, place) => {
        row.hidden = place >= part.rows;
      });
      node.style.setProperty("--columns", part.columns);
      node.style.setProperty("--shape", part.columns / part.rows);
      node.setAttribute(
        "aria-label",
        translate("grid", { task: translateOr(`task_${trace.task}`, trace.task), ...part }),
      );
    }
    this.part = part;
    this.layer.setPart(part, numbers);
  }

  /** Shows a trace with the same kind and size of grid. */
  show(trace) {
    this.trace = trace;
    this.call = null;
    this.layer.show(trace);
  }

  /** `options` as in gridView, and `missing` as in pictureView. Returns the result of gridView. */
  draw(call, mode, options) {
    const view = gridView(this.trace, call, mode, options);
    if (this.drawn.mode !== mode) this.node.dataset.mode = this.drawn.mode = mode;
    this.drawElements(view);
    if (!this.trace.skin.paint) this.drawDetails(view);
    this.layer.draw(call, mode, view, options);
    Object.assign(this, { call, mode });
    this.describe();
    return view;
  }

  /** Writes symbols and class names. */
  drawElements({ tokens, flags }) {
    const {
      drawn,
      cells,
      texts: nodes,
      trace: { L, texts, skin },
    } = this;
    const base = skin.paint ? "spot" : "cell";
    let written = 0;
    for (let cell = 0; cell < L; cell++) {
      if (drawn.tokens[cell] !== tokens[cell]) {
        nodes[cell].data = texts[(drawn.tokens[cell] = tokens[cell])];
        written++;
      }
      if (drawn.flags[cell] === flags[cell]) continue;
      if ((drawn.flags[cell] ^ flags[cell]) & (STABLE | DIFFERS)) describeMarks(cells[cell], flags[cell]);
      cells[cell].className = classOf(base, (drawn.flags[cell] = flags[cell]));
    }
    if (skin.paint && written > MANY) this.hideTextBriefly();
  }

  /** Defers the layout of hundreds of invisible symbols until no key is pressed. */
  hideTextBriefly() {
    this.node.classList.add("busy");
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.node.classList.remove("busy"), REST);
  }

  /** Draws what a mode adds to the symbols: the shade and the small symbols. */
  drawDetails({ shade, small }) {
    const {
      drawn,
      cells,
      trace: { L, texts },
    } = this;
    for (let cell = 0; cell < L; cell++) {
      const level = shade ? shade[cell] >> 3 : drawn.shade[cell];
      if (drawn.shade[cell] !== level)
        cells[cell].style.setProperty("--shade", ((drawn.shade[cell] = level) / 31).toFixed(2));
      const beside = small ? small[cell] : -1;
      if ((drawn.small[cell] ?? -1) === beside) continue;
      drawn.small[cell] = beside;
      if (beside < 0) delete cells[cell].dataset.small;
      else cells[cell].dataset.small = texts[beside];
    }
  }

  /** Redraws after a change of colours or size. */
  redraw() {
    if (this.trace) this.layer.redraw();
  }

  /** Selects a cell; in grids of text, tints its row, column and box. */
  select(selected) {
    const { cells, peers, trace } = this;
    const mark = (cell, on) => cell != null && cells[cell].setAttribute("aria-selected", String(on));
    mark(this.selected, false);
    cells[this.selected]?.removeAttribute("aria-label");
    mark((this.selected = selected), true);
    for (const cell of peers) cells[cell].removeAttribute("data-peer");
    this.peers = trace.skin.paint || selected == null ? [] : peersOf(trace, selected);
    for (const cell of this.peers) cells[cell].setAttribute("data-peer", "");
    this.layer.select(selected);
    if (selected == null) this.node.removeAttribute("aria-activedescendant");
    else this.node.setAttribute("aria-activedescendant", `cell-${this.number}-${selected}`);
    this.describe();
  }

  /** Gives the selected cell a sentence for screen readers. */
  describe() {
    if (this.selected != null && this.call != null)
      this.cells[this.selected].setAttribute(
        "aria-label",
        cellSentence(this.trace, this.call, this.selected, this.mode),
      );
  }

  remove() {
    clearTimeout(this.resting);
    this.sizes.disconnect();
    this.node.remove();
  }
}

/** Describes marks to screen readers that have no other text. */
function describeMarks(node, flags) {
  const descriptions = [
    flags & STABLE && translate("mark_stable"),
    flags & DIFFERS && translate("differs_from_other"),
  ].filter(Boolean);
  if (descriptions.length) node.setAttribute("aria-description", descriptions.join(", "));
  else node.removeAttribute("aria-description");
}

const CLASSES = {};
/** The class attribute of a cell with these flags; cached. */
const classOf = (base, flags) => ((CLASSES[base] ??= [])[flags] ??= [base, ...flagNames(flags)].join(" "));

/** The other cells in a cell's row, column and box. */
function peersOf({ L, columns, box_rows, box_columns }, selected) {
  const place = (cell) => [Math.floor(cell / columns), cell % columns];
  const [row, column] = place(selected);
  return Array.from({ length: L }, (_, cell) => cell).filter((cell) => {
    const [r, c] = place(cell);
    const boxed =
      box_rows &&
      Math.floor(r / box_rows) === Math.floor(row / box_rows) &&
      Math.floor(c / box_columns) === Math.floor(column / box_columns);
    return cell !== selected && (r === row || c === column || boxed);
  });
}
