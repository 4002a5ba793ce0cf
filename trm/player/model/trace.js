/** Decodes and checks a payload: the trace has typed arrays and the counts that the views need. */

import { stableFrom, lastAnswered } from "./history.js";
import { skinOf } from "../skins/skins.js";
import { translate, translateOr } from "../text/translate.js";

/** A payload that cannot be shown; the message is one line for the user. */
export class PayloadError extends Error {}

const invalid = (what) => new PayloadError(`This run cannot be shown: ${what}. Record it again.`);

/**
 * Decodes base64.
 * @returns {Uint8Array} of exactly `length` bytes. Throws PayloadError otherwise.
 */
export function decodeBytes(text, length, name) {
  let bytes;
  try {
    bytes = Uint8Array.fromBase64 ? Uint8Array.fromBase64(text) : bytesOf(atob(text));
  } catch {
    throw invalid(`"${name}" is ${text == null ? "missing" : "not base64"}`);
  }
  if (bytes.length !== length) throw invalid(`"${name}" has ${bytes.length} bytes instead of ${length}`);
  return bytes;
}

/** For browsers older than 2025, without Uint8Array.fromBase64; ten times slower. */
function bytesOf(binary) {
  const bytes = new Uint8Array(binary.length);
  for (let index = 0; index < bytes.length; index++) bytes[index] = binary.charCodeAt(index);
  return bytes;
}

/**
 * A payload as a trace: calls = steps * T * (n+1), answers = steps * T f_H calls, L = rows * columns cells,
 * V symbols. Arrays are flat and row-major. Throws PayloadError that names the first invalid field.
 */
export function decodeTrace(data) {
  if (!data || data.version !== 1) throw invalid("it was not written for this player (version 1)");
  for (const name of ["rows", "columns", "n", "T", "N_sup"]) {
    if (!Number.isInteger(data[name]) || data[name] < 1)
      throw invalid(`"${name}" is ${data[name]}, not a positive number`);
  }
  const { n, T, N_sup, steps, symbols } = data;
  if (steps === 0) throw new PayloadError(translate("waiting"));
  if (!Number.isInteger(steps) || steps < 0 || steps > N_sup)
    throw invalid(`"steps" is ${steps}, not between 0 and ${N_sup}`);
  if (!symbols?.length) throw invalid('"symbols" is empty');
  const [L, V, answers, calls] = [data.rows * data.columns, symbols.length, steps * T, steps * T * (n + 1)];
  const bytes = (name, length) => decodeBytes(data[name], length, name);
  const tokens = (name, length) => {
    const values = bytes(name, length);
    for (const token of values)
      if (token >= V) throw invalid(`"${name}" holds token ${token}, but there are ${V} symbols`);
    return values;
  };
  const numbers = (name, length) => {
    if (data[name]?.length !== length)
      throw invalid(`"${name}" has ${data[name]?.length ?? 0} numbers instead of ${length}`);
    return data[name];
  };
  const pairs = (list, length) => {
    if (list?.length !== length)
      throw invalid(`"crops" has ${list?.length ?? 0} entries instead of ${length}`);
    return list;
  };
  const names = data.symbol_names ?? symbols;
  const looks = data.looks ?? symbols.map(() => "");
  if (looks.length !== V) throw invalid(`"looks" has ${looks.length} entries, but there are ${V} symbols`);
  const isEmpty = names.map((name) => name === "blank" || name === "pad");
  const trace = {
    ...data,
    L,
    V,
    answers,
    calls,
    looks,
    skin: skinOf(looks),
    pathToken: looks.indexOf("path"), // -1 if no token is a path
    rules: data.rules ?? null, // older files, and tasks without rules
    oneState: data.kind === "trm-single-z",
    scored: data.scored ?? "",
    perCycle: n + 1,
    perStep: T * (n + 1),
    length: data.N_sup * T * (n + 1), // calls of the complete run: the width of the time axis
    texts: symbols.map((symbol, token) => (names[token] === "blank" || !symbol.trim() ? "." : symbol)),
    empty: isEmpty,
    symbolNames: symbols.map((symbol, token) =>
      looks[token] || isEmpty[token] || !symbol.trim()
        ? translateOr(`name_${names[token]}`, names[token])
        : symbol,
    ),
    inputs: tokens("inputs", L),
    givens: bytes("givens", L),
    labels: data.labels == null ? null : tokens("labels", L),
    inputConflicts: bytes("input_conflicts", L),
    tokens: tokens("answers", answers * L),
    conflicts: bytes("conflicts", answers * L),
    probabilities: bytes("probabilities", answers * L * V),
    zTokens: tokens("z_answers", calls * L),
    zConfidence: bytes("z_confidence", calls * L),
    zReverse: data.z_reverse == null ? null : tokens("z_reverse", calls * L), // older recordings lack it
    yReverse: data.y_reverse == null ? null : tokens("y_reverse", answers * L),
    haltProbability: numbers("halt_probability", steps),
    entropy: numbers("entropy", answers),
    residualY: numbers("residual_y", answers),
    residualZ: numbers("residual_z", calls),
    cellsRight: data.cells_right == null ? null : numbers("cells_right", answers),
    solved: numbers("solved", answers),
    mostChangedCell: data.most_changed_cell ?? 0,
    crops:
      data.crops == null
        ? null
        : {
            ...data.crops,
            answers: pairs(data.crops.answers, answers),
            z: pairs(data.crops.z, calls),
            z_reverse: data.crops.z_reverse == null ? null : pairs(data.crops.z_reverse, calls),
          },
  };
  const lastPath = trace.skin.fades ? lastAnswered(trace, trace.pathToken) : null;
  return Object.assign(trace, countChanges(trace), { stableFrom: stableFrom(trace), lastPath });
}

