/** Opens a model with a runtime. */

import { Model, readTensors } from "./model.js";

/**
 * Returns {facts, model}. `runtime` is the module of ONNX Runtime Web, and `read(name)` a promise of the bytes of a file
 * of the model.
 */
export async function openModel(runtime, read) {
  const { config, facts, nets } = JSON.parse(new TextDecoder().decode(await read("model.json")));
  const shape = [1, config.prefix_length + config.sequence_length, config.hidden_size];
  const [L, H] = await Promise.all(
    nets.map(async (name) => {
      const session = await runtime.InferenceSession.create(await read(name));
      return async (state) => {
        const { out } = await session.run({ x: new runtime.Tensor("float32", state, shape) });
        return out.data;
      };
    }),
  );
  return { facts, model: new Model(config, readTensors(await read("tables.safetensors")), { L, H: H ?? L }) };
}
