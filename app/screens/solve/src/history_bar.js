/**
 * Undo and redo of puzzle, model and settings, and favourites: links with names, kept in this browser. Python follows the
 * links (app/screens/solve/history.py).
 */

import { isEditing } from "../../../../trm/player/keys.js";
import { mountedIn, registerMounted } from "../../../../trm/player/mounting.js";
import { icon, make } from "../../../../trm/player/view/dom.js";

const STORAGE_KEY = "recursion-lens-favourites";
const MOST = 100;
const LONGEST_NAME = 60;
const MARGIN = 8; // pixels between the list and the left edge of the window
const PARAMETERS = "model n T heads steps puzzle id arc at cell mode".split(" ");
const ICONS = {
  undo: "M9 5v4h5a5.5 5.5 0 0 1 0 11H8v-2h6a3.5 3.5 0 0 0 0-7H9v4L3.5 10z",
  redo: "M15 5v4h-5a5.5 5.5 0 0 0 0 11h6v-2h-6a3.5 3.5 0 0 1 0-7h5v4l5.5-5z",
  star: "M12 3l2.7 5.9 6.3.7-4.7 4.3 1.3 6.3L12 17l-5.6 3.2 1.3-6.3L3 9.6l6.3-.7z",
};

/** The favourites of this browser, [{name, link}], latest first. */
function favourites() {
  try {
    const list = JSON.parse(localStorage.getItem(STORAGE_KEY));
    return Array.isArray(list) ? list.filter(({ name, link }) => typeof name === "string" && link) : [];
  } catch {
    return []; // storage is blocked, or holds something else
  }
}

/** Returns whether the browser has stored them. */
function store(list) {
  try {
    localStorage.setItem(STORAGE_KEY, JSON.stringify(list.slice(0, MOST)));
    return true;
  } catch {
    return false;
  }
}

/** The link to what is on the page, as parameters. */
function currentLink() {
  const query = new URLSearchParams(location.search);
  return Object.fromEntries(
    PARAMETERS.filter((name) => query.get(name)).map((name) => [name, query.get(name)]),
  );
}

class HistoryBar {
  constructor(parent) {
    const button = (name, label, act) => {
      const node = make(
        "button",
        { type: "button", "data-testid": name, title: label, "aria-label": label },
        icon(ICONS[name]),
      );
      node.addEventListener("click", act);
      return node;
    };
    this.undo = button("undo", "Undo: previous puzzle, model or setting (ctrl+z)", () => this.send("undo"));
    this.redo = button("redo", "Redo (ctrl+shift+z)", () => this.send("redo"));
    this.star = button("star", "Favourites", () => this.show(this.panel.hidden));
    this.star.setAttribute("aria-expanded", "false");
    this.name = make("input", { type: "text", maxlength: LONGEST_NAME, "aria-label": "Name of this view" });
    this.name.placeholder = "Name of this view";
    this.list = make("ul", {});
    this.note = make("p", { role: "status" }, "");
    const form = make("form", {}, [this.name, make("button", { type: "submit" }, "Save")]);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.save();
    });
    this.panel = make(
      "div",
      {
        class: "favourites",
        role: "dialog",
        "aria-label": "Favourites",
        "data-testid": "favourites",
        hidden: true,
      },
      [form, this.list, this.note],
    );
    this.root = make("div", { class: "history-bar in-colours", lang: "en", translate: "no" }, [
      this.undo,
      this.redo,
      this.star,
      this.panel,
    ]);
    this.listeners = new AbortController();
    const { signal } = this.listeners;
    document.addEventListener("keydown", (event) => this.onKey(event), { signal });
    document.addEventListener(
      "pointerdown",
      (event) => {
        if (!event.composedPath().includes(this.root)) this.show(false);
      },
      { signal },
    );
    parent.append(this.root);
  }

  /** `data`: {undo, redo}, whether there is something to undo or redo. */
  update(data, trigger) {
    this.trigger = trigger;
    for (const name of ["undo", "redo"]) this[name].disabled = !data[name];
  }

  send(name, value = true) {
    if (!this[name]?.disabled) this.trigger(name, value);
  }

  onKey(event) {
    if (event.key === "Escape" && !this.panel.hidden) {
      this.show(false);
      this.star.focus();
      event.preventDefault();
      return;
    }
    const isZ = event.key.toLowerCase() === "z" || event.code === "KeyZ";
    const isY = event.key.toLowerCase() === "y";
    if (!(event.ctrlKey || event.metaKey) || event.altKey || !(isZ || isY) || event.defaultPrevented) return;
    if (isEditing(event.composedPath())) return; // undo of the text
    event.preventDefault();
    this.send(isY || event.shiftKey ? "redo" : "undo");
  }

  show(on) {
    if (on === !this.panel.hidden) return;
    this.panel.hidden = !on;
    this.star.setAttribute("aria-expanded", String(on));
    if (!on) return;
    this.note.textContent = "";
    this.draw();
    this.panel.style.right = "0";
    this.panel.style.right = `${Math.min(0, this.panel.getBoundingClientRect().left - MARGIN)}px`;
    this.name.focus();
  }

  save() {
    const name = this.name.value.trim().slice(0, LONGEST_NAME);
    if (!name) return this.name.focus();
    const others = favourites().filter((each) => each.name !== name);
    const isStored = store([{ name, link: currentLink() }, ...others]);
    this.note.textContent = isStored ? "" : "This browser does not let pages store data.";
    this.name.value = "";
    this.draw();
    return undefined;
  }

  draw() {
    const saved = favourites();
    this.list.replaceChildren(
      ...saved.map(({ name, link }) => {
        const open = make("button", { type: "button", class: "open" }, name);
        open.addEventListener("click", () => {
          this.show(false);
          this.send("open", link);
        });
        const remove = make(
          "button",
          { type: "button", "aria-label": `Remove ${name}`, title: "Remove" },
          "×",
        );
        remove.addEventListener("click", () => {
          store(favourites().filter((each) => each.name !== name));
          this.draw();
          this.name.focus();
        });
        return make("li", {}, [open, remove]);
      }),
    );
  }

  remove() {
    this.listeners.abort();
    this.root.remove();
  }
}

/** Mounts the bar in `parentElement`, or updates it. Sends setTriggerValue("undo" | "redo", true) and ("open", link). */
export default function mount({ data, parentElement, setTriggerValue }) {
  const bar = mountedIn(parentElement) ?? new HistoryBar(parentElement);
  bar.update(data, setTriggerValue);
  return registerMounted(parentElement, bar);
}
