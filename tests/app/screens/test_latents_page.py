"""The Latents page without a browser: recorded projections, computing, and selecting puzzles."""

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import app_page
import pytest
from app_page import shown

from app.screens.latents import point_selection, source
from app.screens.latents.point_selection import PuzzleSelection
from app.server import shared
from probes.latents import trajectories
from probes.latents.files import load_projection
from probes.latents.settings import RECORDED
from trm import registry
from trm.checkpoint import save_model
from trm.export.pictures.palette import CURVES
from trm.results import save

HEAVY = ("torch", "umap", "numba", "sklearn", "captum")


@pytest.fixture(scope="module")
def recorded():
    return load_projection(RECORDED / "sudoku-trm.safetensors")


@pytest.fixture
def latents(open_app):
    """Opens the page; keywords are the query parameters of the link."""
    return partial(open_app, "latents")


def charts(app) -> list[dict]:
    return [json.loads(element.proto.spec) for element in app.test.get("plotly_chart")]


def texts(app) -> str:
    return " ".join(element.value for element in [*app.test.markdown, *app.test.caption, *app.test.warning])


def points(traces: list[dict]) -> list[list]:
    return [point for trace in traces for point in trace.get("customdata", [])]


def test_it_opens_with_a_recorded_projection(latents, recorded):
    app = latents(model="sudoku-trm")
    words = texts(app)
    assert f"on {len(recorded)} puzzles from `sudoku/test` after each of {len(recorded.calls)} calls" in words
    assert " ".join(recorded.sentences) in words
    plot, *curves = charts(app)
    assert len(curves) == 4
    axes = [curve["layout"]["yaxis"] for curve in curves]
    assert [axis.get("nticks") for axis in axes if axis.get("type") == "log"] == [4, 4]
    assert [frame["name"] for frame in plot["frames"]] == [
        f"{at.supervision_step}.{at.cycle}.{at.call}" for at in recorded.calls
    ]
    (slider,) = plot["layout"]["sliders"]
    current = slider["currentvalue"]
    assert current["prefix"] + slider["steps"][20]["label"] == "after step 7 of 16, cycle 3, call 7 (f_H)"
    assert current["font"]["color"] == "#18222d"  # it would inherit the invisible font of the labels
    moving = [place for place, trace in enumerate(plot["data"]) if trace.get("customdata")]
    for time_point, frame in enumerate(plot["frames"]):
        assert len(frame["traces"]) == len(frame["data"]) and set(moving) <= set(frame["traces"])
        drawn = points(frame["data"])
        assert sorted(row for row, *_ in drawn) == list(range(len(recorded)))
        assert {at for _, at, *_ in drawn} == {time_point}
    app.set("latents_view", "Show all")
    plot = charts(app)[0]
    assert not plot.get("frames") and len(points(plot["data"])) == len(recorded) * len(recorded.calls)
    app.set("latents_axes", 3)
    assert {trace["type"] for trace in charts(app)[0]["data"]} == {"scatter3d"}
    app.set("latents_method", "umap")
    assert "UMAP does not preserve distances" in texts(app)
    umap, pca = (recorded.embedding(method).quality[2] for method in ("umap", "pca"))
    assert f"Quality is measured on the final states of {len(recorded)} runs" in texts(app)
    assert f"The trustworthiness is **{umap.trustworthiness:.3f}**" in texts(app)
    assert f"**{umap.neighbours_preserved:.0%}** of a state's 5 nearest neighbours" in texts(app)
    assert (
        f"PCA in 2-D has a trustworthiness of {pca.trustworthiness:.3f} and preserves {pca.neighbours_preserved:.0%} of the neighbours."
        in texts(app)
    )
    assert pca.trustworthiness > umap.trustworthiness and pca.neighbours_preserved > umap.neighbours_preserved
    for field in {field.kind: field for field in recorded.fields}.values():
        app.set("latents_colour", field.name)
        assert len(points(charts(app)[0]["data"])) == len(recorded) * len(recorded.calls), field.name
    key = f"latents_trajectories_sudoku-trm_{len(recorded)}_sudoku/test"
    app.set(key, [5, 6, 7])
    names = [trace["name"] for trace in charts(app)[0]["data"]]
    assert [name for name in names if "trajectory of" in name] == [
        f"trajectory of puzzle {recorded.puzzle_numbers[row] + 1}" for row in (5, 6, 7)
    ]


