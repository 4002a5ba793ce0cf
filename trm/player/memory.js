/**
 * What a player showed when it left the page, by run. Streamlit removes the player when the user goes to another page,
 * and sometimes when a page is drawn again; it then goes on where it was. A reload forgets this: the address has the
 * view.
 */

const MOST_RUNS = 50;

const views = pageWide("views", () => new Map()); // settings by place and run, least recent first
// by place: the last view that Python has requested, which is applied only once
const starts = pageWide("starts", () => new Map());

/** A value that belongs to the page: Streamlit imports a script anew for each element that it mounts. */
export function pageWide(name, make) {
  return (globalThis[Symbol.for(`recursion-lens ${name}`)] ??= make());
}

const nameOf = (place, runs) => JSON.stringify([place, ...runs]);

/** Remembers the settings of a view, if it shows a run. */
export function remember(place, view) {
  starts.set(place, view.start);
  const { runs } = view;
  if (!runs.every(Boolean)) return;
  const name = nameOf(place, runs);
  views.delete(name);
  views.set(name, view.settings);
  if (views.size > MOST_RUNS) views.delete(views.keys().next().value);
}

/** What a new view of this data goes on with: `settings`, and the requested view `start` if it was applied before. */
export function recall(data) {
  const start = JSON.stringify(data.start ?? null);
  if (starts.get(data.place) !== start) return {};
  const runs = (data.players ?? [data]).map(({ trace_id }) => trace_id);
  return { start, settings: views.get(nameOf(data.place, runs)) };
}
