"""What two models are held against each other by: for each what it gets right and when, how far it moves, in how many
directions it spreads, whether it keeps a solution; between them how alike they arrange the same puzzles.

Each model is measured on its own, so that a third one costs one more measurement. Moments of models with other T and n are put on one
axis by how many supervision steps had passed: 1/T after the first f_H call.
"""

from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float64, Num

from probes.answer_code import AnswerCode
from probes.comparison.cka import Arrangement, arrangement
from probes.comparison.dimensionality import participation_ratio, spectrum, time_point_spectra
from probes.comparison.matching import facts
from probes.comparison.near_complete import BLANKS, has_near_complete, near_complete
from probes.comparison.result import About, Curve, Measured, Numbers
from probes.comparison.set_run import SetRun, run_set
from probes.halting.by_step import SharesByStep, compute_by_step, retention, solved_by_step
from probes.stats import BY_PUZZLE
from trm.config import ModelConfig
from trm.coordinates import Depth
from trm.data import PuzzleSet
from trm.inspection.state_use import explained_by
from trm.model import Model
from trm.models import parameter_count
from trm.progress import Progress
from trm.tasks.base import Task

STATES = ("y", "z")
FEW = 50  # puzzles for each number of blanks: five times as many runs as there are puzzles
DIGITS = 5  # significant ones that are kept


def measure(
    model: Model,
    task: Task,
    puzzles: PuzzleSet,
    *,
    depth: Depth | None = None,
    few: int = FEW,
    progress: Progress = lambda share, words: None,
) -> tuple[Measured, dict[str, Arrangement]]:
    """Measure a model on a set; and how its y and z after every f_H call arrange the puzzles, for CKA.

    `few` bounds the puzzles for each number of blanks. Raises what `run_set`, `arrangement` and `spectrum` raise.
    """
    depth = depth or model.config.depth
    puzzles = puzzles.take(np.flatnonzero(puzzles.labelled))
    nearly = (
        [near_complete(task, puzzles.take(np.arange(min(few, len(puzzles)))), blanks) for blanks in BLANKS]
        if has_near_complete(task)
        else []
    )
    runs = 2 * len(puzzles) + sum(map(len, nearly))
    done = 0

    def run(chosen: PuzzleSet, words: str, **options: Any) -> SetRun:
        nonlocal done
        before, part = done, len(chosen)
        done += part
        return run_set(
            model,
            chosen,
            depth=depth,
            progress=lambda share: progress(0.9 * (before + share * part) / max(runs, 1), words),
            **options,
        )

    name = model.name
    first = run(puzzles, f"running {name} on {len(puzzles)} puzzles", keep_states=True)
    code = _code(model, task, puzzles, first)
    kept = run(puzzles, f"starting {name} from the solutions", solution_in=code)
    near_runs = {
        str(blanks): (chosen, run(chosen, f"running {name} on puzzles with {blanks} blank cells"))
        for blanks, chosen in zip(BLANKS, nearly, strict=False)
    }
    near_cells = {
        given: {blanks: _cells_right(task, *each, given=given) for blanks, each in near_runs.items()}
        for given in (False, True)
    }
    clouds = {"y": first.y, "z": first.z}
    arranged, spread, by_token = {}, {}, {}
    for number, (state, states) in enumerate(clouds.items()):
        arranged[state] = arrangement(
            states.reshape(*states.shape[:2], -1),
            progress=lambda share, state=state, number=number: progress(
                0.9 + 0.05 * (number + 0.7 * share), f"comparing puzzles in {state} of {name}"
            ),
        )
        progress(0.9 + 0.05 * (number + 0.7), f"computing the spectra of {state} of {name}")
        spread[state] = _spread(states[:, depth.T - 1 :: depth.T])
        by_token[state] = explained_by(puzzles.inputs.ravel(), states[:, -1].reshape(-1, states.shape[-1]))
    measured = Measured(
        about=_about(model, puzzles, depth),
        facts=facts(model),
        solved=_curve(solved_by_step(first.right)),
        residual=_residuals(first, depth),
        settled=_settled(first),
        ratio={state: ratio for state, (ratio, _, _) in spread.items()},
        pooled_ratio={state: pooled for state, (_, pooled, _) in spread.items()},
        spectrum={state: shares for state, (_, _, shares) in spread.items()},
        width=model.config.hidden_size,
        by_token={state: rounded(share) for state, share in by_token.items()},
        kept=_curve(retention(kept.right, from_solution=True).right),
        kept_read=rounded(kept.read_first.mean()),
        kept_own=_curve(retention(first.right).right),
        near={blanks: _curve(solved_by_step(each.right)) for blanks, (_, each) in near_runs.items()},
        near_blanks=near_cells[False],
        near_givens=near_cells[True],
        near_count=len(nearly[0]) if nearly else 0,
    )
    return measured, arranged


