"""Features that probes read, a block of puzzles at a time, so that they never have to be in memory as a whole."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int, Num, UInt8

from probes.linear.baselines import input_features
from probes.states import StateSource
from trm.coordinates import Coordinates
from trm.tasks.base import Task

BLOCK = 128  # puzzles read at a time

Read = Callable[[Int[np.ndarray, "row"], int], Num[np.ndarray, "row cell dim"]]
"""Returns the features of some puzzles (by index) at one time point (by index)."""


@dataclass(frozen=True)
class Features:
    """Features of shape [puzzle, time, cell, dim]. Features that do not change have a single time point."""

    shape: tuple[int, int, int, int]
    read: Read

    @classmethod
    def of_array(cls, array: Num[np.ndarray, "puzzle time cell dim"]) -> "Features":
        """Return the features in an array."""
        return cls(array.shape, lambda rows, time_point: array[rows, time_point])

    @classmethod
    def of_states(cls, source: StateSource, name: str, time_points: Sequence[Coordinates]) -> "Features":
        """Return the states y or z of every cell at these time points."""
        shape = (len(source), len(time_points), source.task.cells, source.config.hidden_size)
        return cls(shape, lambda rows, time_point: source.states(name, time_points[time_point], rows))

    @classmethod
    def of_inputs(cls, task: Task, inputs: UInt8[np.ndarray, "puzzle cell"], *, cells: bool) -> "Features":
        """Return the features of `probes.linear.baselines.input_features`, computed when they are read."""
        _, _, places, dim = input_features(task, inputs[:1], cells=cells).shape
        return cls(
            (len(inputs), 1, places, dim),
            lambda rows, _: input_features(task, inputs[rows], cells=cells)[:, 0],
        )

    def at_times(self, count: int) -> "Features":
        """Repeat features of a single time point at `count` time points."""
        if self.shape[1] == count:
            return self
        puzzles, _, cells, dim = self.shape
        return Features((puzzles, count, cells, dim), lambda rows, time_point: self.read(rows, 0))

    def averaged(self) -> "Features":
        """Average over cells: one position per puzzle."""
        puzzles, times, _, dim = self.shape
        return Features(
            (puzzles, times, 1, dim),
            lambda rows, time_point: self.read(rows, time_point).mean(1, keepdims=True),
        )

    def pooled(self) -> "Features":
        """Treat time points as additional cells: a single time point with all of them."""
        puzzles, times, cells, dim = self.shape
        return Features(
            (puzzles, 1, times * cells, dim),
            lambda rows, _: np.concatenate([self.read(rows, time_point) for time_point in range(times)], 1),
        )

    def block(self, rows: Int[np.ndarray, "row"]) -> Float32[np.ndarray, "row time cell dim"]:
        """Return the features of some puzzles at all time points."""
        return np.stack(
            [self.read(rows, time_point).astype(np.float32) for time_point in range(self.shape[1])], axis=1
        )


def blocks(rows: Int[np.ndarray, "row"]) -> list[Int[np.ndarray, "few"]]:
    """Split puzzles into blocks that are read at a time."""
    return [rows[begin : begin + BLOCK] for begin in range(0, len(rows), BLOCK)]
