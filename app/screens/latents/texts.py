"""What the Latents page says: what is shown, what a map is worth, what the colours and axes do not mean."""

from probes.latents.procrustes import AlignmentScore
from probes.latents.projection import Embedding, Projection

POSITIONS = {"mean": "the mean over all cells"}


def caption(projection: Projection) -> str:
    """What was drawn, in one line."""
    metadata = projection.metadata
    where = POSITIONS.get(metadata.position, f"cell {metadata.position}")
    if projection.second_model:
        other = projection.second_model.metadata
        return (
            f"State {metadata.state} of `{metadata.model}` and `{other.model}` ({where}) over {projection.puzzle_count} puzzles of "
            f"`{metadata.data}` after {len(projection.calls)} supervision steps. Weights {metadata.fingerprint[:8]} and "
            f"{other.fingerprint[:8]}, {metadata.dtype}, {metadata.recorded}."
        )
    return (
        f"State {metadata.state} of `{metadata.model}` ({where}) over {len(projection)} puzzles of `{metadata.data}` at {len(projection.calls)} calls. "
        f"Weights {metadata.fingerprint[:8]}, {metadata.dtype}, {metadata.recorded}."
    )


def outdated(projection: Projection) -> str:
    both_metadata = [
        projection.metadata,
        *([projection.second_model.metadata] if projection.second_model else []),
    ]
    of = " and ".join(f"{metadata.model} ({metadata.fingerprint[:8]})" for metadata in both_metadata)
    return (
        f"This was recorded from other weights of {of} than the ones here. "
        "Press Compute in the sidebar for those."
    )


def quality_notes(projection: Projection, method: str, axes: int) -> list[str]:
    """How far a picture may be believed, sentence by sentence; first of a joint one what the match of the models is worth."""
    found, pca = (
        _embedding_notes(projection.embedding(method), axes),
        projection.embedding("pca").quality.get(axes),
    )
    if method != "pca" and pca:
        found.append(
            f"PCA in {axes}-D: trustworthiness {pca.trustworthiness:.3f}, {pca.neighbours_kept:.0%} kept."
        )
    return [
        *(alignment_notes(projection.second_model.alignment_score) if projection.second_model else []),
        *found,
    ]


def alignment_notes(match: AlignmentScore) -> list[str]:
    return [
        f"**Two models, turned onto one another**: on {match.tested} puzzles it was not fitted on the turn misses "
        f"**{match.disparity:.1%}** of the spread; with puzzles shuffled {match.shuffled:.1%} ({match.shuffled_low:.1%} to "
        f"{match.shuffled_high:.1%}).",
        "Points of one puzzle lie near each other here for the puzzle's sake only as far as the first number is below the "
        "second."
        if match.beats_shuffled
        else "No better than shuffled: that points of one puzzle lie near each other here means nothing.",
    ]


def _embedding_notes(found: Embedding, axes: int) -> list[str]:
    quality = found.quality.get(axes)
    if found.method == "umap":
        lines = [
            "**UMAP distances are not distances**: who lies beside whom means something, how far apart or how large does not."
        ]
    else:
        lines = ["**PCA is linear**: a distance here is at most the distance between the states."]
    if quality is None:
        return [*lines, "Too few puzzles to say how many neighbours are kept."]
    passed = "The axes hold" if found.method == "pca" else "The components UMAP was given hold"
    return [
        *lines,
        f"{passed} **{quality.explained_variance:.1%}** of the variance.",
        f"Judged by where {quality.compared} runs end, one point each: the points of one run lie together on any map.",
        f"Trustworthiness **{quality.trustworthiness:.3f}** (1: nobody is near who was not).",
        f"**{quality.neighbours_kept:.0%}** of each end's {quality.neighbours} nearest are its nearest here too "
        f"({quality.neighbours_by_chance:.1%} by chance).",
    ]


def not_recorded(name: str, compare_with: str = "") -> str:
    if compare_with:
        return (
            f"No joint map of {name} and {compare_with} is recorded. Press Compute in the sidebar: both run over the puzzles, and the "
            "states of the second are turned onto those of the first."
        )
    return (
        f"Nothing is recorded of {name}. Choose in the sidebar what to follow, then press Compute: the model runs over the "
        "puzzles, and the states after its calls are projected."
    )


IN_PLANE = (
    "Click a point to see its puzzle at that call in Solve. Lasso or box, at the top right of the picture, list the puzzles of "
    "the points around which they are drawn."
)
IN_SPACE = "Drag to turn. Points are chosen in 2-D."
