/** Mazes: walls, floor, and a trail that joins neighbouring path cells. */

import { DOWN, LEFT, LEVELS, RIGHT, UP, brightness } from "./brush.js";
import { CHANGED, CONFLICT, DROPPED, GIVEN, MISSING, WRONG } from "../model/cells.js";
import { translate } from "../text/translate.js";

const TRAIL = ["path", "start", "goal"];

export const MAZE_SKIN = {
  name: "maze",
  fades: true, // dropped path cells
  hasMissingCells: true, // cells of the solution that the path misses
  marks: [CHANGED, DROPPED, CONFLICT, WRONG, MISSING],
  conflictLabel: "path_broken",
  conflictMark: "path_broken",
  conflictSentence: (count) => (count ? translate("path_broken_at", { count }) : translate("no_path")),
  captions: {
    answer: "y_caption",
    probabilities: "dot_size",
    confidence: "shade_caption",
    change: "bright_small",
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

  /** A wall covers the shade; z is drawn at full strength in givens. */
  showsShade: (look, flags, mode) => (mode === "z" ? !(flags & GIVEN) : look !== "wall"),

  setProbabilities({ looks }, probabilities, start, cell, picture) {
    picture.levels[cell] = probabilities[start + looks.indexOf("path")] >> 3;
    picture.joints[cell] = 0;
  },

  paint(brush, { look, other, level, joints, fading, flags }, mode) {
    const { context, ink } = brush;
    const bright = brightness(mode, flags, level);
    const isDot = mode === "probabilities" && !(flags & GIVEN);
    if (look !== "wall" || isDot || bright < 1)
      this.paintGround(brush, flags, mode === "confidence" ? level : 0);
    context.globalAlpha = bright;
    if (isDot) brush.stamp("dot", level);
    else if (look === "wall") brush.fill(ink.wall);
    else if (look === "path") brush.stamp(flags & WRONG ? "wrong path" : "path", joints);
    else if (look === "start" || look === "goal") brush.stamp(look, joints);
    else if (fading) brush.stamp("dropped", fading);
    context.globalAlpha = 1;
    if (other) this.paintSmall(brush, other);
    brush.marks(flags, look === "start" || look === "goal");
  },

  /** Floor with its lines, tinted by the confidence of the answer. */
  paintGround(brush, flags, level) {
    const { context, ink } = brush;
    brush.fill(ink.floorLine);
    brush.fill(ink.paper, 0, 0, brush.width - 1, brush.height - 1);
    if (level) {
      context.globalAlpha = (0.5 * level) / LEVELS;
      brush.fill(ink.accent);
      context.globalAlpha = 1;
    }
    if (flags & CONFLICT) brush.fill(ink.hatch);
  },

  /** The start is a disc and the goal a square, each with its letter. */
  drawings: {
    dot: (brush, level) => brush.dot(brush.ink.trail, 0.46 * Math.sqrt(level / LEVELS)),
    path: (brush, joints) => brush.dot(brush.ink.trail, 0.26, joints),
    "wrong path": (brush, joints) => brush.dot(brush.ink.wrong, 0.26, joints),
    dropped: (brush, level) => brush.circle(brush.ink.trail, 0.2, level / LEVELS),
    start(brush, joints) {
      brush.dot(brush.ink.trail, 0.46, joints);
      brush.letter(brush.ink.paper, "S");
    },
    goal(brush, joints) {
      brush.dot(brush.ink.trail, 0.1, joints);
      brush.square(brush.ink.goal, 0.72);
      brush.letter(brush.ink.onGoal, "G");
    },
  },

  /** The small token in the lower right corner: wall, path, start, goal, or an empty frame. */
  paintSmall(brush, look) {
    const { ink, width, height, size } = brush;
    const side = Math.round(size * 0.36);
    const [x, y] = [width - side - 1, height - side - 1];
    const tone = { wall: ink.wall, path: ink.trail, start: ink.trail, goal: ink.goal }[look] ?? ink.paper;
    brush.fill(ink.soft, x, y, side, side);
    brush.fill(tone, x + 1, y + 1, side - 2, side - 2);
  },
};
