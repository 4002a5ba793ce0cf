"""Measures a bundled model on public puzzles, which are not part of the package, and writes the counts to its public.json.

python -m trm.training.cards.public sudoku-trm --as sudoku-extreme --data sudoku_extreme_200.csv
"""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import NamedTuple

import msgspec

from trm import registry
from trm.config import ModelConfig
from trm.errors import UserError
from trm.files import reading
from trm.progress import ProgressLine
from trm.results import as_json, write_json
from trm.tasks import task_of
from trm.terminal import exit_on_errors, log

PUBLIC = "public.json"
MODULE = "trm.training.cards.public"
EXTREME = "https://huggingface.co/datasets/sapientinc/sudoku-extreme"
TDOKU = "https://github.com/t-dillon/tdoku"
MAZES = "https://github.com/understanding-search/maze-dataset"


@dataclass(frozen=True)
class PublicSet:
    """A sample of a public puzzle set: of its test set, if it has one."""

    task: str
    cells: int
    count: int
    title: str
    source: str  # where others get it
    paths: str = ""  # mazes: steps of the shortest paths


PUBLIC_SETS = {
    "sudoku-extreme": PublicSet("sudoku", 81, 200, "Sudoku-Extreme", EXTREME),
    "top1465": PublicSet("sudoku", 81, 300, "top1465 (magictour)", TDOKU),
    "17-clue": PublicSet("sudoku", 81, 300, "17 givens (Gordon Royle's list)", TDOKU),
    "forum-hardest": PublicSet("sudoku", 81, 150, "the forum's hardest (1106)", TDOKU),
    "maze-depth-first": PublicSet(
        "maze", 225, 200, "maze-dataset, depth-first (`gen_dfs`)", MAZES, "24, 6 to 46"
    ),
    "maze-spanning-tree": PublicSet(
        "maze", 225, 200, "maze-dataset, uniform spanning trees (`gen_wilson`)", MAZES, "16, 6 to 32"
    ),
}
"""By the name that `--as` takes. The first of a task is the one to compare models by."""


class PublishedModel(NamedTuple):
    """A published model, with its exact accuracy on all of the test set of Sudoku-Extreme."""

    name: str
    source: str
    parameters: str
    trained_on: str
    exact: float


PUBLISHED = (
    PublishedModel(
        "TRM", "https://arxiv.org/abs/2510.04871", "5 million", "1,000 of its puzzles, augmented", 0.874
    ),
    PublishedModel(
        "HRM", "https://arxiv.org/abs/2506.21734", "27 million", "1,000 of its puzzles, augmented", 0.55
    ),
    PublishedModel("CMM", "https://arxiv.org/abs/2603.22871", "0.26 million", "see the paper", 0.854),
    PublishedModel(
        "sotaku, 16 iterations",
        "https://github.com/chenglou/sotaku",
        "0.8 million",
        "2.7 million of its puzzles",
        0.818,
    ),
)
"""The models of the two papers, and small ones. sotaku solves 98.9 % after 1,024 iterations."""


@dataclass(frozen=True)
class PublicResult:
    """How many puzzles of a public set a model solves exactly."""

    count: int
    solved: Mapping[int, int]  # by the number of supervision steps: 1, 4 and all
    halted_wrong: int  # on which it would halt with a wrong answer
    dtype: str
    date: str  # of the measurement
    weights: str  # fingerprint of the model's weights

    @property
    def steps(self) -> int:
        """The number of all supervision steps."""
        return max(self.solved)


def reported_steps(config: ModelConfig) -> list[int]:
    """Return the supervision steps after which cards report the accuracy: 1, 4 and the last."""
    return sorted({min(step, config.N_sup) for step in (1, 4, config.N_sup)})


def sets_of(config: ModelConfig) -> dict[str, PublicSet]:
    """Return the public sets of a model's task and grid size, by name."""
    size = (config.task, config.sequence_length)
    return {name: each for name, each in PUBLIC_SETS.items() if (each.task, each.cells) == size}


def read_public(folder: Path) -> dict[str, PublicResult]:
    """Read what was measured of a bundled model, by the name of the set, in the order of `PUBLIC_SETS`.

    Results of the weights of an earlier run are left out. Raises `UserError` if the file is damaged.
    """
    path = folder / PUBLIC
    if not path.is_file():
        return {}
    with reading(path, UserError, "record of public puzzles", "Restore it, or measure again."):
        results = msgspec.json.decode(path.read_bytes(), type=dict[str, PublicResult])
    weights = registry.fingerprint(folder / "model.safetensors")
    return {
        name: results[name] for name in PUBLIC_SETS if name in results and results[name].weights == weights
    }


def measure_public(name: str, set_name: str, data: str, today: date) -> PublicResult:
    """Evaluate a bundled model on the file `data` of a public set, and add the result to its public.json.

    Raises `UserError` if the set does not fit the model, or the file is not the sample that the table names.
    """
    from trm.checkpoint import load_model
    from trm.data import load_puzzles
    from trm.evaluate import evaluate

    if name not in registry.model_names():
        raise UserError(
            f"There is no bundled model {name!r}. Choose one of: {', '.join(registry.model_names())}."
        )
    config = registry.model_config(name)
    chosen = sets_of(config).get(set_name)
    if chosen is None:
        raise UserError(
            f"{name} has no public set {set_name!r}. Choose one of: {', '.join(sets_of(config)) or 'none of its size'}."
        )
    model, task = load_model(name), task_of(config)
    puzzles = load_puzzles(data, task)
    count = int(puzzles.labelled.sum())
    if count != chosen.count:
        raise UserError(
            f"{data} has {count} puzzles with one solution, but {set_name} is a sample of {chosen.count}. Give its file."
        )
    with ProgressLine() as progress:
        scores = evaluate(model, task, puzzles, progress=progress)
    result = PublicResult(
        count=count,
        solved={step: round(count * scores["exact_by_step"][step - 1]) for step in reported_steps(config)},
        halted_wrong=round(count * scores["halted_wrong"]),
        dtype=str(model.compute_dtype).removeprefix("torch."),
        date=today.isoformat(),
        weights=model.fingerprint,
    )
    folder = registry.models_folder() / name
    write_json(folder / PUBLIC, as_json(read_public(folder) | {set_name: result}), indent=2)
    return result


def main() -> None:
    """Measure the model and the set that the command names."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("name", help="name of the bundled model")
    options.add_argument("--as", dest="set_name", required=True, help=f"one of: {', '.join(PUBLIC_SETS)}")
    options.add_argument("--data", required=True, help="file with the puzzles of this set")
    given = options.parse_args()
    with exit_on_errors(MODULE):
        result = measure_public(given.name, given.set_name, given.data, date.today())
        solved = ", ".join(f"{count} after {step}" for step, count in result.solved.items())
        log(f"{given.name}: of {result.count} puzzles, {solved} steps; {result.halted_wrong} halted wrong")


if __name__ == "__main__":
    main()
