/** The map of states: a dot for the state of the call on screen, its trail, and the states of other runs behind it. */

import { Answers } from "../answers.js";
import { translate } from "../text/translate.js";
import { icon, make, write } from "../view/dom.js";
import { axesText, axesTitle, mapSentence, poolTitle } from "./sentences.js";
import { chosenState, crossesPath, dotsPath, pointsOf, scaleOf, Trail } from "./trail.js";

const METHODS = { pca: "PCA", umap: "UMAP" };
const ICONS = {
  map: "M4 3.5v16.5h16.5v-2H6V3.5zM8.5 12.5h3v3h-3zM12 7.5h3v3h-3zM16 4.5h3v3h-3zM15.5 11.5h3v3h-3z",
  large: "M13 4h7v7h-2.2V7.8L7.8 17.8H11V20H4v-7h2.2v3.2L16.2 6.2H13z",
};
export const SIZES = ["closed", "small", "large"];

/** A button that does not take the focus, so that the space bar still plays. */
function makeButton(name, title, act, content) {
  const node = make("button", { type: "button", "data-testid": name, title, "aria-label": title }, content);
  node.addEventListener("mousedown", (event) => event.preventDefault());
  node.addEventListener("click", act);
  return node;
}

/**
 * `player` is asked for what it shows (`trace`, `call`, `visibleMode`, `map`, `embedding`, `data`) and does what a
 * press asks for (`go`, `showMap`, `setEmbedding`). `data.map` is the address of the map, or the map itself.
 */
export class StateMap {
  constructor(player) {
    this.player = player;
    this.answers = new Answers(() => player.trace && player.drawMap());
    this.button = makeButton("map", translate("map_open"), () => player.act("map"), icon(ICONS.map));
    this.size = makeButton(
      "map-size",
      translate("map_larger"),
      () => player.act("map size"),
      icon(ICONS.large),
    );
    this.methods = Object.entries(METHODS).map(([method, name]) =>
      makeButton(`map-${method}`, name, () => player.setEmbedding(method), name),
    );
    this.state = make("b", {}, "");
    this.legend = make("p", { class: "map-legend" }, [
      make("span", { class: "map-solved" }, translate("map_solved")),
      make("span", { class: "map-unsolved" }, translate("map_unsolved")),
    ]);
    this.own = make("p", { class: "map-own" }, translate("map_own"));
    this.axes = make("p", { class: "map-axes" }, "");
    this.status = make("p", { class: "map-status", role: "status" }, "");
    const path = (name) => make("path", { class: name });
    this.paths = Object.fromEntries(
      ["unsolved", "solved", "rest", "past"].map((name) => [name, path(`map-${name}`)]),
    );
    const { unsolved, solved, rest, past } = this.paths;
    const layer = (name, paths) => make("svg", { class: name, "aria-hidden": "true" }, paths);
    this.dot = make("i", { class: "map-dot", "data-testid": "map-dot", hidden: true });
    this.plot = make("div", { class: "map-plot", role: "img", "data-testid": "map-plot" }, [
      layer("map-pool", [unsolved, solved]),
      layer("map-run", [rest, past]),
      this.dot,
    ]);
    this.listen();
    this.node = make(
      "section",
      { class: "state-map", "data-testid": "state-map", "aria-label": translate("map"), hidden: true },
      [
        make("div", { class: "map-side" }, [
          make("p", { class: "map-head" }, [this.state, this.size]),
          make(
            "div",
            { class: "map-methods", role: "group", "aria-label": translate("map_methods") },
            this.methods,
          ),
          this.legend,
          this.own,
          this.axes,
        ]),
        make("div", { class: "map-frame" }, [this.plot, this.status]),
      ],
    );
  }