def _about(model: Model, puzzles: PuzzleSet, depth: Depth) -> About:
    config: ModelConfig = model.config.with_depth(**vars(depth))
    cost = compute_by_step(config, 1)
    return About(
        name=model.name,
        fingerprint=model.fingerprint,
        kind=config.kind,
        task=config.task,
        data=puzzles.name,
        count=len(puzzles),
        **vars(depth),
        parameters=parameter_count(model),
        layers_per_step=int(cost.layers[0]),
        flops_per_step=int(cost.operations[0]),
    )


def _code(model: Model, task: Task, puzzles: PuzzleSet, run: SetRun) -> AnswerCode:
    """How the model writes symbols into y: of the puzzles that it solves; of all where it solves none."""
    solved = np.flatnonzero(run.right[-1]) if run.right[-1].any() else np.arange(len(puzzles))
    y = torch.from_numpy(run.y[solved, -1]).to(model.device)
    return AnswerCode.of(model, y, task.givens(puzzles.inputs[solved]))


def _cells_right(task: Task, puzzles: PuzzleSet, run: SetRun, *, given: bool) -> Curve:
    """Share of the given cells, or of all others, that are right after each step; bands over puzzles."""
    counted = task.givens(puzzles.inputs) == given
    share = (((run.answers == puzzles.labels) & counted).sum(-1) / counted.sum(-1)).T
    low, high = BY_PUZZLE.band(BY_PUZZLE.sums(share) / len(share))
    steps = list(range(1, share.shape[1] + 1))
    return Curve(steps, *(numbers(values) for values in (share.mean(0), low, high)))


def _residuals(run: SetRun, depth: Depth) -> dict[str, Curve]:
    """Of y at f_H calls, of z at f_L calls, by how many supervision steps have passed."""
    at = {kind: [] for kind in ("f_H", "f_L")}
    for step in range(1, depth.N_sup + 1):
        for place, call in enumerate(depth.calls(step), 1):
            at[call.kind].append(step - 1 + place / depth.calls_per_step)
    return {"y": _quartiles(at["f_H"], run.residual_y), "z": _quartiles(at["f_L"], run.residual_z)}


def _settled(run: SetRun) -> dict[str, dict[str, float | None]]:
    """How far the last supervision step still moves y and z."""
    groups = {"solved": run.right[-1], "unsolved": ~run.right[-1]}
    return {
        state: {group: _median(moved[-1][rows]) for group, rows in groups.items()}
        for state, moved in (("y", run.moved_y), ("z", run.moved_z))
    }


def _median(values: Float[np.ndarray, "value"]) -> float | None:
    return rounded(np.median(values)) if values.size else None


def _spread(states: Float[np.ndarray, "puzzle step cell dim"]) -> tuple[Numbers, float, Numbers]:
    """Participation ratio after each step and of all steps together, and the shares of variance of the latter.

    A point is one cell of one puzzle, as in the HRM paper, so there are many more points than directions.
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


# ---- as JSON keeps numbers


def rounded(value: Num[np.ndarray, ""] | np.number | float) -> float | None:
    return float(f"{value:.{DIGITS}g}") if np.isfinite(value) else None


def numbers(values: Float64[np.ndarray, "value"] | list[float]) -> Numbers:
    return [rounded(value) for value in values]


def _curve(shares: SharesByStep) -> Curve:
    return Curve(
        list(range(1, len(shares.share) + 1)), numbers(shares.share), *(numbers(end) for end in shares.band)
    )


def _quartiles(x: list[float], values: Float[np.ndarray, "moment puzzle"]) -> Curve:
    low, middle, high = np.quantile(values.astype(np.float64), (0.25, 0.5, 0.75), axis=1)
    return Curve(numbers(x), numbers(middle), numbers(low), numbers(high))


def passed(depth: Depth) -> list[float]:
    """Supervision steps that have passed after every f_H call."""
    return [rounded((answer + 1) / depth.T) for answer in range(depth.N_sup * depth.T)]
