/** Starts a page that runs models, and then makes the site work offline. */

import { keepOffline } from "./keep.js";
import { addThemeButton } from "./theme.js";

const { models } = document.querySelector("script[data-models]").dataset;
const [{ default: show }, { default: mount }, site] = await Promise.all([
  import("./player.js"),
  import("./page.js"),
  fetch("site.json").then((answer) => answer.json()),
]);
const place = (name) => document.getElementById(name);
const page = mount({
  site,
  show,
  names: models.split(" "),
  loadEditor: () => import("./editor.js"),
  places: {
    controls: place("controls"),
    status: place("status"),
    player: place("player"),
    editor: place("editor"),
  },
});
addThemeButton(() => page.draw());
keepOffline();
