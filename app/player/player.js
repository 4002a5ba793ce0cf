/**
 * The step player: one recorded run of a recursive model on one puzzle, scrubbed in the browser.
 *
 * A grid is text in its cells (Sudoku) or a picture on a canvas under them (mazes, ARC): its skin, chosen by the looks of
 * the tokens, says how. Either way every cell is an element with its symbol as text: tests, screen readers and clicks meet those.
 *
 * A run is a single line of calls. Per supervision step there are T cycles, per cycle n calls of f_L (they rewrite z)
 * and then one of f_H (it rewrites y). So the whole position of the player is one number, the call's place in that line,
 * and everything on the screen is a function of (trace, call, mode, selected cell):
 *
 *   decoding     payload -> trace: typed arrays, checked, with the counts every view needs
 *   navigation   (trace, call, command) -> call
 *   reading      (trace, call, mode) -> what each cell shows; the sentences; the curves
 *   skins        how a kind of grid is drawn and spoken of
 *   drawing      one class per region; each remembers what it drew and touches only what differs
 *   player       keys, pointer, clock, and what is told to Python
 *
 * The first four are pure and exported; they are tested under Node. It is mounted by Streamlit
 * (Components v2) and by the offline HTML file alike, so it imports nothing and inserts text only as text.
 */

// ---------------------------------------------------------------------------------------------- decoding

/** A payload that cannot be shown; the message is one line for the reader of the page. */
export class PayloadError extends Error {}

const refusal = (what) => new PayloadError(`This run cannot be shown: ${what}. Record it again.`);

/**
 * Bytes of a base64 text.
 * @returns {Uint8Array} of exactly `length` bytes; raises PayloadError when it is anything else.
 */
export function decodeBytes(text, length, name) {
  let bytes;
  try {
    bytes = Uint8Array.fromBase64 ? Uint8Array.fromBase64(text) : bytesOf(atob(text));
  } catch {
    throw refusal(`"${name}" is ${text == null ? "missing" : "not base64"}`);
  }
  if (bytes.length !== length) throw refusal(`"${name}" has ${bytes.length} bytes instead of ${length}`);
  return bytes;
}

/** Ten times slower than the browser's own, which came in 2025. */
function bytesOf(binary) {
  const bytes = new Uint8Array(binary.length);
  for (let index = 0; index < bytes.length; index++) bytes[index] = binary.charCodeAt(index);
  return bytes;
}

/**
 * The payload as a trace: calls = steps * T * (n+1), answers = steps * T f_H calls, L = rows * columns cells, V symbols.
 * Arrays stay flat and row-major. Raises PayloadError naming the first thing that does not fit.
 */
export function decodeTrace(data) {
  if (!data || data.version !== 1) throw refusal("it was not written for this player (version 1)");
  for (const name of ["rows", "columns", "n", "T", "N_sup"]) {
    if (!Number.isInteger(data[name]) || data[name] < 1) throw refusal(`"${name}" is ${data[name]}, not a positive number`);
  }
  const { n, T, N_sup, steps, symbols } = data;
  if (steps === 0) throw new PayloadError("Waiting for the first supervision step.");
  if (!Number.isInteger(steps) || steps < 0 || steps > N_sup) throw refusal(`"steps" is ${steps}, not between 0 and ${N_sup}`);
  if (!symbols?.length) throw refusal('"symbols" is empty');
  const [L, V, answers, calls] = [data.rows * data.columns, symbols.length, steps * T, steps * T * (n + 1)];
  const bytes = (name, length) => decodeBytes(data[name], length, name);
  const tokens = (name, length) => {
    const found = bytes(name, length);
    for (const token of found) if (token >= V) throw refusal(`"${name}" holds token ${token}, but there are ${V} symbols`);
    return found;
  };
  const numbers = (name, length) => {
    if (data[name]?.length !== length) throw refusal(`"${name}" has ${data[name]?.length ?? 0} numbers instead of ${length}`);
    return data[name];
  };
  const pairs = (list, length) => {
    if (list?.length !== length) throw refusal(`"crops" has ${list?.length ?? 0} entries instead of ${length}`);
    return list;
  };
  const names = data.symbol_names ?? symbols;
  const looks = data.looks ?? symbols.map(() => "");
  if (looks.length !== V) throw refusal(`"looks" has ${looks.length} entries, but there are ${V} symbols`);
  const isEmpty = names.map((name) => name === "blank" || name === "pad");
  const trace = {
    ...data, L, V, answers, calls, looks,
    skin: skinOf(looks),
    oneState: data.kind === "trm-single-z",
    scored: data.scored ?? "",
    perCycle: n + 1,
    perStep: T * (n + 1),
    length: data.N_sup * T * (n + 1), // calls when the run is complete: the width of the time axis
    texts: symbols.map((symbol, token) => (names[token] === "blank" || !symbol.trim() ? "." : symbol)),
    empty: isEmpty,
    words: symbols.map((symbol, token) => (looks[token] || isEmpty[token] || !symbol.trim() ? names[token] : symbol)),
    inputs: tokens("inputs", L),
    givens: bytes("givens", L),
    labels: data.labels == null ? null : tokens("labels", L),
    inputConflicts: bytes("input_conflicts", L),
    tokens: tokens("answers", answers * L),
    conflicts: bytes("conflicts", answers * L),
    probabilities: bytes("probabilities", answers * L * V),
    zTokens: tokens("z_answers", calls * L),
    zConfidence: bytes("z_confidence", calls * L),
    haltProbability: numbers("halt_probability", steps),
    entropy: numbers("entropy", answers),
    residualY: numbers("residual_y", answers),
    residualZ: numbers("residual_z", calls),
    cellsRight: data.cells_right == null ? null : numbers("cells_right", answers),
    solved: numbers("solved", answers),
    crops: data.crops == null ? null : { input: data.crops.input, answers: pairs(data.crops.answers, answers), z: pairs(data.crops.z, calls) },
  };
  return Object.assign(trace, countChanges(trace));
}

/** Per f_H call: how many cells differ from the one before (none at the first), break a rule, overwrite a given; and the cell that changed most often. */
function countChanges({ answers, L, tokens, conflicts, givens, inputs, labels }) {
  const none = () => new Array(answers).fill(0);
  const [changed, conflicting, overwritten, restless] = [none(), none(), none(), new Uint16Array(L)];
  for (let answer = 0, at = 0; answer < answers; answer++) {
    for (let cell = 0; cell < L; cell++, at++) {
      conflicting[answer] += conflicts[at];
      if (givens[cell] && tokens[at] !== inputs[cell]) overwritten[answer]++;
      if (answer > 0 && tokens[at] !== tokens[at - L]) {
        changed[answer]++;
        if (!givens[cell] && isScored(labels, cell)) restless[cell]++;
      }
    }
  }
  return { changed, conflicting, overwritten, restlessCell: restless.indexOf(Math.max(...restless)) };
}

const PADDING = 0; // the token of cells that are no part of the puzzle: in a solution, whatever stands there is right
const isScored = (labels, cell) => !labels || labels[cell] !== PADDING;

/** Whether `next` is the run `previous` again, perhaps with more supervision steps: the same puzzle and the same answers so far. */
export function continues(previous, next) {
  if (!previous) return false;
  if (previous.trace_id === next.trace_id) return true;
  const starts = (short, long) => long.length >= short.length && short.every((value, index) => value === long[index]);
  return previous.task === next.task && previous.n === next.n && previous.T === next.T && previous.V === next.V
    && previous.L === next.L && starts(previous.inputs, next.inputs) && starts(previous.tokens, next.tokens);
}

// ---------------------------------------------------------------------------------------------- navigation

/** Coordinates of a call, all counted from 1. */
export function coordinatesOf(trace, call) {
  const cycle = Math.floor(call / trace.perCycle);
  const number = (call % trace.perCycle) + 1;
  return { supervision_step: Math.floor(cycle / trace.T) + 1, cycle: (cycle % trace.T) + 1, call: number, kind: number > trace.n ? "f_H" : "f_L" };
}

