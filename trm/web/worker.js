/**
 * The model in a worker of the page. `mount(scope)` makes a worker's global scope answer:
 *
 *     {type: "run", id, model, inputs, freeze?}   starts a run, which ends the one before; `model` is an address
 *     {type: "stop"}                               ends the run
 *
 * with {type: "step", id, payload} after every supervision step, {type: "end", id, seconds}, {type: "loading", share}
 * or {type: "failed", id, message}.
 */

import { openModel } from "./open.js";
import { growingRun } from "./record.js";
import { rulesOf, uniqueSolution } from "./rules/rules.js";

const RUNTIME = "runtime/ort.wasm.bundle.min.mjs";

export function mount(scope) {
  const models = new Map();
  let latest = null; // id of the run that is wanted
  let before = Promise.resolve(); // the run before, which ends first
  scope.onmessage = ({ data }) => {
    latest = data.type === "run" ? data.id : null;
    if (data.type === "run") before = before.then(() => run(data));
  };

  async function run({ id, model: address, inputs, freeze }) {
    if (id !== latest) return;
    const began = performance.now();
    try {
      if (!models.has(address)) models.set(address, await openAt(address));
      const { model, facts } = models.get(address);
      const rules = rulesOf(facts);
      const labels = uniqueSolution(rules, inputs);
      for await (const payload of growingRun(model, facts, rules, inputs, labels, frozen(freeze))) {
        if (id !== latest) return;
        scope.postMessage({ type: "step", id, payload });
        await new Promise((resolve) => setTimeout(resolve)); // lets messages arrive
      }
      scope.postMessage({ type: "end", id, seconds: (performance.now() - began) / 1000 });
    } catch (error) {
      models.delete(address);
      scope.postMessage({ type: "failed", id, message: error.message });
    }
  }

  /** Loads a model from the folder at this address, and the runtime with the first one. */
  async function openAt(address) {
    return openModel(await startRuntime(), (name) =>
      fetched(`${address}/${name}`, (answer) => answer.arrayBuffer()),
    );
  }

  let runtime = null;
  async function startRuntime() {
    if (runtime) return runtime;
    const address = new URL(RUNTIME, scope.location.href).href;
    const loaded = await import(address);
    loaded.env.wasm.numThreads = 1; // more need headers that static hosts do not send
    loaded.env.wasm.wasmBinary = await withProgress(
      new URL("runtime/ort-wasm-simd-threaded.wasm", scope.location.href),
      (share) => scope.postMessage({ type: "loading", share }),
    );
    return (runtime = loaded);
  }
}

async function fetched(address, read) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${address} could not be loaded (${answer.status}).`);
  return read(answer);
}

/** Fetches a file and reports the share that has arrived. */
async function withProgress(address, report) {
  const answer = await fetched(address, (it) => it);
  const total = Number(answer.headers.get("content-length"));
  const parts = [];
  let size = 0;
  for (const reader = answer.body.getReader(); ;) {
    const { done, value } = await reader.read();
    if (done) break;
    parts.push(value);
    size += value.length;
    report(total ? Math.min(size / total, 1) : null);
  }
  return new Blob(parts).arrayBuffer();
}

/** The hook that keeps y or z as it was at the end of a supervision step. `freeze`: {part, step}, or nothing. */
export function frozen(freeze) {
  if (!freeze) return {};
  let value = null;
  const afterCall = (at, state) => {
    if (at.step <= freeze.step) value = state[freeze.part];
    else state = { ...state, [freeze.part]: value };
    return state;
  };
  return { afterCall, changes: `${freeze.part} frozen after step ${freeze.step}` };
}
