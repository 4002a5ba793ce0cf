"""A projection of many trajectories: embeddings of one state, fields that describe each point, and curves over the run.

A projection is computed from trajectories (`probes.latents.project`) or read from a file (`probes.latents.files`),
which needs neither torch nor scikit-learn. It stores the first few principal components of every state instead of the
states: three are drawn, and the others show how many directions a selected set of points varies in.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32, Int, Num

from probes.latents.procrustes import AlignmentScore
from probes.latents.quality import Quality
from probes.latents.umap import UMAPSettings
from trm.coordinates import Coordinates

STORED_COMPONENTS = 16
"""Number of principal components that a projection stores."""

MEAN = "mean"
"""The position that stands for the mean over all cells."""

MODEL_FIELD = "model"
"""Name of the field that distinguishes the two models of a joint projection."""

KINDS = ("number", "category")


@dataclass(frozen=True, eq=False)
class Field:
    """A value for every point, used to colour it. Raises ValueError if kind and levels do not match."""

    name: str
    title: str
    kind: str  # number, or category
    values: Num[np.ndarray, "puzzle time"]  # of a category: index into its levels; -1 where no level applies
    levels: tuple[str, ...] = ()

    def __post_init__(self):
        if self.kind not in KINDS or bool(self.levels) != (self.kind == "category"):
            raise ValueError(f"{self.name} is not a valid field")

    def labels(self) -> np.ndarray:
        """The values for a table: numbers, or names of levels, "" where the field does not apply."""
        if self.kind == "number":
            return self.values
        return np.array([*self.levels, ""])[self.values.astype(int)]


@dataclass(frozen=True, eq=False)
class StepCurve:
    """A quantity of every puzzle over the run."""

    name: str
    title: str
    calls: tuple[Coordinates, ...]  # after which it was measured
    values: Float[np.ndarray, "puzzle time"]
    logarithmic: bool = False  # whether to draw it on a logarithmic axis


@dataclass(frozen=True, eq=False)
class EmbeddedPoints:
    """The coordinates of all points under one projection method."""

    method: str  # pca or umap
    coordinates: Float32[np.ndarray, "puzzle time axis"]  # two or three axes
    quality: Mapping[int, Quality]  # by the number of axes drawn; empty if there are too few runs
    settings: UMAPSettings | None = None

    @property
    def axes(self) -> int:
        return self.coordinates.shape[-1]


@dataclass(frozen=True)
class ProjectionMetadata:
    """What was projected, and how."""

    model: str
    fingerprint: str  # of the weights
    kind: str  # type of model
    task: str
    cells: int  # of the grid
    data: str  # name of the puzzle set
    dtype: str
    version: str
    recorded: str  # date, ISO 8601
    state: str  # y or z
    calls: str  # as for `trm trace --calls`
    position: str  # mean, or a cell such as r5c5
    command: str  # that reproduces it


@dataclass(frozen=True, eq=False)
class SecondModel:
    """The second model of a joint projection. The second half of the rows are its states on the same puzzles."""

    metadata: ProjectionMetadata
    calls: tuple[Coordinates, ...]  # its own, one for each call of the projection
    alignment_score: AlignmentScore


@dataclass(frozen=True, eq=False)
class Projection:
    """Embeddings, fields and curves of one set of puzzles.

    Arrays of points are `puzzle time`: one row per puzzle. A joint projection has two rows per puzzle: first all rows
    of the first model, then those of the second.
    """

    metadata: ProjectionMetadata
    calls: tuple[Coordinates, ...]  # after which the states were read
    puzzles: tuple[str, ...]  # of each row, in the one-line form of the task
    puzzle_numbers: Int[np.ndarray, "puzzle"]  # in the set, from 0
    components: Float[np.ndarray, "puzzle time component"]  # principal components, the largest first
    variance: Float[np.ndarray, "component"]  # share of the total variance along each
    embeddings: tuple[EmbeddedPoints, ...]  # PCA first
    fields: tuple[Field, ...]
    curves: tuple[StepCurve, ...]
    sentences: tuple[str, ...] = ()  # how solved and unsolved puzzles differ, or how well two models align
    second_model: SecondModel | None = None

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.puzzles)

    @property
    def puzzle_count(self) -> int:
        return len(self) // (2 if self.second_model else 1)

    @property
    def model_index(self) -> Int[np.ndarray, "row"]:
        """The model of each row: 0 for the first, 1 for the second."""
        return np.arange(len(self)) // self.puzzle_count

    def metadata_of(self, row: int) -> ProjectionMetadata:
        """The metadata of the model that a row belongs to."""
        return self.second_model.metadata if self.second_model and row >= self.puzzle_count else self.metadata

    def call_of(self, row: int, time_point: int) -> Coordinates:
        """The call, of the row's own model, after which a point was read."""
        second = self.second_model
        return (second.calls if second and row >= self.puzzle_count else self.calls)[time_point]

    def field(self, name: str) -> Field:
        """The field of that name. Raises KeyError."""
        for field in self.fields:
            if field.name == name:
                return field
        raise KeyError(name)

    def embedding(self, method: str) -> EmbeddedPoints:
        """The embedding by that method. Raises KeyError."""
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
    """The time of each call in supervision steps: the calls of step s are spread evenly over (s - 1, s].

    `calls` are in the order in which they are made.
    """
    steps, first, which, count = np.unique(
        [at.supervision_step for at in calls], return_index=True, return_inverse=True, return_counts=True
    )
    rank = np.arange(1, len(calls) + 1) - first[which]
    return steps[which] - 1 + rank / count[which]


@dataclass(frozen=True, eq=False)
class Quartiles:
    """Median and quartiles of a curve over several puzzles."""

    median: Float[np.ndarray, "time"]
    low: Float[np.ndarray, "time"]
    high: Float[np.ndarray, "time"]


def quartiles(curve: StepCurve, rows: Bool[np.ndarray, "puzzle"]) -> Quartiles | None:
    """Quartiles over the selected puzzles, ignoring values that are not finite.

    None if no puzzle is selected, or a time point has no finite value.
    """
    values = np.where(np.isfinite(curve.values[rows]), curve.values[rows], np.nan)
    if not len(values) or np.isnan(values).all(0).any():
        return None
    low, median, high = np.nanquantile(values, (0.25, 0.5, 0.75), axis=0)
    return Quartiles(median, low, high)
