"""Joint projection of two models: their states on the same puzzles after every supervision step, in one embedding.

`probes.latents.procrustes` aligns the states of the second model with those of the first model. The embeddings are then
fitted on the states of both models. The distance between the points of the two models depends on the alignment, and
`SecondModel.alignment_score` measures how well it fits.
"""

from dataclasses import replace

import numpy as np

from probes.covariance import StatesError
from probes.latents.procrustes import ALIGNED_CALLS, AlignmentScore, fit_procrustes
from probes.latents.project import curves_of, fields_of, project
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
    """Project y or z of two models together, from trajectories recorded at the last call of each supervision step.

    Steps that only one model has are left out. Raises StatesError if the trajectories differ in puzzles or position, or
    if the states cannot be aligned or projected.
    """
    if state not in first.states:
        raise StatesError(f"There is no state {state!r} to project. Choose y or z.")
    if not np.array_equal(first.inputs, second.inputs) or first.position != second.position:
        raise StatesError(
            f"{first.provenance.model} and {second.provenance.model} were not recorded on the same puzzles at the same position. "
            "Use the same puzzle set, number of puzzles and position for both."
        )
    steps = min(len(trajectories.calls[state]) for trajectories in (first, second))
    pair = [first_steps(trajectories, steps) for trajectories in (first, second)]
    progress(0.0, "aligning the states")
    with one_blas_thread():
        alignment = fit_procrustes(*(trajectories.states[state] for trajectories in pair))
        states = alignment.combined(*(trajectories.states[state] for trajectories in pair))
    components, embeddings, pca = project(states.astype(np.float32), umap=umap, progress=progress)
    provenance = [replace(trajectories.provenance, command=command) for trajectories in pair]
    projection = Projection(
        provenance=provenance[0],
        state=state,
        position=first.position,
        calls_option=ALIGNED_CALLS,
        calls=pair[0].calls[state],
        puzzles=tuple(map(first.task.format, first.inputs)) * 2,
        puzzle_numbers=np.tile(first.puzzle_numbers, 2),
        components=components[..., :STORED_COMPONENTS].astype(np.float32),
        variance=pca.explained_variance_ratio[:STORED_COMPONENTS].astype(np.float32),
        embeddings=embeddings,
        fields=(
            _model_field(pair, steps),
            *_joint_fields([fields_of(trajectories, state) for trajectories in pair]),
        ),
        curves=_joint_curves([curves_of(trajectories) for trajectories in pair]),
        sentences=sentences(alignment.score, *(trajectories.provenance.model for trajectories in pair)),
        second_model=SecondModel(provenance[1], pair[1].calls[state], alignment.score),
    )
    progress(1.0, "done")
    return projection


def first_steps(trajectories: Trajectories, count: int) -> Trajectories:
    """Return the first `count` supervision steps of trajectories with one recorded call per step."""
    return replace(
        trajectories,
        calls={name: calls[:count] for name, calls in trajectories.calls.items()},
        states={name: states[:, :count] for name, states in trajectories.states.items()},
        answers=trajectories.answers[:, :count],
    )


def distinct_names(pair: list[Trajectories]) -> tuple[str, str]:
    """Return the names of two models. If the names are equal, a suffix tells the models apart."""
    first, second = (trajectories.provenance.model for trajectories in pair)
    return (first, second) if first != second else (f"{first}, first", f"{second}, second")


def _model_field(pair: list[Trajectories], time_points: int) -> Field:
    index = np.repeat(np.arange(2, dtype=np.int16), [len(trajectories) for trajectories in pair])
    return Field(
        MODEL_FIELD, "model", "category", np.repeat(index[:, None], time_points, 1), distinct_names(pair)
    )


def _joint_fields(pair: list[tuple[Field, ...]]) -> list[Field]:
    """Return the fields that both models have, with the values of both models."""
    others = {field.name: field for field in pair[1]}
    return [
        replace(field, values=np.concatenate([field.values, others[field.name].values]))
        for field in pair[0]
        if field.name in others and others[field.name].levels == field.levels
    ]


def _joint_curves(pair: list[tuple[StepCurve, ...]]) -> tuple[StepCurve, ...]:
    return tuple(
        replace(one, values=np.concatenate([one.values, other.values]))
        for one, other in zip(*pair, strict=True)
    )


def sentences(score: AlignmentScore, first: str, second: str) -> tuple[str, ...]:
    """Describe in sentences how well the second model's states align with those of the first model."""
    verdict = (
        "so the two models share some puzzle-specific structure, which may be as little as the number of givens"
        if score.beats_shuffled
        else "so this is no evidence that the two models share puzzle-specific structure"
    )
    return (
        f"The states of {second} are aligned to those of {first} by Procrustes: a rotation and one scale factor "
        f"({score.scale:.2f}) between {score.components} principal components of each model, which explain {score.variance[0]:.0%} "
        f"({first}) and {score.variance[1]:.0%} ({second}) of the variance, fitted on {score.fitted} puzzles.",
        f"On {score.tested} held-out puzzles, the alignment leaves {score.disparity:.1%} of the variance unexplained. With shuffled "
        f"puzzles, it leaves {score.shuffled:.1%} ({score.shuffled_low:.1%} to {score.shuffled_high:.1%}), {verdict}.",
    )
