"""A map of states for the player: where the states of one run lie in a plane, and where those of many runs lie.

The plane is a recorded PCA or UMAP of many runs or, without one, a PCA of the run's own states. `probes.latents.placement`
computes the coordinates. They are saved as JSON, so that an offline page can contain them without an analysis.
"""

from dataclasses import dataclass
from pathlib import Path

import msgspec

from trm.errors import UserError
from trm.export.payload import trace_id
from trm.files import reading
from trm.results import as_json, write_json
from trm.trace import Trace

LARGEST_FILE = 16 << 20  # bytes; a map of a bundled model has about 50 kB


class StateMapError(UserError):
    """The file is no map, or belongs to another run."""


@dataclass(frozen=True)
class MapEmbedding:
    """Coordinates in one embedding, each as x, y, x, y, ..."""

    method: str  # pca or umap
    shares: tuple[float, ...]  # PCA: fraction of the variance along each of the two axes; empty for UMAP
    run: tuple[float, ...]  # after each call for z, after each f_H call for y
    solved: tuple[float, ...] = ()  # states of other runs whose answer is correct at that call
    unsolved: tuple[float, ...] = ()  # states of other runs whose answer is not correct


@dataclass(frozen=True)
class Pool:
    """The other runs on a map."""

    data: str  # name of the puzzle set
    puzzles: int


@dataclass(frozen=True)
class StateMap:
    """The map of one run."""

    run: str  # `trace_id` of the run
    states: dict[str, tuple[MapEmbedding, ...]]  # y or z -> embeddings, PCA first
    pool: Pool | None = None  # None: the PCA is that of the run's own states


def save_map(path: Path, state_map: StateMap) -> None:
    """Write a map to a JSON file. Raises OutputError if the file cannot be written."""
    write_json(path, as_json(state_map))


def load_map(path: Path, trace: Trace) -> StateMap:
    """Read the map of a run. Raises StateMapError if the file is not a map, or the map of another run."""
    with reading(
        path,
        StateMapError,
        "map of states",
        "Make it again with `python -m probes map`.",
        most=LARGEST_FILE,
    ):
        state_map = msgspec.json.decode(path.read_bytes(), type=StateMap)
        if not all(map(_has_pairs, state_map.states.values())):
            raise ValueError("coordinates are not pairs")
    if state_map.run != trace_id(trace):
        raise StateMapError(
            f"{path} is the map of another run. Make it for this model, puzzle and depth with `python -m probes map`."
        )
    return state_map


def _has_pairs(embeddings: tuple[MapEmbedding, ...]) -> bool:
    return bool(embeddings) and all(
        len(values) % 2 == 0 for each in embeddings for values in (each.run, each.solved, each.unsolved)
    )
