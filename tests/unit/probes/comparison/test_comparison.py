"""Comparing two models: measurements and their file. Tiny models with random weights."""

from dataclasses import replace

import numpy as np
import pytest
from comparison_models import HRM, TASK

from probes.comparison import files
from probes.comparison.cka import cka
from probes.comparison.confounds import LABELS, SUDOKU_CONFOUNDS, SUDOKU_PAIR, caution, differences, facts
from probes.comparison.dimensionality import participation_ratio, spectrum
from probes.comparison.files import (
    ComparisonError,
    load_comparison,
    make_comparison,
    recorded_path,
)
from probes.comparison.measure import measure
from probes.comparison.near_complete import near_complete
from probes.comparison.set_run import run_set
from probes.halting.by_step import compute_by_step
from trm.checkpoint import load_model
from trm.coordinates import Depth
from trm.evaluate import predict
from trm.inspection.state_use import explained_by
from trm.results import save


def test_measurements_equal_those_of_the_parts(tiny_model, puzzles, both):
    model = tiny_model()
    run = run_set(model, puzzles, store_states=True)
    first, second = both.models
    assert first.solved.middle == pytest.approx(run.solved.mean(1).tolist())
    cells = run.y[:, model.config.T - 1 :: model.config.T]
    assert first.ratio["y"][2] == pytest.approx(participation_ratio(spectrum(cells[:, 2])), rel=1e-4)
    assert first.pooled_ratio["y"] == pytest.approx(participation_ratio(spectrum(cells)), rel=1e-4)
    assert sum(first.spectrum["z"]) == pytest.approx(1, abs=1e-3)
    np.testing.assert_allclose(first.residual["y"].middle, np.median(run.residual_y, 1), rtol=1e-4)
    assert first.residual["z"].x[:3] == pytest.approx(
        [1 / 6, 2 / 6, 4 / 6], rel=1e-4
    )  # n = T = 2: f_H at 3 and 6
    assert first.layers_per_step == compute_by_step(model.config, 1).layers[0]
    assert (first.provenance.count, first.near_count, list(first.near)) == (10, 3, ["1", "2", "3", "4", "5"])
    assert first.by_token["z"] == pytest.approx(
        explained_by(puzzles.inputs.ravel(), run.z[:, -1].reshape(-1, 8)), rel=1e-4
    )
    assert second.residual["y"].x == pytest.approx([answer / 3 for answer in range(1, 10)], rel=1e-4)  # T = 3


def test_blank_cells_and_givens_of_near_complete_puzzles_are_counted_separately(tiny_model, puzzles, both):
    chosen = near_complete(TASK, puzzles.take(np.arange(3)), 2)
    answers = predict(tiny_model(seed=1, **HRM), chosen.inputs).answers
    hits, given = answers == chosen.labels, TASK.givens(chosen.inputs)
    second = both.models[1]
    assert 0 < hits[:, given].mean() != hits[:, ~given].mean() > 0
    assert second.near_blanks["2"].middle == pytest.approx(hits[:, ~given].mean(1), rel=1e-4)
    assert second.near_givens["2"].middle == pytest.approx(hits[:, given].mean(1), rel=1e-4)
    for curve in (second.near_blanks["2"], second.near_givens["2"], second.solved):
        assert curve.x == [1, 2, 3]
        for low, middle, high in zip(curve.low, curve.middle, curve.high, strict=True):
            assert 0 <= low <= middle <= high <= 1


def test_progress_of_measuring(tiny_model, puzzles):
    """10 clean runs, 10 from the solution and 5 times 3 on near-complete puzzles take 90 %; y and z share the rest."""
    reports: list[tuple[float, str]] = []
    measure(tiny_model(), TASK, puzzles, near_limit=3, progress=lambda *report: reports.append(report))
    ends = {text: share for share, text in reports}
    assert [share for share, _ in reports] == sorted(share for share, _ in reports)
    near = {f"running tiny on puzzles with {k} blank cells": 0.9 * (20 + 3 * k) / 35 for k in range(1, 6)}
    expected = {
        "running tiny on 10 puzzles": 0.9 * 10 / 35,
        "starting tiny from the solutions": 0.9 * 20 / 35,
        **near,
        "computing Gram matrices of y of tiny": 0.935,
        "computing the spectra of y of tiny": 0.935,
        "computing Gram matrices of z of tiny": 0.985,
        "computing the spectra of z of tiny": 0.985,
    }
    assert list(ends) == list(expected) and ends == pytest.approx(expected)


def test_the_given_solution_is_in_the_code_of_the_puzzles_that_the_model_solves(
    tiny_model, puzzles, monkeypatch
):
    """Where the labels are the model's own answers, the head decodes all of the given solution correctly."""
    monkeypatch.setattr("probes.comparison.measure.has_near_complete", lambda task: False)
    model = tiny_model()
    labels = predict(model, puzzles.inputs).answers[-1]
    measured, _ = measure(model, TASK, replace(puzzles, labels=labels), near_limit=1)
    assert measured.solved.middle[-1] == 1 and measured.solution_decoded == 1


