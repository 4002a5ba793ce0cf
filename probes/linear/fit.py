"""Linear probes: what can be read from a state by a weighted sum of its numbers, and from which time point on.

The states of P puzzles at K time points in C cells are one array, `puzzle time point cell dim`. (For targets of puzzles C is 1: the
mean over cells, or a position of the prefix.) At every time point a probe of its own is fitted on the training puzzles:
logistic regression for classes, ridge regression for numbers. Features are standardised on the training puzzles, the
strength of regularisation is that of the smallest loss on the validation puzzles, and scores are those of the test puzzles,
with bands. That something can be read does not say that the model uses it (Belinkov 2022, arXiv:2102.12452).

Torch is imported when a probe is fitted, and not to apply one.
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

"""Told the share of the work done, 0 to 1; what it raises ends the work and comes out of it."""


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

    `values` are `puzzle time point cell`, or have one time point where they do not change; so may states (the input, say).
    `classes` names the classes; without any, values are numbers. `types`, those of `control_types`, ask for the control
    task. `pooled`: one probe over all time points together, for a target such as the supervision step. Raises ProbeError
    where shapes do not fit, values are no classes, or there is nothing to learn or to test; StatesError where a state is
    not finite.
    """
    settings = settings or ProbeSettings()
    classes = tuple(classes)
    _check(states, values, split, classes, settings, types)
    problem = _fit_problem(states, values, split, classes, settings, types, pooled)
    groups = problem.groups()
    meter = Meter(progress, len(groups) * problem.stages)
    fits = [fit_time_points(problem, time_points, meter) for time_points in groups]

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
            score: with_band(found, len(split.test), lowest=-1.0 if score == "selectivity" else 0.0)
            for score, found in sampled.items()
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
    """Raises ProbeError as `fit_probe` does."""
    found, defined = values.values, values.defined
    puzzles, time_points, cells, _ = states.shape
    if found.ndim != 3 or found.shape != defined.shape:
        raise ProbeError(
            f"Values of shape {found.shape} are not those of `values_at`: puzzle, time point, cell."
        )
    if found.shape[1] != time_points and 1 not in (found.shape[1], time_points):
        raise ProbeError(
            f"Values are of {found.shape[1]} time points, states of {time_points}. Give both for the same."
        )
    if (found.shape[0], found.shape[2]) != (puzzles, cells):
        raise ProbeError(
            f"Values are of {found.shape[0]} puzzles with {found.shape[2]} cells, states of {puzzles} with {cells}. "
            "Give both for the same cells; a target of puzzles takes states of a single place."
        )
    if types is not None and types.shape != (puzzles, cells):
        raise ProbeError(
            f"Types are of shape {types.shape}, states of {puzzles} puzzles with {cells} cells. Give one for each cell."
        )
    last = max(getattr(split, part).max() for part in PARTS)
    if last >= puzzles:
        raise ProbeError(f"The split names puzzle {last}, from 0, of {puzzles}. Split these puzzles anew.")
    if len(classes) == 1:
        raise ProbeError(f"There is but one class, {classes[0]}, so nothing to tell apart. Name all classes.")
    known = found[defined]
    if classes and not ((known >= 0) & (known < len(classes)) & (known == np.floor(known))).all():
        raise ProbeError(
            f"Some values are none of the {len(classes)} classes. Give their indices, from 0, or leave them undefined."
        )
    if not np.isfinite(known).all():
        raise ProbeError("Some values are infinite or not a number. Leave them undefined.")
    if settings.code_length and not classes:
        raise ProbeError("A code length is one of classes, not of numbers. Leave it out for this target.")
    for part in ("train", "test"):
        if not defined[getattr(split, part)].any():
            raise ProbeError(
                f"The target is defined for no cell of the {part} puzzles. Give more puzzles, or choose another target."
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
    """Everything with the same puzzles, time points and cells; pooled time points are more cells of a single one."""
    found, defined, control = values.values, values.defined, None
    if types is not None:
        control = control_values(types, found, defined, split.train, seed=settings.seed)
    puzzles, _, cells, dim = states.shape
    shape = (puzzles, max(states.shape[1], found.shape[1]), cells)
    flat = (puzzles, 1, shape[1] * cells) if pooled else shape

    def spread(array: np.ndarray) -> np.ndarray:
        return np.broadcast_to(array, shape).reshape(flat)

    return FitProblem(
        states=np.broadcast_to(states, (*shape, dim)).reshape(*flat, dim),
        values=spread(found),
        defined=spread(defined),
        control=None if control is None else spread(control),
        split=split,
        classes=len(classes),
        grid=settings.C if classes else settings.alpha,
        balanced=settings.balanced,
        code_length=settings.code_length,
        seed=settings.seed,
    )


def _counts(problem: FitProblem) -> Int64[np.ndarray, "3 time class"]:
    """How many cells each part has of each class; of all numbers."""
    found = []
    for part in PARTS:
        puzzles = getattr(problem.split, part)
        defined, values = problem.defined[puzzles], problem.values[puzzles]
        kinds = [defined & (values == kind) for kind in range(problem.classes)] or [defined]
        found.append(np.stack([kind.sum((0, 2)) for kind in kinds], -1))
    return np.stack(found).astype(np.int64)


def _scored(
    problem: FitProblem,
    true: Num[np.ndarray, "all_puzzles time cell"],
    read: Num[np.ndarray, "puzzle time cell"],
    counts: Int64[np.ndarray, "3 time class"],
    draws: Draws,
) -> dict[str, Float64[np.ndarray, "draw time"]]:
    """Scores of what was read of the test puzzles, on each of the draws; NaN at time points that had nothing to learn from."""
    test = problem.split.test
    return sampled_scores(true[test], read, problem.defined[test], counts[0], draws)
