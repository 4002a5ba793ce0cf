"""Measurements of a model on a puzzle set, for a comparison with other models.

They cover accuracy by step, residuals, dimensionality, solution retention, near-complete puzzles, and the Gram matrices
for CKA. Each model is measured separately, so a third model costs one more measurement. Models with different T and n
share one time axis: the number of supervision steps completed, such as 1/T after the first f_H call.
"""

from datetime import date
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float64, Num

from probes.answer_code import AnswerCode
from probes.comparison.cka import NormalisedGrams, normalised_grams
from probes.comparison.confounds import facts
from probes.comparison.dimensionality import participation_ratio, spectrum, time_point_spectra
from probes.comparison.near_complete import BLANKS, has_near_complete, near_complete
from probes.comparison.result import BandCurve, Measurements, Numbers
from probes.comparison.set_run import SetRun, read_set, run_set
from probes.halting.by_step import SharesByStep, compute_by_step, retention, solved_by_step
from probes.states import StateSource
from probes.stats import BY_PUZZLE
from trm.coordinates import Depth
from trm.data import PuzzleSet
from trm.inspection.state_use import explained_by
from trm.model import Model
from trm.models import parameter_count
from trm.progress import Progress, no_progress, part_of
from trm.provenance import Provenance
from trm.tasks.base import Task

STATES = ("y", "z")
NEAR_LIMIT = 50  # puzzles per number of blanks (1 to 5)
DIGITS = 5  # significant digits stored


def measure(
    model: Model,
    task: Task,
    puzzles: PuzzleSet,
    *,
    depth: Depth | None = None,
    recorded: StateSource | None = None,
    near_limit: int = NEAR_LIMIT,
    progress: Progress = no_progress,
) -> tuple[Measurements, dict[str, NormalisedGrams]]:
    """Measure a model on a puzzle set, and compute the Gram matrices of its y and z after every f_H call, for CKA.

    Only puzzles with exactly one solution count. `near_limit` is the maximum number of puzzles per number of blanks.
    Raises RunsError, PuzzleError or StatesError, as `run_set`, `normalised_grams` and `spectrum` do.
    """
    depth = depth or model.config.depth
    puzzles = puzzles.take(np.flatnonzero(puzzles.labelled))
    near_sets = (
        [
            near_complete(task, puzzles.take(np.arange(min(near_limit, len(puzzles)))), blanks)
            for blanks in BLANKS
        ]
        if has_near_complete(task)
        else []
    )
    runs = (1 if recorded else 2) * len(puzzles) + sum(map(len, near_sets))
    done = 0

    def run(chosen: PuzzleSet, message: str, **options: Any) -> SetRun:
        nonlocal done
        before, done = done, done + len(chosen)
        return run_set(
            model,
            chosen,
            depth=depth,
            progress=part_of(progress, 0.9 * before / max(runs, 1), 0.9 * done / max(runs, 1), message),
            **options,
        )

    name = model.name
    if recorded:
        first = read_set(recorded, model)
    else:
        first = run(puzzles, f"running {name} on {len(puzzles)} puzzles", store_states=True)
    code = _code(model, task, puzzles, first)
    from_solution = run(puzzles, f"starting {name} from the solutions", solution_code=code)
    near_runs = {
        str(blanks): (chosen, run(chosen, f"running {name} on puzzles with {blanks} blank cells"))
        for blanks, chosen in zip(BLANKS, near_sets, strict=False)
    }
    near_accuracy = {
        given: {blanks: _cell_accuracy(task, *each, given=given) for blanks, each in near_runs.items()}
        for given in (False, True)
    }
    grams, dimensionality, by_token = {}, {}, {}
    for number, (state, states) in enumerate({"y": first.y, "z": first.z}.items()):
        grams[state] = normalised_grams(
            states.reshape(*states.shape[:2], -1),
            progress=part_of(
                progress,
                0.9 + 0.05 * number,
                0.9 + 0.05 * (number + 0.7),
                f"computing Gram matrices of {state} of {name}",
            ),
        )
        progress(0.9 + 0.05 * (number + 0.7), f"computing the spectra of {state} of {name}")
        dimensionality[state] = _dimensionality(states[:, depth.T - 1 :: depth.T])
        by_token[state] = explained_by(puzzles.inputs.ravel(), states[:, -1].reshape(-1, states.shape[-1]))
    cost = compute_by_step(model.config.with_depth(**vars(depth)), 1)
    measured = Measurements(
        provenance=Provenance.of(model, recorded=date.today(), puzzles=puzzles, depth=depth),
        parameters=parameter_count(model),
        layers_per_step=int(cost.layers[0]),
        flops_per_step=int(cost.operations[0]),
        facts=facts(model),
        solved=_curve(solved_by_step(first.solved)),
        residual=_residuals(first, depth),
        settled=_settled(first),
        ratio={state: ratio for state, (ratio, _, _) in dimensionality.items()},
        pooled_ratio={state: pooled for state, (_, pooled, _) in dimensionality.items()},
        spectrum={state: shares for state, (_, _, shares) in dimensionality.items()},
        width=model.config.hidden_size,
        by_token={state: rounded(share) for state, share in by_token.items()},
        retention=_curve(retention(from_solution.solved, from_solution=True)),
        solution_decoded=rounded(from_solution.start_accuracy.mean()),
        own_retention=_curve(retention(first.solved)),
        near={blanks: _curve(solved_by_step(each.solved)) for blanks, (_, each) in near_runs.items()},
        near_blanks=near_accuracy[False],
        near_givens=near_accuracy[True],
        near_count=len(near_sets[0]) if near_sets else 0,
    )
    return measured, grams


