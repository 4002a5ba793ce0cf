/**
 * The handout: every scene as a page to print, with what it begins with. Made when it is printed, from what
 * the file holds.
 */

import { make } from "../../../../trm/player/view/dom.js";
import { Diagram } from "./diagram.js";
import { fillIn, placeWords } from "./following.js";
import { paragraph } from "./prose.js";

/** All pages in a language. `pictures`: the grid of each scene as an SVG image. */
export function sheets({ outline, pictures }, { words, scenes }, language) {
  return make(
    "div",
    { class: "sheets in-colours", lang: language, "data-testid": "sheets" },
    outline.map((scene, place) => {
      const said = scenes[scene.id];
      const sizes = scene.sizes.at(-1);
      const diagram = new Diagram(sizes, words, scene.point);
      diagram.draw(scene.start);
      return make("article", { class: "sheet" }, [
        make("h2", {}, [
          make("span", { class: "count" }, fillIn(words.scene, { scene: place + 1, scenes: outline.length })),
          said.title,
        ]),
        make("div", { class: "columns-of-sheet" }, [
          make("div", { class: "said-on-sheet" }, [
            ...said.text.map(paragraph),
            make("h3", {}, words.question),
            paragraph(said.question),
            make("h3", {}, words.answer),
            paragraph(said.answer),
          ]),
          make("div", { class: "shown-on-sheet" }, [
            diagram.node,
            make("figure", {}, [
              make("img", { src: pictures[scene.id], alt: "" }),
              make("figcaption", {}, `${placeWords(words, sizes, scene.start)}. ${said.made_by.at(-1)}`),
            ]),
          ]),
        ]),
      ]);
    }),
  );
}
