/**
 * Navigation. A run is a sequence of calls: each supervision step has T cycles, and each cycle has n calls of
 * f_L, which rewrite z, and one call of f_H, which rewrites y. A position in the run is the index of a call,
 * from 0.
 */

/** The coordinates of a call, counted from 1. */
export function coordinatesOf(trace, call) {
  const cycle = Math.floor(call / trace.perCycle);
  const number = (call % trace.perCycle) + 1;
  return {
    supervision_step: Math.floor(cycle / trace.T) + 1,
    cycle: (cycle % trace.T) + 1,
    call: number,
    kind: number > trace.n ? "f_H" : "f_L",
  };
}

/** The call at coordinates, clipped to the run. */
export function callAt(trace, { supervision_step = 1, cycle = 1, call = trace.perCycle }) {
  const within = (value, top) => Math.min(Math.max(value, 1), top) - 1;
  return (
    (within(supervision_step, trace.steps) * trace.T + within(cycle, trace.T)) * trace.perCycle +
    within(call, trace.perCycle)
  );
}

/** The call that is the f_H call with index `answer` (from 0). */
export const callOfAnswer = (trace, answer) => (answer + 1) * trace.perCycle - 1;

/** The index of the latest f_H call at `call`, whose y is on screen; -1 before the first. */
export const answerAt = (trace, call) => Math.floor((call + 1) / trace.perCycle) - 1;

const MOVES = {
  "next answer": (trace, call) => callOfAnswer(trace, answerAt(trace, call) + 1),
  "previous answer": (trace, call) => callOfAnswer(trace, Math.floor(call / trace.perCycle) - 1),
  "next step": (trace, call) => call + trace.perStep,
  "previous step": (trace, call) => call - trace.perStep,
  "next call": (trace, call) => call + 1,
  "previous call": (trace, call) => call - 1,
  first: (trace) => trace.n,
  last: (trace) => trace.calls - 1,
};

/** The call after a command. A move that would leave the run does nothing. */
export function move(trace, call, command) {
  const target = MOVES[command](trace, call);
  return target >= 0 && target < trace.calls ? target : call;
}

/** The zoom levels of the timeline: the run, the current supervision step, the current cycle. */
export const ZOOMS = ["run", "step", "cycle"];

/** The window of the timeline around a call: its first call and its width in calls. */
export function windowOf(trace, call, zoom) {
  if (zoom === "run") return { start: 0, width: trace.length };
  const width = zoom === "step" ? trace.perStep : trace.perCycle;
  return { start: Math.floor(call / width) * width, width };
}
