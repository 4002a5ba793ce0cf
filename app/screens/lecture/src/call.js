/**
 * What a call means for the rest of the scene. The diagram, the code view and the captions depend only on the
 * player's coordinates, {supervision_step, cycle, call, kind}, and on the sizes of the model.
 */

/** How many layers in sequence the run has passed through after a call. */
export function layersDone({ n, T, layers_L, layers_H }, { supervision_step, cycle, call, kind }) {
  const perCycle = n * layers_L + layers_H;
  return ((supervision_step - 1) * T + cycle - 1) * perCycle + (kind === "f_H" ? perCycle : call * layers_L);
}

/** Whether a call is the last of its supervision step. The heads are trained to read y only there. */
export const endsStep = ({ T }, { cycle, kind }) => kind === "f_H" && cycle === T;

/** Whether a gradient reaches a call in training. */
export const hasGradient = ({ n, T, gradient_calls }, { cycle, call }) =>
  (cycle - 1) * (n + 1) + call > T * (n + 1) - gradient_calls;

/**
 * The inputs that a call adds up and the state that it writes, by name. With a single state, y is z.
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
 * The marks of the code lines of a call: its own line, the three loops around it, and at the end of a step the
 * lines that follow.
 */
export function marksAt(sizes, at) {
  return {
    current: at.kind,
    around: ["loop_L", "loop_T", "loop_N", ...(endsStep(sizes, at) ? ["detach", "heads"] : [])],
  };
}

/** A shape as text. */
export const shapeText = (shape) => shape.join("×");

/** A text with its {name} placeholders filled in. */
export const fillIn = (text, values) =>
  text.replace(/\{(\w+)\}/g, (hole, name) => (name in values ? String(values[name]) : hole));

/** The position of a call, in the lecture's language. */
export function positionText(words, { n, T, N_sup }, { supervision_step: step, cycle, call, kind }) {
  return fillIn(words.place, {
    step,
    N_sup,
    cycle,
    T,
    call: kind === "f_H" ? "f_H" : fillIn(words.place_L, { call, n }),
  });
}

/** What the grid shows, and whether the head was trained to read it. */
export function readingText(words, sizes, at, mode) {
  if (mode === "z") return words.reading_z;
  if (mode === "reverse") return words.reading_reverse;
  const { supervision_step: step, cycle, kind } = at;
  if (step === 1 && cycle === 1 && kind === "f_L") return words.reading_none;
  // the cycle whose y is shown
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
