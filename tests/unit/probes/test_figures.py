"""Figures for papers from the command line: what is drawn, and what the caption says."""

import json
import re
from dataclasses import fields, replace

import numpy as np
import pytest
from experiment_summaries import experiment_summary, result_summary, target_summary
from halting_stand_in import make_runs

from probes.cli.figures import caption
from probes.cli.fit import score_text
from probes.cli.main import main
from probes.halting.rules import halt_probabilities
from probes.latents.files import load_projection
from probes.latents.settings import RECORDED
from probes.linear.experiment.files import load_experiment, recorded_experiment
from probes.linear.experiment.summary import ScoreSummary
from probes.reports.charts import halting_charts, probe_charts, projection_charts
from trm.checkpoint import save_model
from trm.provenance import Provenance
from trm.results import as_json, write_json

PUZZLES = "1234341221434.2.\n..34341221434321\n12343412....4321\n"


def title_of(pdf: bytes) -> str:
    (title,) = re.findall(rb"/Title \((.*?)\)\n", pdf)
    title = title.replace(b"\\", b"")
    return title.decode("utf-16" if title.startswith(b"\xfe\xff") else "latin-1")


def test_a_caption_names_model_depth_data_seed_and_version():
    about = Provenance("mine", "0123456789ab", "trm", "sudoku", "cpu", "float32", "1.2", "", data="sudoku/test", count=1000, n=6, T=3, N_sup=16)  # fmt: skip
    assert caption(about, 7) == (
        "Model mine (01234567); n = 6, T = 3, N_sup = 16; 1,000 puzzles of sudoku/test; seed\u00a07. Recursion Lens 1.2."
    )
    bare = Provenance("mine", "0123456789ab", "trm", "sudoku", "cpu", "float32", "1.2", "")
    assert caption(bare, None) == "Model mine (01234567). Recursion Lens 1.2."


def test_the_halting_figure_has_the_median_of_solved_and_unsolved_puzzles():
    runs = make_runs()
    (chart,) = halting_charts(runs)
    assert [curve.meaning for curve in chart.curves] == ["solved", "unsolved"] and chart.level == 0.5
    solved = halt_probabilities(runs.halting)[:, runs.right[-1]]
    assert np.allclose(chart.curves[0].y, np.median(solved, 1))
    assert all(list(curve.x) == list(range(1, runs.steps + 1)) for curve in chart.curves)
    assert (chart.curves[0].low <= chart.curves[0].y).all() and (
        chart.curves[0].y <= chart.curves[0].high
    ).all()


def test_the_probe_figure_has_a_chart_per_target_with_bands_for_z_and_y():
    experiment = recorded_experiment("sudoku-trm")
    charts = probe_charts(experiment)
    assert [chart.title for chart in charts] == [target.name for target in experiment.targets]
    solution = {curve.name: curve for curve in charts[0].curves}
    assert list(solution["z"].x) == [1, 2, 4, 8, 16] and solution["z"].low is not None
    assert solution["input"].low is None
    assert list(solution["y"].y) == experiment.result("solution", "y").scores["accuracy"].value


def test_the_projection_figure_has_a_chart_per_embedding():
    projection = load_projection(RECORDED / "sudoku-trm.safetensors")
    pca, umap = projection_charts(projection)
    assert "of the variance" in pca.x and "arbitrary units" in umap.x
    solved = projection.field("solved").values[:, 0] == 1
    assert [group.meaning for group in pca.trajectories] == ["solved", "unsolved"]
    for group, rows in zip(pca.trajectories, (solved, ~solved), strict=True):
        assert np.array_equal(group.points, projection.embeddings[0].coordinates[rows, :, :2])
        assert group.name == f"{group.meaning}: {rows.sum()}"
    both = load_projection(RECORDED / "sudoku-trm--sudoku-hrm.safetensors")
    joint = projection_charts(both)[0]
    assert [group.name for group in joint.trajectories] == ["sudoku-trm", "sudoku-hrm"]
    first = both.embeddings[0].coordinates[: both.puzzle_count, :, :2]
    assert np.array_equal(joint.trajectories[0].points, first)


@pytest.mark.heavy
@pytest.mark.parametrize("of", ["projection", "halting", "probes"])
def test_recorded_results_are_drawn(tmp_path, capsys, of):
    main(
        [
            "figure",
            "--of",
            of,
            "--model",
            "sudoku-trm",
            "--pdf",
            str(tmp_path / "a.pdf"),
            "--width",
            "6.5",
            "--json",
        ]
    )
    assert json.loads(capsys.readouterr().out) == {"pdf": str(tmp_path / "a.pdf")}
    pdf = (tmp_path / "a.pdf").read_bytes()
    assert title_of(pdf).startswith("Model sudoku-trm (4413bee5)") and b"/MediaBox [ 0 0 468 " in pdf


@pytest.mark.heavy
def test_a_command_draws_what_it_computed_and_saved(tmp_path, tiny_model, capsys):
    model = tiny_model()
    (tmp_path / "model").mkdir()
    save_model(tmp_path / "model", model.config, model.state_dict())
    (tmp_path / "puzzles.txt").write_text(PUZZLES)
    given = ["--model", str(tmp_path / "model"), "--data", str(tmp_path / "puzzles.txt")]
    main(["halting", *given, "--out", str(tmp_path / "out"), "--pdf", str(tmp_path / "a.pdf")])
    main(["project", *given, "--out", str(tmp_path / "p.parquet"), "--pdf", str(tmp_path / "b.pdf")])
    for name in ("a.pdf", "b.pdf"):
        assert "3 puzzles of" in title_of((tmp_path / name).read_bytes())
    main(["project", *given, "--out", str(tmp_path / "p.safetensors")])
    for of, results, first in (
        ("halting", "out", "a"),
        ("halting", "out.json", "a"),
        ("halting", "out.parquet", "a"),
        ("projection", "p.safetensors", "b"),
    ):
        pdf = tmp_path / "again.pdf"
        main(["figure", "--of", of, "--results", str(tmp_path / results), "--pdf", str(pdf)])
        assert title_of(pdf.read_bytes()) == title_of((tmp_path / f"{first}.pdf").read_bytes())


