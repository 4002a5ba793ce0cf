/**
 * Records a run in the form that the player reads (trm/export/payload.py), while it is computed.
 *
 * As in trm/record.py, a hook collects the states of a supervision step, which are then decoded together.
 */

import { base64, hashOf } from "./bytes.js";
import { gradeOf } from "./grade.js";
import { deepSupervision } from "./recursion.js";

/**
 * Computes a run and yields its payload after every supervision step.
 *
 * `facts` are the fields of the payload that depend only on the model and its task, `rules` the rules of the task,
 * `inputs` the tokens of the puzzle and `labels` those of its unique solution or null. `hooks` may contain beforeCall
 * and afterCall, and `changes` says in words what they change.
 */
export async function* growingRun(model, facts, rules, inputs, labels, { changes = "", ...hooks } = {}) {
  const depth = { n: facts.n, T: facts.T, N_sup: facts.N_sup };
  const recorder = new Recorder(model, rules.givens(inputs));
  const afterCall = (at, state) => recorder.add(at, hooks.afterCall?.(at, state) ?? state);
  for await (const { number, heads } of deepSupervision(model, inputs, { ...hooks, depth, afterCall })) {
    recorder.finishStep(heads.haltingLogit);
    const { halt_probability, ...arrays } = recorder.parts;
    const halts = halt_probability.findIndex((probability) => probability > 0.5);
    yield {
      ...facts,
      ...gradeOf(rules, inputs, labels, arrays.answers),
      trace_id: hashOf([facts.weights, depth, [...inputs], changes]),
      label: changes ? `${facts.label}; interventions: ${changes}` : facts.label,
      steps: number,
      inputs: base64(inputs),
      labels: labels && base64(labels),
      halt_probability,
      halt_step: halts < 0 ? null : halts + 1,
      ...Object.fromEntries(BYTES.map((name) => [name, base64(arrays[name].flatMap((each) => [...each]))])),
      ...Object.fromEntries(NUMBERS.map((name) => [name, arrays[name]])),
    };
  }
}

const BYTES = ["answers", "probabilities", "z_answers", "z_confidence", "z_reverse", "y_reverse"];
const NUMBERS = ["entropy", "residual_y", "residual_z"];

class Recorder {
  constructor(model, givens) {
    Object.assign(this, { model, givens, before: model.initialState(), states: [] });
    this.parts = Object.fromEntries([...BYTES, ...NUMBERS, "halt_probability"].map((name) => [name, []]));
  }

  add(at, state) {
    this.states.push([at, state]);
    return state;
  }

  finishStep(haltingLogit) {
    const { model, parts, givens } = this;
    let [previous, beforeAnswer] = [this.before, this.before.y];
    for (const [at, state] of this.states) {
      const z = softmax(model.decode(state.z), model.vocabulary);
      parts.z_answers.push(z.map(argmax));
      parts.z_confidence.push(z.map((row) => halfEven(255 * Math.max(...row))));
      parts.z_reverse.push(rows(model.reverseEmbed(state.z), model.vocabulary).map(argmax));
      parts.residual_z.push(residual(previous.z, state.z));
      if (at.kind === "f_H") {
        const y = softmax(model.decode(state.y), model.vocabulary);
        parts.answers.push(y.map(argmax));
        parts.probabilities.push(y.flatMap(quantised));
        parts.entropy.push(meanEntropy(y.filter((_, cell) => !givens[cell])));
        parts.y_reverse.push(rows(model.reverseEmbed(state.y), model.vocabulary).map(argmax));
        parts.residual_y.push(residual(beforeAnswer, state.y));
        beforeAnswer = state.y;
      }
      previous = state;
    }
    parts.halt_probability.push(1 / (1 + Math.exp(-haltingLogit)));
    this.before = previous;
    this.states = [];
  }
}

/** Splits an array into rows of `width` numbers. */
function rows(numbers, width) {
  return Array.from({ length: numbers.length / width }, (_, row) =>
    numbers.subarray(row * width, (row + 1) * width),
  );
}

function softmax(logits, width) {
  return rows(logits, width).map((row) => {
    const most = Math.max(...row);
    const shares = Array.from(row, (logit) => Math.exp(logit - most));
    const total = shares.reduce((one, other) => one + other);
    return shares.map((share) => share / total);
  });
}

const argmax = (row) => row.reduce((best, value, at) => (value > row[best] ? at : best), 0);

/** Rounds to the nearest integer; halves to the even one, as NumPy does. */
function halfEven(value) {
  const whole = Math.floor(value);
  return value - whole === 0.5 ? whole + (whole % 2) : Math.round(value);
}

/** Converts probabilities to integers that sum to 255: rounds down, then adds 1 where the remainders are largest. */
export function quantised(row) {
  const whole = row.map((share) => Math.floor(255 * share));
  const missing = 255 - whole.reduce((one, other) => one + other);
  const remainder = (at) => 255 * row[at] - whole[at];
  const order = [...row.keys()].sort((one, other) => remainder(other) - remainder(one));
  for (const at of order.slice(0, missing)) whole[at]++;
  return whole;
}

/** Entropy in bits, averaged over cells; 0 if there are none. */
function meanEntropy(cells) {
  const bits = cells.map(
    (row) => -row.reduce((total, share) => total + share * Math.log2(Math.max(share, 1e-12)), 0),
  );
  return bits.length ? bits.reduce((one, other) => one + other) / bits.length : 0;
}

/** Returns ||after - before|| / ||after||. */
function residual(before, after) {
  let [change, size] = [0, 0];
  for (let at = 0; at < after.length; at++) {
    change += (after[at] - before[at]) ** 2;
    size += after[at] ** 2;
  }
  return Math.sqrt(change / size);
}
