"""What the Latents page says: what is shown, what a map is worth, what the colours and axes do not mean."""

from probes.scene import Map, Scene

POSITIONS = {"mean": "the mean over all cells"}


def source(scene: Scene) -> str:
    """What was drawn, in one line."""
    about = scene.about
    where = POSITIONS.get(about.position, f"cell {about.position}")
    return (
        f"State {about.state} of `{about.model}` ({where}) over {len(scene)} puzzles of `{about.data}` at {len(scene.calls)} calls. "
        f"Weights {about.fingerprint[:8]}, {about.dtype}, {about.recorded}."
    )


def outdated(scene: Scene) -> str:
    return (
        f"This was recorded from other weights of {scene.about.model} ({scene.about.fingerprint[:8]}) than the ones here. "
        "Press Compute in the sidebar for those."
    )


def worth(found: Map, axes: int) -> list[str]:
    """How far a picture may be believed, sentence by sentence."""
    quality = found.quality.get(axes)
    if found.method == "umap":
        lines = [
            "**UMAP distances are not distances**: who lies beside whom means something, how far apart or how large does not."
        ]
    else:
        lines = ["**PCA is linear**: a distance here is at most the distance between the states."]
    if quality is None:
        return [*lines, "Too few points to say how many neighbours are kept."]
    passed = "The axes hold" if found.method == "pca" else "The components UMAP was given hold"
    return [
        *lines,
        f"{passed} **{quality.explained_variance:.1%}** of the variance.",
        f"Trustworthiness **{quality.trustworthiness:.3f}** (1: nobody is near who was not).",
        f"**{quality.neighbours_kept:.0%}** of each state's {quality.neighbours} nearest are its nearest here too "
        f"({quality.neighbours_by_chance:.1%} by chance; {quality.compared} states compared).",
    ]


def nothing(name: str) -> str:
    return (
        f"Nothing is recorded of {name}. Choose in the sidebar what to follow, then press Compute: the model runs over the "
        "puzzles, and the states after its calls are projected."
    )


IN_PLANE = (
    "Click a point to see its puzzle at that call in Solve. Lasso or box, at the top right of the picture, list the puzzles of "
    "the points around which they are drawn."
)
IN_SPACE = "Drag to turn. Points are chosen in 2-D."
