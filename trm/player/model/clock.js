/**
 * Playback, and the clock that two runs share. The runs may have different depths, so the clock counts a unit
 * that both have: supervision steps or f_H calls. A clock is {run, progress, kind}: the index of the run that
 * moved last, the units that it has completed, and the kind of its current call. The other run stays at a
 * call of the same kind, so that neither shows a newer y than the other.
 */

import { callOfAnswer, coordinatesOf, move } from "./coordinates.js";

/** Two ways to align runs: equally far into the same supervision step, or at the same f_H call. */
export const ALIGNMENTS = ["step", "call"];

const TINY = 1e-6; // progress is a fraction
const unitOf = (trace, align) => (align === "call" ? trace.perCycle : trace.perStep);

/** The clock when the run with index `run` is at a call. */
export function clockAt(traces, run, call, align) {
  return {
    run,
    progress: (call + 1) / unitOf(traces[run], align),
    kind: coordinatesOf(traces[run], call).kind,
  };
}

/** Whether the clock is past the last call of a run, which has ended or is still growing. */
export const isPast = (trace, clock, align) => clock.progress * unitOf(trace, align) > trace.calls + TINY;

/** The call that a run shows; past its end, its last call. */
export function follow(trace, clock, align) {
  if (isPast(trace, clock, align)) return trace.calls - 1;
  const call = Math.max(Math.ceil(clock.progress * unitOf(trace, align) - TINY) - 1, 0);
  const end = callOfAnswer(trace, Math.floor(call / trace.perCycle));
  return clock.kind === "f_H" ? end : Math.min(call, end - 1);
}

/** Whether both runs are complete and at their end. A run that has not arrived is null in `traces`. */
export function isOver(traces, clock, align) {
  return traces.every(
    (trace) =>
      trace && trace.steps === trace.N_sup && clock.progress * unitOf(trace, align) > trace.calls - TINY,
  );
}

/**
 * The clock after a command. The second run moves; once it has ended, the first one moves, so that the longer
 * run is stepped to its end. `traces` may hold null.
 */
export function moveClock(traces, clock, command, align) {
  const present = [1, 0].filter((run) => traces[run]);
  const ends = (which) => present.map((run) => clockAt(traces, run, move(traces[run], 0, which), align));
  const extreme = (clocks, isMore) =>
    clocks.reduce((best, other) => (isMore(other.progress, best.progress) ? other : best));
  const last = () => extreme(ends("last"), (one, other) => one > other);
  if (command === "first") return extreme(ends("first"), (one, other) => one < other);
  if (command === "last") return last();
  const from = present.every((run) => isPast(traces[run], clock, align)) ? last() : clock;
  for (const run of present) {
    if (isPast(traces[run], from, align)) continue;
    const call = follow(traces[run], from, align);
    const next = move(traces[run], call, command);
    if (next !== call) return clockAt(traces, run, next, align);
  }
  return clock;
}

/** Calls `playNext` at the player's speed while it plays, and catches up on late animation frames. */
export function startPlayback(player) {
  let last = performance.now();
  const tick = (now) => {
    if (!player.playing) return;
    for (const beat = 1000 / player.speed; now - last >= beat && player.playing; last += beat)
      player.playNext();
    requestAnimationFrame(tick);
  };
  requestAnimationFrame(tick);
}
