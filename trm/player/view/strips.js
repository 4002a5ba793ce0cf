/** Curves over the run: the strips of the timeline, and the probabilities of a cell. */

import { answerAt, callOfAnswer, coordinatesOf } from "../model/coordinates.js";
import { cellProbabilities } from "../model/grid_view.js";
import { formatNumber, translate } from "../text/translate.js";

// Curves are drawn in a box as wide as the run has calls and 1 high; y points down as in SVG.
const answerX = (trace, answer) => callOfAnswer(trace, answer) + 0.5;
const linePath = (values, x, level) =>
  values.map((value, index) => `${index ? "L" : "M"}${x(index)} ${(1 - level(value)).toFixed(4)}`).join("");
const barPath = (from, to, level) => `M${from} 1V${(1 - level).toFixed(4)}H${to}V1Z`;

function barsPath(trace, values, top) {
  return values
    .map((value, answer) => barPath(answer * trace.perCycle, (answer + 1) * trace.perCycle, value / top))
    .join("");
}

/** The logarithmic scale of residuals, from 0.001 to their maximum. */
function logLevel(top) {
  return (value) =>
    Math.max(0, (Math.log10(Math.max(value, 1e-3)) + 3) / (Math.log10(Math.max(top, 1e-2)) + 3));
}

/** The name of the score strip: correct cells or, without a solution, cells that break a rule. */
function correctName({ cellsRight, skin }) {
  return translate(cellsRight ? "strip_right" : skin.conflictLabel);
}

/** The strips. `valueAt`: the value at a call as text; `paths`: the curve as [class name, path] pairs. */
export const STRIPS = [
  {
    id: "halting",
    name: () => translate("strip_halting"),
    valueAt: (trace, call) =>
      trace.haltProbability[coordinatesOf(trace, call).supervision_step - 1].toFixed(3),
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
    valueAt: (trace, call) =>
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
    valueAt: (trace, call) =>
      answerAt(trace, call) < 1 ? "–" : perAnswer(trace, call, trace.changed, String),
    paths: (trace) => [["area", barsPath(trace, trace.changed, Math.max(1, ...trace.changed))]],
  },
  {
    id: "entropy",
    name: () => translate("strip_entropy"),
    quiet: true,
    valueAt: (trace, call) => perAnswer(trace, call, trace.entropy, (value) => value.toFixed(2)),
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
    valueAt: (trace, call) => perAnswer(trace, call, trace.residualY, formatNumber),
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
    valueAt: (trace, call) => (movesZ(trace, call) ? formatNumber(trace.residualZ[call]) : "–"),
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

/** Both residuals share one scale, so that their curves can be compared. */
const highestResidual = ({ residualY, residualZ }) => Math.max(...residualZ, ...residualY);

/** Whether a call changes z: f_H does so only in models with a single state. */
const movesZ = (trace, call) => trace.oneState || coordinatesOf(trace, call).kind === "f_L";

function perAnswer(trace, call, values, text) {
  const answer = answerAt(trace, call);
  return answer < 0 ? "–" : text(values[answer]);
}

/**
 * The curves of a cell, one per symbol: `paths` [V]; `ranks` [V], by mean probability, 0 for the highest, -1
 * after the fifth or if the symbol is never probable; `peaks` [V], the highest probability of each. A rank
 * defines a colour, so ranks are shared with the runs `beside` this one.
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

/** The probabilities of a cell over the f_H calls, [V][answers]. */
function seriesOf(trace, cell) {
  const rows = Array.from({ length: trace.answers }, (_, answer) => cellProbabilities(trace, answer, cell));
  return trace.texts.map((_, token) => rows.map((row) => row[token]));
}

const meanOf = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
