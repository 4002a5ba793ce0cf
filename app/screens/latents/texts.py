"""Texts of the Latents page: what was projected, how faithful an embedding is, and what it does not show."""

from probes.latents.procrustes import AlignmentScore
from probes.latents.projection import EmbeddedPoints, Projection

POSITIONS = {"mean": "mean over all cells"}


def caption(projection: Projection) -> str:
    """One line: state, models, position, puzzles and weights."""
    metadata, calls = projection.metadata, len(projection.calls)
    position = POSITIONS.get(metadata.position, f"cell {metadata.position}")
    if projection.second_model:
        other = projection.second_model.metadata
        return (
            f"State {metadata.state} of `{metadata.model}` and `{other.model}` ({position}) on {projection.puzzle_count} puzzles from "
            f"`{metadata.data}` after each of {calls} supervision steps. Weights {metadata.fingerprint[:8]} and "
            f"{other.fingerprint[:8]}, {metadata.dtype}, {metadata.recorded}."
        )
    return (
        f"State {metadata.state} of `{metadata.model}` ({position}) on {len(projection)} puzzles from `{metadata.data}` at {calls} calls. "
        f"Weights {metadata.fingerprint[:8]}, {metadata.dtype}, {metadata.recorded}."
    )


def outdated(projection: Projection) -> str:
    both = [projection.metadata, *([projection.second_model.metadata] if projection.second_model else [])]
    models = " and ".join(f"{each.model} ({each.fingerprint[:8]})" for each in both)
    return (
        f"This projection was recorded with different weights: {models}. "
        "Press Compute in the sidebar to update it."
    )


def quality_notes(projection: Projection, method: str, axes: int) -> list[str]:
    """How faithful an embedding is, one sentence per item; for a joint projection, the quality of the alignment first."""
    notes, pca = (
        _embedding_notes(projection.embedding(method), axes),
        projection.embedding("pca").quality.get(axes),
    )
    if method != "pca" and pca:
        notes.append(
            f"PCA in {axes}-D: trustworthiness {pca.trustworthiness:.3f}, {pca.neighbours_kept:.0%} of neighbours preserved."
        )
    if projection.second_model:
        return [*alignment_notes(projection.second_model.alignment_score), *notes]
    return notes


def alignment_notes(score: AlignmentScore) -> list[str]:
    """How well the second model's states align to the first's."""
    return [
        f"**Procrustes alignment** of the two models leaves **{score.disparity:.1%}** of the variance unexplained on {score.tested} "
        f"held-out puzzles; with shuffled puzzles, {score.shuffled:.1%} ({score.shuffled_low:.1%} to {score.shuffled_high:.1%}).",
        "The models' points for one puzzle lie close together for puzzle-specific reasons only to the extent that the first number "
        "is lower than the second."
        if score.beats_shuffled
        else "Not better than shuffled: it means nothing if the models' points for one puzzle lie close together.",
    ]


def _embedding_notes(embedding: EmbeddedPoints, axes: int) -> list[str]:
    quality = embedding.quality.get(axes)
    if embedding.method == "umap":
        notes = [
            "**UMAP distances are not distances**: neighbourhoods are meaningful, distances and cluster sizes are not."
        ]
    else:
        notes = ["**PCA is linear**: a distance here is at most the distance between the states."]
    if quality is None:
        return [*notes, "Too few puzzles to measure how many neighbours are preserved."]
    explains = "The axes explain" if embedding.method == "pca" else "The components passed to UMAP explain"
    return [
        *notes,
        f"{explains} **{quality.explained_variance:.1%}** of the variance.",
        f"Quality is measured on the final states of {quality.compared} runs, since the points of one run lie close together in any projection.",
        f"Trustworthiness **{quality.trustworthiness:.3f}** (1 = no false neighbours).",
        f"**{quality.neighbours_kept:.0%}** of each state's {quality.neighbours} nearest neighbours are preserved "
        f"({quality.neighbours_by_chance:.1%} by chance).",
    ]


def not_recorded(name: str, compare_with: str = "") -> str:
    if compare_with:
        return (
            f"No joint projection of {name} and {compare_with} is recorded. Press Compute in the sidebar: both models run on the "
            "puzzles, and the states of the second are aligned to those of the first."
        )
    return (
        f"No projection of {name} is recorded. Choose the settings in the sidebar, then press Compute: the model runs on the "
        "puzzles, and its states are projected."
    )


IN_PLANE = (
    "Click a point to open its puzzle at that call in Solve. Use box or lasso select (top right of the chart) to list the "
    "puzzles of the selected points."
)
IN_SPACE = "Drag to rotate. Selecting points works in 2-D only."