@pytest.mark.heavy
def test_a_saved_probing_experiment_is_drawn(tmp_path):
    experiment = recorded_experiment("sudoku-trm")
    write_json(tmp_path / "mine.json", as_json(experiment))
    assert load_experiment(tmp_path / "mine.json") == experiment
    pdf = tmp_path / "a.pdf"
    main(["figure", "--of", "probes", "--results", str(tmp_path / "mine.json"), "--pdf", str(pdf)])
    assert title_of(pdf.read_bytes()).startswith("Model sudoku-trm (4413bee5)")


def test_the_printed_scores_name_target_score_steps_and_sources():
    experiment = recorded_experiment("sudoku-trm")
    title, columns, *rows = score_text(experiment, experiment.target("solution")).splitlines()
    assert title == "solution (accuracy), 50 test puzzles"
    assert columns.split("  ")[0] == "from" and columns.endswith("step 16  95% interval at step 16")
    names = [row.split("  ")[0] for row in rows]
    assert names == ["z", "y", "input", "derived", "untrained z", "untrained y", "constant guess"]
    first = experiment.result("solution", "z").scores["accuracy"]
    assert rows[0].split()[1] == f"{first.value[0]:.3f}"
    assert rows[0].endswith(f"{first.low[-1]:.3f} to {first.high[-1]:.3f}")


def parts_of(score: ScoreSummary) -> list:
    """The fields of a score, without what it has computed from them."""
    return [getattr(score, each.name) for each in fields(score)]


def test_the_printed_scores_of_many_time_points_are_a_choice_of_them():
    experiment = recorded_experiment("sudoku-trm")
    result = experiment.result("solution", "z")
    scores = {
        name: ScoreSummary(*(list(part[:1]) * 16 for part in parts_of(score)))
        for name, score in result.scores.items()
    }
    result = replace(
        result,
        time_points=tuple(range(16)),
        scores=scores,
        by_cell=[[]] * 16,
        confusion=None,
        test_puzzles=None,
    )
    untrained = experiment.result("solution", "random z")
    scores = {
        name: ScoreSummary(*(list(part[:1]) for part in parts_of(score)))
        for name, score in untrained.scores.items()
    }
    untrained = replace(
        untrained, time_points=(0,), scores=scores, by_cell=[[]], confusion=None, test_puzzles=None
    )
    points = tuple(replace(experiment.time_points[0], supervision_step=step) for step in range(1, 17))
    targets = (replace(experiment.target("solution"), repeats=None),)
    many = replace(experiment, time_points=points, results=(result, untrained), targets=targets)
    # A narrow terminal breaks the last column into lines.
    title, *rows = score_text(many, targets[0]).splitlines()
    assert title.endswith("6 of 16 time points")
    assert any("step 1  step 4  step 7  step 10" in row for row in rows)
    (not_trained,) = (row for row in rows if row.startswith("untrained z"))
    assert len(not_trained.split()) == 3  # with --random first, nothing is known about the later steps


def test_a_probe_of_all_time_points_has_its_score_in_every_printed_column():
    scores = [index / 10 for index in range(7)]
    results = [
        result_summary("digit", "z", {"accuracy": scores, "majority": scores}, time_points=7),
        result_summary("digit", "input", {"accuracy": [0.25]}),
    ]
    summary = experiment_summary([target_summary("digit", "accuracy")], results, steps=range(1, 8))
    title, _, *rows = score_text(summary, summary.target("digit")).splitlines()
    assert title == "digit (accuracy), 6 of 7 time points"
    (given,) = (row for row in rows if row.startswith("input"))
    assert given.split() == ["input", *["0.250"] * 7, "to", "0.250"]


@pytest.mark.parametrize(
    "arguments, words",
    [
        (("--of", "halting", "--model", "sudoku-trm"), "--pdf is missing"),
        (("--of", "halting", "--pdf", "a.pdf"), "Give either --model"),
        (("--of", "halting", "--results", "b.json", "--model", "sudoku-trm", "--pdf", "a.pdf"), "Give either --model"),
        (("--of", "halting", "--results", "b.json", "--pdf", "a.pdf"), "b.parquet cannot be read"),
        (("--of", "probes", "--results", "damaged.json", "--pdf", "a.pdf"), "damaged.json is not an experiment"),
        (("--of", "halting", "--model", "nobody", "--pdf", "a.pdf"), "no recording for nobody"),
        (("--of", "projection", "--model", "sudoku-hrm", "--pdf", "a.pdf"), "Choose from: sudoku-trm, maze-trm"),
        (("--of", "halting", "--model", "sudoku-trm", "--pdf", "nowhere/a.pdf"), "does not exist"),
        (("--of", "halting", "--model", "sudoku-trm", "--pdf", "a.pdf", "--width", "99"), "Choose 2 to 20 inches"),
    ],
)  # fmt: skip
def test_one_line_for_a_mistake(tmp_path, monkeypatch, capsys, arguments, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "damaged.json").write_text("{")
    with pytest.raises(SystemExit) as end:
        main(["figure", *arguments])
    error = capsys.readouterr().err
    assert end.value.code == 2 and words in error and error.count("\n") == 1
