/**
 * A page that runs models in the browser: Solve with one model, Compare with two on one clock. It opens with recorded
 * runs where there are any, and computes what the user chooses in a worker.
 */

import { readView } from "../../../trm/player/model/link.js";
import { make, write } from "../../../trm/player/view/dom.js";
import { randomFrom } from "../../../trm/web/rules/random.js";
import { rulesOf } from "../../../trm/web/rules/rules.js";
import { addressOf, partner, readChoice, tokensOf } from "./choice.js";
import { Controls } from "./controls.js";
import { Runner, obstacle } from "./runner.js";

const NAMES = ["Left", "Right"];
const PINNED = ["Pinned", "Current"];

/** A run in a few words: the name of its model, what is changed, and its depth. */
const titleOf = ({ label, n, T, N_sup }) =>
  `${label.split(" (")[0]}${/; (interventions: .*)/.exec(label)?.[1] ?? ""}, n = ${n}, T = ${T}, ${N_sup} steps`;

export class Page {
  /**
   * `site` is the manifest, `names` the models of this page, `show` the player's `mount`, `loadEditor` imports the
   * editor's module, and `places` are elements of the page: {controls, status, player, editor}.
   */
  constructor({ site, names, show, loadEditor, places }) {
    Object.assign(this, { site, show, loadEditor, places, pinned: null });
    this.choice = readChoice(site, names);
    this.start = readView();
    this.obstacle = obstacle();
    this.runners = this.obstacle ? [] : names.map(() => new Runner());
    this.controls = new Controls(site, names.length, {
      choose: (changes) => this.choose(changes),
      generate: () => this.generate(),
      edit: () => this.openEditor(),
      removeGiven: () => this.removeGiven(),
    });
    places.controls.append(this.controls.node);
    addEventListener("popstate", () => {
      this.choice = readChoice(site, names);
      this.start = readView();
      this.open();
    });
    addEventListener("keydown", (event) => {
      const isText = event.composedPath()[0].matches?.("input, select, textarea");
      if (event.key === "e" && !isText && !this.editor && !event.ctrlKey && !event.metaKey) this.openEditor();
    });
    this.open();
  }

  get facts() {
    return this.site.models[this.choice.models[0]];
  }

  /** Applies changes of the user to the choice. */
  choose(changes) {
    const choice = { ...this.choice, ...changes };
    const isOtherTask = this.site.models[choice.models[0]].task !== this.facts.task;
    if (isOtherTask && !changes.puzzle)
      choice.puzzle = this.site.presets[this.site.models[choice.models[0]].task][0].puzzle;
    if (isOtherTask && choice.models[1])
      choice.models = [choice.models[0], partner(this.site, choice.models[0])];
    if (isOtherTask) this.pinned = null;
    try {
      tokensOf(this.site, choice);
    } catch (error) {
      this.say(error.message, true);
      return;
    }
    this.choice = choice;
    this.start = null;
    history.pushState(null, "", addressOf(choice));
    this.closeEditor();
    this.open();
  }

  generate() {
    const rules = rulesOf(this.facts);
    const [seed] = crypto.getRandomValues(new Uint32Array(1));
    this.choose({ puzzle: rules.format(rules.generate(randomFrom(seed))) });
  }

  // ---- runs

  /** Shows the run of the choice: a recorded one, and otherwise one that this page computes. */
  open() {
    this.controls.draw(this.choice);
    try {
      this.inputs = tokensOf(this.site, this.choice);
    } catch (error) {
      this.say(error.message, true);
      return;
    }
    this.payloads = this.choice.models.map(() => null);
    this.began = performance.now();
    this.verdict = rulesOf(this.facts).verdict(this.inputs).sentence;
    this.choice.models.forEach((model, place) => void this.openRun(model, place, this.choice));
  }

  async openRun(model, place, choice) {
    const recorded = await this.recordedRun(model);
    if (choice !== this.choice) return;
    if (recorded) {
      this.runners[place]?.stop();
      this.take(place, { ...recorded, feed: null });
      this.sayState();
    } else if (this.obstacle) this.say(this.obstacle, true);
    else this.compute(model, place);
  }

  /** The recorded run of a model on the puzzle; null if there is none. */
  async recordedRun(model) {
    const { site, choice } = this;
    const preset = choice.freeze
      ? null
      : site.presets[this.facts.task].find(({ puzzle }) => puzzle === choice.puzzle);
    if (!preset || !site.models[model].runs.includes(preset.key)) return null;
    try {
      const answer = await fetch(`runs/${model}/${preset.key}.json`);
      return answer.ok ? await answer.json() : null;
    } catch {
      return null; // not loaded before the network was cut: computed instead
    }
  }

  compute(model, place) {
    this.say("Loading the model …");
    this.runners[place].run(
      { model, inputs: this.inputs, freeze: this.choice.freeze },
      {
        loading: (share) =>
          this.say(`Loading the runtime … ${share == null ? "" : `${Math.round(100 * share)}%`}`),
        step: ({ payload }) => {
          if (payload.steps === 1) performance.measure("first answer", { start: this.began });
          this.take(place, payload);
          this.say(`Computing in this browser: step ${payload.steps} of ${payload.N_sup}`);
        },
        end: ({ seconds }) => {
          performance.measure("whole run", { start: this.began });
          if (this.isComplete) this.sayState(`Computed in this browser in ${seconds.toFixed(1)} s.`);
        },
        failed: ({ message }) => this.say(message, true),
      },
    );
  }