def test_opening_it_imports_nothing_heavy():
    code = (
        "import sys; from app_page import App; app = App({}, 'latents'); assert app.test.get('plotly_chart');"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    support = Path(app_page.__file__).parent
    done = subprocess.run([sys.executable, "-c", code], cwd=support, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr[-2000:]


def test_a_projection_of_other_weights_says_so(latents, recorded, tmp_path, monkeypatch):
    other = replace(recorded, provenance=replace(recorded.provenance, fingerprint="f" * 16))
    save(tmp_path / "sudoku-trm.safetensors", other)
    monkeypatch.setattr(source, "RECORDED", tmp_path)
    app = latents(model="sudoku-trm")
    assert "Recorded with different weights of sudoku-trm" in shown(texts(app)) and len(charts(app)) == 5


def test_a_projection_is_computed_on_request(latents, model_dir):
    app = latents(model="runs/hrm")
    assert "No projection of runs/hrm is recorded" in shown(app.test.info[0].value)
    assert not charts(app)
    app.set("latents-count", 10)
    app.set("latents_state", "y")
    app.set("latents_position", "Single cell")
    assert app["latents_row"] == app["latents_column"] == 5  # the middle
    app.set("latents_row", 1)
    assert "10 puzzles at 6 calls: 60 points" in texts(app)
    app.click("latents_compute")
    app.until(lambda: charts(app), "the projection")
    words = texts(app)
    assert "state y of `runs/hrm` (cell r1c5) on 10 puzzles" in words
    command = next(element.value for element in app.test.code)
    assert "--model runs/hrm --data sudoku/test --limit 10 --state y --position r1c5" in command
    assert "current symbol" in app.test.get_by_key("latents_colour").options
    assert not app.has("latents_method")  # there is no choice without UMAP


def test_a_cancelled_computation_leaves_no_projection_and_no_file(latents, model_dir, monkeypatch):
    folders, shares = [], []
    make, record = tempfile.mkdtemp, trajectories.record_trajectories
    monkeypatch.setattr(tempfile, "mkdtemp", lambda *a, **k: folders.append(make(*a, **k)) or folders[-1])

    def slow_recording(*given, progress, **named):
        """Waits after the first puzzles until it is cancelled."""

        def slowed(share, text):
            shares.append(share)
            progress(share, text)
            while slow and share:
                time.sleep(0.01)
                progress(share, text)

        return record(*given, progress=slowed, **named)

    monkeypatch.setattr(trajectories, "record_trajectories", slow_recording)
    slow = True
    app = latents(model="runs/hrm")
    app.set("latents-count", 30)
    app.click("latents_compute")
    _, projection = app.test.session_state["latents_request"]
    app.until(lambda: any(shares), "some puzzles run")
    app.run()
    (bar,) = (each for each in app.progress if each["text"])
    assert 0 < bar["share"] <= 1
    job = shared.jobs().find(projection.needs[0].key)
    cancel = next(button for button in app.test.button if button.label == "Cancel")
    cancel.click().run()
    assert shared.jobs().wait(job, 1.0) and job.result is None
    app.run()
    assert "Cancelled" in app.test.info[0].value and not charts(app)
    assert shared.jobs().find(projection.key) is None
    assert not any(Path(folder).exists() for folder in folders)
    slow = False
    app.click("latents_compute")
    app.until(lambda: charts(app), "the projection")
    assert "on 30 puzzles" in texts(app)
    assert not any(Path(folder).exists() for folder in folders)


def test_umap_is_shown_first_if_it_was_requested(latents, recorded, monkeypatch):
    app = latents()
    assert app["latents_method"] == "pca"
    monkeypatch.setattr("app.ui.analysis.Panel.computed", lambda panel: computed)
    computed = replace(recorded)
    app.click("latents_compute")
    assert app["latents_method"] == "umap"
    app.set("latents_method", "pca")
    assert app["latents_method"] == "pca" and not app.warnings


# two models


@pytest.fixture(scope="module")
def joint():
    return load_projection(RECORDED / "sudoku-trm--sudoku-hrm.safetensors")


def test_a_recorded_joint_projection_of_two_models(latents, joint, monkeypatch):
    inert = {"z": registry.measured_states("sudoku-hrm")["z"] | {"inert": True}}
    monkeypatch.setattr(registry, "measured_states", lambda name: inert if name == "sudoku-hrm" else {})
    app = latents(model="sudoku-trm")
    assert app["latents_models"] == "One model" and not app.has("compare_with")
    app.set("latents_models", "Two models")
    assert app["compare_with"] == "sudoku-hrm" and app["latents_colour"] == "model"
    assert [text for text in app.warnings if "sudoku-hrm's z is inert" in text]
    words = texts(app)
    score = joint.second_model.alignment_score
    assert (
        f"state z of `sudoku-trm` and `sudoku-hrm` (mean over all cells) on {joint.puzzle_count} puzzles"
        in words
    )
    assert (
        f"leaves **{score.disparity:.1%}** of the variance unexplained" in words
        and f"with shuffled puzzles, it leaves {score.shuffled:.1%}" in words
    )
    weights = [about.fingerprint[:8] for about in (joint.provenance, joint.second_model.provenance)]
    assert f"supervision steps. Weights: {weights[0]} and {weights[1]}, " in words
    assert " ".join(joint.sentences) in words and "medians over each model's runs" in words
    app.set("latents_view", "Show all")
    for axes, field in ((2, "model"), (2, "solved"), (3, "step")):
        app.set("latents_axes", axes)
        app.set("latents_colour", field)
        plot, *curves = charts(app)
        symbols = {}
        for trace in plot["data"]:
            for point, symbol in zip(
                trace.get("customdata", []),
                trace["marker"].get("symbol", []) if "marker" in trace else [],
                strict=False,
            ):
                symbols.setdefault(symbol, set()).add(point[3].rpartition(", ")[2])
        assert symbols == {"circle": {"sudoku-trm"}, "diamond": {"sudoku-hrm"}}, field
        names = {trace["name"] for trace in plot["data"]}
        assert {"model: sudoku-trm", "model: sudoku-hrm"} <= names
        lines = {
            trace["name"]: (trace["line"]["color"], trace["line"].get("dash"))
            for trace in plot["data"]
            if "line" in trace and "lines" in trace["mode"]
        }
        assert lines["trajectory, solved puzzle"] == (CURVES["baseline"], "solid")
        assert lines["trajectory, unsolved puzzle"] == (CURVES["baseline"], "dash")
        for model in ("trm", "hrm"):  # a trajectory has the colour of its model, as does the legend
            of_model = [style for name, style in lines.items() if name.endswith(f", sudoku-{model}")]
            assert len(of_model) == 4 and {colour for colour, _ in of_model} == {CURVES[model]}
            if field != "model":
                assert lines[f"model: sudoku-{model}"][0] == CURVES[model]
    assert [trace["name"].rpartition(" (")[0] for trace in curves[0]["data"] if trace["line"]["width"]] == [
        "sudoku-trm",
        "sudoku-hrm",
    ]
    app.set("latents_models", "One model")
    assert "state z of `sudoku-trm` (mean" in texts(app) and app["latents_colour"] != "model"


def test_a_joint_projection_is_computed_for_any_two_models(latents, model_dir, tiny_model):
    other = tiny_model(vocab_size=11, sequence_length=81)
    save_model(model_dir / "runs" / "other", other.config, other.state_dict())
    app = latents(model="runs/hrm")
    app.set("latents_models", "Two models")
    app.set("compare_with", "runs/other")
    assert "No joint projection of runs/hrm and runs/other is recorded" in shown(app.test.info[0].value)
    assert not app.has("latents_calls")  # two models are aligned at the last call of each step
    app.set("latents-count", 10)
    assert "10 puzzles at 3 calls in each of two models: 60 points" in texts(app)
    app.click("latents_compute")
    app.until(lambda: charts(app), "the joint projection")
    assert "`runs/hrm` and `runs/other`" in texts(app) and "on 5 held-out puzzles" in texts(app)
    command = next(element.value for element in app.test.code)
    assert "--limit 10 --calls last --compare-with runs/other" in command
    app.set("compare_with", "maze-15")  # another task: an error in one line
    app.click("latents_compute")
    app.until(lambda: app.errors, "the error")
    assert not charts(app)


def test_a_point_of_the_second_model_links_to_that_model(joint):
    row = joint.puzzle_count + 3
    link = point_selection.link(joint, row, 4)
    at = joint.second_model.calls[4]
    assert link["model"] == "sudoku-hrm" and link["puzzle"] == joint.puzzles[3] == joint.puzzles[row]
    assert (
        link["at"] == f"{at.supervision_step}.{at.cycle}.{at.call}" != point_selection.link(joint, 3, 4)["at"]
    )
    table = point_selection.table(joint, (3, row), (4, 4))
    assert table["model"] == ["sudoku-trm", "sudoku-hrm"] and table["puzzle"][0] == table["puzzle"][1]


# selections


@pytest.fixture
def state(monkeypatch) -> dict:
    """The session state of the chart."""
    session: dict = {}
    monkeypatch.setattr(point_selection.st, "session_state", session)
    return session


def select(state: dict, *custom: list, lasso: bool, at: int = 0) -> None:
    areas = [{"x": [at], "y": [0]}] if lasso else []
    sent = [{"customdata": list(point)} for point in custom]
    state[point_selection.CHART] = {"selection": {"points": sent, "lasso": areas, "box": []}}
    point_selection.on_select()


def test_a_lasso_selects_the_puzzles_of_its_points(state, recorded):
    select(state, [7, 3, 0, "", ""], [2, 5, 0, "", ""], [7, 9, 0, "", ""], lasso=True)
    assert point_selection.selected(recorded) == PuzzleSelection((2, 7), (5, 9))
    select(state, [4, 1, 0, "", ""], lasso=True, at=1)  # a lasso around one point is not a click
    assert point_selection.selected(recorded) == PuzzleSelection((4,), (1,)) and not state.get(
        point_selection.CLICKED
    )
    select(state, [9, 2, 0, "", ""], lasso=True, at=1)  # a click counts while the lasso is still drawn
    assert state[point_selection.CLICKED] == (9, 2) and point_selection.selected(recorded) == PuzzleSelection(
        (4,), (1,)
    )
    select(state, lasso=False)  # a double click clears the selection
    assert point_selection.selected(recorded) is None


def test_a_selection_that_does_not_fit_the_projection_is_ignored(state, recorded):
    select(state, [len(recorded), 0, 0, "", ""], [1, 0, 0, "", ""], lasso=True)
    assert point_selection.selected(recorded) is None


def test_a_point_after_the_last_call_or_puzzle_is_ignored(state, recorded, monkeypatch):
    followed = []
    monkeypatch.setattr(point_selection.links, "follow", followed.append)
    calls = len(recorded.calls)
    select(state, [1, 0, 0, "", ""], [2, calls, 0, "", ""], lasso=True)
    assert point_selection.selected(recorded) is None
    for point in ((len(recorded), 0), (0, calls)):
        state[point_selection.CLICKED] = point
        point_selection.open_clicked(recorded)
    assert not followed
    select(state, [len(recorded) - 1, calls - 1, 0, "", ""], lasso=True, at=1)
    assert point_selection.selected(recorded) == PuzzleSelection((len(recorded) - 1,), (calls - 1,))


def test_a_click_opens_its_puzzle_and_call(state, recorded, monkeypatch):
    followed = []
    monkeypatch.setattr(point_selection.links, "follow", followed.append)
    select(state, [5, 7, 0, "", ""], lasso=False)
    point_selection.open_clicked(recorded)
    at = recorded.calls[7]
    assert followed == [
        {
            "model": "sudoku-trm",
            "puzzle": recorded.puzzles[5],
            "at": f"{at.supervision_step}.{at.cycle}.{at.call}",
        }
    ]
    point_selection.open_clicked(recorded)  # only once
    assert len(followed) == 1


def test_the_cell_of_a_projection_is_in_the_link(recorded):
    one = replace(recorded, position="r5c9")
    assert point_selection.link(one, 0, 0)["cell"] == "4,8"


def test_the_table_has_a_row_for_each_puzzle(recorded):
    table = point_selection.table(recorded, (3, 9), (0, 47))
    assert table["puzzle"] == [recorded.puzzle_numbers[3] + 1, recorded.puzzle_numbers[9] + 1]
    solved = recorded.field("solved").values[:, -1]
    assert table["solved at the end"] == [solved[3] == 1, solved[9] == 1]
    assert table["open in Solve"][1].endswith("at=16.3.7") and "model=sudoku-trm" in table["open in Solve"][1]
    assert len({len(column) for column in table.values()}) == 1
    assert {recorded.field(name).title for name in ("difficulty", "givens")} <= table.keys()


def test_points_without_a_puzzle_are_left_out():
    sent = [{"customdata": {"0": 3, "1": 4}}, {"x": 1}, {"customdata": None}, {"customdata": ["a", 1]}]
    assert point_selection.selected_points(sent) == [(3, 4)]
