/** One sentence for a first visitor. Once it is closed, the browser remembers that. */

import { make } from "../view/dom.js";
import { translate } from "../text/translate.js";

const STORAGE_KEY = "recursion-lens-visited";

/** Links to papers, {model: address}, which open in another tab. */
export const paperLinks = (papers) =>
  Object.entries(papers).map(([model, href]) =>
    make("a", { href, target: "_blank", rel: "noopener" }, translate("paper", { model })),
  );

/** Whether this browser has closed the sentence before. */
export function hasVisited() {
  try {
    return localStorage.getItem(STORAGE_KEY) != null;
  } catch {
    return false; // storage is blocked
  }
}

function rememberVisit() {
  try {
    localStorage.setItem(STORAGE_KEY, "1");
  } catch {
    // storage is blocked: the next visit is a first one again
  }
}

/** `tour()` starts the tour; `close(event)` is called once the sentence is closed; `lecture` and `papers` are addresses. */
export function welcome({ tour, close, lecture, papers }) {
  const button = (name, act, content, label = null) => {
    const node = make(
      "button",
      { type: "button", "data-testid": name, "aria-label": label, title: label },
      content,
    );
    node.addEventListener("click", act);
    return node;
  };
  const node = make(
    "aside",
    { class: "welcome", "data-testid": "welcome", "aria-label": translate("welcome_title") },
    [
      make("p", {}, translate("welcome")),
      make("div", {}, [
        button("tour", tour, translate("tour")),
        make("a", { href: lecture }, translate("welcome_lecture")),
        ...paperLinks(papers),
      ]),
      button(
        "dismiss",
        (event) => {
          rememberVisit();
          node.remove();
          close(event);
        },
        "×",
        translate("dismiss"),
      ),
    ],
  );
  return node;
}
