/** Draws a player: its regions, for the run, the call and the settings. */

import { coordinatesOf } from "../model/coordinates.js";
import { topOf, write } from "./dom.js";
import { writeTerms } from "../guide/glossary.js";
import { isInPart, partOf } from "./part.js";
import { isRecorded } from "../model/grid_view.js";
import { regionsOf } from "./regions.js";
import { captionSentence, eventSentence, placeSentence } from "../text/sentences.js";
import { cellCurves } from "./strips.js";

export const ANNOUNCE_DELAY = 700; // ms between announcements to screen readers

/** The drawing half of a player; player.js is the half that handles commands. */
export class PlayerView {
  /** Builds what depends on the grid and the depth, but not on the run. */
  build() {
    this.grid?.remove();
    Object.assign(this, regionsOf(this));
    this.root.replaceChildren(this.stage, this.label, this.liveRegion, this.menu.node, this.controls.help);
    this.guide.build();
    this.controls.drawPlaying(this.playing);
  }

  /**
   * Shows a run. While it grows nothing else is rebuilt, so that focus, pointer and playback are not
   * disturbed.
   */
  show() {
    const { trace } = this;
    for (const part of [this.grid, this.timeline, this.stateMap, this.panel, this.legend, this.controls])
      part.show(trace);
    write(this.label, trace.label ?? "");
  }

  draw() {
    const { trace, call, zoom, marks, missing, root, visibleMode: mode } = this;
    const place = coordinatesOf(trace, call);
    root.dataset.supervisionStep = place.supervision_step;
    root.dataset.cycle = place.cycle;
    root.dataset.call = place.call;
    root.dataset.kind = place.kind;
    const { differs, motionQuery } = this;
    const view = this.grid.draw(call, mode, { marks, missing, reducedMotion: motionQuery.matches, differs });
    this.legend.draw(view.flags, { marks, missing });
    this.timeline.draw(call, zoom);
    this.panel.draw(call, this.cell, mode);
    this.drawWhy();
    this.drawMap();
    this.partBar.draw(trace, this.part, { call, mode, whole: this.whole, numbers: this.numbers });
    writeTerms(this.place, placeSentence(trace, call), true);
    writeTerms(this.event, eventSentence(trace, call));
    writeTerms(this.caption, captionSentence(trace, call, this.mode));
    this.announceSoon();
  }

  /** The selected mode, or "z" if the run does not have it. */
  get visibleMode() {
    return isRecorded(this.trace, this.mode) ? this.mode : "z";
  }

  drawWhy() {
    this.explanation.draw();
    this.stage.classList.toggle("explaining", !this.explanation.node.hidden);
  }

  drawMap() {
    this.stateMap.draw();
    const { isOpen } = this.stateMap;
    this.stage.classList.toggle("with-map", isOpen);
    this.stage.classList.toggle("with-large-map", isOpen && this.map === "large");
  }

  drawPart() {
    this.part = partOf(this.trace, this.whole);
    this.stage.style.setProperty("--shape", this.part.columns / this.part.rows);
    this.grid.setPart(this.part, this.numbers);
    if (this.cell != null && !isInPart(this.part, this.cell, this.trace.columns)) this.cell = 0;
  }

  /** Measures how far down the page the player's regions begin; it fills the rest of the window. */
  measureTop() {
    if (!this.around && this.root.isConnected) this.followTop();
    const top = topOf(this.stage?.isConnected ? this.stage : this.root);
    this.root.style.setProperty("--top", `${Math.round(Math.min(top, 0.65 * innerHeight))}px`);
  }

  /** Measures again when something above the player comes or goes, which changes the size of what holds both. */
  followTop() {
    this.around = new ResizeObserver(() => requestAnimationFrame(() => this.measureTop()));
    for (let each = this.root; each; each = each.parentElement ?? each.getRootNode().host)
      if (each !== this.root) this.around.observe(each);
  }

  drawSelection() {
    const curves = this.cell == null ? null : cellCurves(this.trace, this.cell, this.beside);
    this.grid.select(this.cell);
    this.timeline.select(this.cell, curves);
    this.panel.select(this.cell, curves);
  }

  /** Other runs on screen with the same symbols. */
  get beside() {
    return [];
  }

  announceSoon() {
    this.announcing ??= setTimeout(
      () => {
        this.announcing = null;
        if (this.trace)
          write(
            this.liveRegion,
            `${placeSentence(this.trace, this.call)}: ${eventSentence(this.trace, this.call)}`,
          );
      },
      this.playing ? 4 * ANNOUNCE_DELAY : ANNOUNCE_DELAY,
    );
  }

  /** Draws all that depends on the settings. */
  drawChosen() {
    this.drawPart();
    this.controls.drawMode(this.visibleMode);
    this.controls.drawMarks(this.marks);
    this.drawSelection();
    this.draw();
    this.grid.redraw();
  }
}
