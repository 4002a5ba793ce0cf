"""List well-known public checkpoints, with facts that their files do not contain.

A file is recognised by its address on the hub, by a folder named after its repository (a clone, a download, or the
hub's cache), or by a unique file name. Values from this list count as known rather than assumed. They apply only if the
weights also have the listed kind and vocabulary size, because a file can have any name.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any

HRM = {"n": 2, "T": 2, "N_sup": 16, "heads": 8, "positions": "rope", "prefix_length": 1}
TRM = {"n": 6, "T": 3, "N_sup": 16, "heads": 8, "positions": "rope", "prefix_length": 16}
TRM_SHALLOW = TRM | {"n": 4}  # for mazes and ARC
CACHE_PREFIX = "models--"  # prefix of a repository's folder in the hub's cache: models--owner--repo


@dataclass(frozen=True)
class PublicCheckpoint:
    """A public checkpoint. `values` are fields of ModelConfig; `heads` and `positions` are ignored for MLP mixing."""

    repo: str  # owner/name on the hub
    files: str  # pattern for the path of the weights in the repository
    kind: str
    task: str
    vocab_size: int
    values: Mapping[str, Any] = field(repr=False)
    published: str = ""  # published accuracy, in words
    own_name: bool = False  # whether the file name alone identifies the checkpoint
    exact: float | None = None  # published exact accuracy, from 0 to 1
    caution: str = ""  # a warning about the model or its answers
    licence: str = ""  # licence of the weights, if known

    @property
    def source(self) -> str:
        return f"known file: {self.repo}"

    def to_dict(self) -> dict[str, Any]:
        """The published facts, as a dictionary that can be written as JSON."""
        return {name: getattr(self, name) for name in ("repo", "published", "exact", "caution", "licence")}

    def is_at(self, path: Path) -> bool:
        """Whether the path of a local file matches this checkpoint."""
        inside = PurePosixPath(self.files)
        tail = PurePosixPath(*path.parts[-len(inside.parts) :])
        if not fnmatchcase(str(tail), str(inside)):
            return False
        owner, name = self.repo.split("/")
        return self.own_name or bool({name, f"{CACHE_PREFIX}{owner}--{name}"} & set(path.parts[:-1]))


SUDOKU, MAZE, ARC = ("sudoku", 11), ("maze", 6), ("arc", 12)
CELLS = {"sudoku": {"sequence_length": 81}, "maze": {"sequence_length": 900}, "arc": {"sequence_length": 900}}


def _checkpoint(
    repo: str, files: str, kind: str, task: tuple[str, int], values: dict[str, Any], *notes: Any, **more: Any
) -> PublicCheckpoint:
    return PublicCheckpoint(repo, files, kind, *task, CELLS[task[0]] | values, *notes, **more)


NOT_ROTATING = (
    "trained with a rope that does not rotate (rotate_half without its minus sign): with the public rope its answers are "
    "worse than published"
)
ON_SUDOKU, ON_MAZE = "of Sudoku-Extreme exact", "of Maze-Hard exact"

PUBLIC_CHECKPOINTS = (
    _checkpoint(
        "sapientinc/HRM-checkpoint-sudoku-extreme", "checkpoint", "hrm", SUDOKU, HRM, f"about 55% {ON_SUDOKU}", exact=0.55,
    ),
    _checkpoint(
        "sapientinc/HRM-checkpoint-maze-30x30-hard", "checkpoint", "hrm", MAZE, HRM,
        f"74.4% {ON_MAZE}, 81.6% with any shortest path", exact=0.744,
    ),
    _checkpoint("sapientinc/HRM-checkpoint-ARC-2", "checkpoint", "hrm", ARC, HRM),
    _checkpoint(
        "arcprize/trm_arc_prize_verification", "arc_v1_public/step_518071", "trm", ARC, TRM_SHALLOW, "", True,
    ),
    _checkpoint(
        "arcprize/trm_arc_prize_verification", "arc_v2_public/step_723914", "trm", ARC, TRM_SHALLOW,
        "about 2% of ARC-AGI-2", True,
        caution="the weaker of two steps of this run: step_651522 solves 7 to 8% of ARC-AGI-2, this later step about 2%",
    ),
    _checkpoint(
        "alphaXiv/trm-model-sudoku", "step_32550_sudoku_epoch50k*", "trm", SUDOKU, TRM,
        f"about 79% {ON_SUDOKU}", True, exact=0.79,
    ),
    _checkpoint("alphaXiv/trm-model-sudoku", "*_attn_type", "trm", SUDOKU, TRM),
    _checkpoint(
        "alphaXiv/trm-model-maze", "maze_hard_step_32550", "trm", MAZE, TRM_SHALLOW,
        f"83.8% {ON_MAZE}, 90.7% with any shortest path", True, exact=0.838,
    ),
    _checkpoint(
        "Sanjin2024/TinyRecursiveModels-Sudoku-Extreme-mlp", "step_*", "trm", SUDOKU, TRM, f"84.8% {ON_SUDOKU}", exact=0.848,
    ),
    _checkpoint(
        "Sanjin2024/TinyRecursiveModels-Sudoku-Extreme-att", "step_*", "trm", SUDOKU, TRM, f"77.7% {ON_SUDOKU}", exact=0.777,
    ),
    _checkpoint(
        "Sanjin2024/TinyRecursiveModel-Maze-Hard", "step_*", "trm", MAZE, TRM_SHALLOW, f"78.7% {ON_MAZE}", exact=0.787,
    ),
    _checkpoint(
        "Kaleemullah/trm-cgar-sudoku", "pytorch_model.bin", "trm", SUDOKU, TRM, f"86 to 87% {ON_SUDOKU}", exact=0.865,
    ),
    _checkpoint(
        "bnsh/HRM-checkpoint-sudoku-full", "checkpoint", "hrm", SUDOKU,
        HRM | {"n": 8, "N_sup": 8, "positions": "learned"},
    ),
    # A yaml gives n and T of the following checkpoints; values that are missing in the yaml are unknown.
    _checkpoint(
        "MaximeILL/GAR_ckpts", "TRM-MLP-Sudoku-Extreme.pt", "trm", SUDOKU, {}, f"85.9 to 86.5% {ON_SUDOKU}", True, exact=0.859,
    ),
    _checkpoint("glouriousgautam/ptrm-sudoku-trm", "*step_6510", "trm", SUDOKU, {}),
    _checkpoint(
        "Trelis/TRM-ARC-AGI-II", "*", "trm", ARC, {"n": 4}, "10.5% of ARC-AGI-2",
        caution="trained with L_cycles = 4 by accident, so n = 4 is correct",
    ),
    _checkpoint(
        "ThomasHeim/HRM-Reproduction-Checkpoints", "*", "hrm", SUDOKU, {}, f"53 to 55% {ON_SUDOKU}", exact=0.54,
        caution="one of 20 or 40 steps of a run: the last is not necessarily the best",
    ),
    _checkpoint("Code2aum/HRM_sudoku", "*", "hrm", SUDOKU, {}),
    _checkpoint(
        "Hetens/LatentReasoningDecoding", "*", "trm", SUDOKU, {}, "73.2% exact", exact=0.732, caution=NOT_ROTATING,
    ),
)  # fmt: skip


def find_public_checkpoint(path: Path, *, kind: str, vocab_size: int) -> PublicCheckpoint | None:
    """The public checkpoint with this path, kind and vocabulary size; None if no checkpoint matches."""
    for checkpoint in PUBLIC_CHECKPOINTS:
        if (checkpoint.kind, checkpoint.vocab_size) == (kind, vocab_size) and checkpoint.is_at(path):
            return checkpoint
    return None
