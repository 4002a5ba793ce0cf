/** The tools to write or draw with: a button per token, with its key. */

import { make } from "../../../trm/player/view/dom.js";
import { needsWhite } from "../../../trm/player/skins/colours.js";

export class Tools {
  /** `choose(token)` is called when a button is pressed. */
  constructor(task, choose) {
    const { drawn, writable, names, looks, symbols, blank, keys } = task;
    const keysOf = (token) =>
      Object.keys(keys)
        .filter((key) => keys[key] === token)
        .join(" ");
    this.buttons = new Map(
      writable.map((token) => {
        const isEmpty = token === blank && !drawn;
        const swatch = make(
          "i",
          { class: `swatch ${looks[token][0] === "#" ? "" : looks[token]}` },
          drawn ? letterOf(looks[token], symbols[token]) : isEmpty ? "⌫" : symbols[token],
        );
        if (looks[token][0] === "#")
          Object.assign(swatch.style, {
            background: looks[token],
            color: needsWhite(looks[token]) ? "#ffffff" : "#000000",
          });
        const label = isEmpty ? "clear the cell" : names[token];
        const node = make(
          "button",
          {
            type: "button",
            class: "tool",
            "data-tool": names[token],
            title: `${label} (${keysOf(token)})`,
            "aria-label": drawn || isEmpty ? label : `enter ${label}`,
          },
          drawn ? [swatch, make("span", {}, names[token])] : swatch,
        );
        node.addEventListener("mousedown", (event) => event.preventDefault()); // keeps the focus in the grid
        node.addEventListener("click", () => choose(token));
        return [token, node];
      }),
    );
    this.node = make(
      "div",
      {
        class: `tools ${drawn ? "palette" : "pad"}`,
        role: "group",
        "aria-label": drawn ? "Draw with" : "Digits to enter",
      },
      [...this.buttons.values()],
    );
  }

  /** Marks the selected tool. */
  mark(chosen) {
    for (const [token, node] of this.buttons) node.setAttribute("aria-pressed", String(token === chosen));
  }
}

const letterOf = (look, symbol) => (look === "wall" || look === "open" ? "" : symbol);

/** The controls for the number of rows and columns. */
export class Size {
  /** `resize(rows, columns)` is called with the new size. */
  constructor(maxSize, resize) {
    this.maxSize = maxSize;
    this.size = [1, 1];
    this.counts = ["rows", "columns"].map((name) =>
      make("output", { "data-testid": name, "aria-label": name }, ""),
    );
    const by = (side, step, label) => {
      const node = make(
        "button",
        {
          type: "button",
          "aria-label": `${label} ${["row", "column"][side]}`,
          "data-testid": `${label}-${["row", "column"][side]}`,
        },
        step > 0 ? "+" : "−",
      );
      node.addEventListener("mousedown", (event) => event.preventDefault());
      node.addEventListener("click", () => {
        const newSize = this.size.map((count, at) => (at === side ? count + step : count));
        if (newSize[side] >= 1 && newSize[side] <= maxSize[side]) resize(...newSize);
      });
      return node;
    };
    this.node = make(
      "div",
      { class: "size", role: "group", "aria-label": "Size" },
      [0, 1].map((side) =>
        make("div", {}, [
          make("span", {}, ["Rows", "Columns"][side]),
          by(side, -1, "remove"),
          this.counts[side],
          by(side, 1, "add"),
        ]),
      ),
    );
  }

  show(rows, columns) {
    this.size = [rows, columns];
    this.counts.forEach((node, side) => {
      node.textContent = this.size[side];
    });
  }
}
