"""Comparing two models: runs over a set, measurements, files and the commands. Tiny models with random weights."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from pyarrow.parquet import read_table

from probes.answer_code import AnswerCode
from probes.cli.main import main
from probes.comparison import files
from probes.comparison.cka import cka, normalised_grams
from probes.comparison.confounds import LABELS, SUDOKU_CONFOUNDS, SUDOKU_PAIR, facts
from probes.comparison.dimensionality import participation_ratio, spectrum
from probes.comparison.files import (
    ComparisonError,
    load_comparison,
    make_comparison,
    recorded_path,
    save_comparison,
)
from probes.comparison.measure import measure
from probes.comparison.near_complete import near_complete
from probes.comparison.set_run import run_set
from probes.covariance import StatesError
from probes.halting.by_step import compute_by_step
from probes.reports.comparison import section, write_findings
from probes.stats import RunsError
from tests.unit.probes.comparison.test_cka import random_states, rotation
from trm.checkpoint import load_model, save_model
from trm.coordinates import F_H, F_L, Depth
from trm.data import PuzzleSet
from trm.errors import UserError
from trm.evaluate import predict
from trm.inspection.state_use import explained_by
from trm.recursion import State, deep_supervision
from trm.tasks import get_task

TASK = get_task("sudoku", 16)
HRM = {"kind": "hrm", "H_layers": 1, "n": 1, "T": 3}


@pytest.fixture(scope="module")
def puzzles() -> PuzzleSet:
    inputs, labels = TASK.generate_many(10, difficulty="easy", seed=0)
    return PuzzleSet.of("tiny", TASK, inputs, labels)


def by_hand(model, puzzles: PuzzleSet, start: Callable[[State], State] | None = None) -> list:
    """Every call of a run of all puzzles at once: its coordinates and the state after it."""
    calls = []
    tokens, ids = torch.from_numpy(puzzles.inputs.astype(int)), torch.zeros(len(puzzles), dtype=int)
    after_call = lambda at, state: calls.append((at, state)) or state  # noqa: E731
    list(deep_supervision(model, tokens, ids, depth=model.config.depth, after_call=after_call, start=start))
    return calls


# ---- a run over a set


@pytest.mark.parametrize(
    "changes", [{}, HRM, {"kind": "trm-multi-z", "latents": 2}], ids=["trm", "hrm", "multi z"]
)
def test_a_run_has_answers_residuals_and_states(tiny_model, puzzles, monkeypatch, changes):
    model = tiny_model(**changes)
    monkeypatch.setattr("probes.comparison.set_run.BATCH", 4)  # 10 puzzles: the last batch is smaller
    shares: list[float] = []
    run = run_set(model, puzzles, store_states=True, progress=shares.append)
    answers = predict(model, puzzles.inputs).answers
    assert np.array_equal(run.answers, answers)
    assert np.array_equal(run.solved, (answers == puzzles.labels).all(-1))
    calls = by_hand(model, puzzles)
    f_H = [(at, state) for at, state in calls if at.kind == F_H]
    depth = model.config.depth
    assert run.y.shape[:2] == (10, depth.N_sup * depth.T)
    for time_point, (at, state) in enumerate(f_H):
        np.testing.assert_allclose(
            run.y[:, time_point], state.y[:, 1:], atol=2e-3
        )  # cells, without the prefix
        np.testing.assert_allclose(run.z[:, time_point], model.latent(state, at)[:, 1:], atol=2e-3)
    before, after = f_H[2][1].y.flatten(1), f_H[3][1].y.flatten(1)
    np.testing.assert_allclose(run.residual_y[3], (after - before).norm(dim=1) / after.norm(dim=1), rtol=1e-4)
    assert run.residual_z.shape == (len([1 for at, _ in calls if at.kind == F_L]), 10)
    ends = [state.z.flatten(1) for at, state in f_H if at.cycle == depth.T]
    np.testing.assert_allclose(
        run.step_residual_z[1], (ends[1] - ends[0]).norm(dim=1) / ends[1].norm(dim=1), rtol=1e-4
    )
    assert (
        shares == sorted(shares) and shares[-1] == 1 and len(shares) == 3 * depth.N_sup * depth.calls_per_step
    )


def test_a_run_from_the_solution_starts_with_it_in_y_in_the_models_own_code(tiny_model, puzzles):
    model, given = tiny_model(), TASK.givens(puzzles.inputs)
    plain = run_set(model, puzzles, store_states=True)
    code = AnswerCode.of(model, torch.from_numpy(plain.y[:, -1]), given)
    run = run_set(model, puzzles, solution_code=code)
    solutions = torch.from_numpy(puzzles.labels.astype(int))

    def start(state: State) -> State:
        return State(code.write(state.y, solutions, given), state.z)

    y = start(model.initial_state(model.embed(solutions, torch.zeros(len(puzzles), dtype=int)))).y
    first = next(state.y for at, state in by_hand(model, puzzles, start) if at.kind == F_H)
    residual = (first - y).flatten(1).norm(dim=1) / first.flatten(1).norm(dim=1)
    np.testing.assert_allclose(run.residual_y[0], residual, rtol=1e-4)
    decoded = (model.decode(y).argmax(-1) == solutions).float().mean(1)
    np.testing.assert_allclose(run.start_accuracy, decoded)
    assert run.y is None and not np.allclose(run.residual_y[0], plain.residual_y[0], rtol=1e-3)


def test_a_run_that_is_not_possible_says_why(tiny_model, puzzles, monkeypatch):
    with pytest.raises(RunsError, match="exactly one solution"):
        run_set(tiny_model(), PuzzleSet.of("none", TASK, puzzles.inputs, np.zeros_like(puzzles.labels)))
    monkeypatch.setattr("probes.comparison.set_run.LARGEST_STATES", 20_000)
    with pytest.raises(RunsError, match=r"Use at most \d puzzles"):
        run_set(tiny_model(), puzzles, store_states=True)


# ---- CKA without the states


def test_normalised_grams_give_the_cka_of_their_states():
    a, b = random_states(0, 30, 3, 50), random_states(1, 30, 4, 7)
    b[:, 1] = a[:, 2, :7]
    for debiased in (True, False):
        shares: list[float] = []
        one = normalised_grams(a, debiased=debiased, progress=shares.append)
        other = normalised_grams(b, debiased=debiased)
        np.testing.assert_allclose(one.cka(other), cka(a, b, debiased=debiased), atol=1e-6)
        np.testing.assert_allclose(one.cka(one), cka(a, debiased=debiased), atol=1e-6)
        assert shares == pytest.approx([1 / 3, 2 / 3, 1])
    rotated = normalised_grams(3 * a @ rotation(2, 50) + 5)
    np.testing.assert_allclose(np.diag(rotated.cka(normalised_grams(a))), 1, atol=1e-6)
    assert np.isnan(normalised_grams(np.ones((5, 1, 3))).vectors).all()
    with pytest.raises(StatesError, match="same puzzles"):
        normalised_grams(a[:9]).cka(one)
    with pytest.raises(StatesError, match="at least 4 puzzles"):
        normalised_grams(a[:3])


# ---- near-complete puzzles


@pytest.mark.parametrize("blanks", [1, 5])
def test_near_complete_puzzles_have_that_many_blanks_and_one_solution(puzzles, blanks):
    near = near_complete(TASK, puzzles, blanks)
    assert ((near.inputs != near.labels).sum(1) == blanks).all() and (near.givens == 16 - blanks).all()
    for inputs, labels in zip(near.inputs, near.labels, strict=True):
        (solution,) = TASK.solutions(inputs, limit=2)
        assert np.array_equal(solution, labels)
    assert np.array_equal(near.inputs, near_complete(TASK, puzzles, blanks).inputs)
    assert not np.array_equal(near.inputs, near_complete(TASK, puzzles, blanks, seed=1).inputs)


def test_near_complete_puzzles_are_sudokus_with_few_blanks(puzzles):
    with pytest.raises(RunsError, match="not for maze"):
        near_complete(get_task("maze", 49), puzzles, 1)
    for blanks in (0, 10):
        with pytest.raises(RunsError, match="1 to 9"):
            near_complete(TASK, puzzles, blanks)


# ---- two models


@pytest.fixture
def both(tiny_model, puzzles):
    trm, hrm = tiny_model(), tiny_model(seed=1, **HRM)
    hrm.name, hrm.fingerprint = "other", "1" * 16
    return make_comparison(*(measure(model, TASK, puzzles, near_limit=3) for model in (trm, hrm)))


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
    assert first.about.layers_per_step == compute_by_step(model.config, 1).layers[0]
    assert (first.about.count, first.near_count, list(first.near)) == (10, 3, ["1", "2", "3", "4", "5"])
    assert first.by_token["z"] == pytest.approx(
        explained_by(puzzles.inputs.ravel(), run.z[:, -1].reshape(-1, 8)), rel=1e-4
    )
    assert second.residual["y"].x == pytest.approx([answer / 3 for answer in range(1, 10)], rel=1e-4)  # T = 3


def test_blank_cells_and_givens_of_near_complete_puzzles_are_counted_separately(tiny_model, puzzles, both):
    chosen = near_complete(TASK, puzzles.take(np.arange(3)), 2)
    answers = predict(tiny_model(), chosen.inputs).answers
    hits, given = answers == chosen.labels, TASK.givens(chosen.inputs)
    first = both.models[0]
    assert first.near_blanks["2"].middle == pytest.approx(hits[:, ~given].mean(1), rel=1e-4)
    assert first.near_givens["2"].middle == pytest.approx(hits[:, given].mean(1), rel=1e-4)


def test_the_given_solution_is_in_the_code_of_the_puzzles_that_the_model_solves(
    tiny_model, puzzles, monkeypatch
):
    """Where the labels are the model's own answers, the head decodes all of the given solution correctly."""
    monkeypatch.setattr("probes.comparison.measure.has_near_complete", lambda task: False)
    model = tiny_model()
    labels = predict(model, puzzles.inputs).answers[-1]
    measured, _ = measure(model, TASK, replace(puzzles, labels=labels), near_limit=1)
    assert measured.solved.middle[-1] == 1 and measured.kept_read == 1


