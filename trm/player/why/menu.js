/** The menu that a right click or a long press on a cell opens. */

import { make } from "../view/dom.js";
import { translate } from "../text/translate.js";

export class CellMenu {
  /** `items`: [name, text name, act] of each entry. `select(cell)` is called before it opens. */
  constructor(root, items) {
    this.root = root;
    this.node = make(
      "div",
      { class: "cell-menu", role: "menu", "aria-label": translate("cell_menu"), hidden: true },
      items.map(([name, text, act]) => {
        const item = make(
          "button",
          { type: "button", role: "menuitem", tabindex: "-1", "data-testid": `menu-${name}` },
          translate(text),
        );
        item.addEventListener("click", () => {
          this.close();
          act();
        });
        return item;
      }),
    );
    this.node.addEventListener("keydown", (event) => this.onKey(event));
    this.node.addEventListener("focusout", ({ relatedTarget }) => {
      if (!this.node.contains(relatedTarget)) this.close(false);
    });
  }

  /** Opens at a point of the window, inside the player, and takes the focus. */
  open({ clientX, clientY }) {
    this.focusedBefore = this.node.getRootNode().activeElement;
    this.node.hidden = false;
    const { left, top, right } = this.root.getBoundingClientRect();
    const x = Math.min(clientX, right - this.node.offsetWidth) - left;
    Object.assign(this.node.style, { left: `${Math.max(x, 0)}px`, top: `${clientY - top}px` });
    this.node.firstChild.focus({ preventScroll: true });
  }

  close(returnsFocus = true) {
    if (this.node.hidden) return;
    this.node.hidden = true;
    if (returnsFocus && this.focusedBefore?.isConnected) this.focusedBefore.focus({ preventScroll: true });
  }

  /** Arrows move between the entries; Escape and Tab close the menu. */
  onKey(event) {
    const entries = [...this.node.children];
    const at = entries.indexOf(event.target);
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) entries[(at + step + entries.length) % entries.length].focus();
    else if (event.key === "Escape" || event.key === "Tab") this.close();
    else if (event.key !== "Enter" && event.key !== " ") return;
    if (event.key !== "Enter" && event.key !== " ") event.preventDefault();
    event.stopPropagation();
  }
}
