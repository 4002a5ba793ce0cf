"""Public checkpoints that people open, and what their files do not say of themselves.

A file is recognised by its place on the hub, by a folder that is called like its repository (as a clone, a download or
the hub's cache leaves it), or by a name that nothing else has. Values found here count as known, not as assumed, but
only for weights whose kind and vocabulary fit: a name alone proves nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any

HRM = {"n": 2, "T": 2, "N_sup": 16, "heads": 8, "positions": "rope", "prefix_length": 1}
TRM = {"n": 6, "T": 3, "N_sup": 16, "heads": 8, "positions": "rope", "prefix_length": 16}
TRM_SHALLOW = TRM | {"n": 4}  # mazes and ARC
CACHE_PREFIX = "models--"  # of a repository's folder in the hub's cache: models--owner--repo


@dataclass(frozen=True)
class KnownFile:
    """A public checkpoint. `values` are fields of ModelConfig; of MLP mixing those of attention do not apply."""

    repo: str  # on the hub
    files: str  # pattern of the weights' path in it
    kind: str
    task: str
    vocab_size: int
    values: Mapping[str, Any] = field(repr=False)
    published: str = ""  # what its makers or others measured
    own_name: bool = False  # the file's name alone is unmistakable

    @property
    def source(self) -> str:
        return f"known file: {self.repo}"

    def is_at(self, path: Path) -> bool:
        """Whether a file on this machine lies where this one would."""
        inside = PurePosixPath(self.files)
        tail = PurePosixPath(*path.parts[-len(inside.parts) :])
        if not fnmatchcase(str(tail), str(inside)):
            return False
        owner, name = self.repo.split("/")
        return self.own_name or bool({name, f"{CACHE_PREFIX}{owner}--{name}"} & set(path.parts[:-1]))


SUDOKU, MAZE, ARC = ("sudoku", 11), ("maze", 6), ("arc", 12)
CELLS = {"sudoku": {"sequence_length": 81}, "maze": {"sequence_length": 900}, "arc": {"sequence_length": 900}}


def _known(repo: str, files: str, kind: str, task: tuple[str, int], values: dict, *notes: Any) -> KnownFile:
    return KnownFile(repo, files, kind, *task, CELLS[task[0]] | values, *notes)


KNOWN_FILES = (
    _known(
        "sapientinc/HRM-checkpoint-sudoku-extreme", "checkpoint", "hrm", SUDOKU, HRM,
        "about 55 % of Sudoku-Extreme exact",
    ),
    _known(
        "sapientinc/HRM-checkpoint-maze-30x30-hard", "checkpoint", "hrm", MAZE, HRM,
        "74.4 % of Maze-Hard exact, 81.6 % with any shortest path",
    ),
    _known("sapientinc/HRM-checkpoint-ARC-2", "checkpoint", "hrm", ARC, HRM),
    _known(
        "arcprize/trm_arc_prize_verification", "arc_v1_public/step_518071", "trm", ARC, TRM_SHALLOW, "", True,
    ),
    _known(
        "arcprize/trm_arc_prize_verification", "arc_v2_public/step_723914", "trm", ARC, TRM_SHALLOW, "", True,
    ),
    _known(
        "alphaXiv/trm-model-sudoku", "step_32550_sudoku_epoch50k*", "trm", SUDOKU, TRM,
        "about 79 % of Sudoku-Extreme exact", True,
    ),
    _known("alphaXiv/trm-model-sudoku", "*_attn_type", "trm", SUDOKU, TRM),
    _known(
        "alphaXiv/trm-model-maze", "maze_hard_step_32550", "trm", MAZE, TRM_SHALLOW,
        "83.8 % of Maze-Hard exact, 90.7 % with any shortest path", True,
    ),
    _known(
        "Sanjin2024/TinyRecursiveModels-Sudoku-Extreme-mlp", "step_*", "trm", SUDOKU, TRM,
        "84.8 % of Sudoku-Extreme exact",
    ),
    _known(
        "Sanjin2024/TinyRecursiveModels-Sudoku-Extreme-att", "step_*", "trm", SUDOKU, TRM,
        "77.7 % of Sudoku-Extreme exact",
    ),
    _known(
        "Sanjin2024/TinyRecursiveModel-Maze-Hard", "step_*", "trm", MAZE, TRM_SHALLOW,
        "78.7 % of Maze-Hard exact",
    ),
    _known(
        "Kaleemullah/trm-cgar-sudoku", "pytorch_model.bin", "trm", SUDOKU, TRM,
        "86 to 87 % of Sudoku-Extreme exact",
    ),
    _known(
        "bnsh/HRM-checkpoint-sudoku-full", "checkpoint", "hrm", SUDOKU,
        HRM | {"n": 8, "N_sup": 8, "positions": "learned"},
    ),
)  # fmt: skip


def known_file(path: Path, *, kind: str, vocab_size: int) -> KnownFile | None:
    """The public checkpoint that lies at this path, if its weights have the kind and vocabulary that it should have."""
    for known in KNOWN_FILES:
        if (known.kind, known.vocab_size) == (kind, vocab_size) and known.is_at(path):
            return known
    return None