def test_the_sudoku_pair_has_eight_confounds(tiny_model):
    trm, hrm = (facts(load_model(name)) for name in SUDOKU_PAIR)
    assert (trm["updates"], hrm["updates"]) == ("9,766", "18,304")
    different = [name for name, value in trm.items() if value != hrm[name]]
    assert len(different) == 8 and all(LABELS.get(name, name) in SUDOKU_CONFOUNDS for name in different)
    assert set(facts(tiny_model())) == {"parameters", "D", "n", "T"}  # its training is not known


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
    save_comparison(tmp_path / "c.json", both)
    again = load_comparison(tmp_path / "c.json")
    assert again.models == both.models
    np.testing.assert_allclose(again.cka, both.cka, atol=6e-4)


@pytest.mark.parametrize(
    "damage",
    [
        lambda model: model.pop("solved"),
        lambda model: model["solved"].pop("low"),
        lambda model: model["solved"]["low"].pop(),
        lambda model: model["solved"]["middle"].__setitem__(0, float("inf")),
        lambda model: model["solved"]["middle"].__setitem__(0, float("nan")),
        lambda model: model["solved"]["middle"].__setitem__(0, "high"),
        lambda model: model["residual"]["z"].update(x=7),
        lambda model: model["about"].update(N_sup=None),
        lambda model: model["about"].pop("T"),
    ],
)
def test_a_comparison_with_missing_or_infinite_values(both, tmp_path, damage):
    path = tmp_path / "c.json"
    save_comparison(path, both)
    values = json.loads(path.read_text())
    damage(values["models"][0])
    path.write_text(json.dumps(values))
    with pytest.raises(ComparisonError, match="is not a comparison of this version, or is damaged"):
        load_comparison(path)


