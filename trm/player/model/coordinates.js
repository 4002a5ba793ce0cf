/**
 * Navigation: a run is a single line of calls. Per supervision step there are T cycles, per cycle n calls of
 * f_L (they rewrite z) and then one of f_H (it rewrites y). A place in the run is one number, the call's in
 * that line, from 0.
 */

/** Coordinates of a call, all counted from 1. */
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

/** The call at coordinates; outside the run, the nearest one in it. */
export function callAt(trace, { supervision_step = 1, cycle = 1, call = trace.perCycle }) {
  const within = (value, top) => Math.min(Math.max(value, 1), top) - 1;
  return (
    (within(supervision_step, trace.steps) * trace.T + within(cycle, trace.T)) * trace.perCycle +
    within(call, trace.perCycle)
  );
}

/** The f_H call number `answer` (from 0) as a call. */
export const callOfAnswer = (trace, answer) => (answer + 1) * trace.perCycle - 1;

/** The f_H call whose y is on the screen at `call`: the latest one so far, or -1 before the first. */
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

/** The call after a command; a move that would leave the run stays where it is. */
export function move(trace, call, command) {
  const target = MOVES[command](trace, call);
  return target >= 0 && target < trace.calls ? target : call;
}

/** What the timeline shows: the run, the current supervision step, the current cycle. */
export const ZOOMS = ["run", "step", "cycle"];

/** The first call and the number of calls that the timeline shows around a call. */
export function windowOf(trace, call, zoom) {
  if (zoom === "run") return { start: 0, width: trace.length };
  const width = zoom === "step" ? trace.perStep : trace.perCycle;
  return { start: Math.floor(call / width) * width, width };
}
