"""Settings of a projection, shared by the command line and the Latents page, and the recorded projections that come
with the app.
"""

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from probes.latents.umap import UMAPSettings
from trm.registry import ASSETS

if TYPE_CHECKING:
    from probes.latents.projection import Projection
    from probes.latents.trajectories import Trajectories
    from trm.progress import Progress

RECORDED = ASSETS / "recorded" / "latents"
SETS = {"sudoku-trm": "sudoku/test", "maze-trm": "maze/test"}
"""Bundled models with a recorded projection, and the puzzle set of each."""
PAIRS = (("maze-trm", "maze-hrm"), ("sudoku-trm", "sudoku-hrm"))
"""Pairs of bundled models with a recorded joint projection."""
LIMIT = 64  # puzzles


@dataclass(frozen=True)
class ProjectionRequest:
    """What to project, and how."""

    model: str
    data: str
    limit: int | None = LIMIT
    state: str = "z"
    calls: str = "f_H"
    position: str = "mean"
    umap: UMAPSettings | None = None
    compare_with: str = ""  # second model of a joint projection, for which `calls` is "last"

    @property
    def command(self) -> str:
        """The command line that reproduces this projection."""
        options = [
            "--model",
            self.model,
            *(("--compare-with", self.compare_with) if self.compare_with else ()),
        ]
        options += ["--data", self.data]
        options += [] if self.limit is None else ["--limit", str(self.limit)]
        options += ["--state", self.state, "--calls", self.calls, "--position", self.position]
        if self.umap is not None:
            options += [
                "--umap",
                "--axes",
                str(self.umap.dimensions),
                "--neighbours",
                str(self.umap.neighbours),
            ]
            options += ["--min-dist", f"{self.umap.min_dist:g}", "--seed", str(self.umap.seed)]
        return f"python -m probes project {shlex.join(options)} --out points.parquet"


def projection_of(
    trajectories: "Trajectories",
    request: ProjectionRequest,
    progress: "Progress",
    *,
    second: "Trajectories | None" = None,
) -> "Projection":
    """Compute the requested projection from trajectories of the model and, if it is joint, of the second. Raises UserError."""
    command = (
        request.command
        if request.model
        else f"python -m probes project --store STORE --state {request.state}"
    )
    if second is not None:
        from probes.latents.joint import make_joint_projection

        return make_joint_projection(
            trajectories, second, state=request.state, command=command, umap=request.umap, progress=progress
        )
    from probes.latents.project import make_projection

    return make_projection(
        trajectories,
        state=request.state,
        calls=request.calls,
        command=command,
        umap=request.umap,
        progress=progress,
    )


def joint_name(one: str, other: str) -> str:
    """File name, without suffix, of the recorded joint projection of two models."""
    return f"{one}--{other}"
