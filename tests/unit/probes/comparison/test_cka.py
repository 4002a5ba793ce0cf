"""CKA against the formulas of the papers, and accuracy by step, retention and depth on runs worked out by hand."""

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from probes.comparison.cka import cka, normalised_grams
from probes.covariance import StatesError
from probes.halting.by_step import compute_by_step, retention, solved_by_step
from probes.stats import Resampling, RunsError
from probes.threads import one_blas_thread
from trm.config import ModelConfig
from trm.inspection import flops

NEAR_LIMIT = Resampling(resamples=50)


def random_states(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def rotation(seed: int, dim: int) -> np.ndarray:
    return np.linalg.qr(random_states(seed, dim, dim))[0]


def flags(*rows: str) -> np.ndarray:
    """One puzzle per text, one step per character; x means solved."""
    return np.array([[character == "x" for character in row] for row in rows]).T


def hsic_1(K: np.ndarray, L: np.ndarray) -> float:
    """Song et al. 2012, equation 4."""
    n = len(K)
    K, L = K - np.diag(np.diag(K)), L - np.diag(np.diag(L))
    one = np.ones(n)
    apart = (one @ K @ one) * (one @ L @ one) / ((n - 1) * (n - 2))
    return (np.trace(K @ L) + apart - 2 / (n - 2) * (one @ K @ L @ one)) / (n * (n - 3))


def hsic_0(K: np.ndarray, L: np.ndarray) -> float:
    """Gretton et al. 2005, with the centring matrix H."""
    n = len(K)
    H = np.eye(n) - 1 / n
    return np.trace(K @ H @ L @ H) / (n - 1) ** 2


def naive_cka(x: np.ndarray, y: np.ndarray, hsic) -> float:
    K, L = x @ x.T, y @ y.T
    return hsic(K, L) / np.sqrt(hsic(K, K) * hsic(L, L))


# centred kernel alignment


@pytest.mark.parametrize("puzzles", [4, 5, 30])
@pytest.mark.parametrize("debiased, hsic", [(True, hsic_1), (False, hsic_0)])
def test_cka_is_that_of_the_papers(puzzles, debiased, hsic):
    """Different widths and numbers of time points, states away from the origin, b depending partly on a."""
    a = random_states(0, puzzles, 3, 5) + 2
    b = np.concatenate(
        (
            a[:, :2] @ random_states(1, 5, 7) + random_states(2, puzzles, 2, 7),
            random_states(3, puzzles, 2, 7) - 1,
        ),
        1,
    )
    result = cka(a, b, debiased=debiased)
    expected = [[naive_cka(a[:, i], b[:, j], hsic) for j in range(4)] for i in range(3)]
    assert result == pytest.approx(np.array(expected), abs=1e-6)
    assert np.ptp(result) > 0.1


@pytest.mark.parametrize("debiased", [True, False])
def test_blocks_of_rows_and_columns_change_nothing(monkeypatch, debiased):
    a, b = random_states(0, 23, 3, 11), random_states(1, 23, 2, 5)
    whole = cka(a, b, debiased=debiased)
    monkeypatch.setattr("probes.comparison.cka.ENTRIES", 5 * 23 * 4)  # four rows of each of five time points
    monkeypatch.setattr("probes.comparison.cka.COLUMNS", 3)
    assert cka(a, b, debiased=debiased) == pytest.approx(whole, abs=1e-12)
    monkeypatch.setattr("probes.comparison.cka.ENTRIES", 1)
    assert cka(a, b, debiased=debiased) == pytest.approx(whole, abs=1e-12)


@pytest.mark.parametrize("debiased", [True, False])
def test_rotation_scale_and_shift_change_nothing(debiased):
    a = random_states(0, 20, 2, 6)
    b = 30 * a @ rotation(1, 6) + 100
    assert np.diag(cka(a, b, debiased=debiased)) == pytest.approx([1, 1])
    wider = np.pad(a @ rotation(2, 6), [(0, 0), (0, 0), (0, 4)])
    assert np.diag(cka(a, wider, debiased=debiased)) == pytest.approx([1, 1])
    assert np.diag(cka(a, 1e-9 * a, debiased=debiased)) == pytest.approx([1, 1])


def test_cka_of_a_model_with_itself():
    a = random_states(0, 20, 4, 6)
    result = cka(a)
    assert result == pytest.approx(cka(a, a.copy()), abs=1e-12)
    assert np.diag(result) == pytest.approx(np.ones(4))
    assert (result == result.T).all()


def test_independent_states_are_dissimilar():
    """40 pairs of 60 puzzles in 200 directions: near 0 on average, where the plain measure gives about 200 / 260."""
    a, b = random_states(0, 60, 20, 200), random_states(1, 60, 2, 200)
    result = cka(a, b)
    assert abs(result.mean()) < 0.02
    assert np.abs(result).max() < 0.15
    assert cka(a, b, debiased=False).min() > 0.7


def test_a_shared_direction_gives_one_half():
    """One of two directions is shared, all variances are 1, so CKA is 1 / 2."""
    shared, own, other = random_states(0, 3, 2000)
    result = cka(np.stack((shared, own), -1)[:, None], np.stack((shared, other), -1)[:, None])
    assert result[0, 0] == pytest.approx(0.5, abs=0.05)


def test_far_from_the_origin():
    """Standard deviation 1 around a mean of 1e6: the mean is subtracted before any product."""
    a, b = random_states(0, 30, 1, 8), random_states(1, 30, 1, 8)
    assert cka(a + 1e6, b) == pytest.approx(cka(a, b), abs=1e-6)


@pytest.mark.parametrize("debiased", [True, False])
def test_states_that_do_not_distinguish_puzzles(debiased):
    """Such as the initial state, which is the same for every puzzle."""
    a = random_states(0, 10, 3, 4)
    a[:, 1] = 0.1
    with np.errstate(divide="raise", invalid="raise"):
        result = cka(a, debiased=debiased)
    assert np.isnan(result[1]).all() and np.isnan(result[:, 1]).all()
    assert np.isfinite(result[np.ix_([0, 2], [0, 2])]).all()


def test_puzzles_equally_far_from_each_other():
    """The debiased Gram matrix of a simplex is zero; rounding error must not turn it into a similarity."""
    simplex = np.eye(12) @ rotation(0, 12)
    assert np.isnan(cka(simplex[:, None], random_states(1, 12, 1, 3))).all()
    assert np.isfinite(cka(simplex[:, None], random_states(1, 12, 1, 3), debiased=False)).all()


def test_half_precision_is_widened():
    a = (1000 * random_states(0, 10, 2, 600)).astype(np.float16)
    assert cka(a) == pytest.approx(cka(a.astype(np.float64)), abs=1e-12)


def test_progress_ends_at_1_and_can_cancel():
    shares = []
    cka(
        random_states(0, 6, 3, 2),
        random_states(1, 6, 2, 2),
        progress=lambda share, text: shares.append(share),
    )
    assert shares == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1])

    class Cancelled(Exception):
        pass

    def cancel(share: float, text: str) -> None:
        shares.append(share)
        if share > 0.3:
            raise Cancelled

    shares.clear()
    with pytest.raises(Cancelled):
        cka(random_states(0, 6, 3, 2), random_states(1, 6, 2, 2), progress=cancel)
    assert shares == pytest.approx([0, 0.2, 0.4])


