/** Curves over the run: the strips under the timeline, and the probabilities of a cell. */

import { answerAt, callOfAnswer, coordinatesOf } from "../model/coordinates.js";
import { cellProbabilities } from "../model/reading.js";
import { formatNumber, translate, translateOr } from "../text/translate.js";

// Curves live in a box as wide as the run has calls and 1 high; y grows downwards as in SVG.
const answerX = (trace, answer) => callOfAnswer(trace, answer) + 0.5;
const linePath = (values, x, level) =>
  values.map((value, index) => `${index ? "L" : "M"}${x(index)} ${(1 - level(value)).toFixed(4)}`).join("");
const barPath = (from, to, level) => `M${from} 1V${(1 - level).toFixed(4)}H${to}V1Z`;

function barsPath(trace, values, top) {
  return values
    .map((value, answer) => barPath(answer * trace.perCycle, (answer + 1) * trace.perCycle, value / top))
    .join("");
}

/** Residuals span decades: 0.001 is the floor of their logarithmic scale. */
function logLevel(top) {
  return (value) =>
    Math.max(0, (Math.log10(Math.max(value, 1e-3)) + 3) / (Math.log10(Math.max(top, 1e-2)) + 3));
}

/** Which cells are counted as right; where nobody knows what is right, those that break a rule. */
function correctName({ cellsRight, scored, skin }) {
  if (!cellsRight) return translate(skin.conflictLabel);
  return scored
    ? translate("strip_right_of", { cells: translateOr(`scored_${scored}`, scored) })
    : translate("strip_right");
}

/** The strips: `read` is the value at a call as text, `paths` the curve as [class name, path] pairs. */
export const STRIPS = [
  {
    id: "halting",
    name: () => translate("strip_halting"),
    read: (trace, call) => trace.haltProbability[coordinatesOf(trace, call).supervision_step - 1].toFixed(3),
    paths: (trace) => [
      ...trace.haltProbability.map((p, step) => [
        p > 0.5 ? "bar lit" : "bar",
        barPath(step * trace.perStep, (step + 1) * trace.perStep, p),
      ]),
      ["rule", `M0 .5H${trace.length}`],
    ],
  },
  {
    id: "right",
    name: correctName,
    read: (trace, call) =>
      trace.cellsRight
        ? perAnswer(trace, call, trace.cellsRight, (count) => `${count}/${trace.cells_total}`)
        : perAnswer(trace, call, trace.conflicting, String),
    paths: (trace) => [
      [
        "area",
        trace.cellsRight
          ? barsPath(trace, trace.cellsRight, trace.cells_total)
          : barsPath(trace, trace.conflicting, Math.max(1, ...trace.conflicting)),
      ],
    ],
  },
  {
    id: "changed",
    name: () => translate("strip_changed"),
    quiet: true,
    read: (trace, call) => (answerAt(trace, call) < 1 ? "–" : perAnswer(trace, call, trace.changed, String)),
    paths: (trace) => [["area", barsPath(trace, trace.changed, Math.max(1, ...trace.changed))]],
  },
  {
    id: "entropy",
    name: () => translate("strip_entropy"),
    quiet: true,
    read: (trace, call) => perAnswer(trace, call, trace.entropy, (value) => value.toFixed(2)),
    paths: (trace) => [
      [
        "line",
        linePath(
          trace.entropy,
          (answer) => answerX(trace, answer),
          (value) => value / Math.max(1e-9, ...trace.entropy),
        ),
      ],
    ],
  },
  {
    id: "residual-y",
    name: () => translate("strip_residual-y"),
    quiet: true,
    read: (trace, call) => perAnswer(trace, call, trace.residualY, formatNumber),
    paths: (trace) => [
      [
        "line",
        linePath(trace.residualY, (answer) => answerX(trace, answer), logLevel(highestResidual(trace))),
      ],
    ],
  },
  {
    id: "residual-z",
    name: () => translate("strip_residual-z"),
    quiet: true,
    read: (trace, call) => (movesZ(trace, call) ? formatNumber(trace.residualZ[call]) : "–"),
    paths: (trace) => {
      const moves = trace.residualZ.map((_, call) => call).filter((call) => movesZ(trace, call));
      return [
        [
          "line fine",
          linePath(
            moves.map((call) => trace.residualZ[call]),
            (move) => moves[move] + 0.5,
            logLevel(highestResidual(trace)),
          ),
        ],
      ];
    },
  },
];

/** The two residuals have one scale, so that their curves can be compared. */
const highestResidual = ({ residualY, residualZ }) => Math.max(...residualZ, ...residualY);

/** f_H leaves z alone, unless y and z are one state: there its move is nothing to plot. */
const movesZ = (trace, call) => trace.oneState || coordinatesOf(trace, call).kind === "f_L";

function perAnswer(trace, call, values, text) {
  const answer = answerAt(trace, call);
  return answer < 0 ? "–" : text(values[answer]);
}

/**
 * The curves of a cell, one per symbol: [V] paths; [V] ranks, 0 for the most probable over the run and those
 * `beside` it, -1 past the fifth or when the symbol never matters; [V] peaks, the highest probability each
 * reached. A rank is a colour, so runs side by side rank together: a symbol has one colour in all of them.
 */
export function cellCurves(trace, cell, beside = []) {
  const all = [trace, ...beside].map((run) => seriesOf(run, cell));
  const [series] = all;
  const peaks = series.map((values) => Math.max(...values));
  const matters = (token) => all.some((run) => Math.max(...run[token]) > 0.05);
  const weights = peaks.map((_, token) => all.reduce((sum, run) => sum + meanOf(run[token]), 0));
  const ranked = peaks
    .map((_, token) => token)
    .filter(matters)
    .sort((a, b) => weights[b] - weights[a] || a - b);
  return {
    paths: series.map((values) =>
      linePath(
        values,
        (answer) => answerX(trace, answer),
        (value) => value,
      ),
    ),
    ranks: peaks.map((_, token) => ranked.slice(0, 5).indexOf(token)),
    peaks,
  };
}

/** The probabilities of a cell over the f_H calls, by symbol. */
function seriesOf(trace, cell) {
  const rows = Array.from({ length: trace.answers }, (_, answer) => cellProbabilities(trace, answer, cell));
  return trace.texts.map((_, token) => rows.map((row) => row[token]));
}

const meanOf = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