/** The call at coordinates; outside the run, the nearest one in it. */
export function callAt(trace, { supervision_step = 1, cycle = 1, call = trace.perCycle }) {
  const within = (value, top) => Math.min(Math.max(value, 1), top) - 1;
  return (within(supervision_step, trace.steps) * trace.T + within(cycle, trace.T)) * trace.perCycle + within(call, trace.perCycle);
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

/** The call of this trace that is as far into its own supervision step as another run's clock: `progress` counts steps done. */
export function follow(trace, progress, kind) {
  const call = Math.min(Math.max(Math.ceil(progress * trace.perStep - 1e-6) - 1, 0), trace.calls - 1);
  return kind === "f_H" ? (Math.floor(call / trace.perCycle) + 1) * trace.perCycle - 1 : call;
}

const KEYS = {
  ArrowRight: "next answer", ArrowLeft: "previous answer", ArrowDown: "next call", ArrowUp: "previous call",
  Home: "first", End: "last",
};
export const MODES = ["answer", "probabilities", "confidence", "change", "z"];

/** What a key means: {move}, {mode}, {select: [rows, columns]}, {action}, or null when it is not ours. */
export function keyMeaning({ key, shiftKey, ctrlKey, altKey, metaKey }) {
  if (ctrlKey || altKey || metaKey) return null;
  if (shiftKey && key === "ArrowRight") return { move: "next step" };
  if (shiftKey && key === "ArrowLeft") return { move: "previous step" };
  if (KEYS[key]) return { move: KEYS[key] };
  if (/^[1-5]$/.test(key)) return { mode: MODES[key - 1] };
  const select = { w: [-1, 0], a: [0, -1], s: [1, 0], d: [0, 1] }[key];
  if (select) return { select };
  const action = { " ": "play", f: "full", "?": "help", Escape: "escape" }[key];
  return action ? { action } : null;
}

// ---------------------------------------------------------------------------------------------- reading

const [GIVEN, CHANGED, CONFLICT, WRONG, EMPTY] = [1, 2, 4, 8, 16];
const FLAG_NAMES = [[GIVEN, "given"], [CHANGED, "changed"], [CONFLICT, "conflict"], [WRONG, "wrong"], [EMPTY, "empty"]];

/** The class names of a cell's flags. */
export const flagNames = (flags) => FLAG_NAMES.filter(([bit]) => flags & bit).map(([, name]) => name);

/**
 * What every cell shows at a call: `tokens` [L]; `flags` [L]; `before` [L] or null, the tokens of the call compared with;
 * `shade` [L], 0..255, the certainty of the reading, in the modes that show it, else null.
 * y is what the last f_H call left: at an f_L call nothing in it has changed. Before the first one only the puzzle is there.
 */
export function readGrid(trace, call, mode) {
  const { L, givens, inputs, labels, empty } = trace;
  const answer = answerAt(trace, call);
  const row = (array, index) => (index < 0 ? null : array.subarray(index * L, (index + 1) * L));
  const readsZ = mode === "z";
  const tokens = readsZ ? row(trace.zTokens, call) : row(trace.tokens, answer) ?? inputs;
  const isNew = readsZ || callOfAnswer(trace, answer) === call;
  const before = isNew ? (readsZ ? row(trace.zTokens, call - 1) : row(trace.tokens, answer - 1)) : null;
  const conflicts = readsZ ? null : row(trace.conflicts, answer) ?? trace.inputConflicts;
  const judged = readsZ || answer >= 0;
  const flags = new Uint8Array(L);
  for (let cell = 0; cell < L; cell++) {
    const token = tokens[cell];
    const wrong = judged && (labels ? token !== labels[cell] && isScored(labels, cell) : givens[cell] && token !== inputs[cell]);
    flags[cell] = (givens[cell] ? GIVEN : 0) | (before && before[cell] !== token ? CHANGED : 0)
      | (conflicts?.[cell] ? CONFLICT : 0) | (wrong ? WRONG : 0) | (empty[token] ? EMPTY : 0);
  }
  return { tokens, flags, before, shade: readsZ ? row(trace.zConfidence, call) : mode === "confidence" ? highestProbability(trace, answer) : null };
}

function highestProbability({ L, V, probabilities }, answer) {
  const highest = new Uint8Array(L);
  if (answer < 0) return highest;
  for (let cell = 0, at = answer * L * V; cell < L; cell++) {
    for (let token = 0; token < V; token++, at++) if (probabilities[at] > highest[cell]) highest[cell] = probabilities[at];
  }
  return highest;
}

/** Probabilities of the V symbols of one cell at an f_H call; zeros before the first. They sum to 1. */
export function cellProbabilities(trace, answer, cell) {
  const start = (answer * trace.L + cell) * trace.V;
  return Array.from({ length: trace.V }, (_, token) => (answer < 0 ? 0 : trace.probabilities[start + token] / 255));
}

const plural = (count, thing) => `${count} ${thing}${count === 1 ? "" : "s"}`;
const figure = (value) => (value == null ? "–" : value === 0 ? "0" : value >= 0.01 ? value.toFixed(2) : value.toExponential(0));

/** Where a call stands, in words. */
export function placeSentence(trace, call) {
  const { supervision_step, cycle, call: number, kind } = coordinatesOf(trace, call);
  const name = kind === "f_H" ? "f_H" : `f_L ${number} of ${trace.n}`;
  return `Supervision step ${supervision_step} of ${trace.N_sup}, cycle ${cycle} of ${trace.T}, ${name}`;
}

/** What a call did, in words. */
export function eventSentence(trace, call) {
  const { supervision_step, kind } = coordinatesOf(trace, call);
  const answer = answerAt(trace, call);
  const halting = haltingSentence(trace, supervision_step);
  const z = latentName(trace, call);
  if (kind === "f_L") return `${z} moved by ${figure(trace.residualZ[call])}, ${answer < 0 ? "no answer yet" : "y unchanged"}, ${halting}`;
  const changes = answer === 0 ? "first answer" : `${plural(trace.changed[answer], "cell")} changed`;
  return `${changes}, ${scoreSentence(trace, answer)}, ${halting}`;
}

/** How right an answer is. A score that leaves givens out says when some were overwritten. */
function scoreSentence(trace, answer) {
  const { cellsRight, cells_total, scored, skin, solved, conflicting, overwritten } = trace;
  if (!cellsRight) return solved[answer] ? "solved" : skin.brokenSentence(conflicting[answer]);
  const score = `${cellsRight[answer]} of ${cells_total} ${scored && `${scored} cells `}right`;
  return scored && overwritten[answer] ? `${score}, ${plural(overwritten[answer], "given")} overwritten` : score;
}

/** The z that a call rewrites: with a z for every f_L call it has a number. */
function latentName(trace, call) {
  return trace.kind === "trm-multi-z" ? `z${"\u00a0"}${coordinatesOf(trace, call).call}` : "z";
}

function haltingSentence(trace, step) {
  const p = `(p\u00a0${trace.haltProbability[step - 1].toFixed(2)})`;
  if (trace.halt_step === step) return `would halt here ${p}`;
  return trace.halt_step && trace.halt_step < step ? `would have halted at step ${trace.halt_step} ${p}` : `would not halt ${p}`;
}

/** What must be said about the reading on the screen, so that nobody takes it for more than it is. */
export function captionSentence(trace, call, mode) {
  const { kind } = coordinatesOf(trace, call);
  if (mode === "z" && trace.oneState) return "z through the output head, which is trained on it only where a supervision step ends.";
  if (mode === "z") return "z through the output head: a reading the head was never trained for.";
  const answer = answerAt(trace, call);
  if (answer < 0 && trace.inputConflicts.includes(1)) return "No answer yet, and the givens already break a rule.";
  if (answer < 0) return `No answer yet: before the first f_H call ${trace.givens.includes(1) ? "there are only the givens" : "there is only the puzzle"}.`;
  const cycle = (answer % trace.T) + 1;
  const unchanged = kind === "f_L" ? "f_L rewrites z; y stays as f_H left it. " : "";
  if (cycle < trace.T) return `${unchanged}y after cycle ${cycle} of ${trace.T}: a reading the head was not trained for.`;
  return unchanged + trace.skin.captions[mode];
}

/** The selected cell in words: what it holds now, how sure, and what the solution says. */
export function cellSentence(trace, call, cell) {
  const [row, column] = [Math.floor(cell / trace.columns) + 1, (cell % trace.columns) + 1];
  const answer = answerAt(trace, call);
  const token = answer < 0 ? trace.inputs[cell] : trace.tokens[answer * trace.L + cell];
  const sure = answer < 0 ? "no answer yet" : `${trace.words[token]} with probability ${cellProbabilities(trace, answer, cell)[token].toFixed(2)}`;
  const solution = trace.labels && isScored(trace.labels, cell) ? `, solution ${trace.words[trace.labels[cell]]}` : "";
  return `Row ${row}, column ${column}${trace.givens[cell] ? ", given" : ""}: ${sure}${solution}`;
}

/** Places on the timeline worth naming: {kind, step, text}; a step is a supervision step from 1. */
export function markersOf(trace) {
  const { T, steps, N_sup } = trace;
  const markers = [];
  let solvedFrom = steps + 1;
  while (solvedFrom > 1 && trace.solved[(solvedFrom - 1) * T - 1]) solvedFrom--;
  if (solvedFrom <= steps) markers.push({ kind: "solved", step: solvedFrom, text: `solved from step ${solvedFrom} on` });
  if (trace.halt_step) markers.push({ kind: "halt", step: trace.halt_step, text: `would halt at step ${trace.halt_step} (${trace.halt_rule})` });
  const depth = trace.trained?.N_sup ?? N_sup;
  if (N_sup > depth) markers.push({ kind: "trained", step: depth, text: `trained depth ends at step ${depth}` });
  if (steps < N_sup) markers.push({ kind: "arrived", step: steps, text: `step ${steps} of ${N_sup} has arrived` });
  return markers;
}

// Curves live in a box as wide as the run has calls and 1 high; y grows downwards as in SVG.
const answerX = (trace, answer) => callOfAnswer(trace, answer) + 0.5;
const linePath = (values, x, level) => values.map((value, index) => `${index ? "L" : "M"}${x(index)} ${(1 - level(value)).toFixed(4)}`).join("");
const barPath = (from, to, level) => `M${from} 1V${(1 - level).toFixed(4)}H${to}V1Z`;

function barsPath(trace, values, top) {
  return values.map((value, answer) => barPath(answer * trace.perCycle, (answer + 1) * trace.perCycle, value / top)).join("");
}

/** Residuals span decades: 0.001 is the floor of their logarithmic scale. */
function logLevel(top) {
  return (value) => Math.max(0, (Math.log10(Math.max(value, 1e-3)) + 3) / (Math.log10(Math.max(top, 1e-2)) + 3));
}

/** The strips: `read` is the value at a call as text, `paths` the curve as [class name, path] pairs. */
export const STRIPS = [
  {
    id: "halting", name: () => "halting p",
    read: (trace, call) => trace.haltProbability[coordinatesOf(trace, call).supervision_step - 1].toFixed(3),
    paths: (trace) => [
      ...trace.haltProbability.map((p, step) => [p > 0.5 ? "bar lit" : "bar", barPath(step * trace.perStep, (step + 1) * trace.perStep, p)]),
      ["rule", `M0 .5H${trace.length}`],
    ],
  },
  {
    id: "right", name: (trace) => (trace.cellsRight ? `${trace.scored || "cells"} right` : trace.skin.broken),
    read: (trace, call) => (trace.cellsRight
      ? perAnswer(trace, call, trace.cellsRight, (count) => `${count}/${trace.cells_total}`)
      : perAnswer(trace, call, trace.conflicting, String)),
    paths: (trace) => [["area", trace.cellsRight
      ? barsPath(trace, trace.cellsRight, trace.cells_total)
      : barsPath(trace, trace.conflicting, Math.max(1, ...trace.conflicting))]],
  },
  {
    id: "changed", name: () => "changed", quiet: true,
    read: (trace, call) => (answerAt(trace, call) < 1 ? "–" : perAnswer(trace, call, trace.changed, String)),
    paths: (trace) => [["area", barsPath(trace, trace.changed, Math.max(1, ...trace.changed))]],
  },
  {
    id: "entropy", name: () => "entropy, bits", quiet: true,
    read: (trace, call) => perAnswer(trace, call, trace.entropy, (value) => value.toFixed(2)),
    paths: (trace) => [["line", linePath(trace.entropy, (answer) => answerX(trace, answer), (value) => value / Math.max(1e-9, ...trace.entropy))]],
  },
  {
    id: "residual", name: () => "residual z, y", quiet: true,
    read: (trace, call) => `${movesZ(trace, call) ? figure(trace.residualZ[call]) : "–"}, ${perAnswer(trace, call, trace.residualY, figure)}`,
    paths: (trace) => {
      const level = logLevel(Math.max(...trace.residualZ, ...trace.residualY));
      const moves = trace.residualZ.map((_, call) => call).filter((call) => movesZ(trace, call));
      return [
        ["line thin", linePath(moves.map((call) => trace.residualZ[call]), (move) => moves[move] + 0.5, level)],
        ["line", linePath(trace.residualY, (answer) => answerX(trace, answer), level)],
      ];
    },
  },
];

/** f_H leaves z alone, unless y and z are one state: there its move is nothing to plot. */
const movesZ = (trace, call) => trace.oneState || coordinatesOf(trace, call).kind === "f_L";

function perAnswer(trace, call, values, text) {
  const answer = answerAt(trace, call);
  return answer < 0 ? "–" : text(values[answer]);
}

/**
 * The curves of a cell, one per symbol: [V] paths; [V] ranks, 0 for the most probable over the run, -1 past the fifth
 * or when the symbol never matters; [V] peaks, the highest probability each reached.
 */
export function cellCurves(trace, cell) {
  const rows = Array.from({ length: trace.answers }, (_, answer) => cellProbabilities(trace, answer, cell));
  const series = trace.texts.map((_, token) => rows.map((row) => row[token]));
  const peaks = series.map((values) => Math.max(...values));
  const weights = series.map((values) => values.reduce((sum, value) => sum + value, 0));
  const ranked = peaks.map((_, token) => token).filter((token) => peaks[token] > 0.05).sort((a, b) => weights[b] - weights[a] || a - b);
  return {
    paths: series.map((values) => linePath(values, (answer) => answerX(trace, answer), (value) => value)),
    ranks: peaks.map((_, token) => ranked.slice(0, 5).indexOf(token)),
    peaks,
  };
}

// ---------------------------------------------------------------------------------------------- skins

const [UP, RIGHT, DOWN, LEFT] = [1, 2, 4, 8];
const LEVELS = 31; // steps that a probability is drawn in
const FADED = 0.3;

/**
 * Everything that the picture of each cell depends on: `tokens` and `flags` as in readGrid; `levels` [L], a probability
 * from 0 to LEVELS; `others` [L], a second token + 1, 0 for none; `joints` [L], bits of the sides where a trail goes on.
 * A cell whose numbers are all the same looks the same.
 */
export function readPicture(trace, call, mode, view) {
  const { L, V, skin, probabilities } = trace;
  const answer = answerAt(trace, call);
  const picture = { tokens: view.tokens, flags: view.flags, levels: new Uint8Array(L), others: new Uint8Array(L), joints: skin.joints(trace, view.tokens) };
  for (let cell = 0; cell < L; cell++) {
    if (view.shade) picture.levels[cell] = view.shade[cell] >> 3;
    else if (mode === "change" && view.flags[cell] & CHANGED) picture.others[cell] = view.before[cell] + 1;
    else if (mode === "probabilities" && answer >= 0) skin.readProbabilities(trace, probabilities, (answer * L + cell) * V, cell, picture);
  }
  return picture;
}

/**
 * Draws one cell, in pixels from its corner. What is not a rectangle is drawn once and stamped from then on: filling a
 * path or setting a letter takes ten times as long.
 */
class Brush {
  constructor(context, ink, drawings = {}) {
    Object.assign(this, { context, ink, drawings, stamps: new Map(), changed: [], wrong: [], x: 0, y: 0, width: 0, height: 0, size: 0 });
  }

  /** Goes to a cell. */
  at(x, y, width, height) {
    this.x = x;
    this.y = y;
    this.width = width;
    this.height = height;
    this.size = Math.min(width, height);
  }

  fill(colour, x = 0, y = 0, width = this.width, height = this.height) {
    this.context.fillStyle = colour;
    this.context.fillRect(this.x + x, this.y + y, width, height);
  }

  /** A square in the middle, as a share of the cell's area. */
  square(colour, share) {
    const side = Math.round(this.size * Math.sqrt(share));
    this.fill(colour, Math.floor((this.width - side) / 2), Math.floor((this.height - side) / 2), side, side);
  }

  /** What `drawings[kind]` draws for a number, with a brush of its own on an empty cell. */
  stamp(kind, number) {
    const { width, height } = this;
    const size = width * 4096 + height; // where a screen's pixels do not divide evenly, cells differ by one
    if (!this.stamps.has(size)) this.stamps.set(size, {});
    const stamps = (this.stamps.get(size)[kind] ??= []);
    if (!stamps[number]) {
      const canvas = new OffscreenCanvas(width, height);
      const own = new Brush(canvas.getContext("2d"), this.ink);
      own.at(0, 0, width, height);
      this.drawings[kind](own, number);
      stamps[number] = canvas.transferToImageBitmap();
    }
    this.context.drawImage(stamps[number], this.x, this.y);
  }

  /** A dot in the middle, and a bar from it to every side in `joints`. */
  dot(colour, radius, joints = 0) {
    const { context, x, y, width, height, size } = this;
    const [left, top, thick] = [x + width / 2, y + height / 2, size * 0.34];
    context.fillStyle = colour;
    context.beginPath();
    if (joints & UP) context.rect(left - thick / 2, y, thick, height / 2);
    if (joints & DOWN) context.rect(left - thick / 2, top, thick, height / 2);
    if (joints & LEFT) context.rect(x, top - thick / 2, width / 2, thick);
    if (joints & RIGHT) context.rect(left, top - thick / 2, width / 2, thick);
    context.moveTo(left + size * radius, top);
    context.arc(left, top, size * radius, 0, 2 * Math.PI);
    context.fill();
  }

  letter(colour, text) {
    const { context, x, y, width, height, size, ink } = this;
    Object.assign(context, { font: `700 ${Math.round(size * 0.62)}px ${ink.font}`, textAlign: "center", textBaseline: "middle", fillStyle: colour });
    context.fillText(text, x + width / 2, y + height * 0.54);
  }

  /** Corner: changed. Bar: not the solution. Like the hatch of broken rules in two tones, so that they stand out on any colour. */
  marks(flags) {
    if (flags & CHANGED) this.changed.push(this.x, this.y);
    if (flags & WRONG) this.wrong.push(this.x, this.y + this.height);
  }

  /** Draws the marks of all cells since, as one path a tone: that is quicker than hundreds. */
  finish() {
    const { context, changed, wrong, ink, size } = this;
    const [inset, thick, edge] = [Math.round(size * 0.14), Math.max(2, Math.round(size * 0.14)), Math.max(1, Math.round(size * 0.04))];
    const eachPlace = (places, tone, draw) => {
      context.fillStyle = tone;
      context.beginPath();
      for (let at = 0; at < places.length; at += 2) draw(places[at], places[at + 1]);
      context.fill();
    };
    for (const [tone, rim] of [[ink.paper, edge], [ink.accent, 0]]) {
      const side = size * 0.31 + 2 * rim;
      eachPlace(changed, tone, (x, y) => {
        context.moveTo(x, y);
        context.lineTo(x + side, y);
        context.lineTo(x, y + side);
      });
    }
    for (const [tone, rim] of [[ink.paper, edge], [ink.wrong, 0]]) {
      eachPlace(wrong, tone, (x, y) => context.rect(x + inset - rim, y - edge - thick - rim, size - 2 * inset + 2 * rim, thick + 2 * rim));
    }
    this.changed = [];
    this.wrong = [];
  }
}

/** How bright a cell is: unchanged ones step back in the change mode, uncertain ones in the z reading. */
const brightness = (mode, flags, level) => (mode === "change" && !(flags & CHANGED) ? FADED : mode === "z" && !(flags & GIVEN) ? FADED + ((1 - FADED) * level) / LEVELS : 1);

const TRAIL = ["path", "start", "goal"];

/**
 * Skins. `name` is the class of the player; `marks` are the flags worth a place in the legend; `broken` names cells that
 * break a rule; `captions` say what a mode draws. Pictures also have `joints`, `readProbabilities` (see readPicture) and
 * `paint(brush, cell, mode)`, where a cell is {look, other, level, joints, flags}, and `drawings` that it stamps.
 */
export const SKINS = {
  text: {
    name: "text",
    marks: [GIVEN, CHANGED, CONFLICT, WRONG],
    broken: "in conflict",
    breaks: "breaks a rule",
    brokenSentence: (count) => (count ? `${plural(count, "cell")} in conflict` : "no rule broken"),
    captions: {
      answer: "y through the output head.",
      probabilities: "Size of a symbol: its probability.",
      confidence: "Shade: the highest probability in the cell.",
      change: "Large: now. Small: at the f_H call before.",
    },
  },

  maze: {
    name: "maze",
    marks: [CHANGED, CONFLICT, WRONG],
    broken: "path broken",
    breaks: "path broken",
    brokenSentence: (count) => (count ? `path broken at ${plural(count, "cell")}` : "no shortest path yet"),
    captions: {
      answer: "y through the output head.",
      probabilities: "Size of a dot: the probability of path.",
      confidence: "Shade: the highest probability in the cell.",
      change: "Bright: changed. Small: at the f_H call before.",
    },

    joints({ L, columns, looks }, tokens) {
      const joints = new Uint8Array(L);
      const isTrail = looks.map((look) => TRAIL.includes(look));
      for (let cell = 0; cell < L; cell++) {
        if (!isTrail[tokens[cell]]) continue;
        if (cell >= columns && isTrail[tokens[cell - columns]]) joints[cell] |= UP;
        if (cell + columns < L && isTrail[tokens[cell + columns]]) joints[cell] |= DOWN;
        if (cell % columns && isTrail[tokens[cell - 1]]) joints[cell] |= LEFT;
        if ((cell + 1) % columns && isTrail[tokens[cell + 1]]) joints[cell] |= RIGHT;
      }
      return joints;
    },

    readProbabilities({ looks }, probabilities, start, cell, picture) {
      picture.levels[cell] = probabilities[start + looks.indexOf("path")] >> 3;
      picture.joints[cell] = 0;
    },

    paint(brush, { look, other, level, joints, flags }, mode) {
      const { context, ink } = brush;
      brush.fill(ink.floorLine);
      brush.fill(ink.paper, 0, 0, brush.width - 1, brush.height - 1);
      if (mode === "confidence") {
        context.globalAlpha = (0.5 * level) / LEVELS;
        brush.fill(ink.accent);
        context.globalAlpha = 1;
      }
      if (flags & CONFLICT) brush.fill(ink.hatch);
      context.globalAlpha = brightness(mode, flags, level);
      if (mode === "probabilities" && !(flags & GIVEN)) brush.stamp("dot", level);
      else if (look === "wall") brush.fill(ink.wall);
      else if (look === "path") brush.stamp(flags & WRONG ? "wrong path" : "path", joints);
      else if (look === "start" || look === "goal") brush.stamp(look, joints);
      context.globalAlpha = 1;
      if (other) this.paintSmall(brush, other);
      brush.marks(flags);
    },

    /** Start is a disc, goal a square; each has its letter. */
    drawings: {
      dot: (brush, level) => brush.dot(brush.ink.trail, 0.46 * Math.sqrt(level / LEVELS)),
      path: (brush, joints) => brush.dot(brush.ink.trail, 0.26, joints),
      "wrong path": (brush, joints) => brush.dot(brush.ink.wrong, 0.26, joints),
      start(brush, joints) {
        brush.dot(brush.ink.trail, 0.46, joints);
        brush.letter(brush.ink.paper, "S");
      },
      goal(brush, joints) {
        brush.dot(brush.ink.trail, 0.1, joints);
        brush.square(brush.ink.goal, 0.72);
        brush.letter(brush.ink.paper, "G");
      },
    },

    /** What stood in the cell before, in its lower right corner: wall, way, end, or an empty frame. */
    paintSmall(brush, look) {
      const { ink, width, height, size } = brush;
      const side = Math.round(size * 0.36);
      const [x, y] = [width - side - 1, height - side - 1];
      const tone = { wall: ink.wall, path: ink.trail, start: ink.trail, goal: ink.goal }[look] ?? ink.paper;
      brush.fill(ink.soft, x, y, side, side);
      brush.fill(tone, x + 1, y + 1, side - 2, side - 2);
    },
  },

  colours: {
    name: "colours",
    marks: [CHANGED, CONFLICT, WRONG],
    broken: "border broken",
    breaks: "border broken",
    brokenSentence: (count) => (count ? `border broken at ${plural(count, "cell")}` : "border closed"),
    captions: {
      answer: "y through the output head.",
      probabilities: "Inner square: the second most probable, its area its probability.",
      confidence: "Size of a square: the highest probability in the cell.",
      change: "Bright: changed. Small: at the f_H call before.",
    },

    joints: ({ L }) => new Uint8Array(L),

    readProbabilities({ V }, probabilities, start, cell, picture) {
      let second = -1;
      for (let token = 0; token < V; token++) {
        if (token !== picture.tokens[cell] && (second < 0 || probabilities[start + token] > probabilities[start + second])) second = token;
      }
      picture.levels[cell] = probabilities[start + second] >> 3;
      picture.others[cell] = picture.levels[cell] ? second + 1 : 0;
    },

    paint(brush, { look, other, level, flags }, mode) {
      const { context, ink } = brush;
      const share = mode === "confidence" ? level / LEVELS : 1;
      brush.fill(look[0] === "#" ? ink.gridLine : ink.paper);
      context.globalAlpha = brightness(mode, flags, level);
      if (look[0] !== "#") this.paintOutside(brush, look);
      else if (share < 1) brush.square(look, share);
      else brush.fill(look, 0, 0, brush.width - 1, brush.height - 1);
      context.globalAlpha = 1;
      if (flags & CONFLICT) brush.fill(ink.hatch);
      if (other && mode === "probabilities") this.paintInner(brush, other, level / LEVELS);
      else if (other) this.paintSmall(brush, other);
      brush.marks(flags);
    },

    /** Border: thinly hatched. Padding: next to nothing. */
    paintOutside(brush, look) {
      if (look === "border") brush.fill(brush.ink.borderHatch);
      else brush.square(brush.ink.floorLine, 0.02);
    },

    paintInner(brush, look, share) {
      const { ink } = brush;
      brush.square(look[0] === "#" ? look : ink.paper, share);
    },

    paintSmall(brush, look) {
      const { ink, width, height, size } = brush;
      const side = Math.round(size * 0.36);
      brush.fill(ink.paper, width - side - 2, height - side - 2, side + 2, side + 2);
      brush.fill(look[0] === "#" ? look : ink.floorLine, width - side - 1, height - side - 1, side, side);
    },
  },
};

/** Text where tokens have no look of their own, else a picture: colours where one is a colour. */
function skinOf(looks) {
  if (looks.some((look) => look.startsWith("#"))) return SKINS.colours;
  return looks.includes("path") ? SKINS.maze : SKINS.text;
}

// ---------------------------------------------------------------------------------------------- drawing

const SVG = "http://www.w3.org/2000/svg";

function make(tag, attributes = {}, children = []) {
  const node = ["svg", "path"].includes(tag) ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value != null && value !== false) node.setAttribute(name, value === true ? "" : value);
  node.append(...[children].flat());
  return node;
}

