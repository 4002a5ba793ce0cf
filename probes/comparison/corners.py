"""Tells apart the effects of kind, depth and gradient: trains every combination of them on 6x6 Sudokus.

A published TRM and a published HRM differ in their nets (one for both functions, or two), in n and T, in the calls that
training backpropagates through, and in the halting rule. All runs here have the same width, layers per call, puzzles,
curriculum, optimiser, number of updates, and halting rule. An HRM then is the same function as a TRM with two nets, so
the number of nets is all that remains of the kind.

python -m probes.comparison.corners run runs/corners     # two at a time, one core each; continues interrupted runs
python -m probes.comparison.corners table runs/corners   # writes docs/corners.csv and the tables in docs/training.md
"""

import argparse
import csv
import json
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from statistics import fmean, stdev
from typing import NamedTuple

import numpy as np
import torch
from scipy.stats import t as student_t

from probes.answer_code import AnswerCode
from probes.comparison.set_run import run_set
from probes.reports.markdown import write_section
from probes.training_axis.figures import AxisSettings
from probes.training_axis.measure import snapshot_figures
from trm import flops
from trm.checkpoint import load_model
from trm.config import HALT_ALONE
from trm.data import PuzzleSet
from trm.device import training_dtype
from trm.errors import UserError
from trm.files import atomic_file
from trm.models import parameter_count
from trm.registry import own_training
from trm.tasks import get_task
from trm.terminal import log
from trm.training.data import generated_puzzles, puzzle_file
from trm.training.presets import SUDOKU_MODEL, SUDOKU_TRM, PuzzleSpec, TrainingPreset
from trm.training.run import train
from trm.training.schedule import DepthPhase

CELLS, GIVENS, PUZZLES, HELD_OUT = 36, (10, 18), 4_000, 256
WIDTH, UPDATES, SEEDS = 64, 800, 3
LAST_CALLS = 2  # backpropagated calls of a published HRM: the last f_L call and the last f_H call
DEPTHS = ((2, 2), (6, 3), (6, 1))  # n and T: as published for HRM and for TRM, and a single cycle
FIGURES, COLLECTED, DOCUMENT = "figures.json", Path("docs/corners.csv"), Path("docs/training.md")


class Corner(NamedTuple):
    """One combination. `whole`: whether training backpropagates through the whole last latent recursion."""

    nets: int
    n: int
    T: int
    whole: bool

    def __str__(self) -> str:
        return f"{self.nets}-nets-n{self.n}-T{self.T}-{'whole' if self.whole else 'last'}"


CORNERS = tuple(Corner(nets, *depth, whole) for nets, depth, whole in product((1, 2), DEPTHS, (True, False)))


@dataclass(frozen=True)
class CornerFigures:
    """The figures of one run, on held-out puzzles. `y` and `z` are the states after the last step."""

    nets: int
    n: int
    T: int
    whole: bool
    seed: int
    parameters: int
    flops_per_step: int
    solved_1: float  # exact accuracy after the first supervision step ...
    solved_4: float  # ... after the fourth ...
    solved: float  # ... and after the last
    z_by_x: float  # fraction of the variance of z that the cell's input token explains
    retained: float  # fraction of puzzles still solved after all steps if y starts from the solution
    halting_auroc: float | None
    z_dimensions: float  # participation ratio over all cells

    @property
    def corner(self) -> Corner:
        return Corner(self.nets, self.n, self.T, self.whole)


def preset_of(corner: Corner, seed: int) -> TrainingPreset:
    """Return the training preset of one run: `sudoku-trm` on 6x6 Sudokus, without its depth curriculum."""
    model = replace(
        SUDOKU_MODEL,
        kind="trm" if corner.nets == 1 else "trm-two-nets",
        H_layers=0 if corner.nets == 1 else SUDOKU_MODEL.layers,
        halting=HALT_ALONE,
        vocab_size=get_task("sudoku", CELLS).vocab_size,
        sequence_length=CELLS,
        hidden_size=WIDTH,
        mlp_width=3 * WIDTH,
        mixing_width=3 * WIDTH // 2,
        n=corner.n,
        T=corner.T,
    )
    return replace(
        SUDOKU_TRM,
        name=f"corner-{corner}",
        model=model,
        data=(PuzzleSpec(PUZZLES, "easy", {"givens": GIVENS}),),
        schedule=replace(SUDOKU_TRM.schedule, depth=(DepthPhase(1.0, n=corner.n, T=corner.T),)),
        seed=seed,
        held_out=HELD_OUT,
        updates=UPDATES,
        minutes=1.0,  # too short to compile the blocks; `updates` ends the run
        ema=0.99,
        gradient_calls=corner.n + 1 if corner.whole else LAST_CALLS,
        snapshots=(),
    )