  get isComplete() {
    return this.payloads.every((payload) => payload?.steps === payload?.N_sup);
  }

  take(place, payload) {
    this.payloads[place] = payload;
    this.draw();
  }

  /** Draws the players, once every one of them has a run. */
  draw() {
    const runs = this.pinned ? [this.pinned, ...this.payloads] : this.payloads;
    if (runs.some((run) => !run)) return;
    const common = { pin: this.payloads.length > 1 ? null : this.pinned ? "unpin" : "pin", edit: true };
    const start = this.start;
    const data =
      runs.length === 1
        ? { ...runs[0], ...common, guide: this.site.guide, start }
        : {
            players: runs,
            names: this.pinned ? PINNED : NAMES,
            titles: runs.map(titleOf),
            hint: "Choose another puzzle or model to compare it with the pinned run.",
            ...common,
            start,
          };
    this.show({
      data: { ...data, addressed: true, place: this.pinned ? "pair" : "run" },
      parentElement: this.places.player,
      setStateValue: (name, { cell }) => this.select(cell),
      setTriggerValue: (name, value) => name === "pin" && this.pin(value),
    });
  }

  /** Pins the run on screen, or unpins the pinned one. `without` is a cell whose given is then removed. */
  pin({ pin, without }) {
    const [payload] = this.payloads;
    this.pinned = pin && payload?.steps === payload?.N_sup ? payload : null;
    if (without == null) this.draw();
    else {
      const inputs = this.inputs.map((token, cell) => (cell === without ? this.facts.blank : token));
      this.choose({ puzzle: rulesOf(this.facts).format(inputs) });
    }
  }

  /** Remembers the selected cell, [row, column] or null. */
  select(cell) {
    this.cell = cell && cell[0] * this.facts.columns + cell[1];
    this.controls.allowRemoval(this.cell != null && rulesOf(this.facts).givens(this.inputs)[this.cell]);
  }

  /** Runs the puzzle without the selected given, beside the run on screen. */
  removeGiven() {
    this.pin({ pin: this.payloads.length === 1, without: this.cell });
  }

  // ---- words

  sayState(what = "Recorded run.") {
    this.say(`${what} ${this.verdict}`);
  }

  say(text, isProblem = false) {
    write(this.places.status, text);
    this.places.status.classList.toggle("problem", isProblem);
  }

  // ---- the editor

  async openEditor() {
    const { facts, inputs, places } = this;
    ({ default: this.edit } = await this.loadEditor());
    const puzzle = {
      text: this.choice.puzzle,
      grid: { rows: facts.rows, columns: facts.columns, tokens: [...inputs] },
    };
    this.editor = { task: facts.editor, puzzle, validity: this.validity(this.choice.puzzle), pasted: null };
    this.editorPlace = make("div", { class: "editor-place" });
    places.player.hidden = true;
    places.editor.replaceChildren(this.editorPlace);
    this.drawEditor();
  }

  drawEditor(changes = {}) {
    Object.assign(this.editor, changes);
    this.leaveEditor = this.edit({
      data: this.editor,
      parentElement: this.editorPlace,
      setStateValue: (name, { text }) => this.drawEditor({ validity: this.validity(text) }),
      setTriggerValue: (name, value) => this.onEditor(name, value),
    });
  }

  onEditor(name, value) {
    if (name === "use") this.choose({ puzzle: value.replaceAll("/", "") });
    else if (name === "cancel") this.closeEditor();
    else if (name === "paste")
      this.drawEditor({ pasted: { number: value.number, ...this.pasted(value.text) } });
  }

  pasted(text) {
    const { rows, columns } = this.facts;
    try {
      return { grid: { rows, columns, tokens: rulesOf(this.facts).parse(text) } };
    } catch (error) {
      return { mistake: `Not pasted. ${error.message}` };
    }
  }

  /** The verdict on a draft, in the form of the editor. */
  validity(text) {
    const rules = rulesOf(this.facts);
    const tokens = rules.parse(text.replaceAll("/", ""));
    const givens = rules.givens(tokens);
    const conflicts = rules
      .conflicts(tokens)
      .flatMap((isBroken, cell) => (isBroken && givens[cell] ? [cell] : []));
    const { columns } = this.facts;
    return {
      text,
      ...rules.verdict(tokens),
      conflicts: conflicts.map((cell) => [Math.floor(cell / columns), cell % columns]),
    };
  }

  closeEditor() {
    if (!this.editor) return;
    this.editor = null;
    this.places.editor.replaceChildren();
    this.leaveEditor();
    this.places.player.hidden = false;
  }
}

/** Mounts the page. The site's start script passes what `Page` needs. */
export function mount(options) {
  return new Page(options);
}
