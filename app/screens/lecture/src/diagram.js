/**
 * The diagram: x, y, z and the net inside the three nested loops. The parts of the player's current call light
 * up.
 *
 * It is drawn in one box of 640 x 372 units and scales with the page.
 */

import { endsStep, fillIn, flow, formula, hasGradient, layersDone, shapeText } from "./call.js";

const WIDTH = 640;
const HEIGHT = 372;
const DEPTH_WIDTH = 310; // of the bar; leaves room for the number, which is large in a scene that points at it
const MAX_PIPS = 32; // with more supervision steps, no pips are drawn
const STATES = { x: 128, y: 190, z: 252 }; // vertical centres of their boxes
// Each diagram has its own arrow head: browsers do not draw a marker that belongs to a hidden diagram.
const arrowIds = { next: 1 };
const SPACE = "http://www.w3.org/2000/svg";

/** An SVG element. Strings are inserted as text, never as markup. */
export function svgNode(tag, attributes = {}, children = []) {
  const node = document.createElementNS(SPACE, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...[children].flat());
  return node;
}

const box = (x, y, width, height, name, radius = 8) =>
  svgNode("rect", { x, y, width, height, rx: radius, class: name });
const label = (x, y, text, name, anchor = "start") =>
  svgNode("text", { x, y, class: name, "text-anchor": anchor }, text);

export class Diagram {
  /**
   * `sizes`: those of the model, from app/screens/lecture/runs.py; `words`: those of the language; `point`: the
   * parts that the scene points at.
   */
  constructor(sizes, words, point) {
    Object.assign(this, { sizes, words, lit: {}, arrow: `lecture-arrow-${arrowIds.next++}` });
    this.node = svgNode("svg", {
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      class: "diagram",
      role: "img",
      "data-testid": "diagram",
    });
    this.title = svgNode("title", {}, "");
    this.node.append(
      this.title,
      arrowHead(this.arrow),
      ...this.frames(),
      ...this.arrows(),
      ...this.states(),
      ...this.nets(),
      ...this.heads(),
      ...this.foot(),
    );
    for (const name of point) this.node.classList.add(`point-${name}`);
  }

  /** A line. One that `arrives` ends in an arrow head of its colour. */
  path(d, name, arrives = false) {
    return svgNode("path", { d, class: name, ...(arrives ? { "marker-end": `url(#${this.arrow})` } : {}) });
  }

  part(name, node) {
    (this.lit[name] ??= []).push(node);
    node.dataset.part = name;
    return node;
  }

  // ---- the loops

  frames() {
    const { n, N_sup, T } = this.sizes;
    this.loops = { N: label(20, 26, "", "loop"), T: label(32, 60, "", "loop"), L: label(44, 93, "", "loop") };
    this.pips = {
      N: N_sup > MAX_PIPS ? [] : pips(N_sup, 316, 620, 20, "pip"),
      T: pips(T, 300, 300 + 22 * T, 54, "pip"),
      L: pips(n + 1, 476 - Math.min(22 * (n + 1), 260), 476, 87, "pip"),
    };
    this.pips.L.at(-1)?.classList.add("of-H");
    return [
      this.part("loop_N", box(4, 4, 632, 326, "frame", 14)),
      this.part("loop_T", box(16, 36, 490, 284, "frame", 12)),
      this.part("loop_L", box(28, 70, 466, 240, "frame", 10)),
      ...Object.values(this.loops),
      ...Object.values(this.pips).flat(),
    ];
  }

  // ---- what flows

  arrows() {
    const names = Object.keys(STATES);
    const into = names.map((name) =>
      this.part(
        `from-${name}`,
        this.path(`M186 ${STATES[name]}C222 ${STATES[name]} 222 190 250 190`, `flow ${name}`),
      ),
    );
    const back = (name) =>
      this.part(
        `to-${name}`,
        this.path(`M466 190H480V298H42V${STATES[name]}H58`, `flow arrow ${name}`, true),
      );
    this.back = svgNode("g", {}, [back("y"), back("z")]);
    return [...into, this.part("sum", this.path("M282 190H308", "flow arrow sum", true)), this.back];
  }

  states() {
    const { sizes, words } = this;
    const entries = Object.entries(STATES).filter(([name]) => !(sizes.one_state && name === "y"));
    const boxes = entries.flatMap(([name, middle]) => [
      this.part(
        name,
        svgNode("g", { class: `state ${name}` }, [
          box(62, middle - 27, 124, 54, "box"),
          label(76, middle + 9, name, "letter"),
          label(99, middle - 5, words[name], "name"),
          label(99, middle + 16, shapeText(sizes[name].slice(-2)).replace("×", " × "), "shape"),
        ]),
      ),
    ]);
    return [
      ...boxes,
      svgNode("circle", { cx: 266, cy: 190, r: 16, class: "adder" }),
      label(266, 198, "+", "plus", "middle"),
    ];
  }

  nets() {
    const { layers_H, layers_L, shared } = this.sizes;
    const net = (name, y, height, title, layers) =>
      this.part(
        name,
        svgNode("g", { class: "net" }, [
          box(314, y, 148, height, "box"),
          label(388, y + height / 2 - 3, title, "letter", "middle"),
          label(388, y + height / 2 + 19, fillIn(this.words.layers, { count: layers }), "name", "middle"),
        ]),
      );
    if (shared) return [net("net", 148, 84, this.words.net, layers_L)];
    return [net("net_L", 124, 62, "L", layers_L), net("net_H", 194, 62, "H", layers_H)];
  }

