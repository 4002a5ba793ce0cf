/** The gallery: a recorded run in the player, as chosen from the list. */

import { keepOffline } from "./keep.js";
import { addThemeButton } from "./theme.js";

const { default: show } = await import("./player.js");
const place = document.getElementById("player");
let data = null;

const draw = () =>
  data &&
  show({
    data: { ...data, addressed: true },
    parentElement: place,
    setStateValue() {},
    setTriggerValue() {},
  });

async function open() {
  const query = new URLSearchParams(location.search);
  const [model, run] = [query.get("model"), query.get("run")];
  for (const link of document.querySelectorAll("#runs a")) {
    const isOpen = new URL(link.href).search === `?model=${model}&run=${run}`;
    link.toggleAttribute("aria-current", isOpen);
  }
  if (![model, run].every((name) => /^[a-z0-9-]+$/.test(name ?? ""))) return;
  const answer = await fetch(`runs/${model}/${run}.json`);
  if (!answer.ok) return;
  data = await answer.json();
  draw();
  place.scrollIntoView({ block: "start" });
}

document.getElementById("runs").addEventListener("click", (event) => {
  const link = event.target.closest("a");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  history.pushState(null, "", link.href);
  void open();
});
addEventListener("popstate", () => void open());
addThemeButton(draw);
void open();
keepOffline();
