"""Settings of projections for the command line and the Latents page, and the list of recorded projections."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from probes.latents.umap import UMAPSettings
from recursion_lens import ASSETS
from trm.terminal import as_command

if TYPE_CHECKING:
    from probes.latents.projection import Projection
    from probes.latents.trajectories import Trajectories
    from trm.progress import Progress

RECORDED = ASSETS / "recorded" / "latents"
SETS = {"sudoku-trm": "sudoku/test", "maze-trm": "maze/test"}
"""Puzzle set of each bundled model that has a recorded projection."""
PAIRS = (("maze-trm", "maze-hrm"), ("sudoku-trm", "sudoku-hrm"))
"""Pairs of bundled models with a recorded joint projection."""
LIMIT = 64  # number of puzzles of a recorded projection


@dataclass(frozen=True)
class ProjectionRequest:
    """Settings of a projection: the model, the puzzles, the states and the embeddings."""

    model: str = ""
    data: str = ""
    store: Path | None = None  # instead of the model and the puzzles
    limit: int | None = None
    state: str = "z"
    calls: str = "f_H"
    position: str = "mean"
    umap: UMAPSettings | None = None
    compare_with: str = ""  # second model of a joint projection; `calls` must then be "last"

    @property
    def command(self) -> str:
        """The command line that reproduces this projection."""
        return as_command(
            "python -m probes project", self, {"umap": self.umap is not None, "out": "points.parquet"}
        )


def projection_of(
    trajectories: "Trajectories",
    request: ProjectionRequest,
    progress: "Progress",
    *,
    second: "Trajectories | None" = None,
) -> "Projection":
    """Compute the requested projection from trajectories. Raises UserError.

    With the trajectories of a `second` model, the projection is joint.
    """
    if second is not None:
        from probes.latents.joint import make_joint_projection

        return make_joint_projection(
            trajectories,
            second,
            state=request.state,
            command=request.command,
            umap=request.umap,
            progress=progress,
        )
    from probes.latents.project import make_projection

    return make_projection(
        trajectories,
        state=request.state,
        calls=request.calls,
        command=request.command,
        umap=request.umap,
        progress=progress,
    )


def joint_name(one: str, other: str) -> str:
    """Return the file name, without suffix, of the recorded joint projection of two models."""
    return f"{one}--{other}"
