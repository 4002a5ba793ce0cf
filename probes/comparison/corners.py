"""Tells apart the effects of kind, depth and gradient: trains combinations of them on 6x6 and 9x9 Sudokus.

A published TRM and a published HRM differ in their nets (one for both functions, or two), in n and T, in the calls that
training backpropagates through, and in the halting rule. All runs of a size have the same width, puzzles, curriculum,
optimiser, number of updates, and halting rule. An HRM then is the same function as a TRM with two nets, so the number
of nets is all that remains of the kind: with as many layers in each (and twice the parameters), or with half of them.

python -m probes.comparison.corners run runs/corners     # two at a time, one core each; continues interrupted runs
python -m probes.comparison.corners table runs/corners   # adds them to docs/corners.csv and the tables in docs/training.md
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
from typing import NamedTuple

import numpy as np
import torch

from probes.answer_code import AnswerCode
from probes.comparison.set_run import run_set
from probes.training_axis.figures import AxisSettings
from probes.training_axis.measure import snapshot_figures
from trm.checkpoint import load_model
from trm.config import HALT_ALONE
from trm.data import PuzzleSet
from trm.device import training_dtype
from trm.errors import UserError
from trm.evaluate import mean_interval
from trm.export.markdown import markdown_table, write_section
from trm.files import atomic_file
from trm.inspection import flops
from trm.models import parameter_count
from trm.registry import own_training
from trm.tasks import get_task
from trm.terminal import log
from trm.training.data import generated_puzzles, puzzle_file
from trm.training.presets import SUDOKU_MODEL, SUDOKU_TRM, PuzzleSpec, TrainingPreset
from trm.training.run import train
from trm.training.schedule import DepthPhase


@dataclass(frozen=True)
class Scale:
    """What all runs on Sudokus of one size share."""

    givens: tuple[int, int]
    width: int  # D
    updates: int
    puzzles: int = 4_000
    held_out: int = 256


SCALES = {
    36: Scale(givens=(10, 18), width=64, updates=800),
    81: Scale(givens=(24, 42), width=96, updates=1_500),
}
"""By the number of cells."""

SEEDS = (0, 1, 2)
LAST_CALLS = 2  # backpropagated calls of a published HRM: the last f_L call and the last f_H call
LAYERS = SUDOKU_MODEL.layers
NETS = ((1, LAYERS), (2, LAYERS), (2, LAYERS // 2))  # nets, and layers in each
DEPTHS = ((2, 2), (6, 3), (6, 1))  # n and T: as published for HRM and for TRM, and a single cycle
FIGURES, COLLECTED, DOCUMENT = "figures.json", Path("docs/corners.csv"), Path("docs/training.md")


class Corner(NamedTuple):
    """One combination. `whole`: whether training backpropagates through the whole last latent recursion."""

    cells: int
    nets: int
    layers: int  # in each net
    n: int
    T: int
    whole: bool

    def __str__(self) -> str:
        gradient = "whole" if self.whole else "last"
        return f"{self.cells}-cells-{self.nets}x{self.layers}-layers-n{self.n}-T{self.T}-{gradient}"


CORNERS = tuple(
    Corner(cells, *nets, *depth, whole)
    for cells, all_nets, gradients in ((36, NETS, (True, False)), (81, NETS[:2], (False,)))
    for nets, depth, whole in product(all_nets, DEPTHS, gradients)
)
"""On 9x9 Sudokus only the two factors that matter most on 6x6."""


@dataclass(frozen=True)
class CornerFigures:
    """The figures of one run, on held-out puzzles. `y` and `z` are the states after the last step."""

    cells: int
    nets: int
    layers: int
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
        return Corner(*(getattr(self, name) for name in Corner._fields))


def preset_of(corner: Corner, seed: int) -> TrainingPreset:
    """Return the training preset of one run: `sudoku-trm` in another size, without its depth curriculum."""
    scale = SCALES[corner.cells]
    model = replace(
        SUDOKU_MODEL,
        kind="trm" if corner.nets == 1 else "trm-two-nets",
        layers=corner.layers,
        H_layers=0 if corner.nets == 1 else corner.layers,
        halting=HALT_ALONE,
        vocab_size=get_task("sudoku", corner.cells).vocab_size,
        sequence_length=corner.cells,
        hidden_size=scale.width,
        mlp_width=3 * scale.width,
        mixing_width=3 * scale.width // 2,
        n=corner.n,
        T=corner.T,
    )
    return replace(
        SUDOKU_TRM,
        name=f"corner-{corner}",
        model=model,
        data=(PuzzleSpec(scale.puzzles, "easy", {"givens": scale.givens}),),
        schedule=replace(SUDOKU_TRM.schedule, depth=(DepthPhase(1.0, n=corner.n, T=corner.T),)),
        seed=seed,
        held_out=scale.held_out,
        updates=scale.updates,
        minutes=1.0,  # too short to compile the blocks; `updates` ends the run
        ema=0.99,
        gradient_calls=corner.n + 1 if corner.whole else LAST_CALLS,
        snapshots=(),
    )


def run_all(runs: Path, corners: Sequence[Corner], seeds: Sequence[int], at_once: int) -> None:
    """Train and measure what is missing, seed by seed, each run on one core. Raises `UserError` if a run fails."""
    for corner in {each.cells: each for each in corners}.values():
        make_puzzles(runs, corner)
    jobs = [(corner, seed) for seed, corner in product(seeds, corners)]
    with ProcessPoolExecutor(at_once, get_context("spawn"), max_tasks_per_child=1) as pool:
        for (corner, seed), figures in zip(
            jobs, pool.map(partial(trained, runs), *zip(*jobs, strict=True)), strict=True
        ):
            log(f"{corner}, seed {seed}: solved {figures.solved:.1%}, z by x {figures.z_by_x:.2f}")


def make_puzzles(runs: Path, corner: Corner) -> None:
    """Generate the puzzles of all runs with this corner's size once."""
    runs.mkdir(parents=True, exist_ok=True)
    generated_puzzles(preset_of(corner, 0), corner.cells, runs, log)


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
    with atomic_file(puzzle_file(folder, corner.cells)) as temporary:
        shutil.copyfile(puzzle_file(runs, corner.cells), temporary)
    train(preset, folder, resume=(folder / "state.safetensors").exists(), log=_quiet)
    training = own_training(folder)
    if training is None or training.update < preset.updates:
        at = training.update if training else 0
        raise UserError(
            f"{folder} was stopped at update {at} of {preset.updates}. Run the command again to continue."
        )
    figures = measured(corner, seed, folder)
    with atomic_file(folder / FIGURES) as temporary:
        temporary.write_text(json.dumps(asdict(figures), indent=2) + "\n", "utf-8")
    return figures