/**
 * Per f_H call, how many cells changed since the previous one (0 at the first), break a rule, and overwrite a
 * given.
 */
function countChanges({ answers, L, tokens, conflicts, givens, inputs }) {
  const none = () => Array(answers).fill(0);
  const [changed, conflicting, overwritten] = [none(), none(), none()];
  for (let answer = 0, at = 0; answer < answers; answer++) {
    for (let cell = 0; cell < L; cell++, at++) {
      conflicting[answer] += conflicts[at];
      if (givens[cell] && tokens[at] !== inputs[cell]) overwritten[answer]++;
      if (answer > 0 && tokens[at] !== tokens[at - L]) changed[answer]++;
    }
  }
  return { changed, conflicting, overwritten };
}

/**
 * Whether `next` continues the run `previous`, perhaps with more supervision steps: the same puzzle and the
 * same answers so far.
 */
export function continues(previous, next) {
  if (!previous) return false;
  if (previous.trace_id === next.trace_id) return true;
  const starts = (short, long) =>
    long.length >= short.length && short.every((value, index) => value === long[index]);
  return (
    previous.task === next.task &&
    previous.n === next.n &&
    previous.T === next.T &&
    previous.V === next.V &&
    previous.L === next.L &&
    starts(previous.inputs, next.inputs) &&
    starts(previous.tokens, next.tokens)
  );
}

const NOT_OF_THE_RUN = ["start", "feed", "why", "map", "reports", "edits", "place"];

/** Whether two payloads hold the same run, whatever view (`start`) Python requests. */
export function sameRun(one, other) {
  const names = (data) => Object.keys(data).filter((name) => !NOT_OF_THE_RUN.includes(name));
  const same = (a, b) => a === b || (typeof a === "object" && JSON.stringify(a) === JSON.stringify(b));
  return (
    Boolean(one && other) &&
    names(one).length === names(other).length &&
    names(one).every((name) => same(one[name], other[name]))
  );
}

/** Runs of one shape share the elements of the page. */
export const shapeOf = ({
  task,
  rows,
  columns,
  box_rows,
  box_columns,
  n,
  T,
  N_sup,
  looks,
  symbolNames,
  texts,
}) => JSON.stringify([task, rows, columns, box_rows, box_columns, n, T, N_sup, looks, symbolNames, texts]);