@pytest.mark.parametrize("damage", ["", "{}", "[1]", '{"format": "other"}', "cut", "models", "cka"])
def test_a_damaged_comparison_says_so(both, tmp_path, damage):
    path = tmp_path / "c.json"
    save_comparison(path, both)
    values = json.loads(path.read_text())
    if damage == "models":
        del values["models"][0]["about"]["kind"]
    if damage == "cka":
        values["cka"] = values["cka"][:-1]
    whole = json.dumps(values)
    path.write_text({"cut": whole[:-9], "models": whole, "cka": whole}.get(damage, damage))
    with pytest.raises(ComparisonError, match="Record it again"):
        load_comparison(path)


# ---- the commands


@pytest.fixture
def folders(tiny_model, tmp_path, puzzles) -> tuple[Path, Path, Path]:
    """Two models and a set, as files."""
    for name, model in (("one", tiny_model()), ("two", tiny_model(seed=1, **HRM))):
        (tmp_path / name).mkdir()
        save_model(tmp_path / name, model.config, model.state_dict())
    data = tmp_path / "set.txt"
    data.write_text("\n".join(map(TASK.format, puzzles.inputs)))
    return tmp_path / "one", tmp_path / "two", data


def call(capsys, *words: object) -> dict:
    main([*map(str, words), "--json"])
    return json.loads(capsys.readouterr().out)


