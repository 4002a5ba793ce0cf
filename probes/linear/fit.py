"""Fits linear probes: what can be decoded from a state by a linear map, and from which time point onwards.

The states of P puzzles at K time points in C cells are one array (P, K, C, dim). For puzzle-level targets C is 1: the
mean over cells, or one position of the prefix. A separate probe is fitted at every time point on the training puzzles:
logistic regression for classes, ridge regression for numbers. Features are standardised on the training puzzles, the
regularisation is the one with the smallest loss on the validation puzzles, and scores are computed on the test puzzles,
with bands. Decodable information is not necessarily used by the model (Belinkov 2022, arXiv:2102.12452).

Torch is imported when a probe is fitted, but not to apply one.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64, Int64, Num

from probes.linear.batched_fit import FitProblem, Meter, fit_time_points
from probes.linear.control_task import control_values
from probes.linear.mdl import CodeLength, blocks_of, entropy_bits
from probes.linear.probe import PARAMETERS, ProbeError, ProbeResult, ProbeSettings, States, main_score
from probes.linear.scores import Draws, bootstrap_draws, sampled_scores, with_band
from probes.linear.splits import PARTS, Split
from probes.linear.targets.base import Values
from trm.progress import ShareProgress


def fit_probe(
    states: States,
    values: Values,
    split: Split,
    *,
    classes: Sequence[str],
    name: str = "",
    settings: ProbeSettings | None = None,
    types: Int64[np.ndarray, "_ _"] | None = None,
    pooled: bool = False,
    progress: ShareProgress | None = None,
) -> ProbeResult:
    """Fit the probes of all time points and score them.

    `values` are (puzzle, time, cell). Values, or states such as the input, that do not change may have a single time point.
    `classes` names the classes; if it is empty, values are numbers. `types`, from `control_types`, adds the control task.
    `pooled` fits one probe to all time points together, for a target such as the supervision step. `progress` is called
    with the share done; an exception in it ends the fit. Raises ProbeError if shapes do not match, values are not classes,
    or no cell can be used for training or testing; StatesError if a state is not finite.
    """
    settings = settings or ProbeSettings()
    classes = tuple(classes)
    _check(states, values, split, classes, settings, types)
    problem = _fit_problem(states, values, split, classes, settings, types, pooled)
    batches = problem.batches()
    meter = Meter(progress, len(batches) * problem.stages)
    fits = [fit_time_points(problem, time_points, meter) for time_points in batches]

    def joined(name: str) -> np.ndarray:
        return np.concatenate([getattr(fit, name) for fit in fits], 1 if "predictions" in name else 0)

    draws = bootstrap_draws(len(split.test), count=settings.resamples, seed=settings.seed)
    counts = _counts(problem)
    sampled = _scored(problem, problem.values, joined("predictions"), counts, draws)
    if problem.control is not None:
        main = main_score(classes)
        control = _scored(problem, problem.control, joined("control_predictions"), counts, draws)[main]
        sampled |= {"control": control, "selectivity": sampled[main] - control}
    code = None
    if settings.code_length:
        bits, uniform = (np.concatenate(parts) for parts in zip(*(fit.code for fit in fits), strict=True))
        code = CodeLength(bits, uniform, entropy_bits(counts[0]), blocks_of(len(split.train)))
    return ProbeResult(
        name=name,
        classes=classes,
        settings=settings,
        split=split,
        pooled=pooled,
        counts=counts,
        scores={
            score: with_band(draw_values, len(split.test), lowest=-1.0 if score == "selectivity" else 0.0)
            for score, draw_values in sampled.items()
        },
        code=code,
        **{part: joined(part) for part in PARAMETERS},
    )


def _check(
    states: States,
    values: Values,
    split: Split,
    classes: tuple[str, ...],
    settings: ProbeSettings,
    types: Int64[np.ndarray, "_ _"] | None,
) -> None:
    """Check the arguments of `fit_probe`. Raises ProbeError if they are invalid."""
    labels, defined = values.values, values.defined
    puzzles, time_points, cells, _ = states.shape
    if labels.ndim != 3 or labels.shape != defined.shape:
        raise ProbeError(
            f"Values must have the axes puzzle, time point and cell, as from `values_at`, not the shape {labels.shape}."
        )
    if labels.shape[1] != time_points and 1 not in (labels.shape[1], time_points):
        raise ProbeError(
            f"Values have {labels.shape[1]} time points, states have {time_points}. Give both for the same time points."
        )
    if (labels.shape[0], labels.shape[2]) != (puzzles, cells):
        raise ProbeError(
            f"Values have {labels.shape[0]} puzzles with {labels.shape[2]} cells, states have {puzzles} with {cells}. "
            "Give both for the same cells. A target of puzzles needs states of a single position."
        )
    if types is not None and types.shape != (puzzles, cells):
        raise ProbeError(
            f"Types have the shape {types.shape}, but there are {puzzles} puzzles with {cells} cells. Give one type per cell."
        )
    last = max(getattr(split, part).max() for part in PARTS)
    if last >= puzzles:
        raise ProbeError(
            f"The split contains puzzle index {last}, but there are {puzzles} puzzles. Split these puzzles again."
        )
    if len(classes) == 1:
        raise ProbeError(f"There is only one class, {classes[0]}. Name all classes.")
    used = labels[defined]
    if classes and not ((used >= 0) & (used < len(classes)) & (used == np.floor(used))).all():
        raise ProbeError(
            f"Some values are not class indices from 0 to {len(classes) - 1}. Give class indices, or mark these values as undefined."
        )
    if not np.isfinite(used).all():
        raise ProbeError("Some values are infinite or NaN. Mark them as undefined.")
    if settings.code_length and not classes:
        raise ProbeError(
            "A code length is defined for classes only. Switch it off for this target, whose values are numbers."
        )
    for part in ("train", "test"):
        if not defined[getattr(split, part)].any():
            raise ProbeError(
                f"The target is not defined for any cell of the {part} puzzles. Give more puzzles, or choose another target."
            )


def _fit_problem(
    states: States,
    values: Values,
    split: Split,
    classes: tuple[str, ...],
    settings: ProbeSettings,
    types: Int64[np.ndarray, "_ _"] | None,
    pooled: bool,
) -> FitProblem:
    """Broadcast all arrays to the same puzzles, time points and cells. Pooling treats time points as additional
    cells.
    """
    labels, defined, control = values.values, values.defined, None
    if types is not None:
        control = control_values(types, labels, defined, split.train, seed=settings.seed)
    puzzles, _, cells, dim = states.shape
    shape = (puzzles, max(states.shape[1], labels.shape[1]), cells)
    flat = (puzzles, 1, shape[1] * cells) if pooled else shape

    def broadcast(array: np.ndarray) -> np.ndarray:
        return np.broadcast_to(array, shape).reshape(flat)

    return FitProblem(
        states=np.broadcast_to(states, (*shape, dim)).reshape(*flat, dim),
        values=broadcast(labels),
        defined=broadcast(defined),
        control=None if control is None else broadcast(control),
        split=split,
        classes=len(classes),
        grid=settings.C if classes else settings.alpha,
        balanced=settings.balanced,
        code_length=settings.code_length,
        seed=settings.seed,
    )


def _counts(problem: FitProblem) -> Int64[np.ndarray, "3 time class"]:
    """The number of cells of each class in each part of the split; for numbers, of all cells."""
    counts = []
    for part in PARTS:
        puzzles = getattr(problem.split, part)
        defined, values = problem.defined[puzzles], problem.values[puzzles]
        kinds = [defined & (values == kind) for kind in range(problem.classes)] or [defined]
        counts.append(np.stack([kind.sum((0, 2)) for kind in kinds], -1))
    return np.stack(counts).astype(np.int64)


def _scored(
    problem: FitProblem,
    true: Num[np.ndarray, "all_puzzles time cell"],
    predictions: Num[np.ndarray, "puzzle time cell"],
    counts: Int64[np.ndarray, "3 time class"],
    draws: Draws,
) -> dict[str, Float64[np.ndarray, "draw time"]]:
    """Scores on the test puzzles, for each bootstrap draw; NaN at time points without training cells."""
    test = problem.split.test
    return sampled_scores(true[test], predictions, problem.defined[test], counts[0], draws)