def test_the_sudoku_pair_has_seven_confounds(tiny_model):
    trm, hrm = (facts(load_model(name)) for name in SUDOKU_PAIR)
    assert (trm["updates"], hrm["updates"]) == ("9,766", "5,000")
    different = [name for name, value in trm.items() if value != hrm[name]]
    assert len(different) == 7 and all(LABELS.get(name, name) in SUDOKU_CONFOUNDS for name in different)
    assert set(facts(tiny_model())) == {"parameters", "D", "n", "T"}  # its training is not known


@pytest.mark.parametrize(
    "names, differing, meaning",
    [
        (
            ("sudoku-hrm", "sudoku-hrm/seeds/1"),
            "seed (0 vs 1)",
            "They show how much two training runs of the same preset differ.",
        ),
        (
            ("sudoku-trm/snapshots/075-percent", "sudoku-trm"),
            "updates (8,481 vs 9,766)",
            "They are two stages of one training run.",
        ),
    ],
)
def test_what_a_difference_in_training_alone_means(both, names, differing, meaning):
    one, other = (
        replace(
            measured,
            facts=facts(load_model(name)),
            provenance=replace(measured.provenance, model=name, kind="trm"),
        )
        for measured, name in zip(both.models, names, strict=True)
    )
    assert list(differences(one, other).values()) == [differing]
    assert caution(one, other) == f"{names[0]} and {names[1]} differ in 1 way: {differing}. {meaning}"


def test_models_of_one_type_are_not_said_to_differ_in_it(both):
    one, other = (
        replace(measured, facts={"D": width}, provenance=replace(measured.provenance, kind="trm"))
        for measured, width in zip(both.models, ("8", "16"), strict=True)
    )
    assert caution(one, other).startswith(
        "tiny and other differ in 1 way: D (8 vs 16). Each is a single training run"
    )
    assert caution(one, one) == ""


def test_cka_is_between_all_states_of_both(tiny_model, puzzles, both):
    runs = [run_set(model, puzzles, store_states=True) for model in (tiny_model(), tiny_model(seed=1, **HRM))]
    flat = {
        (place, state): getattr(run, state).reshape(10, run.y.shape[1], -1)
        for place, run in enumerate(runs)
        for state in "yz"
    }
    assert both.cka.shape == (2 * 6 + 2 * 9,) * 2 == (len(both.time_points),) * 2
    for one in flat:
        for other in flat:
            np.testing.assert_allclose(both.cka_between(one, other), cka(flat[one], flat[other]), atol=1e-5)
    assert both.time_points[0] == ("tiny", "y", 1, 1) and both.time_points[-1] == ("other", "z", 3, 3)


def test_models_measured_on_different_puzzles_are_not_compared(tiny_model, puzzles):
    measured = [measure(tiny_model(), TASK, puzzles.take(np.arange(count)), near_limit=1) for count in (5, 6)]
    with pytest.raises(ComparisonError, match="5 sudoku puzzles from tiny, tiny on 6"):
        make_comparison(*measured)


def test_a_comparison_reads_back_the_same(both, tmp_path):
    save(tmp_path / "c.safetensors", both)
    again = load_comparison(tmp_path / "c.safetensors")
    assert again.models == both.models and np.array_equal(again.cka, both.cka, equal_nan=True)


def test_a_file_that_is_no_comparison_of_these_models_is_refused(both, tmp_path):
    (tmp_path / "text").write_text("{}")
    with pytest.raises(
        ComparisonError, match=r"is not a comparison of this version, or is damaged. Record it"
    ):
        load_comparison(tmp_path / "text")
    with pytest.raises(ValueError, match="not the CKA of these models"):
        replace(both, cka=both.cka[:-1, :-1])
    with pytest.raises(ValueError, match="not the points of a curve"):
        replace(both.models[0].solved, low=[])


def test_the_path_of_a_recorded_comparison(monkeypatch, tmp_path):
    monkeypatch.setattr(files, "RECORDED", tmp_path)
    assert (
        recorded_path("sudoku-trm/snapshots/10", "sudoku-hrm")
        == tmp_path / "sudoku-trm_snapshots_10--sudoku-hrm.safetensors"
    )


def test_measuring_at_another_depth(tiny_model, puzzles):
    measured, grams = measure(tiny_model(), TASK, puzzles, depth=Depth(n=1, T=1, N_sup=2), near_limit=1)
    assert (measured.provenance.n, measured.provenance.T, measured.provenance.N_sup) == (1, 1, 2)
    assert len(measured.solved.middle) == 2 and grams["y"].vectors.shape == (2, 100)