const icon = (path) => make("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" }, make("path", { d: path }));
const write = (node, text) => { if (node.firstChild?.data !== text) node.textContent = text; };

const MANY = 100; // symbols written at once that would take long to lay out
const REST = 250; // ms

/** The cells: an element each, that shows its symbol itself (text) or lies unseen over its picture. */
class Grid {
  constructor(trace, select) {
    this.drawn = { tokens: [], flags: [], shade: [], before: [] };
    this.selected = null;
    this.peers = [];
    const { rows, columns, skin } = trace;
    this.cells = Array.from({ length: trace.L }, (_, cell) => this.makeCell(trace, cell));
    const lines = Array.from({ length: rows }, (_, row) => make("div", { role: "row", class: "row" }, this.cells.slice(row * columns, (row + 1) * columns)));
    this.texts = this.cells.map((node) => (skin.paint ? node.firstChild : node).firstChild);
    this.node = make("div", {
      class: `cells ${skin.name}`, role: "grid", tabindex: "0", style: `--columns:${columns}`,
      "aria-label": `${trace.task} grid, ${rows} rows, ${columns} columns`,
    }, lines);
    this.art = new (skin.paint ? Picture : Pencil)(this.node);
    this.node.addEventListener("click", (event) => {
      const cell = this.cells.indexOf(event.target.closest("[data-cell]"));
      if (cell >= 0) select(cell);
    });
    this.sizes = new ResizeObserver(() => this.redraw());
    this.sizes.observe(this.node);
  }

