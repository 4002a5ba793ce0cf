"""The comparison of two models: stored as JSON, and exported as tables for notebooks. Reading it needs no torch.

The app comes with a comparison of the default pair, so that the Compare page has results before anything is computed.
"""

import json
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float64

from probes.comparison.result import Measurements
from trm.errors import UserError
from trm.files import atomic_file, make_folder, reading, strict_json
from trm.registry import ASSETS

if TYPE_CHECKING:
    from probes.comparison.cka import NormalisedGrams

FORMAT = "recursion-lens-comparison-2"
RECORDED = ASSETS / "recorded" / "compare"
DECIMALS = 3  # of CKA
LARGEST_FILE = 16 << 20  # bytes
STATES = ("y", "z")


class ComparisonError(UserError):
    """The file is not a comparison, or the two models cannot be compared."""


@dataclass(frozen=True)
class Comparison:
    """Measurements of two models on the same puzzles, and the CKA between their states after f_H calls.

    Rows and columns of `cka` come in blocks: y and z of the first model, then y and z of the second.
    """

    models: tuple[Measurements, Measurements]
    cka: Float64[np.ndarray, "time time"]  # NaN where a state does not distinguish puzzles

    @property
    def time_points(self) -> "list[TimePoint]":
        """The time point of each row of `cka`."""
        metadata = [measured.about for measured in self.models]
        return [
            time_point
            for each in metadata
            for time_point in time_points_of(each.name, T=each.T, N_sup=each.N_sup)
        ]

    @property
    def state_blocks(self) -> list[tuple[int, str, slice]]:
        """The model (0 or 1), the state and the rows of `cka` of each block."""
        blocks, start = [], 0
        for index, measured in enumerate(self.models):
            for state in STATES:
                end = start + measured.about.N_sup * measured.about.T
                blocks.append((index, state, slice(start, end)))
                start = end
        return blocks

    def cka_between(
        self, one: tuple[int, str], other: tuple[int, str]
    ) -> Float64[np.ndarray, "time_one time_other"]:
        """CKA between all time points of two blocks, each given as model (0 or 1) and state."""
        rows = {(index, state): rows for index, state, rows in self.state_blocks}
        return self.cka[rows[one], rows[other]]


def make_comparison(
    one: "tuple[Measurements, dict[str, NormalisedGrams]]",
    other: "tuple[Measurements, dict[str, NormalisedGrams]]",
) -> Comparison:
    """Compare two models measured on the same puzzles. Raises ComparisonError if the puzzles differ."""
    (first, first_grams), (second, second_grams) = one, other
    puzzle_sets = [(each.about.task, each.about.data, each.about.count) for each in (first, second)]
    if puzzle_sets[0] != puzzle_sets[1]:
        raise ComparisonError(
            f"{first.about.name} was measured on {_describe(puzzle_sets[0])}, {second.about.name} on {_describe(puzzle_sets[1])}. "
            "Measure both on the same puzzles."
        )
    return Comparison((first, second), cka_of_all([first_grams, second_grams]))


def cka_of_all(models: "list[dict[str, NormalisedGrams]]") -> Float64[np.ndarray, "time time"]:
    """CKA between all time points: y and z of the first model, then of the next."""
    every = [grams[state] for grams in models for state in STATES]
    return np.block([[row.cka(column) for column in every] for row in every])


def _describe(puzzle_set: tuple[str, str, int]) -> str:
    task, data, count = puzzle_set
    return f"{count} {task} puzzles from {data}"


# ---- JSON


def to_dict(comparison: Comparison) -> dict[str, Any]:
    models = [each.to_dict() for each in comparison.models]
    return {"format": FORMAT, "models": models, "cka": cka_to_list(comparison.cka)}


def cka_to_list(cka: Float64[np.ndarray, "row column"]) -> list[list[float | None]]:
    """CKA as nested lists for JSON, with None for NaN."""
    return [[None if np.isnan(value) else round(float(value), DECIMALS) for value in row] for row in cka]


def save_comparison(path: Path, comparison: Comparison) -> None:
    """Write a comparison atomically. Raises OutputError."""
    write_json(path, to_dict(comparison))


def load_comparison(path: Path) -> Comparison:
    """Read a comparison. Raises ComparisonError."""
    with reading(path, ComparisonError, "comparison of this version", "Record it again.", most=LARGEST_FILE):
        values = strict_json(path.read_bytes())
        if values["format"] != FORMAT:
            raise ValueError("another format")
        first, second = (Measurements.from_dict(each) for each in values["models"])
        comparison = Comparison((first, second), np.array(values["cka"], np.float64))
        size = comparison.state_blocks[-1][2].stop
        if comparison.cka.shape != (size, size):
            raise ValueError("not the CKA of these models")
        return comparison


def compare_command(
    one: str, other: str, data: str, limit: int, *, command: str = "compare", out: str = ""
) -> str:
    """The command line that computes the same comparison."""
    options = ["--model", one, "--compare-with", other, "--data", data, "--limit", str(limit)]
    return shlex.join(["python", "-m", "probes", command, *options, *(["--out", out] if out else [])])


def recorded_path(one: str, other: str) -> Path:
    """File of the recorded comparison of two bundled models."""
    return RECORDED / f"{'--'.join(name.replace('/', '_') for name in (one, other))}.json"


def write_json(path: Path, values: dict[str, Any]) -> None:
    with atomic_file(path) as temporary:
        temporary.write_text(json.dumps(values, separators=(",", ":"), allow_nan=False), "utf-8")


# ---- tables


def curves_table(comparison: Comparison) -> dict[str, list]:
    """One row per point of each curve of both models: the quantity, its value and band."""
    rows = []
    for measured in comparison.models:
        curves = {
            "solved": measured.solved,
            "retained from the solution": measured.kept,
            "retained after first solved": measured.kept_own,
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
            rows += [(measured.about.name, quantity, *point) for point in points]
        for state, ratios in measured.ratio.items():
            rows += [
                (measured.about.name, f"participation ratio of {state}", step, ratio, None, None)
                for step, ratio in enumerate(ratios, 1)
            ]
    columns = ("model", "quantity", "at", "value", "low", "high")
    return {name: list(column) for name, column in zip(columns, zip(*rows, strict=True), strict=True)}


TimePoint = tuple[str, str, int, int]
"""Model, state, supervision step and cycle."""


def time_points_of(name: str, *, T: int, N_sup: int) -> list[TimePoint]:
    """The f_H calls of a model, for y and then for z, in the order of `cka_of_all`."""
    return [
        (name, state, step, cycle)
        for state in STATES
        for step in range(1, N_sup + 1)
        for cycle in range(1, T + 1)
    ]


def cka_table(time_points: list[TimePoint], cka: Float64[np.ndarray, "time time"]) -> dict[str, list]:
    """One row per pair of time points: model, state, supervision step and cycle of both, and their CKA."""
    size = len(time_points)
    table: dict[str, list] = {}
    for side, rows in (("a", np.repeat(np.arange(size), size)), ("b", np.tile(np.arange(size), size))):
        for column, name in enumerate(("model", "state", "step", "cycle")):
            table[f"{name}_{side}"] = [time_points[row][column] for row in rows.tolist()]
    return table | {"cka": cka.ravel().tolist()}


def write_parquet(path: Path, table: dict[str, list]) -> None:
    """Write a table atomically. Raises OutputError."""
    import pyarrow
    from pyarrow.parquet import write_table

    make_folder(path.parent)
    with atomic_file(path) as temporary:
        write_table(pyarrow.table(table), temporary)