def _quiet(text: str) -> None:
    """Discard a message: the folder of a run has its log."""


def measured(corner: Corner, seed: int, folder: Path) -> CornerFigures:
    """Measure the model of a finished run on the run's held-out puzzles."""
    model, task = load_model(str(folder)), get_task("sudoku", corner.cells)
    model.compute_dtype = training_dtype(model.device)
    _, held_out = generated_puzzles(preset_of(corner, seed), corner.cells, folder, _quiet)
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
    mean, half = mean_interval(values)
    return f"{mean:.2f} ± {half:.2f}"


SHOWN: dict[str, Callable[[CornerFigures], float | None]] = {
    "solved after 1": lambda run: run.solved_1,
    "4": lambda run: run.solved_4,
    "16": lambda run: run.solved,
    "z by x": lambda run: run.z_by_x,
    "retained": lambda run: run.retained,
    "AUROC": lambda run: run.halting_auroc,
    "dimensions of z": lambda run: run.z_dimensions,
}


EFFECTS: dict[str, tuple[dict[str, int], dict[str, int]]] = {
    "two nets instead of one": ({"nets": 1}, {"nets": 2}),
    "two nets of half the layers instead of one": ({"nets": 1}, {"nets": 2, "layers": LAYERS // 2}),
    "n=6 T=3 instead of n=2 T=2": ({"n": 2, "T": 2}, {"n": 6, "T": 3}),
    "n=6 T=3 instead of n=6 T=1": ({"n": 6, "T": 1}, {"n": 6, "T": 3}),
    "last 2 calls instead of the whole recursion": ({"whole": True}, {"whole": False}),
}
"""By name: the fields of the corners that the change starts from, and the changed fields."""


def corner_table(runs: Sequence[CornerFigures]) -> str:
    """Return a Markdown table with one row per corner: means and intervals over seeds, or the values of two."""
    rows = []
    for corner in CORNERS:
        chosen = [run for run in runs if run.corner == corner]
        if chosen:
            first, gradient = chosen[0], "whole recursion" if corner.whole else f"last {LAST_CALLS} calls"
            figures = [_mean(map(figure, chosen)) for figure in SHOWN.values()]
            rows.append(
                [corner.nets, corner.layers, f"n={corner.n} T={corner.T}", gradient, len(chosen),
                 f"{first.parameters:,}", f"{first.flops_per_step / 1e6:.1f}", *figures]
            )  # fmt: skip
    return markdown_table(
        ["nets", "layers in each", "depth", "gradient", "seeds", "parameters", "MFLOP a step", *SHOWN], rows
    )


def effect_table(runs: Sequence[CornerFigures]) -> str:
    """Return a Markdown table of the effect of each factor: mean differences of runs that share all else, and the seed."""
    by_place = {(run.corner, run.seed): run for run in runs}
    seeds = sorted({run.seed for run in runs})
    rows = []
    for name, (condition, change) in EFFECTS.items():
        pairs = [
            (each, each._replace(**change)) for each in CORNERS if condition.items() <= each._asdict().items()
        ]
        matched = [
            (by_place[before, seed], by_place[after, seed])
            for (before, after), seed in product(pairs, seeds)
            if {(before, seed), (after, seed)} <= by_place.keys()
        ]
        if matched:
            rows.append(
                [name, len(matched), *(_mean(_differences(matched, figure)) for figure in SHOWN.values())]
            )
    return markdown_table(["change", "pairs", *SHOWN], rows)


def _differences(
    pairs: Iterable[tuple[CornerFigures, CornerFigures]], figure: Callable[[CornerFigures], float | None]
) -> Iterable[float | None]:
    for before, after in pairs:
        one, other = figure(before), figure(after)
        yield None if one is None or other is None else other - one


def _mean(values: Iterable[float | None]) -> str:
    defined = [value for value in values if value is not None]
    return interval(defined) if defined else "-"


def write_csv(path: Path, runs: Iterable[CornerFigures]) -> None:
    """Write the figures of runs, one row each, as JSON values."""
    with atomic_file(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(CornerFigures)])
        writer.writeheader()
        writer.writerows({name: json.dumps(value) for name, value in asdict(run).items()} for run in runs)


def read_csv(path: Path) -> list[CornerFigures]:
    """Read what `write_csv` wrote."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file)
        return [CornerFigures(**{name: json.loads(value) for name, value in row.items()}) for row in rows]


def collect(runs: Path) -> None:
    """Add the finished runs to `docs/corners.csv`, and write the tables of all runs there into `docs/training.md`.

    Raises `UserError` if this is not the root of the project.
    """
    if not COLLECTED.is_file():
        raise UserError(f"There is no {COLLECTED} here. Run this command in the root of the project.")
    finished = [*read_csv(COLLECTED), *(read_figures(path.parent) for path in runs.glob(f"*/{FIGURES}"))]
    by_place = {(CORNERS.index(run.corner), run.seed): run for run in finished}
    shown = [by_place[place] for place in sorted(by_place)]
    write_csv(COLLECTED, shown)
    for cells in SCALES:
        of_size = [run for run in shown if run.cells == cells]
        write_section(DOCUMENT, f"corner effects, {cells} cells", effect_table(of_size))
        write_section(DOCUMENT, f"corners, {cells} cells", corner_table(of_size))


if __name__ == "__main__":
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("what", choices=("run", "table"))
    options.add_argument("runs", type=Path, help="folder of the runs")
    options.add_argument(
        "--cells",
        type=int,
        choices=SCALES,
        nargs="+",
        default=list(SCALES),
        help="sizes of Sudokus (default: all)",
    )
    options.add_argument(
        "--seeds", type=int, nargs="+", default=SEEDS, help="seeds of each corner (default: 0 1 2)"
    )
    options.add_argument("--at-once", type=int, default=2, help="number of parallel runs (default: 2)")
    arguments = options.parse_args()
    try:
        if arguments.what == "run":
            chosen = [corner for corner in CORNERS if corner.cells in arguments.cells]
            run_all(arguments.runs, chosen, arguments.seeds, arguments.at_once)
        else:
            collect(arguments.runs)
    except UserError as error:
        sys.exit(str(error))