def test_compare_writes_json_and_parquet(folders, tmp_path, capsys):
    one, two, data = folders
    printed = call(
        capsys,
        "compare",
        "--model",
        one,
        "--compare-with",
        two,
        "--data",
        data,
        "--limit",
        8,
        "--few",
        2,
        "--out",
        tmp_path / "c.json",
    )
    assert printed["puzzles"] == 8 and set(printed["one"]["near_complete"]) == set("12345")
    comparison = load_comparison(tmp_path / "c.json")
    assert [each.about.kind for each in comparison.models] == ["trm", "hrm"]
    curves = read_table(tmp_path / "c.parquet").to_pandas()
    solved = curves[(curves.model == "two") & (curves.quantity == "solved")]
    assert solved["value"].tolist() == comparison.models[1].solved.middle and solved["at"].tolist() == [
        1,
        2,
        3,
    ]
    assert read_table(tmp_path / "c-cka.parquet").num_rows == comparison.cka.size


def test_similarity_within_one_model_and_across_two(folders, tmp_path, capsys):
    one, two, data = folders
    within = call(capsys, "similarity", "--model", one, "--data", data)
    assert list(within["cka_at_the_end"]) == ["one y ~ one z"]
    across = call(
        capsys, "similarity", "--model", one, "--compare-with", two, "--data", data, "--out", tmp_path / "s"
    )
    assert len(across["cka_at_the_end"]) == 6
    assert across["cka_at_the_end"]["one y ~ one z"] == within["cka_at_the_end"]["one y ~ one z"]
    table = read_table(tmp_path / "s.parquet").to_pandas()
    last = table.query(
        "model_a == 'one' and state_a == 'y' and model_b == 'two' and state_b == 'z' and step_a == 3 and cycle_a == 2 and step_b == 3 and cycle_b == 3"
    )
    assert last.cka.item() == pytest.approx(across["cka_at_the_end"]["one y ~ two z"], abs=6e-4)
    written = json.loads((tmp_path / "s.json").read_text())
    assert len(written["time_points"]) == len(written["cka"]) == 30


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--compare-with", "sudoku-trm"], "Choose two models of the same task and size"),
        (["--compare-with", "no-such"], "no-such"),
        (["--limit", "0"], "A limit of 0"),
        (["--limit", "3"], "at least 4 puzzles"),
        (["--data", "no-such"], "There is no puzzle set"),
        (["--record"], "does not come with the app"),
    ],
    ids=str,
)
def test_mistakes_are_one_line(folders, capsys, words, message):
    one, two, data = folders
    with pytest.raises(SystemExit) as end:
        main(
            [
                "compare",
                "--model",
                str(one),
                "--compare-with",
                str(two),
                "--data",
                str(data),
                "--few",
                "1",
                *words,
            ]
        )
    assert end.value.code == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


def test_the_path_of_a_recorded_comparison(monkeypatch, tmp_path):
    monkeypatch.setattr(files, "RECORDED", tmp_path)
    assert (
        recorded_path("sudoku-trm/snapshots/10", "sudoku-hrm")
        == tmp_path / "sudoku-trm_snapshots_10--sudoku-hrm.json"
    )


def test_measuring_at_another_depth(tiny_model, puzzles):
    measured, grams = measure(tiny_model(), TASK, puzzles, depth=Depth(n=1, T=1, N_sup=2), near_limit=1)
    assert (measured.about.n, measured.about.T, measured.about.N_sup) == (1, 1, 2)
    assert len(measured.solved.middle) == 2 and grams["y"].vectors.shape == (2, 100)


