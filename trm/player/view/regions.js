/** The regions of a player and their layout. */

import { CellPanel } from "./cell_panel.js";
import { Controls } from "./controls.js";
import { make } from "./dom.js";
import { Grid } from "./grid.js";
import { Legend } from "./legend.js";
import { PartBar } from "./part.js";
import { Timeline } from "./timeline.js";

/**
 * Builds the regions, which depend on the grid and the depth but not on the run: {grid, timeline, panel,
 * legend, controls, partBar}, one class each; {place, event, caption, label, liveRegion}, one sentence each;
 * and `stage`, which contains them except the label, the live region and the help.
 */
export function regionsOf(player) {
  const { trace } = player;
  const line = (name, attributes = {}) => make("p", { class: name, ...attributes }, "");
  const grid = new Grid(trace, (cell) => player.select(cell));
  const timeline = new Timeline(trace, {
    go: (call) => player.go(call),
    zoom: (level) => player.setZoom(level),
  });
  const panel = new CellPanel(trace, (call) => player.go(call));
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
