/**
 * A model in the browser: the embedding, the initial state, the heads, and the nets, which ONNX Runtime computes.
 *
 * States are Float32Arrays of P positions with D numbers each, as in trm/model.py; P is the prefix and the cells.
 */

/** Reads a safetensors file of float32 tensors. Returns {name: Float32Array}. */
export function readTensors(buffer) {
  const length = Number(new DataView(buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
  delete header.__metadata__;
  const tensors = Object.entries(header).map(
    ([
      name,
      {
        data_offsets: [begin, end],
      },
    ]) => [name, new Float32Array(buffer.slice(8 + length + begin, 8 + length + end))],
  );
  return Object.fromEntries(tensors);
}

/** Returns the sum of arrays of equal length. */
export function sum(...arrays) {
  const total = Float32Array.from(arrays[0]);
  for (const array of arrays.slice(1)) for (let at = 0; at < total.length; at++) total[at] += array[at];
  return total;
}

/** Multiplies rows of `size` numbers by the rows of `weight`: one number for each pair of rows. */
function products(rows, weight, size) {
  const [count, outputs] = [rows.length / size, weight.length / size];
  const result = new Float32Array(count * outputs);
  for (let row = 0; row < count; row++) {
    for (let output = 0; output < outputs; output++) {
      let total = 0;
      for (let at = 0; at < size; at++) total += rows[row * size + at] * weight[output * size + at];
      result[row * outputs + output] = total;
    }
  }
  return result;
}

export class Model {
  /**
   * `config` is the model's configuration, `tables` its tensors outside the nets, and `nets` {L, H}: functions that
   * map a state to a promise of the net's output. A TRM has one net, so its H is its L.
   */
  constructor(config, tables, nets) {
    Object.assign(this, { config, tables, nets });
    this.size = config.hidden_size;
    this.positions = config.prefix_length + config.sequence_length;
    this.vocabulary = config.vocab_size;
  }

  /** Returns x: zeros at the prefix, and the tokens' embeddings times sqrt(D) at the cells. */
  embed(inputs) {
    const { size, config, tables } = this;
    const x = new Float32Array(this.positions * size);
    inputs.forEach((token, cell) => {
      const to = (config.prefix_length + cell) * size;
      for (let at = 0; at < size; at++) x[to + at] = tables.embed_tokens[token * size + at] * Math.sqrt(size);
    });
    return x;
  }

  /** Returns the initial y and z: two fixed vectors, each repeated at every position. */
  initialState() {
    const repeated = (vector) =>
      Float32Array.from({ length: this.positions * this.size }, (_, at) => vector[at % this.size]);
    return { y: repeated(this.tables.H_init), z: repeated(this.tables.L_init) };
  }

  async fL(x, { y, z }) {
    return { y, z: await this.nets.L(sum(z, sum(y, x))) };
  }

  async fH({ y, z }) {
    return { y: await this.nets.H(sum(y, z)), z };
  }

  /** Returns the cells' logits and the halting logit, which is positive where the model would halt. */
  heads(y) {
    const { size, tables } = this;
    const at = this.config.halting_position * size;
    const q = products(y.subarray(at, at + size), tables["q_head.weight"], size);
    const [halt, go] = [...q].map((value, output) => value + tables["q_head.bias"][output]);
    const isCompared = this.config.halting === "q_halt > q_continue";
    return { logits: this.decode(y), haltingLogit: isCompared ? halt - go : halt };
  }

  /** Returns the logits of the cells from a state, with the LM head. */
  decode(state) {
    return products(this.cells(state), this.tables.lm_head, this.size);
  }

  /** Returns the dot product of each cell's state with the input embedding of each token. */
  reverseEmbed(state) {
    return products(this.cells(state), this.tables.embed_tokens, this.size);
  }

  cells(state) {
    return state.subarray(this.config.prefix_length * this.size);
  }
}
