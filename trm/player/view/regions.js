/** The regions of a player and their layout. */

import { CellPanel } from "./cell_panel.js";
import { Controls } from "./controls.js";
import { make } from "./dom.js";
import { Grid } from "./grid.js";
import { Legend } from "./legend.js";
import { PartBar } from "./part.js";
import { Timeline } from "./timeline.js";
import { StateMap } from "../map/state_map.js";
import { Marks } from "../why/marks.js";
import { CellMenu } from "../why/menu.js";
import { Why } from "../why/panel.js";

/**
 * Builds the regions, which depend on the grid and the depth but not on the run: {grid, timeline, panel,
 * explanation, stateMap, legend, controls, partBar, menu}, one class each; {place, event, caption, label, liveRegion},
 * one sentence each; and `stage`, which contains them except the label, the live region, the menu and the help.
 */
export function regionsOf(player) {
  const { trace } = player;
  const line = (name, attributes = {}) => make("p", { class: name, ...attributes }, "");
  const grid = new Grid(trace, (cell) => player.select(cell));
  const timeline = new Timeline(trace, {
    go: (call) => player.go(call),
    zoom: (level) => player.setZoom(level),
  });
  const stateMap = new StateMap(player);
  timeline.zoomBar.node.append(stateMap.button);
  timeline.zoomBar.node.after(stateMap.node);
  const explanation = new Why(player, new Marks(grid.node));
  const panel = new CellPanel(
    trace,
    (call, opens) => {
      player.go(call);
      if (opens) player.showWhy(true);
    },
    explanation,
  );
  const menu = new CellMenu(player.root, [
    ["why", "why_title", () => player.showWhy(true)],
    ["link", "copy", () => player.act("link")],
  ]);
  grid.node.addEventListener("contextmenu", (event) => {
    const under = grid.cellUnder(event);
    const cell = under < 0 ? player.cell : under; // the menu key of the keyboard is for the selected cell
    if (cell == null || !player.trace.rules) return;
    event.preventDefault();
    player.select(cell);
    menu.open(event);
  });
  const legend = new Legend(trace, () => player.act("missing"));
  const controls = new Controls(player);
  const partBar = new PartBar(trace, {
    whole: () => player.act("whole"),
    numbers: () => player.act("numbers"),
  });
  const [place, event, caption, label, liveRegion] = [
    line("place"),
    line("event"),
    line("caption"),
    line("label"),
    line("live-region", { "aria-live": "polite" }),
  ];
  const board = make("div", { class: "board" }, [grid.node, partBar.node, legend.node, caption]);
  const stage = make("div", { class: "stage" }, [
    make("div", { class: "status" }, [place, event]),
    make("div", { class: "left" }, [controls.modes, board, controls.transport]),
    make("div", { class: "right" }, [timeline.node, panel.node]),
  ]);
  return {
    grid,
    timeline,
    panel,
    explanation,
    stateMap,
    menu,
    legend,
    controls,
    partBar,
    place,
    event,
    caption,
    label,
    liveRegion,
    stage,
  };
}