@pytest.mark.parametrize("entries, blocks", [(4 * 5 * 23, 6), (1, 23)])
def test_progress_counts_the_blocks_of_rows(monkeypatch, entries, blocks):
    """Memory for four rows of five time points of 23 puzzles, and for none."""
    monkeypatch.setattr("probes.comparison.cka.ENTRIES", entries)
    shares = []
    cka(
        random_states(0, 23, 3, 2),
        random_states(1, 23, 2, 2),
        progress=lambda share, text: shares.append(share),
    )
    assert shares == pytest.approx(np.linspace(0, 1, 5 * blocks + 1))


@pytest.mark.parametrize("puzzles", [0, 1, 3])
def test_too_few_puzzles(puzzles):
    with pytest.raises(StatesError, match=f"CKA needs at least 4 puzzles, not {puzzles}"):
        cka(np.zeros((puzzles, 2, 3)))


def test_different_numbers_of_puzzles():
    with pytest.raises(StatesError, match="same puzzles on both sides, not 5 and 6"):
        cka(random_states(0, 5, 1, 2), random_states(0, 6, 1, 2))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_states_that_are_not_finite(value):
    states = random_states(0, 5, 2, 3)
    states[4, 1, 2] = value
    with pytest.raises(StatesError, match="infinite or NaN"):
        cka(random_states(0, 5, 2, 3), states)


