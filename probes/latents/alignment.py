"""Do two models hold the same picture of the same puzzles? The best rotation of one's states onto the other's.

Orthogonal Procrustes (Schoenemann 1966): a rotation, perhaps with a reflection, cannot bend or stretch single directions,
so what it leaves over is a difference in shape and not in choice of axes.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64

from probes.covariance import StatesError, blocks
from probes.latents.pca_umap import fit_pca


@dataclass(frozen=True)
class Alignment:
    """A map from the states of model a to those of model b."""

    mean_a: Float64[np.ndarray, "dim_a"]
    mean_b: Float64[np.ndarray, "dim_b"]
    rotation: Float64[np.ndarray, "dim_a dim_b"]  # orthonormal rows or columns, whichever are fewer
    scale: float  # 1 where none was asked for
    residual_share: float  # of b's variance that the map misses; 0: same shape

    def apply(self, states: Float[np.ndarray, "*batch dim_a"]) -> Float64[np.ndarray, "*batch dim_b"]:
        """States of model a, in the space of model b."""
        return self.scale * (states.astype(np.float64) - self.mean_a) @ self.rotation + self.mean_b


def align(
    a: Float[np.ndarray, "*point dim_a"],
    b: Float[np.ndarray, "*point dim_b"],
    *,
    scale: bool = False,
    components: int | None = None,
) -> Alignment:
    """Rotate the states of model a onto the matched states of model b: min |scale (a - mean a) R - (b - mean b)|.

    Where the two widths differ, the narrower states are padded with zeros, which loses nothing; R is then the part of
    the rotation that ends in b's space, and what is rotated out of it counts as missed. `components` takes only so many
    principal components of each first: with fewer points than dimensions any two clouds fit well, so keep points far
    above that number. `scale` also fits one factor; the residual share then lies in 0 to 1 and is the same both ways.
    Without it, clouds of unlike size can miss by more than 1. For equal points of b it is 0 if nothing is missed, else
    infinite. Raises StatesError where there are fewer than two points, or a number is not finite.
    """
    if np.prod(a.shape[:-1]) < 2:
        raise StatesError("Two matched states at least are needed for an alignment. Take more puzzles.")
    cloud_a, mean_a, basis_a = _centred(a, components)
    cloud_b, mean_b, basis_b = _centred(b, components)
    left, singular, right = np.linalg.svd(cloud_a.T @ cloud_b, full_matrices=False)
    variance_a, variance_b, matched = (cloud_a**2).sum(), (cloud_b**2).sum(), singular.sum()
    factor = matched / variance_a if scale and variance_a else 1.0
    missed = max(factor**2 * variance_a - 2 * factor * matched + variance_b, 0.0)
    return Alignment(
        mean_a=mean_a,
        mean_b=mean_b,
        rotation=basis_a.T @ (left @ right) @ basis_b,
        scale=float(factor),
        residual_share=float(missed / variance_b) if variance_b else float(np.inf if missed else 0.0),
    )


def _centred(
    states: Float[np.ndarray, "*point dim"], components: int | None
) -> tuple[Float64[np.ndarray, "row axis"], Float64[np.ndarray, "dim"], Float64[np.ndarray, "axis dim"]]:
    """Points around their mean, the mean, and the axes they are given in."""
    if components is not None:
        pca = fit_pca(states, components=components)
        return pca.transform(states).reshape(-1, len(pca.components)), pca.mean, pca.components
    rows = np.concatenate(list(blocks(states)))
    mean = rows[0] + (rows - rows[0]).mean(0)
    return rows - mean, mean, np.eye(rows.shape[1])