  makeCell({ columns, rows, box_columns, box_rows, skin }, cell) {
    const [row, column] = [Math.floor(cell / columns), cell % columns];
    const closesBox = (place, size, count) => size && (place + 1) % size === 0 && place + 1 < count;
    const edges = [closesBox(column, box_columns, columns) && "right", closesBox(row, box_rows, rows) && "bottom"].filter(Boolean);
    return make("div", {
      class: skin.paint ? "spot" : "cell", role: "gridcell", id: `cell-${cell}`, "data-cell": `${row},${column}`,
      "data-edge": edges.join(" ") || null, "aria-selected": "false",
    }, skin.paint ? make("span", {}, "") : "");
  }

  /** Takes over a trace whose grid is as large and looks the same. */
  show(trace) {
    this.trace = trace;
    this.call = null;
    this.art.show(trace);
  }

  draw(call, mode) {
    const view = readGrid(this.trace, call, mode);
    if (this.drawn.mode !== mode) this.node.dataset.mode = this.drawn.mode = mode;
    this.drawElements(view);
    if (!this.trace.skin.paint) this.drawDetails(view, mode);
    this.art.draw(call, mode, view);
    this.call = call;
    this.describe();
    return view;
  }

  /** Symbols and class names. */
  drawElements({ tokens, flags }) {
    const { drawn, cells, texts: nodes, trace: { L, texts, skin } } = this;
    const base = skin.paint ? "spot" : "cell";
    let written = 0;
    for (let cell = 0; cell < L; cell++) {
      if (drawn.tokens[cell] !== tokens[cell]) {
        nodes[cell].data = texts[drawn.tokens[cell] = tokens[cell]];
        written++;
      }
      if (drawn.flags[cell] !== flags[cell]) cells[cell].className = classOf(base, drawn.flags[cell] = flags[cell]);
    }
    if (skin.paint && written > MANY) this.restText();
  }

