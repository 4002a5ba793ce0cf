/** The grid of the editor, one element per cell. */

import { make, write } from "../../../trm/player/view/dom.js";
import { needsWhite } from "../../../trm/player/skins/colours.js";

let gridCount = 0; // for unique ids of cells on this page

export class EditorGrid {
  /** `task` as in description.py; `act` has point(cell, event), drag(cell) and drop(). */
  constructor(task, act) {
    this.task = task;
    this.name = `draft-${++gridCount}`;
    this.node = make("div", {
      class: `cells ${task.drawn ? "drawn" : "text"}`,
      role: "grid",
      tabindex: "0",
      "data-testid": "draft",
      "data-mode": "answer",
    });
    this.node.addEventListener("pointerdown", (event) => this.onDown(event, act));
    this.node.addEventListener("pointermove", (event) => {
      if (this.held) act.drag(this.cellUnder(event));
    });
    for (const end of ["pointerup", "pointercancel"])
      this.node.addEventListener(end, () => {
        if (this.held) act.drop();
        this.held = false;
      });
    // the right button clears cells
    this.node.addEventListener("contextmenu", (event) => {
      if (task.drawn) event.preventDefault();
    });
  }

  onDown(event, act) {
    if (event.button > 2 || event.button === 1) return;
    event.preventDefault(); // does not select text or lose the focus
    this.node.focus({ preventScroll: true });
    this.node.setPointerCapture(event.pointerId);
    this.held = true;
    act.point(this.cellUnder(event), event);
  }

  /** The cell nearest to the pointer. */
  cellUnder({ clientX, clientY }) {
    const { left, top, width, height } = this.node.getBoundingClientRect();
    const { rows, columns } = this.grid;
    const place = (at, size, count) => Math.min(Math.max(Math.floor((at / size) * count), 0), count - 1);
    return place(clientY - top, height, rows) * columns + place(clientX - left, width, columns);
  }

  /** Draws a grid; `conflicts` are the cells whose givens contradict each other. */
  draw(grid, selected, conflicts) {
    if (this.grid?.rows !== grid.rows || this.grid?.columns !== grid.columns) this.build(grid);
    this.grid = grid;
    this.cells.forEach((node, cell) =>
      this.drawCell(node, cell, grid.tokens[cell], conflicts.has(cell), cell === selected),
    );
    this.node.setAttribute("aria-activedescendant", this.cells[selected].id);
  }

  build({ rows, columns }) {
    const { box_rows, box_columns, name } = this.task;
    const closes = (place, size, count) => size && (place + 1) % size === 0 && place + 1 < count;
    this.cells = Array.from({ length: rows * columns }, (_, cell) => {
      const [row, column] = [Math.floor(cell / columns), cell % columns];
      const edges = [
        closes(column, box_columns, columns) && "right",
        closes(row, box_rows, rows) && "bottom",
      ].filter(Boolean);
      return make(
        "div",
        {
          role: "gridcell",
          id: `${this.name}-${cell}`,
          "data-cell": `${row},${column}`,
          "data-edge": edges.join(" ") || null,
        },
        "",
      );
    });
    this.drawn = [];
    this.node.replaceChildren(
      ...Array.from({ length: rows }, (_, row) =>
        make("div", { role: "row", class: "row" }, this.cells.slice(row * columns, (row + 1) * columns)),
      ),
    );
    this.node.style.setProperty("--columns", columns);
    this.node.setAttribute("aria-label", `${name} puzzle, ${rows} rows, ${columns} columns`);
  }

  /** Updates a cell if it has changed. */
  drawCell(node, cell, token, isConflict, isSelected) {
    const state = `${token} ${isConflict} ${isSelected}`;
    if (this.drawn[cell] === state) return;
    this.drawn[cell] = state;
    const { looks, blank, drawn } = this.task;
    const look = looks[token];
    const classes = [
      "cell",
      drawn ? "" : token === blank ? "empty" : "given",
      drawn && look[0] !== "#" ? look : "",
      isConflict ? "conflict" : "",
    ];
    node.className = classes.filter(Boolean).join(" ");
    if (look[0] === "#")
      Object.assign(node.style, { backgroundColor: look, color: needsWhite(look) ? "#ffffff" : "#000000" });
    write(node, this.symbolOf(token));
    node.setAttribute("aria-selected", String(isSelected));
    node.setAttribute("aria-label", this.sentence(cell, token, isConflict));
  }

  /** The text of a cell; "" if its colour or shape is enough. */
  symbolOf(token) {
    const { symbols, blank, looks } = this.task;
    return (token === blank && looks[token][0] !== "#") || ["wall", "path"].includes(looks[token])
      ? ""
      : symbols[token];
  }

  sentence(cell, token, isConflict = false) {
    const { columns } = this.grid;
    return `row ${Math.floor(cell / columns) + 1}, column ${(cell % columns) + 1}: ${this.task.names[token]}${isConflict ? ", contradicts another cell" : ""}`;
  }
}