  heads() {
    const { words } = this;
    const head = (name, y, text) =>
      this.part(
        name,
        svgNode("g", { class: "head" }, [
          box(526, y, 98, 42, "box"),
          label(575, y + 27, text, "name", "middle"),
        ]),
      );
    return [
      this.part("read", this.path("M506 150H516V131H523", "flow arrow y", true)),
      this.part("read", this.path("M506 150H516V187H523", "flow arrow y", true)),
      label(515, 118, "y", "small", "middle"),
      head("answer_head", 110, words.answer_head),
      head("halt_head", 166, words.halt_head),
      this.part("detach", this.path("M620 296H512", "flow detach")),
      this.part("detach", label(566, 303, "✂", "scissors", "middle")),
      ...this.wrapped(words.detach, 570, 236, 15).map((node) => this.part("detach", node)),
    ];
  }

  /** Text broken into lines of at most `maxLetters` letters. */
  wrapped(text, middle, y, maxLetters) {
    const lines = [""];
    for (const word of text.split(" ")) {
      if (lines.at(-1) && `${lines.at(-1)} ${word}`.length > maxLetters) lines.push("");
      lines[lines.length - 1] = `${lines.at(-1)} ${word}`.trim();
    }
    return lines.map((line, place) => label(middle, y + 17 * place, line, "tiny", "middle"));
  }

  foot() {
    this.formula = label(338, 286, "", "formula", "middle");
    this.gradient = label(478, 118, "", "gradient", "end");
    this.depthText = label(WIDTH - 8, 364, "", "loop", "end");
    this.depthBar = svgNode("rect", { x: 8, y: 346, width: 0, height: 16, rx: 4, class: "depth-bar" });
    return [
      this.formula,
      this.gradient,
      box(8, 346, DEPTH_WIDTH, 16, "depth-track", 4),
      this.depthBar,
      this.part("depth", this.depthText),
    ];
  }

  // ---- lighting up

  draw(at) {
    const { sizes, words } = this;
    const { supervision_step, cycle, call, kind } = at;
    const { from, to } = flow(sizes, at);
    const net = sizes.shared ? "net" : kind === "f_L" ? "net_L" : "net_H";
    const ends = endsStep(sizes, at);
    const lit = new Set([
      ...from,
      ...from.map((name) => `from-${name}`),
      "sum",
      net,
      to,
      `to-${to}`,
      ...(ends ? ["read", "answer_head", "halt_head", "detach"] : []),
    ]);
    for (const [name, nodes] of Object.entries(this.lit))
      for (const node of nodes) node.classList.toggle("lit", lit.has(name));
    this.back.append(...this.lit[`to-${to}`]); // in front of the other arrow, whose line it shares
    for (const name of ["y", "z"])
      for (const node of this.lit[name] ?? []) node.classList.toggle("written", name === to);
    Object.assign(this.node.dataset, { supervisionStep: supervision_step, cycle, call, kind });
    this.loops.N.textContent = fillIn(words.loop_N, { now: supervision_step, all: sizes.N_sup });
    this.loops.T.textContent = fillIn(words.loop_T, { now: cycle, all: sizes.T });
    this.loops.L.textContent =
      kind === "f_H" ? words.call_H : fillIn(words.loop_L, { now: call, all: sizes.n });
    light(this.pips.N, supervision_step);
    light(this.pips.T, cycle);
    light(this.pips.L, call);
    this.pips.L.forEach((pip, place) =>
      pip.classList.toggle("learns", hasGradient(sizes, { cycle, call: place + 1 })),
    );
    this.formula.textContent = formula(sizes, at);
    this.gradient.textContent = hasGradient(sizes, at) ? words.gradient : words.no_gradient;
    const done = layersDone(sizes, at);
    this.depthText.textContent = fillIn(words.depth, { now: done, all: sizes.depth });
    this.depthBar.setAttribute("width", ((DEPTH_WIDTH * done) / sizes.depth).toFixed(1));
    this.title.textContent = `${this.loops.N.textContent}, ${this.loops.T.textContent}, ${this.loops.L.textContent}: ${this.formula.textContent}`;
  }
}

/** The arrow head of a diagram. */
const arrowHead = (id) =>
  svgNode(
    "defs",
    {},
    svgNode(
      "marker",
      { id, viewBox: "0 0 8 8", refX: 5.5, refY: 4, markerWidth: 3.4, markerHeight: 3.4, orient: "auto" },
      svgNode("path", { d: "M0 0L8 4L0 8z", fill: "context-stroke" }),
    ),
  );

/** A row of marks between two x positions, as large as fits. */
function pips(count, from, to, middle, name) {
  const pitch = (to - from) / count;
  const radius = Math.min(6.5, pitch * 0.36);
  return Array.from({ length: count }, (_, place) =>
    svgNode("rect", {
      x: (from + pitch * (place + 0.5) - radius).toFixed(1),
      y: middle - radius,
      width: 2 * radius,
      height: 2 * radius,
      rx: radius,
      class: name,
    }),
  );
}

function light(marks, now) {
  marks.forEach((mark, place) => {
    mark.classList.toggle("now", place + 1 === now);
    mark.classList.toggle("done", place + 1 < now);
  });
}
