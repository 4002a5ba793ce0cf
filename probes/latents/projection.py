"""A projection of many trajectories: embeddings of one state, fields that describe each point, and curves over the run.

`probes.latents.project` computes a projection from trajectories. `probes.latents.files` reads it from a file, without
torch or scikit-learn. A projection stores the first principal components of every state instead of the state itself.
Three components are drawn. The remaining components show in how many directions the points vary that are selected on the page.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32, Float64, Int, Num

from probes.latents.procrustes import AlignmentScore
from probes.latents.quality import Quality
from probes.latents.umap import UMAPSettings
from trm.coordinates import Coordinates
from trm.provenance import Provenance
from trm.results import maybe_undefined

STORED_COMPONENTS = 16
"""Number of principal components that a projection stores."""

MEAN = "mean"
"""Name of the position for the mean over all cells."""

MODEL_FIELD = "model"
"""Name of the field that distinguishes the two models of a joint projection."""

KINDS = ("number", "category")


@dataclass(frozen=True, eq=False)
class Field:
    """A value of every point, used for its colour. Raises ValueError if `kind` and `levels` do not match."""

    name: str
    title: str
    kind: str  # number, or category
    values: Num[np.ndarray, "puzzle time"] = maybe_undefined()  # numbers, or indices into `levels`; -1: none
    levels: tuple[str, ...] = ()

    def __post_init__(self):
        is_category = self.kind == "category"
        if (
            self.kind not in KINDS
            or is_category != bool(self.levels)
            or is_category != (self.values.dtype.kind == "i")
        ):
            raise ValueError(f"{self.name} is not a valid field")

    def labels(self) -> np.ndarray:
        """Return the values for a table: numbers, or the names of levels, with "" where no level applies."""
        if self.kind == "number":
            return self.values
        return np.array([*self.levels, ""])[self.values.astype(int)]


@dataclass(frozen=True, eq=False)
class StepCurve:
    """A quantity measured over the run for every puzzle."""

    name: str
    title: str
    calls: tuple[Coordinates, ...]  # calls after which the quantity was measured
    values: Float[np.ndarray, "puzzle time"] = maybe_undefined()
    logarithmic: bool = False  # whether to draw it on a logarithmic axis


@dataclass(frozen=True, eq=False)
class EmbeddedPoints:
    """Coordinates of all points in the embedding of one method."""

    method: str  # pca or umap
    coordinates: Float32[np.ndarray, "puzzle time axis"]  # two or three axes
    quality: Mapping[int, Quality]  # number of axes drawn -> quality; empty if there are too few runs
    settings: UMAPSettings | None = None

    @property
    def axes(self) -> int:
        return self.coordinates.shape[-1]


@dataclass(frozen=True, eq=False)
class PrincipalAxes:
    """The recorded principal components as directions in state space, with which other states can be projected."""

    mean: Float[np.ndarray, "dim"]
    directions: Float[np.ndarray, "component dim"]  # orthonormal rows, largest variance first

    def transform(self, states: Float[np.ndarray, "*batch dim"]) -> Float64[np.ndarray, "*batch component"]:
        """Return the coordinates of states along the components, in the units of the state."""
        return (states.astype(np.float64) - self.mean) @ self.directions.T.astype(np.float64)


@dataclass(frozen=True, eq=False)
class SecondModel:
    """The second model of a joint projection. Its states on the same puzzles are the second half of the rows."""

    provenance: Provenance
    calls: tuple[Coordinates, ...]  # calls of this model, one for each call of the projection
    alignment_score: AlignmentScore


@dataclass(frozen=True, eq=False)
class Projection:
    """Embeddings, fields and curves of one set of puzzles.

    Point arrays have the shape [puzzle, time], with one row per puzzle. A joint projection has two rows per puzzle: all
    rows of the first model come first, then all rows of the second model.
    """

    provenance: Provenance
    state: str  # y or z
    position: str  # mean, or a cell such as r5c5
    calls_option: str  # selected calls, in the format of `trm trace --calls`
    calls: tuple[Coordinates, ...]  # calls after which the states were recorded
    puzzles: tuple[str, ...]  # puzzle of each row, in the one-line form of the task
    puzzle_numbers: Int[np.ndarray, "puzzle"]  # index of each row's puzzle in the puzzle set, from 0
    components: Float[np.ndarray, "puzzle time component"]  # principal components, largest variance first
    variance: Float[np.ndarray, "component"]  # fraction of the total variance along each component
    embeddings: tuple[EmbeddedPoints, ...]  # PCA first
    fields: tuple[Field, ...]
    curves: tuple[StepCurve, ...]
    sentences: tuple[str, ...] = ()  # how solved and unsolved puzzles differ, or how well two models align
    second_model: SecondModel | None = None
    axes: PrincipalAxes | None = None  # of `components`; None in a joint projection

    def __post_init__(self):
        points = (len(self.puzzles), len(self.calls))
        arrays = [
            self.components,
            *(each.coordinates for each in self.embeddings),
            *(each.values for each in self.fields),
        ]
        second = self.second_model
        if (
            any(array.shape[:2] != points for array in arrays)
            or any(curve.values.shape != (points[0], len(curve.calls)) for curve in self.curves)
            or (second and (len(second.calls) != points[1] or points[0] % 2))
        ):
            raise ValueError("the arrays do not have the points of these puzzles and calls")

    def __len__(self) -> int:
        """Number of rows: one for each puzzle, or two in a joint projection."""
        return len(self.puzzles)

    @property
    def puzzle_count(self) -> int:
        return len(self) // (2 if self.second_model else 1)

    @property
    def model_index(self) -> Int[np.ndarray, "row"]:
        """Index of each row's model: 0 for the first model, 1 for the second model."""
        return np.arange(len(self)) // self.puzzle_count

    def provenance_of(self, row: int) -> Provenance:
        """Return the provenance of the model to which a row belongs."""
        second = self.second_model
        return second.provenance if second and row >= self.puzzle_count else self.provenance

    def call_of(self, row: int, time_point: int) -> Coordinates:
        """Return the call after which a point was recorded, in the run of the row's own model."""
        second = self.second_model
        return (second.calls if second and row >= self.puzzle_count else self.calls)[time_point]

    def field(self, name: str) -> Field:
        """Return the field with this name. Raises KeyError."""
        for field in self.fields:
            if field.name == name:
                return field
        raise KeyError(name)

    def embedding(self, method: str) -> EmbeddedPoints:
        """Return the embedding of this method, pca or umap. Raises KeyError."""
        for embedding in self.embeddings:
            if embedding.method == method:
                return embedding
        raise KeyError(method)

    @property
    def size(self) -> int:
        """Total size of the arrays in bytes."""
        arrays = [self.components, *(embedding.coordinates for embedding in self.embeddings)]
        arrays += [*(field.values for field in self.fields), *(curve.values for curve in self.curves)]
        return sum(array.nbytes for array in arrays)