  /** Hundreds of symbols that nobody sees: the browser lays them out once the keys are at rest. */
  restText() {
    this.node.classList.add("busy");
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.node.classList.remove("busy"), REST);
  }

  /** What a mode adds to symbols: how sure they are, and the ones before. */
  drawDetails({ flags, shade, before }, mode) {
    const { drawn, cells, trace: { L, texts } } = this;
    for (let cell = 0; cell < L; cell++) {
      const level = shade ? shade[cell] >> 3 : drawn.shade[cell];
      if (drawn.shade[cell] !== level) cells[cell].style.setProperty("--shade", ((drawn.shade[cell] = level) / 31).toFixed(2));
      const was = mode === "change" && flags[cell] & CHANGED ? before[cell] : -1;
      if ((drawn.before[cell] ?? -1) === was) continue;
      drawn.before[cell] = was;
      if (was < 0) delete cells[cell].dataset.before; else cells[cell].dataset.before = texts[was];
    }
  }

  /** Colours or size of the page may have changed. */
  redraw() {
    if (this.trace) this.art.redraw();
  }

  /** Rings the cell and, where there are boxes, tints what it shares a unit with. */
  select(selected) {
    const { cells, peers, trace } = this;
    const mark = (cell, on) => cell != null && cells[cell].setAttribute("aria-selected", String(on));
    mark(this.selected, false);
    cells[this.selected]?.removeAttribute("aria-label");
    mark(this.selected = selected, true);
    for (const cell of peers) cells[cell].removeAttribute("data-peer");
    this.peers = trace.skin.paint || selected == null ? [] : peersOf(trace, selected);
    for (const cell of this.peers) cells[cell].setAttribute("data-peer", "");
    this.art.select(selected);
    if (selected == null) this.node.removeAttribute("aria-activedescendant");
    else this.node.setAttribute("aria-activedescendant", `cell-${selected}`);
    this.describe();
  }

  /** A symbol alone says little to a screen reader: the selected cell has its sentence. */
  describe() {
    if (this.selected != null && this.call != null) this.cells[this.selected].setAttribute("aria-label", cellSentence(this.trace, this.call, this.selected));
  }

  remove() {
    clearTimeout(this.resting);
    this.sizes.disconnect();
    this.node.remove();
  }
}

const CLASSES = {};
/** The class attribute of a cell with these flags; spelled out once. */
const classOf = (base, flags) => ((CLASSES[base] ??= [])[flags] ??= [base, ...flagNames(flags)].join(" "));

/** The cells in the row, column and box of one. */
function peersOf({ L, columns, box_rows, box_columns }, selected) {
  const place = (cell) => [Math.floor(cell / columns), cell % columns];
  const [row, column] = place(selected);
  return Array.from({ length: L }, (_, cell) => cell).filter((cell) => {
    const [r, c] = place(cell);
    const boxed = box_rows && Math.floor(r / box_rows) === Math.floor(row / box_rows) && Math.floor(c / box_columns) === Math.floor(column / box_columns);
    return cell !== selected && (r === row || c === column || boxed);
  });
}

/** Makes a canvas as fine as the screen under the size it is shown at. */
function fitCanvas(canvas) {
  const scale = globalThis.devicePixelRatio || 1;
  [canvas.width, canvas.height] = [Math.round(canvas.clientWidth * scale), Math.round(canvas.clientHeight * scale)];
}

const PENCIL_SIZES = 20;

/** Over a grid of text: in the probability mode the pencil marks, on a canvas. */
class Pencil {
  constructor(node) {
    this.node = node;
    this.canvas = make("canvas", { class: "pencil", "aria-hidden": "true" });
    this.drawn = -1;
    node.append(this.canvas);
  }

  show(trace) {
    this.trace = trace;
  }

  select() {} // its cells are ringed by their own style

  draw(call, mode) {
    const answer = mode === "probabilities" ? answerAt(this.trace, call) : -1;
    const all = this.mode !== mode;
    this.mode = mode;
    if (all || this.drawn !== answer) this.drawMarks(answer, all);
  }

  redraw() {
    if (this.mode === "probabilities") this.drawMarks(this.drawn, true);
  }

  /** Draws the cells whose probabilities differ from the ones drawn, or all. */
  drawMarks(answer, all) {
    const { trace: { L, V, columns, probabilities }, canvas } = this;
    if (all) {
      fitCanvas(canvas);
      const [size, candidates] = [canvas.width / columns, this.candidates()];
      this.tools = { context: canvas.getContext("2d"), size, candidates, ...this.makeAtlas(size, candidates) };
    }
    if (answer >= 0) {
      for (let cell = 0; cell < L; cell++) {
        const [now, was] = [(answer * L + cell) * V, (this.drawn * L + cell) * V];
        let same = !all && this.drawn >= 0;
        for (let token = 0; same && token < V; token++) same = probabilities[now + token] === probabilities[was + token];
        if (!same) this.drawCell(cell, now);
      }
    } else if (!all) this.tools.context.clearRect(0, 0, canvas.width, canvas.height);
    this.drawn = answer;
  }

  candidates() {
    const tokens = this.trace.texts.map((_, token) => token).filter((token) => !this.trace.empty[token]);
    const across = this.trace.box_columns || Math.ceil(Math.sqrt(tokens.length));
    const down = Math.ceil(tokens.length / across);
    return tokens.map((token, place) => ({ token, x: ((place % across) + 0.5) / across, y: (Math.floor(place / across) + 0.5) / down }));
  }

  /**
   * Every symbol at every size, drawn once: a column per symbol, a row per size.
   * Shaping text afresh in every cell would cost more than a key press may.
   */
  makeAtlas(size, candidates) {
    const side = Math.ceil(size * 0.72);
    const atlas = make("canvas", { width: side * candidates.length, height: side * (PENCIL_SIZES + 1) });
    const context = atlas.getContext("2d");
    const { color, fontFamily } = getComputedStyle(this.node);
    for (let level = 0; level <= PENCIL_SIZES; level++) {
      const p = level / PENCIL_SIZES;
      const height = Math.round(size * (0.17 + 0.43 * p));
      Object.assign(context, { font: `${height}px ${fontFamily}`, fillStyle: color, globalAlpha: 0.4 + 0.6 * p, textAlign: "center", textBaseline: "middle" });
      candidates.forEach(({ token }, column) => context.fillText(this.trace.texts[token], (column + 0.5) * side, (level + 0.5) * side + height * 0.05));
    }
    return { atlas, side };
  }

  /** A symbol stands small at its own place and grows towards the middle as its probability nears 1. */
  drawCell(cell, start) {
    const { context, size, candidates, atlas, side } = this.tools;
    const { columns, givens, probabilities } = this.trace;
    const [left, top] = [(cell % columns) * size, Math.floor(cell / columns) * size];
    context.clearRect(left, top, size, size);
    if (givens[cell]) return;
    candidates.forEach(({ token, x, y }, column) => {
      const p = probabilities[start + token] / 255;
      if (p < 0.02) return;
      const level = Math.round(p * PENCIL_SIZES);
      const extent = Math.min(side, Math.ceil(size * (0.22 + 0.5 * p)));
      const inset = (side - extent) / 2;
      const corner = (place) => size * (place + (0.5 - place) * p * p) - extent / 2;
      context.drawImage(atlas, column * side + inset, level * side + inset, extent, extent, left + corner(x), top + corner(y), extent, extent);
    });
  }
}

const INKS = ["paper", "soft", "accent", "wrong", "wall", "trail", "goal", "floorLine", "gridLine"];

/**
 * Under a grid of a picture: all cells on one canvas, which is touched where a cell looks different from what is drawn.
 * 900 elements with borders and grounds of their own take three times as long as a key press may.
 */
class Picture {
  constructor(node) {
    this.node = node;
    this.canvas = make("canvas", { class: "picture", "aria-hidden": "true" });
    this.ring = make("div", { class: "ring", hidden: true, "aria-hidden": "true" });
    this.crop = make("div", { class: "crop", hidden: true, "aria-hidden": "true" });
    node.prepend(this.canvas);
    node.append(this.crop, this.ring);
  }

  show(trace) {
    this.trace = trace;
  }

  /** Rings the cell. */
  select(selected) {
    this.ring.hidden = selected == null;
    if (selected != null) this.place(this.ring, Math.floor(selected / this.trace.columns), selected % this.trace.columns, 1, 1);
  }

  place(node, row, column, rows, columns) {
    const share = (count, of) => `${(100 * count) / of}%`;
    const { trace } = this;
    Object.assign(node.style, { left: share(column, trace.columns), top: share(row, trace.rows), width: share(columns, trace.columns), height: share(rows, trace.rows) });
  }

  draw(call, mode, view) {
    const was = this.mode === mode ? this.picture : null;
    this.picture = readPicture(this.trace, call, mode, view);
    this.mode = mode;
    if (this.brush) this.paint(was);
    else this.redraw();
    this.drawCrop(call, mode);
  }

  /** Everything, where colours or size are no longer those it was drawn with. */
  redraw() {
    if (!this.picture) return;
    const tones = this.tones();
    const drawnWith = [...Object.values(tones), this.canvas.clientWidth, this.canvas.clientHeight, globalThis.devicePixelRatio].join();
    if (drawnWith === this.drawnWith) return;
    this.drawnWith = drawnWith;
    fitCanvas(this.canvas);
    this.brush = null;
    if (!this.canvas.width || !this.canvas.height) return; // on a page that is not shown
    const context = this.canvas.getContext("2d", { alpha: false });
    this.brush = new Brush(context, { ...tones, ...hatches(context, tones, this.canvas.width / this.trace.columns) }, this.trace.skin.drawings);
    this.paint(null);
  }

  /** Paints the cells that look different from `was`, or all. */
  paint(was) {
    const { picture, brush, trace: { L, columns, rows, looks, skin }, canvas, mode } = this;
    const edges = (count, length) => Array.from({ length: count + 1 }, (_, place) => Math.round((place * length) / count));
    const [lefts, tops] = [edges(columns, canvas.width), edges(rows, canvas.height)];
    const cell = { look: "", other: "", level: 0, joints: 0, flags: 0 };
    for (let place = 0; place < L; place++) {
      if (was && looksSame(was, picture, place)) continue;
      const [row, column] = [Math.floor(place / columns), place % columns];
      brush.at(lefts[column], tops[row], lefts[column + 1] - lefts[column], tops[row + 1] - tops[row]);
      cell.look = looks[picture.tokens[place]];
      cell.other = looks[picture.others[place] - 1];
      cell.level = picture.levels[place];
      cell.joints = picture.joints[place];
      cell.flags = picture.flags[place];
      skin.paint(brush, cell, mode);
    }
    brush.finish();
  }

