/** Keys of the editor, on any keyboard layout. */

import { keyName } from "../../../trm/player/keys.js";

const MOVES = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
  Home: [0, -Infinity],
  End: [0, Infinity],
  PageUp: [-Infinity, 0],
  PageDown: [Infinity, 0],
};
const WITH_CONTROL = { z: "undo", Z: "redo", y: "redo", Enter: "use" };
const ALONE = { Backspace: "empty", Delete: "empty", " ": "toggle", Enter: "put", Escape: "cancel" };

/**
 * The meaning of a key: {move: [rows, columns], draws}, {write: token} or {action}; else null. `keys` maps keys
 * to the tokens they write; `draws`: moving also draws.
 */
export function editingKey(event, keys) {
  const { key, shiftKey, ctrlKey, metaKey, altKey } = event;
  if (altKey) return null;
  const nameIn = (table) => keyName(event, (name) => Object.hasOwn(table, name));
  if (ctrlKey || metaKey) {
    const name = nameIn(WITH_CONTROL);
    return name == null ? null : { action: WITH_CONTROL[name] };
  }
  if (MOVES[key]) return { move: MOVES[key], draws: shiftKey };
  if (ALONE[key]) return { action: ALONE[key] };
  const name = nameIn(keys);
  return name == null ? null : { write: keys[name] };
}

/** The cell after a move, clipped to the grid. */
export function cellBeside(cell, [down, right], rows, columns) {
  const within = (value, count) => Math.min(Math.max(value, 0), count - 1);
  return (
    within(Math.floor(cell / columns) + down, rows) * columns + within((cell % columns) + right, columns)
  );
}

/** The list of keys, as [key, meaning]. */
export function keyHelp(isDrawn, toolKeys) {
  return [
    ["arrows", isDrawn ? "move; with shift: draw" : "move"],
    [toolKeys, isDrawn ? "draw in the cell" : "enter the digit"],
    [isDrawn ? "backspace" : "0 . backspace", "clear the cell"],
    ["space", "clear the cell, or restore it"],
    ["ctrl z, ctrl y", "undo, redo"],
    ["ctrl v", "paste a puzzle"],
    ["ctrl enter", "use this puzzle"],
    ["esc", "cancel"],
  ];
}