def call_times(calls: tuple[Coordinates, ...]) -> Float[np.ndarray, "time"]:
    """Return the time of each call in supervision steps. The calls of step s are spread evenly over (s - 1, s].

    `calls` must be in the order of the run.
    """
    steps, first, which, count = np.unique(
        [at.supervision_step for at in calls], return_index=True, return_inverse=True, return_counts=True
    )
    rank = np.arange(1, len(calls) + 1) - first[which]
    return steps[which] - 1 + rank / count[which]


@dataclass(frozen=True, eq=False)
class Quartiles:
    """Median and quartiles of a curve over several puzzles, at each time point."""

    median: Float[np.ndarray, "time"]
    low: Float[np.ndarray, "time"]
    high: Float[np.ndarray, "time"]


def quartiles(curve: StepCurve, rows: Bool[np.ndarray, "puzzle"]) -> Quartiles | None:
    """Compute quartiles over the selected puzzles, ignoring values that are not finite.

    Returns None if no puzzle is selected, or if a time point has no finite value.
    """
    values = np.where(np.isfinite(curve.values[rows]), curve.values[rows], np.nan)
    if not len(values) or np.isnan(values).all(0).any():
        return None
    low, median, high = np.nanquantile(values, (0.25, 0.5, 0.75), axis=0)
    return Quartiles(median, low, high)
