/** The calls of the current supervision step. */

import { coordinatesOf } from "../model/coordinates.js";
import { make } from "./dom.js";
import { translate } from "../text/translate.js";

/**
 * A button for every call of the current supervision step, by cycle. Only the current one is in the tab
 * order.
 */
export class StepCalls {
  constructor({ n, T }, go) {
    Object.assign(this, { go, calls: [], drawn: {} });
    this.cycles = Array.from({ length: T }, (_, cycle) => {
      const buttons = Array.from({ length: n + 1 }, (_, index) => this.makeCall(cycle, index, n));
      this.calls.push(...buttons);
      return make("div", { class: "cycle" }, [
        make("span", { "data-term": "cycle" }, translate("cycle_number", { cycle: cycle + 1 })),
        make("div", { class: "calls" }, buttons),
      ]);
    });
    this.node = make(
      "div",
      {
        class: "step-calls",
        style: `--cycles:${T};--calls:${n + 1}`,
        role: "group",
        "aria-label": translate("calls_of_step"),
      },
      this.cycles,
    );
    const goTo = (event) => {
      const place = this.node
        .getRootNode()
        .elementFromPoint(event.clientX, event.clientY)
        ?.closest("[data-place]")?.dataset.place;
      if (place != null && event.buttons) this.go((this.drawn.step - 1) * this.calls.length + Number(place));
    };
    this.node.addEventListener("pointerdown", (event) => {
      this.node.setPointerCapture(event.pointerId);
      goTo(event);
    });
    this.node.addEventListener("pointermove", goTo);
    // keeps the focus, so that the space bar still plays
    this.node.addEventListener("mousedown", (event) => event.preventDefault());
  }

  makeCall(cycle, index, n) {
    const name = index < n ? `f_L ${index + 1}` : "f_H";
    return make(
      "button",
      {
        type: "button",
        tabindex: "-1",
        class: index < n ? "f_L" : "f_H",
        "data-place": cycle * (n + 1) + index,
        "data-term": index < n ? "f_L" : "f_H",
        "aria-label": translate("cycle_and_call", { cycle: cycle + 1, call: name }),
      },
      index < n ? String(index + 1) : name,
    );
  }

  draw(trace, call) {
    const { drawn, calls, cycles } = this;
    const { supervision_step: step, cycle } = coordinatesOf(trace, call);
    const place = call % trace.perStep;
    if (drawn.cycle !== cycle) {
      cycles[drawn.cycle - 1]?.classList.remove("current");
      cycles[cycle - 1].classList.add("current");
    }
    if (drawn.place !== place) {
      const [was, is] = [calls[drawn.place], calls[place]];
      const focused = was && was.getRootNode().activeElement === was;
      was?.classList.remove("current");
      was?.removeAttribute("aria-current");
      was?.setAttribute("tabindex", "-1");
      is.classList.add("current");
      is.setAttribute("aria-current", "true");
      is.setAttribute("tabindex", "0");
      if (focused) is.focus({ preventScroll: true });
    }
    this.drawn = { step, cycle, place };
  }
}
