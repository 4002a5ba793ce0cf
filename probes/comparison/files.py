"""Comparisons of two models: files, and export as JSON and as tables for notebooks. Reading a comparison needs no torch.

The app comes with a comparison of the default pair, so that the Compare page has results before anything is computed.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float64

from probes.comparison.result import Measurements
from recursion_lens import ASSETS
from trm.errors import UserError
from trm.results import as_json, load, maybe_undefined

if TYPE_CHECKING:
    from probes.comparison.cka import NormalisedGrams

RECORDED = ASSETS / "recorded" / "compare"
DECIMALS = 3  # decimals of exported CKA values
STATES = ("y", "z")


class ComparisonError(UserError):
    """The file is not a comparison, or the two models cannot be compared."""


@dataclass(frozen=True)
class Comparison:
    """Measurements of two models on the same puzzles, and the CKA between their states after f_H calls.

    Rows and columns of `cka` have four blocks: y and z of the first model, then y and z of the second model.
    """

    models: tuple[Measurements, Measurements]
    cka: Float64[np.ndarray, "time time"] = (
        maybe_undefined()
    )  # NaN where a state does not distinguish puzzles

    def __post_init__(self) -> None:
        if len(self.cka) != self.state_blocks[-1][2].stop:
            raise ValueError("not the CKA of these models")

    @property
    def time_points(self) -> "list[TimePoint]":
        """The time point of each row of `cka`."""
        about = [measured.provenance for measured in self.models]
        return [
            time_point
            for each in about
            for time_point in time_points_of(each.model, T=each.T, N_sup=each.N_sup)
        ]

    @property
    def state_blocks(self) -> list[tuple[int, str, slice]]:
        """For each block of `cka`, the model (0 or 1), the state and the rows."""
        blocks, start = [], 0
        for index, measured in enumerate(self.models):
            for state in STATES:
                end = start + measured.provenance.N_sup * measured.provenance.T
                blocks.append((index, state, slice(start, end)))
                start = end
        return blocks

    def cka_between(
        self, one: tuple[int, str], other: tuple[int, str]
    ) -> Float64[np.ndarray, "time_one time_other"]:
        """Return the CKA between all time points of two blocks. Each block is given by its model (0 or 1) and state."""
        rows = {(index, state): rows for index, state, rows in self.state_blocks}
        return self.cka[rows[one], rows[other]]


def make_comparison(
    one: "tuple[Measurements, dict[str, NormalisedGrams]]",
    other: "tuple[Measurements, dict[str, NormalisedGrams]]",
) -> Comparison:
    """Compare two models measured on the same puzzles. Raises ComparisonError if the puzzle sets differ."""
    (first, first_grams), (second, second_grams) = one, other
    puzzle_sets = [
        (each.provenance.task, each.provenance.data, each.provenance.count) for each in (first, second)
    ]
    if puzzle_sets[0] != puzzle_sets[1]:
        raise ComparisonError(
            f"{first.provenance.model} was measured on {_describe(puzzle_sets[0])}, {second.provenance.model} on {_describe(puzzle_sets[1])}. "
            "Measure both on the same puzzles."
        )
    return Comparison((first, second), cka_of_all([first_grams, second_grams]))


def cka_of_all(models: "list[dict[str, NormalisedGrams]]") -> Float64[np.ndarray, "time time"]:
    """Compute the CKA between all time points, ordered by model and then by state (y, z)."""
    every = [grams[state] for grams in models for state in STATES]
    return np.block([[row.cka(column) for column in every] for row in every])


def _describe(puzzle_set: tuple[str, str, int]) -> str:
    task, data, count = puzzle_set
    return f"{count} {task} puzzles from {data}"


# ---- JSON


def to_dict(comparison: Comparison) -> dict[str, Any]:
    """Return the comparison as JSON-compatible values."""
    return as_json(comparison) | {"cka": cka_to_list(comparison.cka)}


def cka_to_list(cka: Float64[np.ndarray, "row column"]) -> list[list[float | None]]:
    """Convert CKA to nested lists for JSON, with None for NaN."""
    return [[None if np.isnan(value) else round(float(value), DECIMALS) for value in row] for row in cka]


def load_comparison(path: Path) -> Comparison:
    """Read a recorded comparison. Raises ComparisonError if the file is anything else."""
    return load(path, Comparison, refusal=ComparisonError, thing="comparison of this version")


def recorded_path(one: str, other: str) -> Path:
    """Return the file of the recorded comparison of two bundled models."""
    return RECORDED / f"{'--'.join(name.replace('/', '_') for name in (one, other))}.safetensors"


# ---- tables


def curves_table(comparison: Comparison) -> dict[str, list]:
    """Return the curves of both models as a table: one row per point, with quantity, value and confidence limits."""
    rows = []
    for measured in comparison.models:
        curves = {
            "solved": measured.solved,
            "retained from the solution": measured.retention,
            "retained after first solved": measured.own_retention,
        }
        curves |= {f"residual of {state}": curve for state, curve in measured.residual.items()}
        for quantity, near in (
            ("solved", measured.near),
            ("correct blank cells", measured.near_blanks),
            ("correct givens", measured.near_givens),
        ):
            curves |= {f"{quantity} with {blanks} blanks": curve for blanks, curve in near.items()}
        for quantity, curve in curves.items():
            points = zip(curve.x, curve.middle, curve.low, curve.high, strict=True)
            rows += [(measured.provenance.model, quantity, *point) for point in points]
        for state, ratios in measured.ratio.items():
            rows += [
                (measured.provenance.model, f"participation ratio of {state}", step, ratio, None, None)
                for step, ratio in enumerate(ratios, 1)
            ]
    columns = ("model", "quantity", "at", "value", "low", "high")
    return {name: list(column) for name, column in zip(columns, zip(*rows, strict=True), strict=True)}


TimePoint = tuple[str, str, int, int]
"""Model name, state, supervision step and cycle."""


def time_points_of(name: str, *, T: int, N_sup: int) -> list[TimePoint]:
    """List the time points of a model (its f_H calls), first for y and then for z, in the order of `cka_of_all`."""
    return [
        (name, state, step, cycle)
        for state in STATES
        for step in range(1, N_sup + 1)
        for cycle in range(1, T + 1)
    ]


def cka_table(time_points: list[TimePoint], cka: Float64[np.ndarray, "time time"]) -> dict[str, list]:
    """Return CKA as a table: one row per pair of time points, with model, state, step and cycle of both, and their CKA."""
    size = len(time_points)
    table: dict[str, list] = {}
    for side, rows in (("a", np.repeat(np.arange(size), size)), ("b", np.tile(np.arange(size), size))):
        for column, name in enumerate(("model", "state", "step", "cycle")):
            table[f"{name}_{side}"] = [time_points[row][column] for row in rows.tolist()]
    return table | {"cka": cka.ravel().tolist()}
