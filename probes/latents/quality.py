"""How much of a picture may be believed: whether neighbours in it are neighbours among the states, and the reverse."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from probes.covariance import StatesError

MOST_COMPARED = 2000  # states whose distances are all compared
NEIGHBOURS = 5


@dataclass(frozen=True)
class Quality:
    """Of a projection, on a sample of the states drawn."""

    trustworthiness: float  # 0 to 1; 1: nobody is near who was not (Venna & Kaski 2001)
    neighbours_kept: float  # share of a state's k nearest that are still so in the picture, 0 to 1
    neighbours_by_chance: float  # that share in a picture of random points
    explained_variance: float  # share of the variance that PCA passed on: to the picture, or to UMAP
    neighbours: int  # k
    compared: int  # states in the sample


def quality(
    states: Float[np.ndarray, "*batch dim"],
    placed: Float[np.ndarray, "*batch axis"],
    *,
    explained_variance: float,
    neighbours: int = NEIGHBOURS,
    sample: int = MOST_COMPARED,
    seed: int = 0,
) -> Quality:
    """Compare states with their coordinates, among a random sample of at most `sample` (2000) of them.

    Neighbours are those within the sample. Give one state of each run: a run that rests leaves copies of one state, whose
    nearest are each other on any map. `explained_variance` is the sum of the ratios of the components drawn, or,
    for UMAP, of those it was given. Raises StatesError where there are not more than twice as many states as neighbours.
    """
    from sklearn.manifold import trustworthiness
    from sklearn.neighbors import kneighbors_graph

    states, placed = states.reshape(-1, states.shape[-1]), placed.reshape(-1, placed.shape[-1])
    if len(states) > sample:
        chosen = np.sort(np.random.default_rng(seed).choice(len(states), sample, replace=False))
        states, placed = states[chosen], placed[chosen]
    count = len(states)
    if count <= 2 * neighbours:
        raise StatesError(
            f"{count} states are too few to compare {neighbours} neighbours of each: "
            f"{2 * neighbours + 1} are needed. Take more puzzles, or fewer neighbours."
        )
    states, placed = states.astype(np.float64), placed.astype(np.float64)
    near, drawn_near = (
        kneighbors_graph(points, neighbours, include_self=False) for points in (states, placed)
    )
    return Quality(
        trustworthiness=float(trustworthiness(states, placed, n_neighbors=neighbours)),
        neighbours_kept=float(near.multiply(drawn_near).sum() / (count * neighbours)),
        neighbours_by_chance=neighbours / (count - 1),
        explained_variance=explained_variance,
        neighbours=neighbours,
        compared=count,
    )
