/** The button that copies a link to the view. */

import { icon, make } from "./dom.js";
import { translate } from "../text/translate.js";

const COPIED_DURATION = 2000; // ms that "Copied" stays
const LINK =
  "M8.5 13.5a4 4 0 0 0 5.7 0l3.3-3.3a4 4 0 1 0-5.7-5.7L10.6 5.7l1.4 1.4 1.2-1.2a2 2 0 1 1 2.9 2.9l-3.3 3.3a2 2 0 0 1-2.9 0zM15.5 10.5a4 4 0 0 0-5.7 0l-3.3 3.3a4 4 0 1 0 5.7 5.7l1.2-1.2-1.4-1.4-1.2 1.2a2 2 0 1 1-2.9-2.9l3.3-3.3a2 2 0 0 1 2.9 0z";

/**
 * `address()` returns the link. If the clipboard is not available, the link is shown and selected instead.
 */
export class Share {
  constructor(address) {
    this.address = address;
    this.button = make(
      "button",
      {
        type: "button",
        title: translate("copy"),
        "aria-label": translate("copy"),
        "data-testid": "copy-link",
      },
      icon(LINK),
    );
    this.button.addEventListener("mousedown", (event) => event.preventDefault());
    this.button.addEventListener("click", () => this.copy());
    this.copied = make("span", { class: "copied", role: "status" });
    this.field = make("input", {
      type: "text",
      readonly: true,
      "aria-label": translate("link"),
      "data-testid": "link",
    });
    this.byHand = make("label", { class: "by-hand", hidden: true }, [translate("copy_by_hand"), this.field]);
    this.field.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.close();
    });
    this.field.addEventListener("blur", () => {
      this.byHand.hidden = true;
    });
    this.node = make("div", { class: "share" }, [this.button, this.copied, this.byHand]);
  }

  async copy() {
    if (this.node.hidden) return;
    const link = this.address();
    try {
      // only local and https pages have a clipboard
      await navigator.clipboard.writeText(link);
    } catch {
      this.show(link);
      return;
    }
    this.copied.textContent = translate("copied");
    clearTimeout(this.hiding);
    this.hiding = setTimeout(() => {
      this.copied.textContent = "";
    }, COPIED_DURATION);
  }

  show(link) {
    this.byHand.hidden = false;
    this.field.value = link;
    this.field.focus();
    this.field.select();
  }

  close() {
    this.byHand.hidden = true;
    this.button.focus();
  }
}
