"""Quality of an embedding: whether neighbours in the embedding are neighbours in state space, and vice versa."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from probes.covariance import StatesError

MOST_COMPARED = 2000  # maximum number of states, because all pairwise distances are computed
NEIGHBOURS = 5


@dataclass(frozen=True)
class Quality:
    """Quality of an embedding, measured on a sample of the states."""

    trustworthiness: float  # 0 to 1; 1: no false neighbours (Venna & Kaski 2001)
    neighbours_preserved: float  # mean fraction of the k nearest neighbours that are preserved, 0 to 1
    neighbours_by_chance: float  # expected `neighbours_preserved` for random coordinates
    explained_variance: float  # fraction of the variance in the components drawn, or passed to UMAP
    neighbours: int  # k
    compared: int  # number of states in the sample


def quality(
    states: Float[np.ndarray, "*batch dim"],
    coordinates: Float[np.ndarray, "*batch axis"],
    *,
    explained_variance: float,
    neighbours: int = NEIGHBOURS,
    sample: int = MOST_COMPARED,
    seed: int = 0,
) -> Quality:
    """Compare the nearest neighbours of states and of their coordinates, in a random sample of up to `sample` states.

    Pass one state per run, because a converged run has many copies of one state, which are nearest neighbours in any
    embedding. `explained_variance` is the fraction of variance in the components that are drawn or passed to UMAP.
    Raises StatesError unless there are more than twice as many states as `neighbours`.
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
        neighbours_preserved=float(near.multiply(embedded_near).sum() / (count * neighbours)),
        neighbours_by_chance=neighbours / (count - 1),
        explained_variance=explained_variance,
        neighbours=neighbours,
        compared=count,
    )
