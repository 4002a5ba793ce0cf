"""What the Latents page says: what is shown, what a map is worth, what the colours and axes do not mean."""

from probes.latents.procrustes import Match
from probes.latents.projection import Map, Scene

POSITIONS = {"mean": "the mean over all cells"}


def source(scene: Scene) -> str:
    """What was drawn, in one line."""
    about = scene.about
    where = POSITIONS.get(about.position, f"cell {about.position}")
    if scene.partner:
        other = scene.partner.about
        return (
            f"State {about.state} of `{about.model}` and `{other.model}` ({where}) over {scene.puzzle_count} puzzles of "
            f"`{about.data}` after {len(scene.calls)} supervision steps. Weights {about.fingerprint[:8]} and "
            f"{other.fingerprint[:8]}, {about.dtype}, {about.recorded}."
        )
    return (
        f"State {about.state} of `{about.model}` ({where}) over {len(scene)} puzzles of `{about.data}` at {len(scene.calls)} calls. "
        f"Weights {about.fingerprint[:8]}, {about.dtype}, {about.recorded}."
    )


def outdated(scene: Scene) -> str:
    abouts = [scene.about, *([scene.partner.about] if scene.partner else [])]
    of = " and ".join(f"{about.model} ({about.fingerprint[:8]})" for about in abouts)
    return (
        f"This was recorded from other weights of {of} than the ones here. "
        "Press Compute in the sidebar for those."
    )


def worth(scene: Scene, method: str, axes: int) -> list[str]:
    """How far a picture may be believed, sentence by sentence; first of a joint one what the match of the models is worth."""
    found, pca = _worth(scene.map(method), axes), scene.map("pca").quality.get(axes)
    if method != "pca" and pca:
        found.append(
            f"PCA in {axes}-D: trustworthiness {pca.trustworthiness:.3f}, {pca.neighbours_kept:.0%} kept."
        )
    return [*(matched(scene.partner.match) if scene.partner else []), *found]


def matched(match: Match) -> list[str]:
    return [
        f"**Two models, turned onto one another**: on {match.tested} puzzles it was not fitted on the turn misses "
        f"**{match.disparity:.1%}** of the spread; with puzzles shuffled {match.shuffled:.1%} ({match.shuffled_low:.1%} to "
        f"{match.shuffled_high:.1%}).",
        "Points of one puzzle lie near each other here for the puzzle's sake only as far as the first number is below the "
        "second."
        if match.is_of_puzzles
        else "No better than shuffled: that points of one puzzle lie near each other here means nothing.",
    ]


def _worth(found: Map, axes: int) -> list[str]:
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


def nothing(name: str, compare_with: str = "") -> str:
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
