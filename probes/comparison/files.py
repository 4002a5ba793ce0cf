"""Two measured models as one result: kept as JSON, and as tables for notebooks. Read without torch.

A comparison of the default pair comes with the app, so that its page has something to show before anything is computed.
"""

import json
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float64

from probes.comparison.result import Measured
from trm.errors import UserError
from trm.files import make_folder, plain_json, reading, written_whole
from trm.registry import ASSETS

if TYPE_CHECKING:
    from probes.comparison.cka import Arrangement

FORMAT = "recursion-lens-comparison-2"
RECORDED = ASSETS / "recorded" / "compare"
DECIMALS = 3  # of CKA
LARGEST_FILE = 16 << 20  # bytes
STATES = ("y", "z")


class ComparisonError(UserError):
    """A file that is no comparison, or two models that cannot be compared."""


@dataclass(frozen=True)
class Comparison:
    """Two models on the same puzzles. Clouds are y and z of the first, then y and z of the second, after their f_H calls."""

    models: tuple[Measured, Measured]
    cka: Float64[
        np.ndarray, "moment moment"
    ]  # all moments of all clouds with all; NaN where one arranges nothing

    @property
    def time_points(self) -> "list[TimePoint]":
        """What the rows of `cka` are."""
        about = [measured.about for measured in self.models]
        return [
            time_point
            for each in about
            for time_point in time_points_of(each.name, T=each.T, N_sup=each.N_sup)
        ]

    @property
    def clouds(self) -> list[tuple[int, str, slice]]:
        """Which model, which state, and its rows of `cka`."""
        found, start = [], 0
        for place, measured in enumerate(self.models):
            for state in STATES:
                end = start + measured.about.N_sup * measured.about.T
                found.append((place, state, slice(start, end)))
                start = end
        return found

    def block(
        self, one: tuple[int, str], other: tuple[int, str]
    ) -> Float64[np.ndarray, "moment_one moment_other"]:
        """CKA of all moments of one cloud with all of another, each named by its model (0 or 1) and state."""
        rows = {(place, state): rows for place, state, rows in self.clouds}
        return self.cka[rows[one], rows[other]]


def compared(
    one: "tuple[Measured, dict[str, Arrangement]]", other: "tuple[Measured, dict[str, Arrangement]]"
) -> Comparison:
    """Hold two models, measured on the same puzzles, against each other. Raises ComparisonError where they were not."""
    (first, arranged), (second, arranged_too) = one, other
    sets = [(each.about.task, each.about.data, each.about.count) for each in (first, second)]
    if sets[0] != sets[1]:
        raise ComparisonError(
            f"{first.about.name} was measured on {_set(sets[0])}, {second.about.name} on {_set(sets[1])}. "
            "Measure both on the same puzzles."
        )
    return Comparison((first, second), cka_of_all([arranged, arranged_too]))


def cka_of_all(models: "list[dict[str, Arrangement]]") -> Float64[np.ndarray, "moment moment"]:
    """CKA of all moments with all: of y and then z of the first model, then of the next."""
    every = [arranged[state] for arranged in models for state in STATES]
    return np.block([[row.cka(column) for column in every] for row in every])


def _set(described: tuple[str, str, int]) -> str:
    task, data, count = described
    return f"{count} {task} puzzles of {data}"


# ---- JSON


def to_dict(comparison: Comparison) -> dict[str, Any]:
    models = [each.to_dict() for each in comparison.models]
    return {"format": FORMAT, "models": models, "cka": cka_to_list(comparison.cka)}


def cka_to_list(cka: Float64[np.ndarray, "row column"]) -> list[list[float | None]]:
    """As JSON keeps it."""
    return [[None if np.isnan(value) else round(float(value), DECIMALS) for value in row] for row in cka]


def save_comparison(path: Path, comparison: Comparison) -> None:
    """Write it, whole or not at all. Raises OutputError."""
    write_json(path, to_dict(comparison))


def load_comparison(path: Path) -> Comparison:
    """Read it. Raises ComparisonError."""
    with reading(path, ComparisonError, "comparison of this version", "Record it again.", most=LARGEST_FILE):
        values = plain_json(path.read_bytes())
        if values["format"] != FORMAT:
            raise ValueError("another format")
        first, second = (Measured.from_dict(each) for each in values["models"])
        found = Comparison((first, second), np.array(values["cka"], np.float64))
        size = found.clouds[-1][2].stop
        if found.cka.shape != (size, size):
            raise ValueError("not the CKA of these models")
        return found


def compare_command(
    one: str, other: str, data: str, limit: int, *, command: str = "compare", out: str = ""
) -> str:
    """The command that makes the same comparison without a browser."""
    words = ["--model", one, "--compare-with", other, "--data", data, "--limit", str(limit)]
    return shlex.join(["python", "-m", "probes", command, *words, *(["--out", out] if out else [])])


def recorded_path(one: str, other: str) -> Path:
    """Where the comparison of two bundled models is kept."""
    return RECORDED / f"{'--'.join(name.replace('/', '_') for name in (one, other))}.json"


def write_json(path: Path, values: dict[str, Any]) -> None:
    with written_whole(path) as temporary:
        temporary.write_text(json.dumps(values, separators=(",", ":"), allow_nan=False), "utf-8")


# ---- tables


def curves_table(comparison: Comparison) -> dict[str, list]:
    """One line for each point of each curve of both models: which, and the number with its band."""
    rows = []
    for measured in comparison.models:
        curves = {
            "solved": measured.solved,
            "kept from the solution": measured.kept,
            "kept own": measured.kept_own,
        }
        curves |= {f"residual of {state}": curve for state, curve in measured.residual.items()}
        for what, near in (
            ("solved", measured.near),
            ("blank cells right", measured.near_blanks),
            ("givens right", measured.near_givens),
        ):
            curves |= {f"{what} with {blanks} blanks": curve for blanks, curve in near.items()}
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
    """The f_H calls of a model, of y and then of z, in the order of `cka_of_all`."""
    return [
        (name, state, step, cycle)
        for state in STATES
        for step in range(1, N_sup + 1)
        for cycle in range(1, T + 1)
    ]


def cka_table(time_points: list[TimePoint], cka: Float64[np.ndarray, "moment moment"]) -> dict[str, list]:
    """One line for each pair of moments: model, state, supervision step and cycle of both, and their CKA."""
    size = len(time_points)
    table: dict[str, list] = {}
    for side, places in (("a", np.repeat(np.arange(size), size)), ("b", np.tile(np.arange(size), size))):
        for column, name in enumerate(("model", "state", "step", "cycle")):
            table[f"{name}_{side}"] = [time_points[place][column] for place in places.tolist()]
    return table | {"cka": cka.ravel().tolist()}


def write_parquet(path: Path, table: dict[str, list]) -> None:
    """Write a table, whole or not at all. Raises OutputError."""
    import pyarrow
    from pyarrow.parquet import write_table

    make_folder(path.parent)
    with written_whole(path) as temporary:
        write_table(pyarrow.table(table), temporary)
