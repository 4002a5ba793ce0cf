/** What keys mean while a puzzle is edited, on any keyboard. */

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
 * The meaning of a key: {move: [rows, columns], draws}, {write: token}, {action}; null where it is not ours.
 * `keys` are the tokens by the keys that write them; `draws`: the cells that one moves to are drawn.
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

/** The cell one comes to, inside the grid. */
export function cellBeside(cell, [down, right], rows, columns) {
  const within = (value, count) => Math.min(Math.max(value, 0), count - 1);
  return (
    within(Math.floor(cell / columns) + down, rows) * columns + within((cell % columns) + right, columns)
  );
}

/** The keys in words, for those who look for them. */
export function keyHelp(isDrawn, toolKeys) {
  return [
    ["arrows", isDrawn ? "move; with shift: draw" : "move"],
    [toolKeys, isDrawn ? "put into the cell" : "write"],
    [isDrawn ? "backspace" : "0 . backspace", "empty the cell"],
    ["space", "empty the cell, and back"],
    ["ctrl z, ctrl y", "undo, redo"],
    ["ctrl v", "paste a puzzle"],
    ["ctrl enter", "use this puzzle"],
    ["esc", "cancel"],
  ];
}