# ---- findings


def test_findings_are_written_between_their_markers(both, tmp_path):
    document = tmp_path / "findings.md"
    document.write_text("# Findings\n\nOf somebody else.\n")
    write_findings(document, both, "the command")
    once = document.read_text()
    assert once.startswith("# Findings\n\nOf somebody else.\n\n<!-- compare: begin -->\n## HRM vs TRM")
    second = both.models[1]
    ratios = f"{second.pooled_ratio['y']:.1f} / {second.pooled_ratio['z']:.1f} of 8"
    assert ratios in once and "`the command`" in once and "89.95 / 30.22" in once
    verdict = "Yes" if second.pooled_ratio["y"] > second.pooled_ratio["z"] else "No"
    assert f"than that of its z_L?** {verdict} (participation ratio in other" in once
    assert "without the prefix position" in once
    assert len({line.count("|") for line in once.splitlines() if line.startswith("|")}) == 1
    document.write_text(once.replace("## HRM", "## Old") + "\nAfter.\n")
    write_findings(document, both, "the command")
    assert document.read_text() == once + "\nAfter.\n"
    document.write_text("<!-- compare: end -->")
    with pytest.raises(UserError, match="without the other"):
        write_findings(document, both, "")


def test_verdicts_on_solution_retention(both):
    curve = both.models[0].kept
    retains = replace(both.models[0], kept=replace(curve, middle=[1.0, 1.0, 1.0]), kept_read=1.0)
    loses = replace(both.models[1], kept=replace(curve, middle=[0.0, 0.5, 1.0]), kept_read=1.0)
    text = section(replace(both, models=(retains, loses)), "")
    assert "tiny retain a given solution?** Yes (the head decodes 100.0 %" in text
    assert "other retain a given solution?** No" in text and "at least 0 % of the grids are solved" in text
    mostly = replace(retains, kept=replace(curve, middle=[1.0, 0.97, 0.99]))
    assert "solution?** In most puzzles (" in section(replace(both, models=(mostly, loses)), "")
    undecoded = replace(loses, kept_read=0.2)
    assert "solution?** Not tested: the head decodes only 20.0 %" in section(
        replace(both, models=(retains, undecoded)), ""
    )


def test_the_dimensionality_of_a_z_that_repeats_its_input_is_not_compared(both):
    first, second = both.models
    inert = replace(second, by_token={"y": 0.4, "z": 0.9997})
    text = section(replace(both, models=(first, inert)), "")
    assert "part in the reasoning?** No: 99.97 %" in text and "higher than" not in text


def test_findings_count_blank_cells_and_givens_separately(both):
    first, second = both.models
    near = {
        "near_blanks": replace(first.near["1"], middle=[1.0, 0.96, 0.92]),
        "near_givens": replace(first.near["1"], middle=[0.97, 0.98, 0.978]),
        "near": replace(first.near["1"], middle=[0.04, 0.6, 0.2]),
    }
    changes_givens = replace(second, **{name: {"1": curve} for name, curve in near.items()})
    text = section(replace(both, models=(first, changes_givens)), "")
    assert (
        "in correctly in 100 % of the puzzles after step 1 and in 92 % after step 3; by then 97.8 % of the givens"
        in text
    )
    assert "fail on" not in text


def test_findings_of_a_recorded_comparison_need_no_data(tmp_path, capsys):
    printed = call(
        capsys,
        "compare",
        "--model",
        "maze-trm",
        "--compare-with",
        "maze-hrm",
        "--findings",
        tmp_path / "f.md",
    )
    assert printed["puzzles"] >= 100
    text = (tmp_path / "f.md").read_text()
    assert "| solved after 1, 2, 4, 8, 16 steps |" in text
    assert "cannot be attributed to the architecture" in text
    assert "blank" not in text  # there are no near-complete mazes
    for words, says in (([], "--data is missing"), (["--findings", tmp_path / "g.md"], "cannot be read")):
        with pytest.raises(SystemExit):
            main(["compare", "--model", "maze-hrm", "--compare-with", "maze-trm", *map(str, words)])
        assert says in capsys.readouterr().err
