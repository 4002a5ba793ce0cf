/**
 * The history of cells: counts over the f_H calls that have arrived. An f_H call is addressed by its index
 * from 0, called `answer`.
 */

import { isScored } from "./cells.js";

/**
 * The history of one cell: `finalFrom`, the f_H call after which its answer no longer changes; `changes`, the
 * number of changes. If the solution is known: `firstRight`, the first correct f_H call (-1: none); `losses`,
 * how often a correct answer became wrong; `rightFrom`, the f_H call from which it is correct to the end
 * (-1: wrong at the end). Otherwise these three are null.
 */
export function cellHistory({ tokens, labels, answers, L }, cell) {
  const history = { finalFrom: 0, changes: 0, firstRight: null, losses: null, rightFrom: null };
  const scored = labels && isScored(labels, cell);
  if (scored) Object.assign(history, { firstRight: -1, losses: 0, rightFrom: -1 });
  for (let answer = 0; answer < answers; answer++) {
    const token = tokens[answer * L + cell];
    if (answer && token !== tokens[(answer - 1) * L + cell]) {
      history.changes++;
      history.finalFrom = answer;
    }
    if (!scored) continue;
    const right = token === labels[cell];
    if (right && history.firstRight < 0) history.firstRight = answer;
    if (right && history.rightFrom < 0) history.rightFrom = answer;
    if (!right && history.rightFrom >= 0) {
      history.losses++;
      history.rightFrom = -1;
    }
  }
  return history;
}

/**
 * [L]: the f_H call at which a cell first became correct, if it stayed correct since. Other cells, givens and
 * runs without a solution have `answers`, which no call reaches.
 */
export function stableFrom({ tokens, labels, givens, answers, L }) {
  const stable = new Int32Array(L).fill(answers);
  if (!labels) return stable;
  for (let cell = 0; cell < L; cell++) {
    if (givens[cell] || !isScored(labels, cell)) continue;
    let from = answers;
    while (from > 0 && tokens[(from - 1) * L + cell] === labels[cell]) from--;
    let before = 0;
    while (before < from && tokens[before * L + cell] !== labels[cell]) before++;
    if (before === from) stable[cell] = from;
  }
  return stable;
}

/** [answers * L]: the latest f_H call up to each one that answered the cell with `token`, -1 for none. */
export function lastAnswered({ tokens, answers, L }, token) {
  const last = new Int16Array(answers * L);
  for (let at = 0; at < last.length; at++) {
    last[at] = tokens[at] === token ? Math.floor(at / L) : at < L ? -1 : last[at - L];
  }
  return last;
}
