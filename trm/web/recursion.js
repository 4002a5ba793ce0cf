/**
 * The recursion of trm/recursion.py in the browser, without gradients.
 *
 *     latent recursion    n times z <- f_L(x, y, z), then once y <- f_H(y, z)
 *     deep recursion      T latent recursions: one supervision step
 *     deep supervision    up to N_sup supervision steps, with an answer decoded after each
 *
 * A model supplies x, the initial state, f_L, f_H and the heads. A state is {y, z}. Hooks replace the state
 * before or after a call.
 */

const unchanged = (at, state) => state;

/** Runs n f_L calls, which update z, and then one f_H call, which updates y. `at` is {step, cycle}. */
export async function latentRecursion(model, x, state, { depth, at, beforeCall, afterCall }) {
  for (let call = 1; call <= depth.n; call++) {
    const here = { ...at, call, kind: "f_L" };
    state = await model.fL(x, beforeCall(here, state));
    state = afterCall(here, state);
  }
  const here = { ...at, call: depth.n + 1, kind: "f_H" };
  state = await model.fH(beforeCall(here, state));
  return afterCall(here, state);
}

/** Runs one supervision step: T latent recursions with the same options. */
export async function deepRecursion(model, x, state, { step, ...options }) {
  for (let cycle = 1; cycle <= options.depth.T; cycle++) {
    state = await latentRecursion(model, x, state, { ...options, at: { step, cycle } });
  }
  return state;
}

/** Runs supervision steps 1 to N_sup and yields {number, state, heads} after each. Nothing halts early. */
export async function* deepSupervision(model, inputs, { depth, ...hooks }) {
  const options = { depth, beforeCall: unchanged, afterCall: unchanged, ...hooks };
  const x = model.embed(inputs);
  let state = model.initialState();
  for (let number = 1; number <= depth.N_sup; number++) {
    state = await deepRecursion(model, x, state, { ...options, step: number });
    yield { number, state, heads: model.heads(state.y) };
  }
}