  /** Outlines what counts of the grid on the screen. */
  drawCrop(call, mode) {
    const { crops } = this.trace;
    const [rows, columns] = cropAt(this.trace, call, mode) ?? [0, 0];
    this.crop.hidden = !crops || !rows || !columns;
    if (!this.crop.hidden) this.place(this.crop, 0, 0, rows, columns);
  }

  /** The colours of the page as a canvas understands them. */
  tones() {
    const probe = make("i", { hidden: true });
    this.node.append(probe);
    const tones = { font: getComputedStyle(this.node).fontFamily };
    for (const name of INKS) {
      probe.style.color = `var(--${name})`;
      tones[name] = getComputedStyle(probe).color;
    }
    probe.remove();
    return tones;
  }
}

const looksSame = (one, other, cell) => one.tokens[cell] === other.tokens[cell] && one.flags[cell] === other.flags[cell]
  && one.levels[cell] === other.levels[cell] && one.others[cell] === other.others[cell] && one.joints[cell] === other.joints[cell];

/** Patterns of slanted lines for cells `size` wide. */
function hatches(context, { paper, soft, gridLine }, size) {
  const thick = Math.max(1, Math.round(size / 16));
  const pattern = (step, tones) => {
    const tile = make("canvas", { width: step, height: step });
    const pen = tile.getContext("2d");
    tones.forEach(([tone, opacity], line) => {
      Object.assign(pen, { fillStyle: tone, globalAlpha: opacity });
      for (let y = 0; y < step; y++) for (let x = 0; x < thick; x++) pen.fillRect((step - y + line * thick + x) % step, y, 1, 1);
    });
    return context.createPattern(tile, "repeat");
  };
  return {
    hatch: pattern(Math.max(6 * thick, Math.round(size / 3)), [[paper, 0.75], [soft, 0.9]]),
    borderHatch: pattern(Math.max(4 * thick, Math.round(size / 4)), [[gridLine, 0.8]]),
  };
}

/** Rows and columns of the grid that is cut out of the reading on the screen; null where tasks know no such thing. */
export function cropAt({ crops, ...trace }, call, mode) {
  if (!crops) return null;
  return mode === "z" ? crops.z[call] : crops.answers[answerAt(trace, call)] ?? crops.input;
}

/** Lens (calls of the current supervision step), steps, strips and the selected cell's curves: one time axis, one cursor. */
class Timeline {
  constructor({ N_sup, n, T, length, texts, skin }, go) {
    Object.assign(this, { go, N_sup, T, length, values: {}, names: {}, plots: {}, drawn: {} });
    this.cursor = make("div", { class: "cursor" });
    this.tip = make("div", { class: "tip", hidden: true });
    this.tracks = make("div", { class: "tracks" });
    this.steps = Array.from({ length: N_sup }, (_, step) => this.makeStep(step + 1));
    this.axis = make("div", {
      class: "steps", role: "slider", tabindex: "0", "data-testid": "timeline-steps",
      "aria-label": "Call of the recursion", "aria-valuemin": "1",
    }, this.steps);
    this.addTrack("step", this.axis, () => null);
    for (const strip of STRIPS) this.addTrack(strip.id, this.makePlot(strip.id), (call) => `${strip.name(this.trace)} ${strip.read(this.trace, call)}`, strip.quiet);
    this.values.halting.dataset.testid = "halt-probability";
    this.addTrack("cell", this.makePlot("cell"), () => null);
    this.fill("cell", texts.map(() => ["line", ""]));
    this.flags = make("div");
    this.tracks.append(make("div", { class: "overlay" }, [this.flags, make("div", { class: "clip" }, this.cursor), this.tip]));
    this.cone = make("div", { class: "cone", "aria-hidden": "true" });
    this.node = make("div", { class: `timeline ${skin.name}`, "data-testid": "timeline" }, [this.makeLens(n, T), this.cone, this.tracks]);
    this.legend = make("p", { class: "markers" });
    this.axis.after(this.legend);
  }

  /** Takes over a trace of the same depth: its curves and markers. */
  show(trace) {
    this.trace = trace;
    write(this.names.step, "step");
    for (const strip of STRIPS) {
      write(this.names[strip.id], strip.name(trace));
      this.fill(strip.id, strip.paths(trace));
    }
    this.steps.forEach((node, step) => node.classList.toggle("pending", step >= trace.steps));
    this.axis.setAttribute("aria-valuemax", trace.calls);
    const markers = markersOf(trace);
    const inset = { solved: 0.76, halt: 0.24, trained: 0, arrived: 0 }; // so that two markers of one step stand side by side
    this.legend.replaceChildren(...markers.map(({ kind, text }) => make("span", { class: `marker ${kind}` }, [make("i"), text])));
    this.flags.replaceChildren(...markers.map(({ kind, step }) => make("div", { class: `flag ${kind}`, style: `left:${((step - inset[kind]) / trace.N_sup) * 100}%` })));
  }

  /** Draws the curves of a track: [class name, path] pairs in a box as wide as the run has calls and 1 high. */
  fill(id, paths) {
    this.plots[id].replaceChildren(...paths.map(([name, d]) => make("path", { class: name, d })));
  }

  makeStep(step) {
    const every = Math.ceil(this.N_sup / 16);
    const numbered = step === 1 || step === this.N_sup || step % every === 0;
    return make("span", {}, numbered ? String(step) : "");
  }

  makePlot(id) {
    this.plots[id] = make("svg", { viewBox: `0 0 ${this.length} 1`, preserveAspectRatio: "none", "aria-hidden": "true" });
    return make("div", { class: "plot" }, this.plots[id]);
  }

  addTrack(id, plot, hover, quiet) {
    this.values[id] = make("b", {}, "");
    this.names[id] = make("span", {}, "");
    plot.classList.add("track", `track-${id}`);
    this.tracks.append(make("div", { class: quiet ? "gutter quiet" : "gutter" }, [this.names[id], this.values[id]]), plot);
    const callUnder = (event) => {
      const box = plot.getBoundingClientRect();
      const answer = Math.floor(((event.clientX - box.left) / box.width) * this.N_sup * this.T);
      return callOfAnswer(this.trace, Math.min(Math.max(answer, 0), this.trace.answers - 1));
    };
    plot.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      plot.setPointerCapture(event.pointerId);
      this.go(callUnder(event));
    });
    plot.addEventListener("pointermove", (event) => {
      const call = callUnder(event);
      if (event.buttons && plot.hasPointerCapture(event.pointerId)) this.go(call);
      this.showTip(call, hover(call));
    });
    plot.addEventListener("pointerleave", () => this.tip.toggleAttribute("hidden", true));
  }

  showTip(call, text) {
    const { supervision_step, cycle } = coordinatesOf(this.trace, call);
    write(this.tip, `step ${supervision_step}, cycle ${cycle}${text ? `: ${text}` : ""}`);
    const percent = ((call + 0.5) / this.trace.length) * 100;
    Object.assign(this.tip.style, { left: `${percent}%`, transform: `translateX(-${percent}%)` }); // never past an edge
    this.tip.removeAttribute("hidden");
  }

  makeLens(n, T) {
    this.calls = [];
    this.cycles = Array.from({ length: T }, (_, cycle) => {
      const buttons = Array.from({ length: n + 1 }, (_, index) => {
        const name = index < n ? `f_L ${index + 1}` : "f_H";
        const button = make("button", {
          type: "button", tabindex: "-1", class: index < n ? "f_L" : "f_H",
          "data-place": cycle * (n + 1) + index, "aria-label": `cycle ${cycle + 1}, ${name}`,
        }, index < n ? String(index + 1) : name);
        this.calls.push(button);
        return button;
      });
      return make("div", { class: "cycle" }, [make("span", {}, `cycle ${cycle + 1}`), make("div", { class: "calls" }, buttons)]);
    });
    const lens = make("div", { class: "lens" }, this.cycles);
    const goTo = (event) => {
      const place = lens.getRootNode().elementFromPoint(event.clientX, event.clientY)?.closest("[data-place]")?.dataset.place;
      if (place != null && event.buttons) this.go((this.drawn.step - 1) * this.trace.perStep + Number(place));
    };
    lens.addEventListener("pointerdown", (event) => { lens.setPointerCapture(event.pointerId); goTo(event); });
    lens.addEventListener("pointermove", goTo);
    lens.addEventListener("mousedown", (event) => event.preventDefault()); // no focus: the space bar goes on playing
    return lens;
  }

  draw(call) {
    const { trace, drawn } = this;
    const { supervision_step: step, cycle } = coordinatesOf(trace, call);
    const mark = (list, was, is) => {
      list[was]?.classList.remove("current");
      list[is].classList.add("current");
    };
    this.cursor.style.transform = `translateX(${((call + 0.5) / trace.length) * 100}cqw)`;
    if (drawn.step !== step) {
      mark(this.steps, drawn.step - 1, step - 1);
      this.drawCone(step);
    }
    if (drawn.cycle !== cycle) mark(this.cycles, drawn.cycle - 1, cycle - 1);
    const place = call % trace.perStep;
    if (drawn.place !== place) mark(this.calls, drawn.place, place);
    this.drawn = { step, cycle, place };
    this.axis.setAttribute("aria-valuenow", call + 1);
    this.axis.setAttribute("aria-valuetext", placeSentence(trace, call));
    write(this.values.step, `${step}/${trace.N_sup}`);
    for (const strip of STRIPS) write(this.values[strip.id], strip.read(trace, call));
  }

  /** The lens opens from the block of the current supervision step. */
  drawCone(step) {
    this.cone.style.setProperty("--from", (step - 1) / this.trace.N_sup);
    this.cone.style.setProperty("--to", step / this.trace.N_sup);
  }

  /** Draws the curves of a cell; null clears them. */
  select(cell, curves) {
    [...this.plots.cell.children].forEach((path, token) => {
      path.setAttribute("d", curves ? curves.paths[token] : "");
      path.setAttribute("class", curves && curves.ranks[token] >= 0 ? `line series-${curves.ranks[token]}` : "line faint");
      paintOwn(path, this.trace, token);
    });
    const { columns } = this.trace;
    write(this.names.cell, cell == null ? "no cell" : `row ${Math.floor(cell / columns) + 1}, col ${(cell % columns) + 1}`);
  }
}