def test_normalised_grams_give_the_cka_of_their_states():
    a, b = random_states(0, 30, 3, 50), random_states(1, 30, 4, 7)
    b[:, 1] = a[:, 2, :7]
    for debiased in (True, False):
        reports: list[tuple[float, str]] = []
        one = normalised_grams(a, debiased=debiased, progress=lambda *report, to=reports: to.append(report))
        other = normalised_grams(b, debiased=debiased)
        np.testing.assert_allclose(one.cka(other), cka(a, b, debiased=debiased), atol=1e-6)
        np.testing.assert_allclose(one.cka(one), cka(a, debiased=debiased), atol=1e-6)
        assert [share for share, _ in reports] == pytest.approx([1 / 3, 2 / 3, 1])
        four = normalised_grams(a[:4], debiased=debiased).cka(normalised_grams(b[:4], debiased=debiased))
        np.testing.assert_allclose(four, cka(a[:4], b[:4], debiased=debiased), atol=1e-6)
    rotated = normalised_grams(3 * a @ rotation(2, 50) + 5)
    np.testing.assert_allclose(np.diag(rotated.cka(normalised_grams(a))), 1, atol=1e-6)
    assert np.isnan(normalised_grams(np.ones((5, 1, 3))).vectors).all()
    with pytest.raises(StatesError, match="same puzzles"):
        normalised_grams(a[:9]).cka(one)
    with pytest.raises(StatesError, match="at least 4 puzzles"):
        normalised_grams(a[:3])


# threads


def blas_threads() -> set[int]:
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


@pytest.fixture
def two_blas_threads():
    with threadpool_limits(2, user_api="blas"):
        yield


def test_products_take_one_thread(two_blas_threads):
    seen = []
    cka(random_states(0, 6, 2, 3), progress=lambda share, text: seen.append(blas_threads()))
    assert seen[1:] == [{1}, {1}]
    assert blas_threads() == {2}


def test_the_last_to_leave_restores_the_threads(two_blas_threads):
    """The first to come leaves first, and the second is cancelled."""
    first, second = one_blas_thread(), one_blas_thread()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert blas_threads() == {1}
    assert not second.__exit__(KeyError, KeyError(), None)
    assert blas_threads() == {2}


# solved by step


def test_solved_by_step():
    result = solved_by_step(flags("..x", ".xx", ".x.", "..."), resampling=NEAR_LIMIT)
    assert result.share.tolist() == [0, 0.5, 0.5]
    assert result.count.tolist() == [4, 4, 4]
    assert result.band[:, 0] == pytest.approx([0, 1.96**2 / (4 + 1.96**2)], abs=1e-4)  # none of four puzzles
    assert (result.band[0, 1:] < 0.5).all() and (result.band[1, 1:] > 0.5).all()


def test_the_band_of_a_share():
    """0.3 of 400 puzzles: twice the standard error, sqrt(0.21 / 400) = 0.023, to either side."""
    right = (np.arange(400) % 10 < 3)[None]
    result = solved_by_step(right)
    assert result.band[:, 0] == pytest.approx([0.3 - 0.045, 0.3 + 0.045], abs=0.008)
    narrow = solved_by_step(right, resampling=Resampling(level=0.5))
    assert np.diff(narrow.band[:, 0])[0] == pytest.approx(2 * 0.6745 * 0.0229, abs=0.006)


