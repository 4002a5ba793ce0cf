/**
 * A synthetic run for tests: a Sudoku whose answers move at random towards the solution. Derived values
 * (conflicts, correct cells, solved) are counted from the answers, so that tests can compare both.
 */

import { randomFrom } from "../../trm/web/rules/random.js";

const SYMBOLS = [" ", ".", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
const NAMES = ["pad", "blank", "1", "2", "3", "4", "5", "6", "7", "8", "9"];

const base64 = (bytes) => Buffer.from(Uint8Array.from(bytes)).toString("base64");

/** 1 for every cell whose digit occurs twice in its row, column or box. */
export function conflictsOf(tokens, side = 9, box = 3) {
  const units = (cell) => {
    const [row, column] = [Math.floor(cell / side), cell % side];
    return [`r${row}`, `c${column}`, `b${Math.floor(row / box)},${Math.floor(column / box)}`];
  };
  const seen = new Map();
  tokens.forEach((token, cell) =>
    units(cell).forEach(
      (unit) => token > 1 && seen.set(`${unit}:${token}`, (seen.get(`${unit}:${token}`) ?? 0) + 1),
    ),
  );
  return tokens.map((token, cell) =>
    token > 1 && units(cell).some((unit) => seen.get(`${unit}:${token}`) > 1) ? 1 : 0,
  );
}

/** One cell's probabilities as bytes: they sum to 255 and `token` has the highest. */
function distribution(token, sure, random) {
  const weights = SYMBOLS.map((_, other) => (other === token ? 0 : other < 2 ? 0.01 : random() ** 3));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const rest = Math.floor(255 * (1 - sure));
  const bytes = weights.map((weight) => Math.floor((weight / total) * rest * 0.9));
  bytes[token] = 255 - bytes.reduce((sum, byte) => sum + byte, 0);
  return bytes;
}

/** A payload for decodeTrace. `growth`: the number of supervision steps that have arrived. */
export function makePayload({
  n = 6,
  T = 3,
  N_sup = 16,
  growth = N_sup,
  seed = 1,
  labels = true,
  trained = 16,
} = {}) {
  const random = randomFrom(seed);
  const solution = Array.from(
    { length: 81 },
    (_, cell) => 2 + ((Math.floor(cell / 9) * 3 + Math.floor(cell / 27) + (cell % 9)) % 9),
  );
  const givens = solution.map(() => (random() < 0.35 ? 1 : 0));
  const inputs = solution.map((token, cell) => (givens[cell] ? token : 1));
  const [answers, conflicts, probabilities, zAnswers, zConfidence, right, solved, entropy] = [
    [],
    [],
    [],
    [],
    [],
    [],
    [],
    [],
  ];
  const [residualY, residualZ] = [[], []];
  let tokens = inputs.map((token) => (token > 1 ? token : 2 + Math.floor(random() * 9)));
  const planned = N_sup * T;
  for (let answer = 0; answer < planned; answer++) {
    const progress = Math.min(1, (answer / planned) * 1.6);
    tokens = tokens.map((token, cell) =>
      token === solution[cell]
        ? random() < 0.04 * (1 - progress) && !givens[cell]
          ? 2 + Math.floor(random() * 9)
          : token
        : random() < 0.06 + 0.3 * progress || progress === 1
          ? solution[cell]
          : random() < 0.4
            ? 2 + Math.floor(random() * 9)
            : token,
    );
    if (answer === 0) tokens = tokens.map((token, cell) => (!givens[cell] && random() < 0.1 ? 1 : token));
    answers.push(...tokens);
    const broken = conflictsOf(tokens);
    conflicts.push(...broken);
    tokens.forEach((token, cell) =>
      probabilities.push(
        ...distribution(token, givens[cell] ? 1 : 0.3 + 0.68 * progress * (0.7 + 0.3 * random()), random),
      ),
    );
    right.push(tokens.filter((token, cell) => token === solution[cell]).length);
    solved.push(right.at(-1) === 81);
    entropy.push(2.6 * (1 - progress) ** 1.5 + 0.03 * random() + 0.01);
    residualY.push(0.9 * Math.exp(-4 * progress) + 0.01 * random() + 0.004);
    for (let call = 0; call <= n; call++) {
      residualZ.push(
        (call === n ? 0.02 : 0.6 / (call + 1)) * Math.exp(-2 * progress) + 0.002 + 0.004 * random(),
      );
      const reading = tokens.map((token) =>
        random() < 0.3 * (1 - progress) + 0.05 ? 2 + Math.floor(random() * 9) : token,
      );
      zAnswers.push(...reading);
      zConfidence.push(...reading.map(() => Math.floor(255 * (0.2 + 0.6 * random()))));
    }
  }
  const halting = Array.from(
    { length: N_sup },
    (_, step) => 1 / (1 + Math.exp(-0.9 * (step - 0.62 * N_sup))),
  );
  const haltStep = halting.slice(0, growth).findIndex((p) => p > 0.5) + 1 || null;
  const [f, c] = [growth * T, growth * T * (n + 1)];
  return {
    version: 1,
    trace_id: `synthetic-${seed}-${n}x${T}-${growth}`,
    task: "sudoku",
    rows: 9,
    columns: 9,
    box_rows: 3,
    box_columns: 3,
    symbols: SYMBOLS,
    symbol_names: NAMES,
    n,
    T,
    N_sup,
    steps: growth,
    trained: { n: 6, T: 3, N_sup: trained },
    inputs: base64(inputs),
    givens: base64(givens),
    labels: labels ? base64(solution) : null,
    input_conflicts: base64(conflictsOf(inputs)),
    answers: base64(answers.slice(0, f * 81)),
    conflicts: base64(conflicts.slice(0, f * 81)),
    probabilities: base64(probabilities.slice(0, f * 81 * 11)),
    z_answers: base64(zAnswers.slice(0, c * 81)),
    z_confidence: base64(zConfidence.slice(0, c * 81)),
    halt_probability: halting.slice(0, growth),
    halt_step: haltStep,
    halt_rule: "q_halt > 0",
    entropy: entropy.slice(0, f),
    residual_y: residualY.slice(0, f),
    residual_z: residualZ.slice(0, c),
    cells_right: labels ? right.slice(0, f) : null,
    cells_total: 81,
    solved: solved.slice(0, f),
    label: "synthetic run, no model: random walk towards the solution, seed " + seed,
  };
}
