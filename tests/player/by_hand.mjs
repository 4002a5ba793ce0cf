/** Payloads small enough to work out the expected views by hand. */

export const base64 = (bytes) => Buffer.from(Uint8Array.from(bytes)).toString("base64");

/** Two cells, one supervision step of two cycles with one f_L call each: small enough to work out by hand. */
export function tinyPayload(changes = {}) {
  return {
    version: 1,
    trace_id: "tiny",
    task: "sudoku",
    rows: 1,
    columns: 2,
    box_rows: 0,
    box_columns: 0,
    symbols: [" ", ".", "1", "2"],
    symbol_names: ["pad", "blank", "1", "2"],
    n: 1,
    T: 2,
    N_sup: 2,
    steps: 2,
    trained: { n: 1, T: 2, N_sup: 2 },
    inputs: base64([2, 1]),
    givens: base64([1, 0]),
    labels: base64([2, 3]),
    input_conflicts: base64([0, 0]),
    answers: base64([2, 1, 2, 2, 2, 2, 2, 3]),
    conflicts: base64([0, 0, 1, 1, 1, 1, 0, 0]),
    probabilities: base64(
      [
        [0, 0, 255, 0],
        [0, 155, 60, 40],
        [0, 0, 255, 0],
        [0, 0, 150, 105],
        [0, 0, 255, 0],
        [0, 0, 130, 125],
        [0, 0, 255, 0],
        [0, 0, 0, 255],
      ].flat(),
    ),
    z_answers: base64([2, 1, 2, 2, 2, 3, 2, 3, 2, 2, 2, 2, 2, 3, 2, 3]),
    z_confidence: base64(Array.from({ length: 16 }, (_, index) => index * 10)),
    halt_probability: [0.12, 0.973],
    halt_step: 2,
    halt_rule: "q_halt > 0",
    entropy: [1.4, 1, 0.9, 0],
    residual_y: [0.5, 0.25, 0.1, 0.004],
    residual_z: [1, 0.1, 0.5, 0.1, 0.25, 0.1, 0.12, 0.1],
    cells_right: [1, 1, 1, 2],
    cells_total: 2,
    solved: [false, false, false, true],
    most_changed_cell: 1,
    label: "made by hand",
    ...changes,
  };
}

/** Probabilities of a cell, in 255ths: `second` gets what `sure` leaves. */
function sureOf(V, token, sure = 255, second = 0) {
  const bytes = Array(V).fill(0);
  bytes[second] = 255 - sure;
  bytes[token] = sure;
  return bytes;
}

export const [WALL, OPEN, START, GOAL, PATH] = [1, 2, 3, 4, 5];

/**
 * S.G over .#. , one supervision step of two cycles with one f_L call each: the path is drawn in the second
 * answer.
 */
export function mazePayload(changes = {}) {
  const maze = [START, OPEN, GOAL, OPEN, WALL, OPEN];
  const solution = [START, PATH, GOAL, OPEN, WALL, OPEN];
  const names = ["pad", "wall", "open", "start", "goal", "path"];
  return {
    version: 1,
    trace_id: "maze",
    task: "maze",
    kind: "trm",
    rows: 2,
    columns: 3,
    box_rows: 0,
    box_columns: 0,
    symbols: [".", "#", ".", "S", "G", "o"],
    symbol_names: names,
    looks: names,
    n: 1,
    T: 2,
    N_sup: 1,
    steps: 1,
    trained: { n: 1, T: 2, N_sup: 1 },
    inputs: base64(maze),
    givens: base64([1, 0, 1, 0, 1, 0]),
    labels: base64(solution),
    input_conflicts: base64(Array(6).fill(0)),
    answers: base64([...maze, ...solution]),
    conflicts: base64(Array(12).fill(0)),
    probabilities: base64(
      [...maze, ...solution].flatMap((token, at) =>
        at % 6 === 1 ? sureOf(6, token, 170, at < 6 ? PATH : OPEN) : sureOf(6, token),
      ),
    ),
    z_answers: base64([...maze, ...maze, ...solution, ...solution]),
    z_confidence: base64(Array(24).fill(128)),
    halt_probability: [0.2],
    halt_step: null,
    halt_rule: "q_halt > 0",
    entropy: [1, 0],
    residual_y: [0.5, 0.1],
    residual_z: [1, 0, 0.5, 0],
    cells_right: [2, 3],
    cells_total: 3,
    scored: "open",
    solved: [false, true],
    label: "made by hand",
    crops: null,
    ...changes,
  };
}

export const [PAD, BORDER, BLUE, RED] = [0, 1, 2, 3];

/**
 * One row of an ARC grid: blue, red, a border and a padding cell; the second answer has red instead of blue and
 * junk beyond the border.
 */
export function arcPayload(changes = {}) {
  const [grid, other] = [
    [BLUE, RED, BORDER, PAD],
    [RED, RED, BORDER, BLUE],
  ];
  return {
    version: 1,
    trace_id: "arc",
    task: "arc",
    kind: "trm",
    rows: 1,
    columns: 4,
    box_rows: 0,
    box_columns: 0,
    symbols: [".", "|", "1", "2"],
    symbol_names: ["pad", "border", "blue", "red"],
    looks: ["pad", "border", "#0000ff", "#ff0000"],
    n: 1,
    T: 2,
    N_sup: 1,
    steps: 1,
    trained: { n: 1, T: 2, N_sup: 1 },
    inputs: base64(grid),
    givens: base64([0, 0, 0, 0]),
    labels: base64(grid),
    input_conflicts: base64([0, 0, 0, 0]),
    answers: base64([...grid, ...other]),
    conflicts: base64(Array(8).fill(0)),
    probabilities: base64(
      [...grid, ...other].flatMap((token) => sureOf(4, token, 155, token === RED ? BLUE : RED)),
    ),
    z_answers: base64([...grid, ...grid, ...other, ...other]),
    z_confidence: base64(Array(16).fill(255)),
    halt_probability: [0.2],
    halt_step: null,
    halt_rule: "q_halt > 0",
    entropy: [1, 0],
    residual_y: [0.5, 0.1],
    residual_z: [1, 0, 0.5, 0],
    cells_right: [3, 2],
    cells_total: 3,
    scored: "",
    solved: [true, false],
    label: "made by hand",
    crops: {
      input: [1, 2],
      answers: [
        [1, 2],
        [1, 2],
      ],
      z: [
        [1, 2],
        [1, 2],
        [1, 1],
        [1, 1],
      ],
    },
    ...changes,
  };
}

/** The tiny run with reverse embeddings: y decodes to 2 2, then to 2 3 until the end. */
export const reversePayload = (changes) =>
  tinyPayload({
    z_reverse: base64([2, 1, 1, 1, 2, 3, 2, 3, 2, 2, 1, 2, 2, 3, 2, 3]),
    y_reverse: base64([2, 2, 2, 3, 2, 3, 2, 3]),
    ...changes,
  });
