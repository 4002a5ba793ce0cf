/** The entry point for notebooks (anywidget): the player in a shadow root, so that no style leaks in or out. */

import { claimKeys } from "../player/keys.js";
import { make } from "../player/view/dom.js";
import { Pair } from "../player/pair.js";
import { Player } from "../player/player.js";

/** Whether the page around the widget is dark: Jupyter, VS Code and marimo mark it on the body or the root. */
function isDark() {
  const { body, documentElement: root } = document;
  const marks = [body, root].flatMap(({ className, dataset }) => [className, dataset.theme ?? ""]).join(" ");
  return body.dataset.jpThemeLight === "false" || /\b(vscode-dark|dark|dark-theme)\b/.test(marks);
}

/** Keys go to the player only while the focus is in it, and then not to the notebook, where they edit cells. */
function holdKeys(el, place) {
  const leave = () => claimKeys({ root: document.body });
  place.tabIndex = -1;
  place.style.outline = "none";
  el.dataset.lmSuppressShortcuts = "true"; // Jupyter's own shortcuts
  el.addEventListener("pointerdown", () => place.focus({ preventScroll: true }));
  el.addEventListener("focusout", leave);
  leave();
}

function render({ model, el }) {
  const shadow = el.attachShadow({ mode: "open" });
  const place = shadow.appendChild(make("div"));
  const colours = `.player { color-scheme: ${isDark() ? "dark" : "light"}; }`;
  shadow.append(make("style", {}, `${model.get("style")}\n${colours}`));
  holdKeys(el, place);
  const data = model.get("data");
  const view = new (data.players ? Pair : Player)(place);
  const report = (_, now) => {
    model.set("view", now);
    model.save_changes();
  };
  view.update(data, report, () => {});
  view.controls.share.node.hidden = true; // the address of a notebook is not a link to a view
  return () => view.remove();
}

export default function mount() {
  return { render };
}
