/**
 * What a call means for the rest of the scene: the diagram, the code view and the words under the grid are
 * functions of the coordinates of the player, {supervision_step, cycle, call, kind}, and of the sizes of the
 * model.
 */

/** How many layers one after the other have been passed through when a call is done. */
export function layersDone({ n, T, layers_L, layers_H }, { supervision_step, cycle, call, kind }) {
  const perCycle = n * layers_L + layers_H;
  return ((supervision_step - 1) * T + cycle - 1) * perCycle + (kind === "f_H" ? perCycle : call * layers_L);
}

/** Whether a call is the last of its supervision step: only there the heads were trained to read y. */
export const endsStep = ({ T }, { cycle, kind }) => kind === "f_H" && cycle === T;

/** Whether a gradient reaches a call in training. */
export const hasGradient = ({ n, T, gradient_calls }, { cycle, call }) =>
  (cycle - 1) * (n + 1) + call > T * (n + 1) - gradient_calls;

/**
 * What flows in a call: the names of what is added up, and of what is written. With a single state, y is z.
 */
export function flow({ one_state }, { kind }) {
  if (one_state) return { from: kind === "f_L" ? ["x", "z"] : ["z"], to: "z" };
  return kind === "f_L" ? { from: ["x", "y", "z"], to: "z" } : { from: ["y", "z"], to: "y" };
}

/** The call as the papers write it. */
export function formula(sizes, at) {
  const { from, to } = flow(sizes, at);
  const net = sizes.shared ? "net" : at.kind === "f_L" ? "L" : "H";
  return `${to} ← ${net}(${from.join(" + ")})`;
}

/**
 * The marks of code lines that a call is at: its own line, the three loops around it, and what follows where
 * a step ends.
 */
export function marksAt(sizes, at) {
  return {
    current: at.kind,
    around: ["loop_L", "loop_T", "loop_N", ...(endsStep(sizes, at) ? ["detach", "heads"] : [])],
  };
}

/** A shape as a reader meets it. */
export const shapeText = (shape) => shape.join("×");

/** A sentence with its holes filled: {name}. */
export const fillIn = (text, values) =>
  text.replace(/\{(\w+)\}/g, (hole, name) => (name in values ? String(values[name]) : hole));

/** Where a call stands, in the lecture's language. */
export function positionText(words, { n, T, N_sup }, { supervision_step: step, cycle, call, kind }) {
  return fillIn(words.place, {
    step,
    N_sup,
    cycle,
    T,
    call: kind === "f_H" ? "f_H" : fillIn(words.place_L, { call, n }),
  });
}

/** What must be said of the reading on the screen, so that nobody takes it for more than it is. */
export function readingText(words, sizes, at, mode) {
  if (mode === "z") return words.reading_z;
  if (mode === "reverse") return words.reading_reverse;
  const { supervision_step: step, cycle, kind } = at;
  if (step === 1 && cycle === 1 && kind === "f_L") return words.reading_none;
  // the cycle whose y is seen
  const answered = kind === "f_H" ? cycle : ((cycle + sizes.T - 2) % sizes.T) + 1;
  return answered < sizes.T ? words.reading_cycle : words.reading_y;
}

/** Text with `code` and **emphasis** as [kind, text] pairs, kind "", "code" or "b". */
export function spans(text) {
  return text
    .split(/(`[^`]+`|\*\*[^*]+\*\*)/)
    .filter(Boolean)
    .map((part) => {
      if (part.startsWith("`")) return ["code", part.slice(1, -1)];
      return part.startsWith("**") ? ["b", part.slice(2, -2)] : ["", part];
    });
}

/** Seconds as minutes:seconds. */
export const clockText = (seconds) =>
  `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
