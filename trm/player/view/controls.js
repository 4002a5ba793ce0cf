/** The buttons and the help. */

import { icon, make } from "./dom.js";
import { MODES } from "../keys.js";
import { Help } from "../guide/help.js";
import { isRecorded } from "../model/grid_view.js";
import { Share } from "./share.js";
import { translate, translateOr } from "../text/translate.js";

const ICONS = {
  first: "M6 5h2.5v14H6zM19 5v14L9.5 12z",
  previous: "M17 5v14L6.5 12z",
  play: "M7 4.5v15L19.5 12z",
  pause: "M6.5 5h4v14h-4zM13.5 5h4v14h-4z",
  marks: "M20.5 7.2 9.6 18.4 3.5 12.3l1.7-1.7 4.4 4.4 9.2-9.5z",
  pin: "M15 3l6 6-2 1-3.5 3.5-.5 4-2 2-3.8-3.8L4 21l-1-1 5.3-5.2L4.5 11l2-2 4-.5L14 5z",
  next: "M7 5v14l10.5-7z",
  last: "M15.5 5H18v14h-2.5zM5 5v14l9.5-7z",
  full: "M4 4h6v2.2H6.2V10H4zM14 4h6v6h-2.2V6.2H14zM4 14h2.2v3.8H10V20H4zM17.8 14H20v6h-6v-2.2h3.8z",
};
const SPEEDS = [1, 2, 5, 10, 30];
const titleOf = (mode, index) =>
  `${translateOr(`mode_${mode}_title`, translate(`mode_${mode}`))} (${index + 1})`;

/** The buttons and the help. A click does not take the focus, so that the space bar still plays. */
export class Controls {
  constructor(player) {
    const button = (name, label, act, content = icon(ICONS[name])) => {
      const node = make(
        "button",
        { type: "button", title: label, "aria-label": label, "data-testid": name },
        content,
      );
      node.addEventListener("mousedown", (event) => event.preventDefault());
      node.addEventListener("click", act);
      return node;
    };
    const step = (name, label, command) => button(name, label, () => player.command(command));
    this.playButton = button("play", translate("play"), () => player.play(!player.playing));
    const speeds = SPEEDS.map((speed) =>
      make("option", { value: speed, selected: speed === player.speed }, translate("per_second", { speed })),
    );
    this.speed = make("select", { "data-testid": "speed", "aria-label": translate("speed") }, speeds);
    this.speed.addEventListener("change", () => {
      player.speed = Number(this.speed.value);
      this.speed.blur();
    });
    this.modeButtons = MODES.map((mode, index) =>
      button(`mode-${mode}`, titleOf(mode, index), () => player.setMode(mode), translate(`mode_${mode}`)),
    );
    this.marksButton = button("marks", translate("marks"), () => player.setMarks(!player.marks));
    this.pinButton = button("pin", "", () => player.pin());
    this.share = new Share(() => player.link());
    this.share.node.hidden = !location.protocol.startsWith("http"); // a local file, or a frame in a notebook
    this.modes = make(
      "div",
      { class: "modes", role: "group", "aria-label": translate("modes") },
      this.modeButtons,
    );
    this.transport = make("div", { class: "transport", role: "group", "aria-label": translate("steps") }, [
      step("first", translate("first"), "first"),
      step("previous", translate("previous"), "previous answer"),
      this.playButton,
      step("next", translate("next"), "next answer"),
      step("last", translate("last"), "last"),
      this.speed,
      make("span", { class: "space" }),
      this.marksButton,
      this.pinButton,
      this.share.node,
      button("full", translate("full"), () => player.toggleFull()),
      button("help", translate("help"), () => this.helpDialog.toggle(), "?"),
    ]);
    this.helpDialog = new Help(button, () => player.guide.startTour());
    this.help = this.helpDialog.node;
    this.pinNodes = [this.pinButton, ...this.helpDialog.rowOf("p")];
    this.editNodes = this.helpDialog.rowOf("e");
  }

  drawMode(mode) {
    this.modeButtons.forEach((node, index) =>
      node.setAttribute("aria-pressed", String(MODES[index] === mode)),
    );
  }

  /** Modes that a run lacks stay selectable and say so. */
  show(trace) {
    this.modeButtons.forEach((node, index) => {
      const recorded = isRecorded(trace, MODES[index]);
      node.toggleAttribute("data-unrecorded", !recorded);
      const title = titleOf(MODES[index], index);
      node.title = recorded ? title : translate("not_in_this_run", { mode: title });
    });
  }

  drawMarks(marks) {
    this.marksButton.setAttribute("aria-pressed", String(marks));
  }

  drawPlaying(playing) {
    this.playButton.replaceChildren(icon(ICONS[playing ? "pause" : "play"]));
    this.playButton.setAttribute("aria-pressed", String(playing));
  }

  /** `canEdit`: whether the page has an editor. */
  drawEdit(canEdit) {
    for (const node of this.editNodes) node.hidden = !canEdit;
  }

  /** `map`: the map of states or its address; without one, the help says nothing about it. */
  drawMap(map) {
    for (const node of this.helpDialog.mapRows) node.hidden = !map;
  }

  /** `pin`: what a click would do, "pin" this run or "unpin" the pinned one; none hides the button. */
  drawPin(pin) {
    for (const node of this.pinNodes) node.hidden = !pin;
    const label = translate(pin === "unpin" ? "unpin" : "pin");
    this.pinButton.title = label;
    this.pinButton.setAttribute("aria-label", label);
    this.pinButton.setAttribute("aria-pressed", String(pin === "unpin"));
  }
}
