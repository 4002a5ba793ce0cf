"""Texts of the Latents page: what was projected, how faithful an embedding is, and what it does not show."""

from app.server.models import ModelSource
from app.ui.text import plain
from probes.latents.procrustes import AlignmentScore
from probes.latents.projection import EmbeddedPoints, Projection

POSITIONS = {"mean": "mean over all cells"}


def caption(projection: Projection) -> str:
    """Return one line with state, models, position, puzzles and weights."""
    provenance, calls = projection.provenance, len(projection.calls)
    position = POSITIONS.get(projection.position, f"cell {projection.position}")
    if projection.second_model:
        other = projection.second_model.provenance
        return (
            f"The points show the state {projection.state} of `{provenance.model}` and `{other.model}` ({position}) on {projection.puzzle_count} "
            f"puzzles from `{provenance.data}` after each of {calls} supervision steps. Weights: {provenance.fingerprint[:8]} and "
            f"{other.fingerprint[:8]}, {provenance.dtype}, {provenance.recorded}."
        )
    return (
        f"The points show the state {projection.state} of `{provenance.model}` ({position}) on {len(projection)} puzzles from "
        f"`{provenance.data}` after each of {calls} calls. Weights: {provenance.fingerprint[:8]}, {provenance.dtype}, {provenance.recorded}."
    )


def quality_notes(projection: Projection, method: str, axes: int) -> list[str]:
    """Return sentences on how faithful an embedding is; for a joint projection, first on the quality of the alignment."""
    notes, pca = (
        _embedding_notes(projection.embedding(method), axes),
        projection.embedding("pca").quality.get(axes),
    )
    if method != "pca" and pca:
        notes.append(
            f"For comparison, PCA in {axes}-D has a trustworthiness of {pca.trustworthiness:.3f} and preserves "
            f"{pca.neighbours_preserved:.0%} of the neighbours."
        )
    if projection.second_model:
        return [*alignment_notes(projection.second_model.alignment_score), *notes]
    return notes


def alignment_notes(score: AlignmentScore) -> list[str]:
    """Return sentences on how well the second model's states align to those of the first model."""
    return [
        f"**Procrustes alignment** of the two models leaves **{score.disparity:.1%}** of the variance unexplained on {score.tested} "
        f"held-out puzzles; with shuffled puzzles, it leaves {score.shuffled:.1%} ({score.shuffled_low:.1%} to {score.shuffled_high:.1%}).",
        "Only if the first number is well below the second do the two models' points for the same puzzle lie close together for "
        "puzzle-specific reasons."
        if score.beats_shuffled
        else "This is no better than with shuffled puzzles, so it means nothing if the models' points for one puzzle lie close together.",
    ]


def _embedding_notes(embedding: EmbeddedPoints, axes: int) -> list[str]:
    quality = embedding.quality.get(axes)
    if embedding.method == "umap":
        notes = [
            "**UMAP does not preserve distances**: neighbourhoods are meaningful; distances and cluster sizes are not."
        ]
    else:
        notes = [
            "**PCA is an orthogonal projection**: a distance in the plot is never larger than the distance between the states."
        ]
    if quality is None:
        return [*notes, "There are too few puzzles to measure how many neighbours are preserved."]
    explains = "The axes explain" if embedding.method == "pca" else "The components passed to UMAP explain"
    return [
        *notes,
        f"{explains} **{quality.explained_variance:.1%}** of the variance.",
        f"Quality is measured on the final states of {quality.compared} runs, because the points of one run lie close together in any projection.",
        f"The trustworthiness is **{quality.trustworthiness:.3f}** (1 = no false neighbours).",
        f"On average, **{quality.neighbours_preserved:.0%}** of a state's {quality.neighbours} nearest neighbours are preserved "
        f"({quality.neighbours_by_chance:.1%} by chance).",
    ]


def not_recorded(model: ModelSource, other: ModelSource | None = None) -> str:
    """Return the message for a model, or a pair of models, without a recorded projection."""
    if other:
        return plain(
            f"No joint projection of {model.name} and {other.name} is recorded. Press Compute in the sidebar: both models run on "
            "the puzzles, and the states of the second are aligned to those of the first."
        )
    return plain(
        f"No projection of {model.name} is recorded. Choose the settings in the sidebar, then press Compute: the model runs on "
        "the puzzles, and its states are projected."
    )


UPDATE = "Press Compute in the sidebar to update the projection."
IN_PLANE = (
    "Click a point to open its puzzle at that call in Solve. Use box or lasso select (top right of the chart) to list the "
    "puzzles of the selected points."
)
IN_SPACE = "Drag to rotate. Points can be selected in 2-D only."