def _code(model: Model, task: Task, puzzles: PuzzleSet, run: SetRun) -> AnswerCode:
    """Measure the model's code for symbols in y on the puzzles it solves, or on all puzzles if it solves none."""
    solved = np.flatnonzero(run.solved[-1]) if run.solved[-1].any() else np.arange(len(puzzles))
    y = torch.from_numpy(run.y[solved, -1]).to(model.device)
    return AnswerCode.of(model, y, task.givens(puzzles.inputs[solved]))


def _cell_accuracy(task: Task, puzzles: PuzzleSet, run: SetRun, *, given: bool) -> BandCurve:
    """Compute the accuracy on the givens, or on all other cells, after each step, with confidence limits over puzzles."""
    counted = task.givens(puzzles.inputs) == given
    share = (((run.answers == puzzles.labels) & counted).sum(-1) / counted.sum(-1)).T
    low, high = BY_PUZZLE.band(BY_PUZZLE.sums(share) / len(share))
    steps = list(range(1, share.shape[1] + 1))
    return BandCurve(steps, *(numbers(values) for values in (share.mean(0), low, high)))


def _residuals(run: SetRun, depth: Depth) -> dict[str, BandCurve]:
    """Return the residuals of y at f_H calls and of z at f_L calls, by the number of supervision steps completed."""
    at = {kind: [] for kind in ("f_H", "f_L")}
    for step in range(1, depth.N_sup + 1):
        for index, call in enumerate(depth.calls(step), 1):
            at[call.kind].append(step - 1 + index / depth.calls_per_step)
    return {"y": _quartiles(at["f_H"], run.residual_y), "z": _quartiles(at["f_L"], run.residual_z)}


def _settled(run: SetRun) -> dict[str, dict[str, float | None]]:
    """Compute the median residual of y and z over the last supervision step, for solved and unsolved puzzles."""
    groups = {"solved": run.solved[-1], "unsolved": ~run.solved[-1]}
    return {
        state: {group: _median(residual[-1][rows]) for group, rows in groups.items()}
        for state, residual in (("y", run.step_residual_y), ("z", run.step_residual_z))
    }


def _median(values: Float[np.ndarray, "value"]) -> float | None:
    return rounded(np.median(values)) if values.size else None


def _dimensionality(states: Float[np.ndarray, "puzzle step cell dim"]) -> tuple[Numbers, float, Numbers]:
    """Compute participation ratios by step and over all steps pooled, and the pooled spectrum as fractions of variance.

    A point is one cell of one puzzle, as in the HRM paper, so there are many more points than dimensions.
    """
    puzzles, steps, cells, dim = states.shape
    by_step = states.transpose(0, 2, 1, 3).reshape(puzzles * cells, steps, dim)
    values = spectrum(states)
    total = values.sum() or 1.0
    return (
        numbers(participation_ratio(time_point_spectra(by_step))),
        rounded(participation_ratio(values)),
        numbers(values / total),
    )


# ---- numbers for JSON


def rounded(value: Num[np.ndarray, ""] | np.number | float) -> float | None:
    """Round a value to DIGITS significant digits; None if it is not finite."""
    return float(f"{value:.{DIGITS}g}") if np.isfinite(value) else None


def numbers(values: Float64[np.ndarray, "value"] | list[float]) -> Numbers:
    """Round all values for JSON, with None for values that are not finite."""
    return [rounded(value) for value in values]


def _curve(shares: SharesByStep) -> BandCurve:
    return BandCurve(
        list(range(1, len(shares.share) + 1)), numbers(shares.share), *(numbers(end) for end in shares.band)
    )


def _quartiles(x: list[float], values: Float[np.ndarray, "time puzzle"]) -> BandCurve:
    low, middle, high = np.quantile(values.astype(np.float64), (0.25, 0.5, 0.75), axis=1)
    return BandCurve(numbers(x), numbers(middle), numbers(low), numbers(high))