def test_a_bootstrap_is_reproducible_also_in_parts(monkeypatch):
    right = np.random.default_rng(0).random((3, 20)) < 0.5

    def band(seed: int) -> np.ndarray:
        return solved_by_step(right, resampling=Resampling(resamples=30, seed=seed)).band

    whole = band(0)
    assert band(0).tolist() == whole.tolist() != band(1).tolist()
    monkeypatch.setattr("probes.stats.DRAWS", 90)
    assert band(0) == pytest.approx(whole)


# retention


def test_retention_of_a_given_solution():
    """Runs that start from the solution: k counts all steps."""
    result = retention(flags("xxx", "x.x", "..."), from_solution=True, resampling=NEAR_LIMIT)
    assert result.share == pytest.approx([2 / 3, 1 / 3, 2 / 3])
    assert result.count.tolist() == [3, 3, 3]


def test_retention_after_a_model_first_solved_a_puzzle():
    """First solved after steps 1, 2, 4 (the last one) and never. What follows: `x.x` for the first, `.x` for the second."""
    result = retention(flags("xx.x", ".x.x", "...x", "...."), resampling=NEAR_LIMIT)
    assert result.count.tolist() == [2, 2, 1]
    assert result.share.tolist() == [0.5, 0.5, 1]
    assert ((result.band[0] <= result.share) & (result.share <= result.band[1])).all()


def test_retention_where_nothing_was_solved():
    result = retention(flags("...", "..."), resampling=NEAR_LIMIT)
    assert np.isnan(result.share).all() and np.isnan(result.band).all()
    assert result.count.tolist() == [0, 0]
    assert retention(flags("x"), resampling=NEAR_LIMIT).share.shape == (0,)


@pytest.mark.parametrize("shape", [(4, 0), (0, 4)])
@pytest.mark.parametrize("of", [solved_by_step, retention])
def test_an_empty_set_is_one_clear_error(of, shape):
    with pytest.raises(RunsError, match="Take at least one puzzle and one step"):
        of(np.zeros(shape, bool))


# effective depth


def config(**changed) -> ModelConfig:
    sizes = {
        "task": "sudoku",
        "vocab_size": 6,
        "sequence_length": 16,
        "hidden_size": 8,
        "layers": 2,
        "mlp_width": 12,
        "mixing": "mlp",
        "mixing_width": 20,
        "heads": 0,
        "positions": "none",
        "prefix_length": 1,
        "puzzle_ids": 0,
        "puzzle_embedding_size": 0,
        "n": 6,
        "T": 3,
        "N_sup": 16,
    }
    return ModelConfig(**{**sizes, **changed})


SOTAKU = {"latents": 0, "halting_outputs": 0, "halting": "never"}


@pytest.mark.parametrize(
    "changed, layers",
    [
        ({}, 42),
        ({"n": 2, "T": 2}, 12),
        ({"kind": "trm-two-nets", "H_layers": 2}, 42),
        ({"kind": "hrm", "layers": 4, "H_layers": 4, "n": 2, "T": 2}, 24),
        ({"kind": "hrm", "layers": 4, "H_layers": 4, "n": 3, "T": 3}, 48),
        ({"kind": "hrm", "layers": 4, "H_layers": 1, "n": 2, "T": 2}, 18),
        ({"kind": "sotaku", "layers": 5, "n": 4, "T": 2, **SOTAKU}, 10),  # each call is one layer
    ],
)
def test_effective_depth_as_in_the_paper(changed, layers):
    """Tables 1 and 3 of the TRM paper; the last row is not in them: 2 x (2 x 4 + 1)."""
    model = config(**changed)
    result = compute_by_step(model, 3)
    assert result.layers.tolist() == [layers, 2 * layers, 3 * layers]
    assert result.operations.tolist() == [s * flops.supervision_step(model) for s in (1, 2, 3)]
    assert compute_by_step(model, model.N_sup).operations[-1] == flops.run(model)
