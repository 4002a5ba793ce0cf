/** The controls above the player: models, puzzle, and what is frozen. */

import { make } from "../../../trm/player/view/dom.js";

const OWN = "own"; // value of the puzzle that is no preset
const FREEZE_STEPS = [1, 2, 3, 4, 6, 8, 12];

export class Controls {
  /** `act`: {choose(changes), generate(), edit(), removeGiven()}. `count` models are chosen. */
  constructor(site, count, act) {
    Object.assign(this, { site, act, choice: null });
    const options = Object.keys(site.models).map((name) => make("option", { value: name }, name));
    this.models = Array.from({ length: count }, (_, place) => {
      const label = count === 1 ? "Model" : ["Left", "Right"][place];
      return this.select(
        `model-${place}`,
        label,
        options.map((option) => option.cloneNode(true)),
        (name) =>
          act.choose({ models: this.choice.models.map((model, at) => (at === place ? name : model)) }),
      );
    });
    this.preset = this.select("preset", "Puzzle", [], (puzzle) => puzzle !== OWN && act.choose({ puzzle }));
    this.text = make("input", {
      type: "text",
      "data-testid": "puzzle",
      "aria-label": "The puzzle as text",
      title: "The puzzle as text; Enter runs it",
      autocomplete: "off",
      spellcheck: "false",
    });
    const form = make("form", { class: "text" }, [
      this.text,
      make("button", { type: "submit", "data-testid": "run" }, "Run"),
    ]);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.text.blur(); // the keys are the player's again
      act.choose({ puzzle: this.text.value.trim() });
    });
    const freezeOptions = [
      make("option", { value: "" }, "nothing"),
      ...["z", "y"].flatMap((part) =>
        FREEZE_STEPS.map((step) => make("option", { value: `${part}${step}` }, `${part} after step ${step}`)),
      ),
    ];
    this.freeze = this.select("freeze", "Freeze", freezeOptions, (value) =>
      act.choose({ freeze: value ? { part: value[0], step: Number(value.slice(1)) } : null }),
    );
    this.removal = this.button("without-given", "Remove given", () => act.removeGiven());
    this.removal.title = "Runs the puzzle without the selected given, beside this run";
    this.allowRemoval(false);
    this.interventions = make("details", { "data-testid": "interventions" }, [
      make("summary", {}, "Intervene"),
      make("div", {}, [this.freeze.node, this.removal]),
    ]);
    this.node = make("div", { class: "choices" }, [
      ...this.models.map(({ node }) => node),
      this.preset.node,
      this.button("generate", "New puzzle", () => act.generate()),
      this.button("edit", "Edit", () => act.edit()),
      form,
      this.interventions,
    ]);
  }

  allowRemoval(isGiven) {
    this.removal.disabled = !isGiven;
  }

  select(name, label, options, change) {
    const list = make("select", { id: name, "data-testid": name }, options);
    list.addEventListener("change", () => change(list.value));
    return { list, node: make("div", { class: "field" }, [make("label", { for: name }, label), list]) };
  }

  button(name, label, act) {
    const node = make("button", { type: "button", "data-testid": name }, label);
    node.addEventListener("click", act);
    return node;
  }

  draw(choice) {
    const { task } = this.site.models[choice.models[0]];
    const presets = this.site.presets[task];
    this.models.forEach(({ list }, place) => {
      list.value = choice.models[place];
      if (place === 1)
        for (const option of list.options) option.disabled = this.site.models[option.value].task !== task;
    });
    const own = presets.some(({ puzzle }) => puzzle === choice.puzzle)
      ? []
      : [make("option", { value: OWN }, "your puzzle")];
    this.preset.list.replaceChildren(
      ...own,
      ...presets.map(({ title, puzzle }) => make("option", { value: puzzle }, title)),
    );
    this.preset.list.value = own.length ? OWN : choice.puzzle;
    this.text.value = choice.puzzle;
    this.freeze.list.value = choice.freeze ? `${choice.freeze.part}${choice.freeze.step}` : "";
    this.interventions.open ||= choice.freeze != null;
    this.choice = choice;
  }
}