/** The curve and the column of a colour are of that colour. */
function paintOwn(node, { looks }, token) {
  if (looks[token].startsWith("#")) node.style.setProperty("--series", looks[token]);
}

/** The selected cell: a column per symbol, tall as its probability. */
class CellPanel {
  constructor(trace) {
    this.title = make("p", { class: "title" }, "");
    this.columns = trace.words.map((word, token) => {
      const [number, fill] = [make("span", { class: "number" }, ""), make("i")];
      const node = make("div", { class: "column", "data-symbol": token, "data-probability": "0" }, [number, make("span", { class: "well" }, fill), this.makeName(trace, token, word)]);
      return { node, number, fill, shown: null };
    });
    const columns = make("div", { class: "columns" }, this.columns.map(({ node }) => node));
    this.node = make("section", { class: "cell-panel", "data-testid": "cell-panel", "aria-label": "Selected cell" }, [this.title, columns]);
  }

  /** A symbol; the word for what has none; a chip where ten words would not fit. */
  makeName({ empty, looks, skin }, token, word) {
    if (skin !== SKINS.colours) return make("b", { class: empty[token] || looks[token] ? "word" : null }, word);
    const isColour = looks[token].startsWith("#");
    return make("b", { class: isColour ? "chip" : `chip ${looks[token]}`, style: isColour ? `--chip:${looks[token]}` : null, title: word, role: "img", "aria-label": word });
  }

  show(trace) {
    this.trace = trace;
  }

  /** Colours the columns as the curves; a symbol that is not part of an answer and never matters here is left out. */
  select(cell, curves) {
    this.columns.forEach(({ node }, token) => {
      const rank = curves ? curves.ranks[token] : -1;
      node.className = rank < 0 ? "column" : `column series-${rank}`;
      paintOwn(node, this.trace, token);
      node.hidden = this.trace.empty[token] && !(curves?.peaks[token] > 0.01);
    });
    this.node.classList.toggle("unselected", cell == null);
  }

  draw(call, cell) {
    write(this.title, cell == null ? "Click a cell, or move with w a s d, to see what it could be." : cellSentence(this.trace, call, cell));
    const probabilities = cellProbabilities(this.trace, cell == null ? -1 : answerAt(this.trace, call), cell ?? 0);
    this.columns.forEach((column, token) => {
      const p = probabilities[token];
      if (column.shown === p) return;
      column.shown = p;
      column.node.dataset.probability = p;
      column.fill.style.transform = `scaleY(${p})`;
      write(column.number, p < 0.005 ? "" : p.toFixed(2));
    });
  }
}

const ICONS = {
  first: "M6 5h2.5v14H6zM19 5v14L9.5 12z", previous: "M17 5v14L6.5 12z", play: "M7 4.5v15L19.5 12z", pause: "M6.5 5h4v14h-4zM13.5 5h4v14h-4z",
  next: "M7 5v14l10.5-7z", last: "M15.5 5H18v14h-2.5zM5 5v14l9.5-7z", full: "M4 4h6v2.2H6.2V10H4zM14 4h6v6h-2.2V6.2H14zM4 14h2.2v3.8H10V20H4zM17.8 14H20v6h-6v-2.2h3.8z",
};
const SPEEDS = [1, 2, 5, 10, 30];
const MODE_LABELS = { answer: "Answer", probabilities: "Probabilities", confidence: "Confidence", change: "Change", z: "z reading" };
const HELP = [
  ["← →", "one f_H call: the answer before, the answer after"],
  ["shift ← →", "one supervision step"],
  ["↑ ↓", "one call, f_L or f_H: back, forward"],
  ["home end", "first and last answer"],
  ["space", "play and pause: every f_H call; in the z reading every call"],
  ["1 … 5", "answer, probabilities, confidence, change, z reading"],
  ["w a s d", "move the selected cell"],
  ["f", "full screen"],
  ["?", "this list"],
  ["esc", "close this, or select no cell"],
];

/** Buttons, and the list of keys. A press with the mouse takes no focus, so that the space bar goes on playing. */
class Controls {
  constructor(player) {
    const button = (name, label, act, content = icon(ICONS[name])) => {
      const node = make("button", { type: "button", title: label, "aria-label": label, "data-testid": name }, content);
      node.addEventListener("mousedown", (event) => event.preventDefault());
      node.addEventListener("click", act);
      return node;
    };
    const step = (name, label, command) => button(name, label, () => player.command(command));
    this.playButton = button("play", "Play (space)", () => player.play(!player.playing));
    const speeds = SPEEDS.map((speed) => make("option", { value: speed, selected: speed === player.speed }, `${speed}/s`));
    this.speed = make("select", { "data-testid": "speed", "aria-label": "Speed in calls per second" }, speeds);
    this.speed.addEventListener("change", () => { player.speed = Number(this.speed.value); this.speed.blur(); });
    this.modeButtons = MODES.map((mode, index) => button(`mode-${mode}`, `${MODE_LABELS[mode]} (${index + 1})`, () => player.setMode(mode), MODE_LABELS[mode]));
    this.modes = make("div", { class: "modes", role: "group", "aria-label": "What the cells show" }, this.modeButtons);
    this.transport = make("div", { class: "transport", role: "group", "aria-label": "Steps" }, [
      step("first", "First answer (home)", "first"), step("previous", "Previous answer (left)", "previous answer"), this.playButton,
      step("next", "Next answer (right)", "next answer"), step("last", "Last answer (end)", "last"), this.speed, make("span", { class: "space" }),
      button("full", "Full screen (f)", () => player.toggleFull()), button("help", "Keys (?)", () => this.toggleHelp(), "?"),
    ]);
    const keys = HELP.flatMap(([key, meaning]) => [make("dt", {}, key), make("dd", {}, meaning)]);
    const close = button("close-help", "Close", () => this.toggleHelp(false), "Close");
    const list = make("div", {}, [make("p", { class: "title" }, "Keys"), make("dl", {}, keys), close]);
    this.help = make("div", { class: "help", role: "dialog", "aria-label": "Keys", hidden: true }, list);
  }

  toggleHelp(open = this.help.hidden) {
    this.help.hidden = !open;
  }

  drawMode(mode) {
    this.modeButtons.forEach((node, index) => node.setAttribute("aria-pressed", String(MODES[index] === mode)));
  }

  drawPlaying(playing) {
    this.playButton.replaceChildren(icon(ICONS[playing ? "pause" : "play"]));
    this.playButton.setAttribute("aria-pressed", String(playing));
  }
}

// ---------------------------------------------------------------------------------------------- player

const ACTIVE = Symbol.for("recursion-lens.active-player"); // the player that the keys of the page go to: the one last touched
const CLOCK = "recursion-lens:clock";
const SETTLED = 500; // ms without a move before the view is told to Python: each report reruns the page
const SPOKEN = 700; // ms between sentences for screen readers
const OWN_ARROWS = ["input", "textarea", "select", "[contenteditable='']", "[contenteditable='true']", "canvas", "video", "audio",
  ...["slider", "spinbutton", "listbox", "combobox", "menu", "tablist", "radiogroup", "tree", "grid"].map((role) => `[role=${role}]`)].join();
const LEGEND = [[GIVEN, "given", () => "given"], [CHANGED, "changed", () => "changed"], [CONFLICT, "conflict", (skin) => skin.breaks], [WRONG, "wrong", () => "not the solution"]];

class Player {
  constructor(parent) {
    this.parent = parent;
    this.root = make("div", { class: "player", "data-testid": "player", lang: "en" });
    Object.assign(this, { call: 0, cell: null, mode: "answer", speed: 5, playing: false, trace: null });
    this.listening = new AbortController();
    const { signal } = this.listening;
    const listen = (target, names, act) => names.split(" ").forEach((name) => target.addEventListener(name, act, { signal }));
    listen(document, "keydown", (event) => this.onKey(event));
    listen(document, "fullscreenchange", () => this.root.classList.toggle("full", this.root.matches(":fullscreen")));
    listen(document, CLOCK, ({ detail }) => this.onClock(detail));
    listen(matchMedia("(prefers-color-scheme: dark)"), "change", () => this.grid?.redraw());
    listen(this.root, "pointerdown focusin", () => { document[ACTIVE] = this; });
    if (!document[ACTIVE]?.root.isConnected) document[ACTIVE] = this;
    parent.append(this.root);
  }

  // ---- what Python sends

  update(data, report) {
    this.report = report;
    if (!this.root.isConnected) this.parent.append(this.root);
    const isNew = !sameRun(data, this.data) && !this.decode(data);
    this.data = data;
    if (!this.trace) return;
    const start = JSON.stringify(data.start ?? null);
    if (data.start && start !== this.start && start !== this.reported) this.obey(data.start);
    this.start = start;
    if (isNew) this.cell ??= this.trace.restlessCell;
    this.controls.drawMode(this.mode);
    this.drawSelection();
    this.draw();
    this.grid.redraw();
  }

