/**
 * The handout: one printed page per scene, at the call where it starts. Made when the offline file is printed.
 */

import { make } from "../../../../trm/player/view/dom.js";
import { Diagram } from "./diagram.js";
import { fillIn, positionText } from "./call.js";
import { paragraph } from "./prose.js";

/** All pages in a language. `pictures`: the grid of each scene as a data URL. */
export function sheets({ outline, pictures }, { words, scenes }, language) {
  return make(
    "div",
    { class: "sheets in-colours", lang: language, "data-testid": "sheets" },
    outline.map((scene, index) => {
      const texts = scenes[scene.id];
      const sizes = scene.sizes.at(-1);
      const diagram = new Diagram(sizes, words, scene.point);
      diagram.draw(scene.start);
      return make("article", { class: "sheet" }, [
        make("h2", {}, [
          make("span", { class: "count" }, fillIn(words.scene, { scene: index + 1, scenes: outline.length })),
          texts.title,
        ]),
        make("div", { class: "sheet-columns" }, [
          make("div", { class: "sheet-text" }, [
            ...texts.text.map(paragraph),
            make("h3", {}, words.question),
            paragraph(texts.question),
            make("h3", {}, words.answer),
            paragraph(texts.answer),
          ]),
          make("div", { class: "sheet-figures" }, [
            diagram.node,
            make("figure", {}, [
              make("img", { src: pictures[scene.id], alt: "" }),
              make(
                "figcaption",
                {},
                `${positionText(words, sizes, scene.start)}. ${texts.run_captions.at(-1)}`,
              ),
            ]),
          ]),
        ]),
      ]);
    }),
  );
}
