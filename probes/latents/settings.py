"""What is projected and how, the same on the command line and on the page; and what of it comes with the app."""

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from probes.latents.umap import UMAPSettings
from trm.registry import ASSETS

if TYPE_CHECKING:
    from probes.latents.projection import Scene

RECORDED = ASSETS / "recorded" / "latents"
SETS = {"sudoku-trm": "sudoku/test", "maze-trm": "maze/test"}
"""What the page opens with: bundled model -> its puzzles."""
PAIRS = (("maze-trm", "maze-hrm"), ("sudoku-trm", "sudoku-hrm"))
"""Bundled models whose joint map is recorded too."""
LIMIT = 64  # puzzles recorded


@dataclass(frozen=True)
class Projecting:
    """What is projected and how; the same on the command line and on the page."""

    model: str
    data: str
    limit: int | None = LIMIT
    state: str = "z"
    calls: str = "f_H"
    position: str = "mean"
    umap: UMAPSettings | None = None
    compare_with: str = (
        ""  # a second model, on the same map: `calls` are the last of each supervision step then
    )

    @property
    def command(self) -> str:
        """That makes it again."""
        words = ["--model", self.model, *(("--compare-with", self.compare_with) if self.compare_with else ())]
        words += ["--data", self.data]
        words += [] if self.limit is None else ["--limit", str(self.limit)]
        words += ["--state", self.state, "--calls", self.calls, "--position", self.position]
        if self.umap is not None:
            words += [
                "--umap",
                "--axes",
                str(self.umap.dimensions),
                "--neighbours",
                str(self.umap.neighbours),
            ]
            words += ["--min-dist", f"{self.umap.min_dist:g}", "--seed", str(self.umap.seed)]
        return f"python -m probes project {shlex.join(words)} --out points.parquet"


def scene_of(
    trajectories: "Trajectories",
    asked: Projecting,
    progress: "Progress",
    *,
    second: "Trajectories | None" = None,
) -> "Scene":
    """The scene that was asked for, of walks of the model and, for a joint map, of the second. Raises UserError."""
    command = (
        asked.command if asked.model else f"python -m probes project --store STORE --state {asked.state}"
    )
    if second is not None:
        from probes.latents.joint import make_joint_scene

        return make_joint_scene(
            trajectories, second, state=asked.state, command=command, umap=asked.umap, progress=progress
        )
    from probes.latents.project import make_scene

    return make_scene(
        trajectories,
        state=asked.state,
        calls=asked.calls,
        command=command,
        umap=asked.umap,
        progress=progress,
    )


def joint_name(one: str, other: str) -> str:
    """Of the file of a recorded joint map."""
    return f"{one}--{other}"
