"""How faithful a projection is: whether neighbours in it are neighbours among the states, and vice versa."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from probes.covariance import StatesError

MOST_COMPARED = 2000  # states: all pairwise distances are computed
NEIGHBOURS = 5


@dataclass(frozen=True)
class Quality:
    """Quality of an embedding, measured on a sample of the states."""

    trustworthiness: float  # 0 to 1; 1: no false neighbours (Venna & Kaski 2001)
    neighbours_kept: float  # share of each state's k nearest neighbours that are preserved, 0 to 1
    neighbours_by_chance: float  # that share for random coordinates
    explained_variance: float  # share of the variance in the components drawn, or passed to UMAP
    neighbours: int  # k
    compared: int  # states in the sample


def quality(
    states: Float[np.ndarray, "*batch dim"],
    coordinates: Float[np.ndarray, "*batch axis"],
    *,
    explained_variance: float,
    neighbours: int = NEIGHBOURS,
    sample: int = MOST_COMPARED,
    seed: int = 0,
) -> Quality:
    """Compare the neighbours of states with those of their coordinates, in a random sample of at most `sample` states.

    Pass one state per run: a converged run leaves copies of one state, which are each other's nearest neighbours in any
    embedding. `explained_variance` is the total ratio of the components drawn or, for UMAP, of those passed to it. Raises
    StatesError unless there are more than twice as many states as neighbours.
    """
    from sklearn.manifold import trustworthiness
    from sklearn.neighbors import kneighbors_graph

    states = states.reshape(-1, states.shape[-1])
    coordinates = coordinates.reshape(-1, coordinates.shape[-1])
    if len(states) > sample:
        chosen = np.sort(np.random.default_rng(seed).choice(len(states), sample, replace=False))
        states, coordinates = states[chosen], coordinates[chosen]
    count = len(states)
    if count <= 2 * neighbours:
        raise StatesError(
            f"{count} states are too few to compare {neighbours} neighbours of each: "
            f"at least {2 * neighbours + 1} are needed. Use more puzzles or fewer neighbours."
        )
    states, coordinates = states.astype(np.float64), coordinates.astype(np.float64)
    near, embedded_near = (
        kneighbors_graph(points, neighbours, include_self=False) for points in (states, coordinates)
    )
    return Quality(
        trustworthiness=float(trustworthiness(states, coordinates, n_neighbors=neighbours)),
        neighbours_kept=float(near.multiply(embedded_near).sum() / (count * neighbours)),
        neighbours_by_chance=neighbours / (count - 1),
        explained_variance=explained_variance,
        neighbours=neighbours,
        compared=count,
    )
