"""One scene of two models: their states of the same puzzles after every supervision step, on one map.

`probes.latents.procrustes` turns the second model's states onto the first's; the maps are then fitted on both together. Where points of
the two lie is what that turn made of it, so `Partner.match` says what the turn is worth.
"""

from dataclasses import replace

import numpy as np

from probes.covariance import StatesError
from probes.latents.procrustes import CALLS, Match, match
from probes.latents.project import about, curves_of, fields_of, project
from probes.latents.projection import KEPT, MODEL, Curve, Field, Partner, Scene
from probes.latents.trajectories import Trajectories
from probes.latents.umap import UMAPSettings
from probes.threads import one_blas_thread
from trm.progress import Progress, no_progress


def make_joint_scene(
    first: Trajectories,
    second: Trajectories,
    *,
    state: str,
    command: str,
    umap: UMAPSettings | None = None,
    progress: Progress = no_progress,
) -> Scene:
    """The scene of y or z of two models, from walks of the last calls of each one's supervision steps.

    Steps that one of them does not have are left out. Raises StatesError where the walks are not of the same puzzles and the
    same position, or their states cannot be matched or projected.
    """
    if state not in first.states:
        raise StatesError(f"There is no state {state!r} to project. Choose y or z.")
    if not np.array_equal(first.inputs, second.inputs) or first.position != second.position:
        raise StatesError(
            f"{first.made.model} and {second.made.model} were not followed over the same puzzles at the same position. "
            "Take the same set, the same number of puzzles and one position for both."
        )
    steps = min(len(trajectories.calls[state]) for trajectories in (first, second))
    pair = [first_steps(trajectories, steps) for trajectories in (first, second)]
    progress(0.0, "matching the states")
    with one_blas_thread():
        turn = match(*(trajectories.states[state] for trajectories in pair))
        states = turn.together(*(trajectories.states[state] for trajectories in pair)).astype(np.float32)
    components, maps, pca = project(states, umap=umap, progress=progress)
    abouts = [about(trajectories, state=state, calls=CALLS, command=command) for trajectories in pair]
    scene = Scene(
        about=abouts[0],
        calls=pair[0].calls[state],
        puzzles=tuple(map(first.task.format, first.inputs)) * 2,
        numbers=np.tile(first.numbers, 2),
        components=components[..., :KEPT].astype(np.float32),
        variance=pca.explained_variance_ratio[:KEPT],
        maps=maps,
        fields=(
            _owners(pair, steps),
            *_joined_fields([fields_of(trajectories, state) for trajectories in pair]),
        ),
        curves=_joined_curves([curves_of(trajectories) for trajectories in pair]),
        finding=sentences(turn.match, *(trajectories.made.model for trajectories in pair)),
        partner=Partner(abouts[1], pair[1].calls[state], turn.match),
    )
    progress(1.0, "done")
    return scene


def first_steps(trajectories: Trajectories, count: int) -> Trajectories:
    """The walks of the last calls of supervision steps, up to this step."""
    return replace(
        trajectories,
        calls={name: calls[:count] for name, calls in trajectories.calls.items()},
        states={name: states[:, :count] for name, states in trajectories.states.items()},
        answers=trajectories.answers[:, :count],
    )


def names_of(pair: list[Trajectories]) -> tuple[str, str]:
    """Names that differ, also of one model at two moments of its training that were opened under one name."""
    first, second = (trajectories.made.model for trajectories in pair)
    return (first, second) if first != second else (f"{first}, first", f"{second}, second")


def _owners(pair: list[Trajectories], time_points: int) -> Field:
    owner = np.repeat(np.arange(2, dtype=np.int16), [len(trajectories) for trajectories in pair])
    return Field(MODEL, "model", "category", np.repeat(owner[:, None], time_points, 1), names_of(pair))


def _joined_fields(pair: list[tuple[Field, ...]]) -> list[Field]:
    """What is known of the points of both."""
    others = {field.name: field for field in pair[1]}
    return [
        replace(field, values=np.concatenate([field.values, others[field.name].values]))
        for field in pair[0]
        if field.name in others and others[field.name].levels == field.levels
    ]


def _joined_curves(pair: list[tuple[Curve, ...]]) -> tuple[Curve, ...]:
    return tuple(
        replace(one, values=np.concatenate([one.values, other.values]))
        for one, other in zip(*pair, strict=True)
    )


def sentences(found: Match, first: str, second: str) -> tuple[str, ...]:
    """What the match is worth, in words that were computed."""
    verdict = (
        "so the two hold something in common of the single puzzle, be it as little as how many cells are given"
        if found.is_of_puzzles
        else "so nothing here says that the two hold anything in common of the single puzzle"
    )
    return (
        f"Turned onto those of {first} (rotation and one factor, {found.scale:.2f}, of {found.components} principal components "
        f"each, which hold {found.variance[0]:.0%} and {found.variance[1]:.0%} of the variance), fitted on {found.fitted} puzzles, "
        f"the states of {second} miss {found.disparity:.1%} of the spread on {found.tested} others.",
        f"With puzzles shuffled it is {found.shuffled:.1%} ({found.shuffled_low:.1%} to {found.shuffled_high:.1%}), {verdict}.",
    )