def run_all(runs: Path, seeds: int, at_once: int) -> None:
    """Train and measure what is missing, seed by seed, each run on one core. Raises `UserError` if a run fails."""
    make_puzzles(runs)
    jobs = [(corner, seed) for seed, corner in product(range(seeds), CORNERS)]
    with ProcessPoolExecutor(at_once, get_context("spawn"), max_tasks_per_child=1) as pool:
        for (corner, seed), figures in zip(
            jobs, pool.map(partial(trained, runs), *zip(*jobs, strict=True)), strict=True
        ):
            log(f"{corner}, seed {seed}: solved {figures.solved:.1%}, z by x {figures.z_by_x:.2f}")


def make_puzzles(runs: Path) -> None:
    """Generate the puzzles of all runs once."""
    runs.mkdir(parents=True, exist_ok=True)
    generated_puzzles(preset_of(CORNERS[0], 0), CELLS, runs, log)


def trained(runs: Path, corner: Corner, seed: int) -> CornerFigures:
    """Train and measure one run, or continue it. Returns its figures, at once if it is finished.

    Raises `UserError` if the training was stopped.
    """
    folder = runs / f"{corner}-seed{seed}"
    if (folder / FIGURES).is_file():
        return read_figures(folder)
    torch.set_num_threads(1)
    preset = preset_of(corner, seed)
    folder.mkdir(exist_ok=True)
    with atomic_file(puzzle_file(folder, CELLS)) as temporary:
        shutil.copyfile(puzzle_file(runs, CELLS), temporary)
    train(preset, folder, resume=(folder / "state.safetensors").exists(), log=_quiet)
    training = own_training(folder)
    if training is None or training.update < UPDATES:
        at = training.update if training else 0
        raise UserError(
            f"{folder} was stopped at update {at} of {UPDATES}. Run the command again to continue."
        )
    figures = measured(corner, seed, folder)
    with atomic_file(folder / FIGURES) as temporary:
        temporary.write_text(json.dumps(asdict(figures), indent=2) + "\n", "utf-8")
    return figures


def _quiet(text: str) -> None:
    """Discard a message: the folder of a run has its log."""


def measured(corner: Corner, seed: int, folder: Path) -> CornerFigures:
    """Measure the model of a finished run on the run's held-out puzzles."""
    model, task = load_model(str(folder)), get_task("sudoku", CELLS)
    model.compute_dtype = training_dtype(model.device)
    _, held_out = generated_puzzles(preset_of(corner, seed), CELLS, folder, _quiet)
    puzzles = PuzzleSet.of("held out", task, held_out.inputs, held_out.labels)
    figures = snapshot_figures(model, task, puzzles, AxisSettings(probe=False))
    first = run_set(model, puzzles, store_states=True)
    solved = np.flatnonzero(first.solved[-1]) if first.solved[-1].any() else np.arange(len(puzzles))
    code = AnswerCode.of(model, torch.from_numpy(first.y[solved, -1]), task.givens(puzzles.inputs[solved]))
    from_solution = run_set(model, puzzles, solution_code=code)
    return CornerFigures(
        **corner._asdict(),
        seed=seed,
        parameters=parameter_count(model),
        flops_per_step=flops.supervision_step(model.config),
        solved_1=figures.exact_by_step[0],
        solved_4=figures.exact_by_step[3],
        solved=figures.exact_by_step[-1],
        z_by_x=figures.variance_by_token,
        retained=float(from_solution.solved[-1].mean()),
        halting_auroc=figures.halting_auroc,
        z_dimensions=figures.participation_ratio,
    )


def read_figures(folder: Path) -> CornerFigures:
    """Read the figures of a finished run."""
    return CornerFigures(**json.loads((folder / FIGURES).read_text("utf-8")))


def interval(values: Sequence[float]) -> str:
    """Return the mean of values and half the width of its 95 % confidence interval (Student's t), as text.

    Fewer than three values are listed instead.
    """
    if len(values) < 3:
        return ", ".join(f"{value:.2f}" for value in values)
    half = student_t.ppf(0.975, len(values) - 1) * stdev(values) / len(values) ** 0.5
    return f"{fmean(values):.2f} ± {half:.2f}"


