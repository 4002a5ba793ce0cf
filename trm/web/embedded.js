/** A model inside an exported page, which runs other puzzles there. */

import { make, write } from "../player/view/dom.js";
import { openModel } from "./open.js";
import { growingRun } from "./record.js";
import { rulesOf, uniqueSolution } from "./rules/rules.js";

const RUNTIME = "ort.wasm.bundle.min.mjs";
const BINARY = "ort-wasm-simd-threaded.wasm";

/**
 * Adds a form for another puzzle to `parent`. `read(name)` is a promise of the bytes of an embedded file, and `show`
 * shows a payload in the page's player.
 */
export function mount({ parent, read, show }) {
  const field = make("input", {
    type: "text",
    "data-testid": "puzzle",
    "aria-label": "Another puzzle as text",
    placeholder: "Another puzzle as text, row by row",
    autocomplete: "off",
    spellcheck: "false",
  });
  const status = make("span", { role: "status", "data-testid": "status" });
  const form = make("form", { class: "another" }, [field, make("button", { type: "submit" }, "Run"), status]);
  let opening = null;
  let latest = 0;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    field.blur(); // the keys are the player's again
    const id = ++latest;
    try {
      if (!opening) write(status, "Opening the model …");
      opening ??= open(read);
      const { facts, model } = await opening;
      const rules = rulesOf(facts);
      const inputs = rules.parse(field.value.trim());
      for await (const payload of growingRun(model, facts, rules, inputs, uniqueSolution(rules, inputs))) {
        if (id !== latest) return;
        show(payload);
        write(status, payload.steps < payload.N_sup ? `step ${payload.steps} of ${payload.N_sup}` : "");
        await new Promise((resolve) => setTimeout(resolve)); // draws, and takes what the user does
      }
    } catch (error) {
      write(status, error.message);
    }
  });
  parent.append(form);
}

/** Opens the embedded model with the embedded runtime. */
async function open(read) {
  const address = URL.createObjectURL(new Blob([await read(RUNTIME)], { type: "text/javascript" }));
  const runtime = await import(address);
  runtime.env.wasm.numThreads = 1;
  runtime.env.wasm.wasmBinary = await read(BINARY);
  return openModel(runtime, read);
}

/** Reads a file that the page holds as compressed base64. */
export async function embedded(name) {
  const text = document.getElementById(`file-${name}`).textContent;
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}
