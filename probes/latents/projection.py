"""A scene: all that is drawn of many walks. Maps of one state, what is known of each point, and curves over the run.

A scene is made from walks (`probes.latents.project`) or read from a file (`probes.latents.files`), which takes neither torch nor
scikit-learn. It keeps the first few principal components of every state, not the states: three are drawn, and the others
tell how many directions a chosen part of the cloud spreads in.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32, Int, Num

from probes.latents.procrustes import Match
from probes.latents.quality import Quality
from probes.latents.umap import UMAPSettings
from trm.coordinates import Coordinates

KEPT = 16
"""Principal components that a scene keeps."""

MEAN = "mean"
"""The position that is no cell: the mean over all of them."""

MODEL = "model"
"""The field that says which model a point of a joint map is of."""

KINDS = ("number", "category")


@dataclass(frozen=True, eq=False)
class Field:
    """Something known of every point, to colour it by."""

    name: str
    title: str
    kind: str  # number, or category
    values: Num[
        np.ndarray, "puzzle moment"
    ]  # of a category: index into its levels, -1 where it does not apply
    levels: tuple[str, ...] = ()

    def __post_init__(self):
        if self.kind not in KINDS or bool(self.levels) != (self.kind == "category"):
            raise ValueError(f"{self.name} is no field")

    def words(self) -> np.ndarray:
        """As a table has it: numbers, or the names of the levels, "" where it does not apply."""
        if self.kind == "number":
            return self.values
        return np.array([*self.levels, ""])[self.values.astype(int)]


@dataclass(frozen=True, eq=False)
class Curve:
    """A number of every puzzle over the run."""

    name: str
    title: str
    calls: tuple[Coordinates, ...]  # after which calls it was read
    values: Float[np.ndarray, "puzzle moment"]
    logarithmic: bool = False  # how it is drawn


@dataclass(frozen=True, eq=False)
class Map:
    """Where a projection puts the points."""

    method: str  # pca or umap
    places: Float32[np.ndarray, "puzzle moment axis"]  # two or three axes
    quality: Mapping[int, Quality]  # by the number of axes drawn; none where there are too few runs
    settings: UMAPSettings | None = None

    @property
    def axes(self) -> int:
        return self.places.shape[-1]


@dataclass(frozen=True)
class About:
    """What was drawn, and what made it."""

    model: str
    fingerprint: str  # of the weights
    kind: str  # of model
    task: str
    cells: int  # of the grid
    data: str  # name of the puzzle set
    dtype: str
    version: str
    recorded: str  # date, ISO 8601
    state: str  # y or z
    calls: str  # as for `trm trace --calls`
    position: str  # mean, or a cell such as r5c5
    command: str  # that makes it again


@dataclass(frozen=True, eq=False)
class Partner:
    """The second model of a joint map: the latter half of a scene's rows are its states of the same puzzles."""

    about: About
    calls: tuple[Coordinates, ...]  # its own, one for each of the scene's
    match: Match


@dataclass(frozen=True, eq=False)
class Scene:
    """Maps, fields and curves of the same puzzles. All arrays of points are `puzzle moment`: a row a puzzle, on a joint map
    two, those of the second model after those of the first.
    """

    about: About
    calls: tuple[Coordinates, ...]  # after which calls the points were read
    puzzles: tuple[str, ...]  # of each row, in the one-line form of the task
    numbers: Int[np.ndarray, "puzzle"]  # in the set, from 0
    components: Float[np.ndarray, "puzzle moment component"]  # principal components, the largest first
    variance: Float[np.ndarray, "component"]  # share of all variance along each
    maps: tuple[Map, ...]  # PCA first
    fields: tuple[Field, ...]
    curves: tuple[Curve, ...]
    finding: tuple[str, ...] = ()  # sentences: how solved and unsolved puzzles differ here, or two models
    partner: Partner | None = None

    def __len__(self) -> int:
        """Rows."""
        return len(self.puzzles)

    @property
    def puzzle_count(self) -> int:
        return len(self) // (2 if self.partner else 1)

    @property
    def owner(self) -> Int[np.ndarray, "row"]:
        """Which model each row is of: 0, of the partner 1."""
        return np.arange(len(self)) // self.puzzle_count

    def about_of(self, row: int) -> About:
        """What a row is of, and what made it."""
        return self.partner.about if self.partner and row >= self.puzzle_count else self.about

    def call_of(self, row: int, time_point: int) -> Coordinates:
        """The call of its own model after which a point was read."""
        partner = self.partner
        return (partner.calls if partner and row >= self.puzzle_count else self.calls)[time_point]

    def field(self, name: str) -> Field:
        """Raises KeyError where there is none."""
        for field in self.fields:
            if field.name == name:
                return field
        raise KeyError(name)

    def map(self, method: str) -> Map:
        """Raises KeyError where there is none."""
        for found in self.maps:
            if found.method == method:
                return found
        raise KeyError(method)

    @property
    def size(self) -> int:
        """Bytes of its arrays."""
        arrays = [self.components, *(found.places for found in self.maps)]
        arrays += [*(field.values for field in self.fields), *(curve.values for curve in self.curves)]
        return sum(array.nbytes for array in arrays)


def places_in_run(calls: tuple[Coordinates, ...]) -> Float[np.ndarray, "moment"]:
    """Where calls stand in a run, in supervision steps: those of a step evenly spread, its last one at its number.

    `calls` are in the order in which they are made.
    """
    steps, first, which, count = np.unique(
        [at.supervision_step for at in calls], return_index=True, return_inverse=True, return_counts=True
    )
    rank = np.arange(1, len(calls) + 1) - first[which]
    return steps[which] - 1 + rank / count[which]


@dataclass(frozen=True, eq=False)
class Spread:
    """A curve of several puzzles at each moment: the median, and between which two values their middle half lies."""

    median: Float[np.ndarray, "moment"]
    low: Float[np.ndarray, "moment"]
    high: Float[np.ndarray, "moment"]


def spread(curve: Curve, rows: Bool[np.ndarray, "puzzle"]) -> Spread | None:
    """Of the puzzles chosen; None where there are none. Numbers that are not finite are left out."""
    values = np.where(np.isfinite(curve.values[rows]), curve.values[rows], np.nan)
    if not len(values) or np.isnan(values).all(0).any():
        return None
    low, median, high = np.nanquantile(values, (0.25, 0.5, 0.75), axis=0)
    return Spread(median, low, high)