  /** Takes over new data. Returns whether it goes on with the run on the screen, which then stays where it is. */
  decode(data) {
    let trace;
    try {
      trace = decodeTrace(data);
    } catch (error) {
      if (!(error instanceof PayloadError)) throw error;
      this.fail(error.message);
      return false;
    }
    const goesOn = continues(this.trace, trace);
    const fits = this.trace && shapeOf(this.trace) === shapeOf(trace);
    this.trace = trace;
    if (!goesOn) {
      this.play(false);
      Object.assign(this, { call: trace.n, cell: null });
    }
    this.call = Math.min(this.call, trace.calls - 1);
    if (!fits) this.build();
    this.show();
    return goesOn;
  }

  /** Goes where Python asks. Its own report coming back does not count. */
  obey(start) {
    const { rows, columns } = this.trace;
    this.call = callAt(this.trace, start);
    if (MODES.includes(start.mode)) this.mode = start.mode;
    const [row, column] = start.cell ?? [];
    if (row >= 0 && row < rows && column >= 0 && column < columns) this.cell = row * columns + column;
  }

  fail(message) {
    this.play(false);
    this.trace = null;
    this.grid?.remove();
    this.root.replaceChildren(make("p", { class: "message", role: "status" }, message));
  }

  /** What depends on the size and look of the grid and on the depth, but not on the run. */
  build() {
    const { trace } = this;
    this.grid?.remove();
    this.grid = new Grid(trace, (cell) => this.select(cell));
    this.timeline = new Timeline(trace, (call) => this.go(call));
    this.panel = new CellPanel(trace);
    this.controls = new Controls(this);
    this.place = make("p", { class: "place" }, "");
    this.event = make("p", { class: "event" }, "");
    this.spoken = make("p", { class: "spoken", "aria-live": "polite" });
    this.caption = make("p", { class: "caption" }, "");
    this.label = make("p", { class: "label" }, "");
    this.counts = LEGEND.filter(([bit]) => trace.skin.marks.includes(bit)).map(([bit, kind, text]) => {
      const count = make("b", {}, "");
      return { bit, count, node: make("span", { class: `key ${kind}` }, [make("i"), text(trace.skin), " ", count]) };
    });
    const legend = make("p", { class: "legend", "aria-hidden": "true" }, this.counts.map(({ node }) => node));
    const left = [this.controls.modes, make("div", { class: "board" }, [this.grid.node, legend, this.caption]), this.controls.transport];
    const right = [make("div", { class: "status" }, [this.place, this.event]), this.timeline.node, this.panel.node];
    this.root.replaceChildren(
      make("div", { class: "stage", style: `--shape:${trace.columns / trace.rows}` }, [make("div", {}, left), make("div", {}, right)]),
      this.label, this.spoken, this.controls.help,
    );
    this.controls.drawPlaying(this.playing);
  }

  /** What depends on the run. While it grows nothing else is touched, so that focus, pointer and clock go on undisturbed. */
  show() {
    const { trace } = this;
    for (const part of [this.grid, this.timeline, this.panel]) part.show(trace);
    for (const { bit, node } of this.counts) node.hidden = bit === WRONG && !trace.labels;
    write(this.label, trace.label ?? "");
  }

  // ---- what is on the screen

  draw() {
    const { trace, call, mode, root } = this;
    const place = coordinatesOf(trace, call);
    root.dataset.supervisionStep = place.supervision_step;
    root.dataset.cycle = place.cycle;
    root.dataset.call = place.call;
    root.dataset.kind = place.kind;
    const view = this.grid.draw(call, mode);
    this.timeline.draw(call);
    this.panel.draw(call, this.cell);
    write(this.place, placeSentence(trace, call));
    write(this.event, eventSentence(trace, call));
    write(this.caption, captionSentence(trace, call, mode));
    for (const { bit, count } of this.counts) write(count, String(view.flags.reduce((total, flags) => total + (flags & bit ? 1 : 0), 0)));
    this.speakSoon();
  }

  drawSelection() {
    const curves = this.cell == null ? null : cellCurves(this.trace, this.cell);
    this.grid.select(this.cell);
    this.timeline.select(this.cell, curves);
    this.panel.select(this.cell, curves);
  }

  speakSoon() {
    this.speaking ??= setTimeout(() => {
      this.speaking = null;
      if (this.trace) write(this.spoken, `${placeSentence(this.trace, this.call)}: ${eventSentence(this.trace, this.call)}`);
    }, this.playing ? 4 * SPOKEN : SPOKEN);
  }

  // ---- what a person does

  go(call) {
    if (call !== this.call) {
      this.call = call;
      this.draw();
      this.tellClock();
    }
    this.reportSoon();
  }

  tellClock() {
    const { trace: { clock, perStep }, call } = this;
    if (!clock) return;
    const detail = { clock, from: this, progress: (call + 1) / perStep, kind: coordinatesOf(this.trace, call).kind };
    document.dispatchEvent(new CustomEvent(CLOCK, { detail }));
  }

  /** Players that share a clock (two models on one puzzle) stand equally far into the same supervision step. */
  onClock({ clock, from, progress, kind }) {
    if (from === this || !this.trace || this.trace.clock !== clock) return;
    this.call = follow(this.trace, progress, kind);
    this.draw();
  }

  command(name) {
    this.go(move(this.trace, this.call, name));
  }

  select(cell) {
    this.cell = cell;
    this.drawSelection();
    this.panel.draw(this.call, cell);
    this.reportSoon();
  }

  setMode(mode) {
    this.mode = mode;
    this.controls.drawMode(mode);
    this.draw();
    this.reportSoon();
  }

  play(on) {
    if (on === this.playing) return;
    this.playing = on;
    this.controls?.drawPlaying(on);
    if (!on) return this.reportSoon();
    if (this.call === this.trace.calls - 1 && this.trace.steps === this.trace.N_sup) this.command("first");
    let last = performance.now();
    const tick = (now) => {
      if (!this.playing) return;
      for (const beat = 1000 / this.speed; now - last >= beat && this.playing; last += beat) this.beat();
      requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  }

  /** One call onwards. At the end of a run that still grows it waits for the next step to arrive. */
  beat() {
    if (this.call < this.trace.calls - 1) this.command(this.mode === "z" ? "next call" : "next answer");
    else if (this.trace.steps === this.trace.N_sup) this.play(false);
  }

  toggleFull() {
    const fillPage = () => this.root.classList.toggle("full"); // where the browser has no full screen for elements, or refuses
    if (!this.root.requestFullscreen) fillPage();
    else (document.fullscreenElement ? document.exitFullscreen() : this.root.requestFullscreen()).catch(fillPage);
  }

  onKey(event) {
    if (!this.trace || event.defaultPrevented) return;
    const path = event.composedPath();
    const own = path.includes(this.root);
    if (!own && document[ACTIVE] !== this && document[ACTIVE]?.root.isConnected) return;
    if (path.some((node) => node.matches?.(own ? "input, textarea, select" : OWN_ARROWS))) return;
    const meaning = keyMeaning(event);
    if (!meaning || (meaning.action === "play" && path[0].matches?.("button, a, summary, [role=button], [role=checkbox], [role=switch]"))) return;
    if (meaning.action === "escape" && !own && this.cell == null && this.controls.help.hidden) return;
    event.preventDefault();
    if (meaning.move) this.command(meaning.move);
    else if (meaning.mode) this.setMode(meaning.mode);
    else if (meaning.select) this.moveSelection(...meaning.select);
    else if (!event.repeat) this.act(meaning.action);
  }

  act(action) {
    if (action === "play") this.play(!this.playing);
    else if (action === "full") this.toggleFull();
    else if (action === "help") this.controls.toggleHelp();
    else if (!this.controls.help.hidden) this.controls.toggleHelp(false);
    else this.select(null);
  }

  moveSelection(down, right) {
    const { rows, columns } = this.trace;
    const from = this.cell ?? this.trace.restlessCell;
    const within = (value, top) => Math.min(Math.max(value, 0), top - 1);
    this.select(within(Math.floor(from / columns) + down, rows) * columns + within((from % columns) + right, columns));
  }

  // ---- what Python is told

  reportSoon() {
    clearTimeout(this.reporting);
    if (this.playing) return;
    this.reporting = setTimeout(() => {
      if (!this.trace) return;
      const cell = this.cell == null ? null : [Math.floor(this.cell / this.trace.columns), this.cell % this.trace.columns];
      const view = { ...coordinatesOf(this.trace, this.call), cell, mode: this.mode };
      if (this.reported === JSON.stringify(view)) return;
      this.reported = JSON.stringify(view);
      this.report?.("view", view);
    }, SETTLED);
  }

  remove() {
    this.playing = false;
    clearTimeout(this.reporting);
    clearTimeout(this.speaking);
    this.listening.abort();
    this.grid?.remove();
    this.root.remove();
    if (document[ACTIVE] === this) delete document[ACTIVE];
  }
}

/** Whether two payloads hold the same run; the view that Python asks for does not count. */
function sameRun(one, other) {
  const names = (data) => Object.keys(data).filter((name) => name !== "start");
  const same = (a, b) => a === b || (typeof a === "object" && JSON.stringify(a) === JSON.stringify(b));
  return Boolean(one && other) && names(one).length === names(other).length && names(one).every((name) => same(one[name], other[name]));
}

/** Runs of one shape are shown in the same elements. */
const shapeOf = ({ task, rows, columns, box_rows, box_columns, n, T, N_sup, looks, words, texts }) =>
  JSON.stringify([task, rows, columns, box_rows, box_columns, n, T, N_sup, looks, words, texts]);

const players = new WeakMap();

/**
 * Mounts the player in `parentElement`, or brings the one that is there up to date.
 * Reports the settled view with setStateValue("view", {supervision_step, cycle, call, kind, cell, mode}).
 * @returns a function that removes it, unless it has been brought up to date since.
 */
export default function mount({ data, parentElement, setStateValue }) {
  const player = players.get(parentElement) ?? new Player(parentElement);
  players.set(parentElement, player);
  player.update(data, setStateValue);
  const turn = (player.turn = (player.turn ?? 0) + 1);
  return () => {
    if (player.turn !== turn) return;
    players.delete(parentElement);
    player.remove();
  };
}
