"""One projection of two models: their states of the same puzzles after every supervision step, on one map.

`probes.latents.procrustes` turns the second model's states onto the first's; the maps are then fitted on both together. Where points of
the two lie is what that turn made of it, so `SecondModel.score` says what the turn is worth.
"""

from dataclasses import replace

import numpy as np

from probes.covariance import StatesError
from probes.latents.procrustes import ALIGNED_CALLS, AlignmentScore, fit_procrustes
from probes.latents.project import curves_of, fields_of, metadata_of, project
from probes.latents.projection import (
    MODEL_FIELD,
    STORED_COMPONENTS,
    Field,
    Projection,
    SecondModel,
    StepCurve,
)
from probes.latents.trajectories import Trajectories
from probes.latents.umap import UMAPSettings
from probes.threads import one_blas_thread
from trm.progress import Progress, no_progress


def make_joint_projection(
    first: Trajectories,
    second: Trajectories,
    *,
    state: str,
    command: str,
    umap: UMAPSettings | None = None,
    progress: Progress = no_progress,
) -> Projection:
    """The projection of y or z of two models, from walks of the last calls of each one's supervision steps.

    Steps that one of them does not have are left out. Raises StatesError where the walks are not of the same puzzles and the
    same position, or their states cannot be matched or projected.
    """
    if state not in first.states:
        raise StatesError(f"There is no state {state!r} to project. Choose y or z.")
    if not np.array_equal(first.inputs, second.inputs) or first.position != second.position:
        raise StatesError(
            f"{first.metadata.model} and {second.metadata.model} were not followed over the same puzzles at the same position. "
            "Take the same set, the same number of puzzles and one position for both."
        )
    steps = min(len(trajectories.calls[state]) for trajectories in (first, second))
    pair = [first_steps(trajectories, steps) for trajectories in (first, second)]
    progress(0.0, "matching the states")
    with one_blas_thread():
        alignment = fit_procrustes(*(trajectories.states[state] for trajectories in pair))
        states = alignment.combined(*(trajectories.states[state] for trajectories in pair)).astype(np.float32)
    components, maps, pca = project(states, umap=umap, progress=progress)
    metadata = [
        metadata_of(trajectories, state=state, calls=ALIGNED_CALLS, command=command) for trajectories in pair
    ]
    projection = Projection(
        metadata=metadata[0],
        calls=pair[0].calls[state],
        puzzles=tuple(map(first.task.format, first.inputs)) * 2,
        puzzle_numbers=np.tile(first.puzzle_numbers, 2),
        components=components[..., :STORED_COMPONENTS].astype(np.float32),
        variance=pca.explained_variance_ratio[:STORED_COMPONENTS],
        embeddings=maps,
        fields=(
            _model_field(pair, steps),
            *_joined_fields([fields_of(trajectories, state) for trajectories in pair]),
        ),
        curves=_joined_curves([curves_of(trajectories) for trajectories in pair]),
        sentences=sentences(alignment.score, *(trajectories.metadata.model for trajectories in pair)),
        second_model=SecondModel(metadata[1], pair[1].calls[state], alignment.score),
    )
    progress(1.0, "done")
    return projection


def first_steps(trajectories: Trajectories, count: int) -> Trajectories:
    """The walks of the last calls of supervision steps, up to this step."""
    return replace(
        trajectories,
        calls={name: calls[:count] for name, calls in trajectories.calls.items()},
        states={name: states[:, :count] for name, states in trajectories.states.items()},
        answers=trajectories.answers[:, :count],
    )


def distinct_names(pair: list[Trajectories]) -> tuple[str, str]:
    """Names that differ, also of one model at two moments of its training that were opened under one name."""
    first, second = (trajectories.metadata.model for trajectories in pair)
    return (first, second) if first != second else (f"{first}, first", f"{second}, second")


def _model_field(pair: list[Trajectories], time_points: int) -> Field:
    owner = np.repeat(np.arange(2, dtype=np.int16), [len(trajectories) for trajectories in pair])
    return Field(
        MODEL_FIELD, "model", "category", np.repeat(owner[:, None], time_points, 1), distinct_names(pair)
    )


def _joined_fields(pair: list[tuple[Field, ...]]) -> list[Field]:
    """What is known of the points of both."""
    others = {field.name: field for field in pair[1]}
    return [
        replace(field, values=np.concatenate([field.values, others[field.name].values]))
        for field in pair[0]
        if field.name in others and others[field.name].levels == field.levels
    ]


def _joined_curves(pair: list[tuple[StepCurve, ...]]) -> tuple[StepCurve, ...]:
    return tuple(
        replace(one, values=np.concatenate([one.values, other.values]))
        for one, other in zip(*pair, strict=True)
    )


def sentences(found: AlignmentScore, first: str, second: str) -> tuple[str, ...]:
    """What the match is worth, in words that were computed."""
    verdict = (
        "so the two hold something in common of the single puzzle, be it as little as how many cells are given"
        if found.beats_shuffled
        else "so nothing here says that the two hold anything in common of the single puzzle"
    )
    return (
        f"Turned onto those of {first} (rotation and one factor, {found.scale:.2f}, of {found.components} principal components "
        f"each, which hold {found.variance[0]:.0%} and {found.variance[1]:.0%} of the variance), fitted on {found.fitted} puzzles, "
        f"the states of {second} miss {found.disparity:.1%} of the spread on {found.tested} others.",
        f"With puzzles shuffled it is {found.shuffled:.1%} ({found.shuffled_low:.1%} to {found.shuffled_high:.1%}), {verdict}.",
    )
