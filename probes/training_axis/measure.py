"""Measures every snapshot of a run on the same puzzles. One run of the model per snapshot gives all figures."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Bool, Float32, UInt8

from probes.comparison.dimensionality import participation_ratio, spectrum
from probes.halting.calibration import reliability, repeats
from probes.halting.rules import changed_cells
from probes.linear.fit import fit_probe
from probes.linear.probe import ProbeSettings
from probes.linear.splits import split_puzzles
from probes.linear.targets import Values
from probes.stats import Resampling, RunsError
from probes.training_axis.figures import WRONG_FROM, AxisSettings, SnapshotFigures, TrainingAxis
from trm.batch import BatchStep, run_batches
from trm.config import NEVER
from trm.errors import UserError
from trm.evaluate import auc, exact_answers
from trm.inspection.state_use import explained_by
from trm.progress import Progress, no_progress, part_of
from trm.provenance import Provenance
from trm.registry import Snapshot, fingerprint
from trm.tasks.base import PADDING, Task

if TYPE_CHECKING:
    from trm.data import PuzzleSet
    from trm.model import Model

FEWEST_FOR_PROBE = 12  # puzzles; with fewer, training, validation and test have too few cells
PROBE = ProbeSettings(C=(1e-2,), resamples=1)
NO_RESAMPLING = Resampling(resamples=1)


def measure_run(
    snapshots: Sequence[Snapshot],
    load: "Callable[[Snapshot], Model]",
    task: Task,
    puzzles: "PuzzleSet",
    *,
    name: str,
    settings: AxisSettings = AxisSettings(),
    earlier: TrainingAxis | None = None,
    progress: Progress = no_progress,
) -> TrainingAxis:
    """Measure the snapshots of a run on all puzzles that have exactly one solution.

    `load` opens a snapshot, and `name` is the name of the run's model. What `earlier` contains of the same weights,
    puzzles and settings is not measured again. Raises UserError if there is no run, a snapshot cannot be opened or does
    not fit the puzzles, or no puzzle has exactly one solution.
    """
    if not snapshots:
        raise UserError(
            f"{name} is a single checkpoint, not a run. Give a folder with several: step_<N> files, epoch_<N>.ckpt files, "
            "or a run of `trm train` with --snapshots."
        )
    puzzles = puzzles.take(np.flatnonzero(puzzles.labelled))
    if not len(puzzles):
        raise RunsError(f"No puzzle of {puzzles.name} has exactly one solution. Choose a set with answers.")
    reusable = earlier if earlier and _same(earlier, puzzles, settings) else None
    known = {each.fingerprint: each for each in reusable.snapshots} if reusable else {}
    measured: list[SnapshotFigures] = []
    for index, snapshot in enumerate(snapshots):
        is_last, own = index == len(snapshots) - 1, fingerprint(snapshot.weights)
        if own in known and not is_last:
            measured.append(replace(known[own], number=snapshot.number))
            continue
        model = load(snapshot)
        part = part_of(progress, index / len(snapshots), (index + 1) / len(snapshots), str(snapshot))
        figures = known.get(own) or snapshot_figures(model, task, puzzles, settings, part)
        measured.append(replace(figures, number=snapshot.number))
    about = Provenance.of(model, recorded=date.today(), puzzles=puzzles, depth=model.config.depth)
    return TrainingAxis(replace(about, model=name), settings, snapshots[-1].unit, WRONG_FROM, tuple(measured))


def _same(axis: TrainingAxis, puzzles: "PuzzleSet", settings: AxisSettings) -> bool:
    about = axis.provenance
    return (about.data, about.count, axis.settings) == (puzzles.name, len(puzzles), settings)


def snapshot_figures(
    model: "Model",
    task: Task,
    puzzles: "PuzzleSet",
    settings: AxisSettings,
    progress: Progress = no_progress,
) -> SnapshotFigures:
    """Run a model on puzzles that have exactly one solution, and compute its figures."""
    config = model.config
    config.check_puzzles(puzzles.inputs.shape[1], task.vocab_size)
    config.check_puzzle_id(int(puzzles.puzzle_identifiers.max(initial=0)))
    answers = np.zeros((config.N_sup, *puzzles.inputs.shape), np.uint8)
    q_halt = np.zeros((config.N_sup, len(puzzles)), np.float32)
    z: dict[int, Float32[np.ndarray, "cell dim"]] = {}

    def capture(step: BatchStep) -> None:
        answers[step.index] = step.heads.logits.argmax(-1).cpu().numpy()
        q_halt[step.index] = step.heads.q_halt.float().cpu().numpy()
        if step.numbers[0] == config.N_sup:
            cells = _cells(step.state.z, config.prefix_length)
            z.update(zip(step.rows.tolist(), cells, strict=True))

    run_batches(
        model, puzzles.inputs, puzzle_ids=puzzles.puzzle_identifiers, capture=capture, progress=progress
    )
    states = np.stack([z[row] for row in range(len(puzzles))])
    right, labels = exact_answers(answers, puzzles.labels), puzzles.labels
    blank = ~task.givens(puzzles.inputs) & (labels != PADDING)
    wrong = ((answers[-1] != labels) & blank).sum(-1)
    auroc, error = (None, None) if config.halting == NEVER else _halting(q_halt, right, answers)
    return SnapshotFigures(
        number=0,
        fingerprint=model.fingerprint,
        n=config.n,
        T=config.T,
        exact_by_step=tuple(right.mean(-1).tolist()),
        blank_cell=float((answers[-1] == labels)[blank].mean()) if blank.any() else None,
        halting_auroc=auroc,
        calibration_error=error,
        wrong_cells=tuple(np.histogram(wrong, (*WRONG_FROM, np.inf))[0].tolist()),
        participation_ratio=float(participation_ratio(spectrum(states))),
        variance_by_token=explained_by(puzzles.inputs.ravel(), states.reshape(-1, states.shape[-1])),
        probe_accuracy=probe_accuracy(states, labels, blank) if settings.probe else None,
    )


def _cells(z: torch.Tensor, prefix: int) -> Float32[np.ndarray, "batch cell dim"]:
    """Return z of the cells. Several z of a cell are joined."""
    if z.ndim == 4:  # (batch, latent, position, dim)
        z = z.transpose(1, 2).flatten(2)
    return z[:, prefix:].float().cpu().numpy()


def _halting(
    q_halt: Float32[np.ndarray, "step puzzle"],
    right: Bool[np.ndarray, "step puzzle"],
    answers: UInt8[np.ndarray, "step puzzle cell"],
) -> tuple[float | None, float | None]:
    """Return the AUROC and the calibration error of q_halt."""
    distinct = ~repeats(changed_cells(answers), q_halt)
    error = reliability(q_halt, right, among=distinct, resampling=NO_RESAMPLING).expected_error
    return auc(q_halt, right), None if np.isnan(error) else error


def probe_accuracy(
    states: Float32[np.ndarray, "puzzle cell dim"],
    labels: UInt8[np.ndarray, "puzzle cell"],
    blank: Bool[np.ndarray, "puzzle cell"],
) -> float | None:
    """Fit a linear probe that reads the solution of a blank cell from its state, and return its accuracy.

    The probe is tested on a quarter of the puzzles. None if there are too few puzzles, or all solutions are the same.
    """
    tokens = np.unique(labels[blank])
    if len(states) < FEWEST_FOR_PROBE or len(tokens) < 2:
        return None
    classes = np.searchsorted(tokens, labels) * blank
    fitted = fit_probe(
        states[:, None],
        Values(classes[:, None].astype(np.int16), blank[:, None]),
        split_puzzles(len(states)),
        classes=tuple(map(str, tokens)),
        settings=PROBE,
    )
    accuracy = float(fitted.scores["accuracy"].value[0])
    return None if np.isnan(accuracy) else accuracy
