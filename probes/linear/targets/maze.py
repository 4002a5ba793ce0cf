"""Maze targets: shortest paths, dead ends, distances, and the cells that a flood fill from the start reaches."""

from functools import partial

import numpy as np

from probes.linear.targets.base import Evidence, RawValues, Target, binary, classes, number
from probes.linear.targets.common import all_cells, correctness_targets, difficulty_target, run_targets
from trm.tasks.maze import Maze
from trm.tasks.maze.geometry import OPEN

DIRECTIONS = {"up": (-1, 0), "right": (0, 1), "down": (1, 0), "left": (0, -1)}
"""Classes of `next_direction`, with their steps (rows, columns)."""


def maze_targets(task: Maze) -> list[Target]:
    """Create all targets for mazes of this size. Targets for paths and dead ends are defined only in open cells."""
    return [
        binary("on_path", "This open cell lies on a shortest path.", partial(_of_open_cells, fact="on_path")),
        binary(
            "wall",
            "This cell is a wall.",
            lambda evidence: (evidence.facts["wall"] == 1, all_cells(evidence)),
        ),
        binary(
            "dead_end",
            "This open cell lies on no path from start to goal that visits each cell at most once.",
            partial(_of_open_cells, fact="dead_end"),
        ),
        number(
            "distance_to_start",
            "The number of steps from this cell to the start.",
            partial(_distance, fact="distance_to_start"),
        ),
        number(
            "distance_to_goal",
            "The number of steps from this cell to the goal.",
            partial(_distance, fact="distance_to_goal"),
        ),
        classes(
            "next_direction",
            "The direction in which the shortest path continues from this cell, if it is unique.",
            tuple(DIRECTIONS),
            _next_direction,
        ),
        *(
            binary(
                f"reached_within_{steps}",
                f"A flood fill from the start reaches this open cell within {steps} steps.",
                partial(_reached, steps=steps),
            )
            for steps in flood_steps(task.side)
        ),
        *correctness_targets(task),
        difficulty_target(),
        *run_targets(),
    ]


def flood_steps(side: int) -> list[int]:
    """Return the step counts of the flood-fill targets: 4, 8, 16, ..., up to three times the side."""
    steps = [4]
    while steps[-1] * 2 <= 3 * side:
        steps.append(steps[-1] * 2)
    return steps


def _of_open_cells(evidence: Evidence, *, fact: str) -> RawValues:
    return evidence.facts[fact] == 1, evidence.inputs == OPEN


def _distance(evidence: Evidence, *, fact: str) -> RawValues:
    distance = evidence.facts[fact]
    return distance, distance >= 0


def _reached(evidence: Evidence, *, steps: int) -> RawValues:
    distance = evidence.facts["distance_to_start"]
    return (distance >= 0) & (distance <= steps), evidence.inputs == OPEN


def _next_direction(evidence: Evidence) -> RawValues:
    """Return the direction of the neighbour that is one step closer to the goal, for cells on shortest paths.

    The direction is undefined at the goal and in cells with two such neighbours.
    """
    side = evidence.task.side
    distance = evidence.facts["distance_to_goal"].astype(int).reshape(-1, side, side)
    around = np.pad(distance, ((0, 0), (1, 1), (1, 1)), constant_values=-1)
    closer = np.stack(
        [
            around[:, 1 + row : 1 + row + side, 1 + column : 1 + column + side] == distance - 1
            for row, column in DIRECTIONS.values()
        ]
    ).reshape(len(DIRECTIONS), *evidence.inputs.shape)
    on_path = (evidence.facts["on_path"] == 1) & (evidence.facts["distance_to_goal"] > 0)
    return closer.argmax(0), on_path & (closer.sum(0) == 1)