SHOWN: dict[str, Callable[[CornerFigures], float | None]] = {
    "solved after 1": lambda run: run.solved_1,
    "4": lambda run: run.solved_4,
    "16": lambda run: run.solved,
    "z by x": lambda run: run.z_by_x,
    "retained": lambda run: run.retained,
    "AUROC": lambda run: run.halting_auroc,
    "dimensions of z": lambda run: run.z_dimensions,
}


def corner_table(runs: Sequence[CornerFigures]) -> str:
    """Return a Markdown table with one row per corner: means and intervals over seeds, or the values of two."""
    rows = []
    for corner in CORNERS:
        chosen = [run for run in runs if run.corner == corner]
        if chosen:
            first, gradient = chosen[0], "whole recursion" if corner.whole else f"last {LAST_CALLS} calls"
            figures = [_mean(map(figure, chosen)) for figure in SHOWN.values()]
            rows.append(
                [corner.nets, f"n={corner.n} T={corner.T}", gradient, len(chosen), f"{first.parameters:,}",
                 f"{first.flops_per_step / 1e6:.1f}", *figures]
            )  # fmt: skip
    return _markdown(["nets", "depth", "gradient", "seeds", "parameters", "MFLOP a step", *SHOWN], rows)


def effect_table(runs: Sequence[CornerFigures]) -> str:
    """Return a Markdown table of the effect of each factor: mean differences of runs that share all else, and the seed."""
    effects = {
        "two nets instead of one": [(each, each._replace(nets=2)) for each in CORNERS if each.nets == 1],
        "n=6 T=3 instead of n=2 T=2": _deeper((2, 2), (6, 3)),
        "n=6 T=3 instead of n=6 T=1": _deeper((6, 1), (6, 3)),
        "last 2 calls instead of the whole recursion": [
            (each, each._replace(whole=False)) for each in CORNERS if each.whole
        ],
    }
    by_place = {(run.corner, run.seed): run for run in runs}
    seeds = sorted({run.seed for run in runs})
    rows = []
    for name, pairs in effects.items():
        matched = [
            (by_place[before, seed], by_place[after, seed])
            for (before, after), seed in product(pairs, seeds)
            if {(before, seed), (after, seed)} <= by_place.keys()
        ]
        if matched:
            rows.append(
                [name, len(matched), *(_mean(_differences(matched, figure)) for figure in SHOWN.values())]
            )
    return _markdown(["change", "pairs", *SHOWN], rows)


def _deeper(before: tuple[int, int], after: tuple[int, int]) -> list[tuple[Corner, Corner]]:
    return [(each, each._replace(n=after[0], T=after[1])) for each in CORNERS if (each.n, each.T) == before]


def _differences(
    pairs: Iterable[tuple[CornerFigures, CornerFigures]], figure: Callable[[CornerFigures], float | None]
) -> Iterable[float | None]:
    for before, after in pairs:
        one, other = figure(before), figure(after)
        yield None if one is None or other is None else other - one


def _mean(values: Iterable[float | None]) -> str:
    defined = [value for value in values if value is not None]
    return interval(defined) if defined else "-"


def _markdown(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def write_csv(path: Path, runs: Sequence[CornerFigures]) -> None:
    """Write the figures of all runs, one row each."""
    with atomic_file(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(CornerFigures)])
        writer.writeheader()
        writer.writerows(asdict(run) for run in runs)


if __name__ == "__main__":
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("what", choices=("run", "table"))
    options.add_argument("runs", type=Path, help="folder of the runs")
    options.add_argument(
        "--seeds", type=int, default=SEEDS, help=f"runs of each corner, also in the tables (default: {SEEDS})"
    )
    options.add_argument("--at-once", type=int, default=2, help="number of parallel runs (default: 2)")
    arguments = options.parse_args()
    try:
        if arguments.what == "run":
            run_all(arguments.runs, arguments.seeds, arguments.at_once)
        else:
            finished = [read_figures(path.parent) for path in sorted(arguments.runs.glob(f"*/{FIGURES}"))]
            shown = [run for run in finished if run.seed < arguments.seeds]
            write_csv(COLLECTED, shown)
            write_section(DOCUMENT, "corner effects", effect_table(shown))
            write_section(DOCUMENT, "corners", corner_table(shown))
    except UserError as error:
        sys.exit(str(error))