  /** A press or a drag goes to the nearest call of the trail. */
  listen() {
    const { plot } = this;
    const go = ({ clientX, clientY }) => {
      const { left, top } = plot.getBoundingClientRect();
      const call = this.trail?.nearest(clientX - left, clientY - top, this.player.call);
      if (call != null) this.player.go(call);
    };
    plot.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      event.preventDefault();
      plot.setPointerCapture(event.pointerId);
      go(event);
    });
    plot.addEventListener("pointermove", (event) => {
      if (event.buttons && plot.hasPointerCapture(event.pointerId)) go(event);
    });
    new ResizeObserver(([{ contentRect }]) => {
      Object.assign(this, { width: contentRect.width, height: contentRect.height, drawn: null });
      if (this.player.trace && this.isOpen) this.draw();
    }).observe(plot);
  }

  show() {
    this.drawn = null; // the run, or the steps of it that have arrived
  }

  get isOpen() {
    const { map, data } = this.player;
    return map !== "closed" && Boolean(data.map);
  }

  /** Draws what the player shows; hides itself if it is not open. */
  draw() {
    const { player, node, isOpen } = this;
    node.hidden = !isOpen;
    this.button.hidden = !player.data.map;
    this.button.setAttribute("aria-pressed", String(isOpen));
    if (!isOpen) return this.answers.stop();
    const { data, visibleMode: mode, embedding: method, map: size } = player;
    const content = typeof data.map === "string" ? this.answers.find(data.map, {}) : data.map;
    if (!content?.states) {
      this.drawn = this.trail = null;
      return this.drawStatus(content);
    }
    const drawn = this.drawn;
    if (drawn?.content !== content || drawn.mode !== mode || drawn.method !== method) this.layOut(content);
    if (drawn?.size !== size) this.drawSize(size);
    return this.drawCall();
  }

  /** Why there is no map yet. */
  drawStatus(content) {
    this.node.classList.add("empty");
    this.plot.setAttribute("aria-label", translate("map"));
    write(this.status, content ? this.errorText(content) : translate("map_computing"));
  }

  errorText({ error }) {
    return error === "gone" ? translate("why_gone") : error;
  }

  drawSize(size) {
    const title = translate(size === "large" ? "map_smaller" : "map_larger");
    this.size.title = title;
    this.size.setAttribute("aria-label", title);
    this.size.setAttribute("aria-pressed", String(size === "large"));
  }

  /** Draws all but the call. */
  layOut(content) {
    const { player, width, height, paths } = this;
    const { trace, visibleMode: mode, embedding: method, map: size } = player;
    const chosen = chosenState(content, mode, method);
    const { state, embedding, embeddings } = chosen;
    const { solved = [], unsolved = [] } = embedding;
    const place = scaleOf({ ...embedding, solved, unsolved }, width ?? 0, height ?? 0);
    this.drawn = { content, mode, method, size, chosen };
    this.trail = new Trail(trace, state, mode, pointsOf(embedding.run, place));
    this.node.classList.remove("empty");
    write(this.status, "");
    paths.solved.setAttribute("d", dotsPath(pointsOf(solved, place)));
    paths.unsolved.setAttribute("d", crossesPath(pointsOf(unsolved, place)));
    write(this.state, translate("map_state", { state }));
    this.state.title = this.legend.title = this.own.title = poolTitle(content, chosen);
    this.legend.hidden = !content.pool;
    this.own.hidden = Boolean(content.pool);
    write(this.axes, axesText(embedding));
    this.axes.title = axesTitle(embedding);
    this.methods.forEach((node) => {
      const shown = embeddings.find((each) => node.dataset.testid === `map-${each.method}`);
      node.hidden = !shown || embeddings.length < 2;
      if (shown) node.title = axesTitle(shown);
      node.setAttribute("aria-pressed", String(shown === embedding));
    });
    this.drawSize(size);
  }

  drawCall() {
    const { trail, dot, paths, drawn, player } = this;
    const { trace, call } = player;
    const point = trail.at(call);
    const [past, rest] = trail.paths(call);
    paths.past.setAttribute("d", past);
    paths.rest.setAttribute("d", rest);
    dot.hidden = !point;
    if (point) dot.style.transform = `translate(${point[0]}px, ${point[1]}px)`;
    const label = mapSentence(trace, call, drawn.chosen, point ? trail.indexAt(call) : -1);
    this.plot.setAttribute("aria-label", label);
  }
}
