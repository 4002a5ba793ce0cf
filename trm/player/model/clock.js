/**
 * The clock of a player that plays, and two runs on one clock. The runs may be of other depths, so the clock
 * counts what both have: supervision steps, or f_H calls. A clock is {run, progress, kind}: the run that was
 * moved last, how many of these units it had done then, and the kind of call that it stood at. f_H stands
 * with f_H and f_L with f_L, so that no run shows a newer y for nothing.
 */

import { callOfAnswer, coordinatesOf, move } from "./coordinates.js";

/** What the clock counts: equally far into the same supervision step, or at the same f_H call. */
export const ALIGNMENTS = ["step", "call"];

const TINY = 1e-6; // progress is a fraction
const unitOf = (trace, align) => (align === "call" ? trace.perCycle : trace.perStep);

/** What the clock says when the run number `run` stands at a call. */
export function clockAt(traces, run, call, align) {
  return {
    run,
    progress: (call + 1) / unitOf(traces[run], align),
    kind: coordinatesOf(traces[run], call).kind,
  };
}

/**
 * Whether the clock is past the last call that there is of a run: it has ended, or has not come so far yet.
 */
export const isPast = (trace, clock, align) => clock.progress * unitOf(trace, align) > trace.calls + TINY;

/** The call at which a run stands; past its end, its last. */
export function follow(trace, clock, align) {
  if (isPast(trace, clock, align)) return trace.calls - 1;
  const call = Math.max(Math.ceil(clock.progress * unitOf(trace, align) - TINY) - 1, 0);
  const end = callOfAnswer(trace, Math.floor(call / trace.perCycle));
  return clock.kind === "f_H" ? end : Math.min(call, end - 1);
}

/** Whether all of both runs is over. `traces` may hold null: a run of which nothing has arrived. */
export function isOver(traces, clock, align) {
  return traces.every(
    (trace) =>
      trace && trace.steps === trace.N_sup && clock.progress * unitOf(trace, align) > trace.calls - TINY,
  );
}

/**
 * The clock after a command. The second run steps, and where it cannot, since it has ended, the first one:
 * the longer run is walked to its end. `traces` may hold null.
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

/**
 * Beats as often as the player's speed says, for as long as it plays; beats that were missed are caught up
 * with.
 */
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
