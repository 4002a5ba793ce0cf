"""Fits linear probes, which show what a linear map can decode from a state and from which time point onwards.

The states of P puzzles at K time points in C cells form one array of shape [P, K, C, dim]. For puzzle-level targets, C
is 1 and the state is the mean over cells or one position of the prefix. A separate probe is fitted at every time point:
logistic regression for classes, ridge regression for numbers. Features are standardised on the training puzzles, and
the regularisation with the smallest loss on the validation puzzles is chosen. Scores and their confidence intervals are
computed on the test puzzles. The model does not necessarily use information that a probe can decode (Belinkov 2022,
arXiv:2102.12452).

Torch is imported only when a probe is fitted. Applying a probe does not need it.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64, Int64, Num

from probes.linear.control_task import control_values
from probes.linear.features import Features
from probes.linear.fitting.batched_fit import FitProblem, Meter, fit_time_points
from probes.linear.mdl import CodeLength, blocks_of, entropy_bits
from probes.linear.probe import PARAMETERS, ProbeError, ProbeResult, ProbeSettings, States, main_score
from probes.linear.scores import Draws, sampled_scores, with_band
from probes.linear.splits import PARTS, Split
from probes.linear.targets.base import Values
from trm.progress import Progress, no_progress


def fit_probe(
    features: Features | States,
    values: Values,
    split: Split,
    *,
    classes: Sequence[str],
    name: str = "",
    settings: ProbeSettings | None = None,
    types: Int64[np.ndarray, "_ _"] | None = None,
    pooled: bool = False,
    progress: Progress = no_progress,
) -> ProbeResult:
    """Fit a probe at every time point and score it on the test puzzles.

    `features`, such as an array of states, have the shape [puzzle, time, cell, dim] and `values` the shape [puzzle, time, cell]. Features or values
    that do not change, such as the input, may have a single time point. `classes` names the classes; if it is empty, the
    values are numbers. `types`, from `control_types`, adds the control task. `pooled` fits one probe to all time points
    together, for a target such as the supervision step. `progress` receives the fraction of the work done, 0 to 1; an
    exception in it ends the fit. Raises ProbeError if shapes do not match, values are not class indices, or the target
    is undefined in all training or all test cells. Raises StatesError if a state is not finite.
    """
    settings = settings or ProbeSettings()
    classes = tuple(classes)
    features = features if isinstance(features, Features) else Features.of_array(features)
    _check(features, values, split, classes, settings, types)
    problem = _fit_problem(features, values, split, classes, settings, types, pooled)
    batches = problem.batches()
    meter = Meter(progress, len(batches) * problem.stages)
    fits = [fit_time_points(problem, time_points, meter) for time_points in batches]

    def joined(name: str) -> np.ndarray:
        return np.concatenate([getattr(fit, name) for fit in fits], 1 if "predictions" in name else 0)

    draws = settings.resampling.with_sample(len(split.test))
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
    features: Features,
    values: Values,
    split: Split,
    classes: tuple[str, ...],
    settings: ProbeSettings,
    types: Int64[np.ndarray, "_ _"] | None,
) -> None:
    """Check the arguments of `fit_probe`. Raises ProbeError if an argument is invalid."""
    labels, defined = values.values, values.defined
    puzzles, time_points, cells, _ = features.shape
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
    features: Features,
    values: Values,
    split: Split,
    classes: tuple[str, ...],
    settings: ProbeSettings,
    types: Int64[np.ndarray, "_ _"] | None,
    pooled: bool,
) -> FitProblem:
    """Broadcast all arrays to a common shape [puzzle, time, cell]. Pooling treats time points as additional cells."""
    labels, defined, control = values.values, values.defined, None
    if types is not None:
        control = control_values(types, labels, defined, split.train, seed=settings.seed)
    puzzles, times, cells, _ = features.shape
    shape = (puzzles, max(times, labels.shape[1]), cells)
    features = features.at_times(shape[1])
    flat = (puzzles, 1, shape[1] * cells) if pooled else shape

    def broadcast(array: np.ndarray) -> np.ndarray:
        return np.broadcast_to(array, shape).reshape(flat)

    return FitProblem(
        features=features.pooled() if pooled else features,
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
    """Count the cells of each class in each part of the split. Numeric targets have a single count of all cells."""
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
    """Score predictions on each bootstrap resample of the test puzzles; NaN at time points without training cells."""
    test = problem.split.test
    return sampled_scores(true[test], predictions, problem.defined[test], counts[0], draws)
