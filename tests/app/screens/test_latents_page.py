"""The Latents page without a browser: what it opens with, what it computes, and which puzzles a selection means."""

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import app_page
import pytest

from app.screens.latents import point_selection, source
from app.screens.latents.point_selection import Chosen
from app.server import shared
from app.ui.charts import LIGHT
from probes.latents import trajectories
from probes.latents.files import load_scene, save_scene
from probes.latents.settings import RECORDED

HEAVY = ("torch", "umap", "numba", "sklearn", "zarr", "captum")


@pytest.fixture(scope="module")
def recorded():
    return load_scene(RECORDED / "sudoku-trm.safetensors")


@pytest.fixture
def latents(open_app):
    """Opens the page; keywords are the query parameters of the link."""

    def make(**link):
        app = open_app(**link)
        app.open("latents")
        return app

    return make


def charts(app) -> list[dict]:
    return [json.loads(element.proto.spec) for element in app.test.get("plotly_chart")]


def said(app) -> str:
    return " ".join(element.value for element in [*app.test.markdown, *app.test.caption, *app.test.warning])


def points(traces: list[dict]) -> list[list]:
    return [point for trace in traces for point in trace.get("customdata", [])]


def test_it_opens_with_what_was_recorded(latents, recorded):
    app = latents(model="sudoku-trm")
    words = said(app)
    assert f"over {len(recorded)} puzzles of `sudoku/test` at {len(recorded.calls)} calls" in words
    assert " ".join(recorded.finding) in words
    cloud, *curves = charts(app)
    assert len(curves) == 4
    assert [frame["name"] for frame in cloud["frames"]] == [
        f"{at.supervision_step}.{at.cycle}.{at.call}" for at in recorded.calls
    ]
    (slider,) = cloud["layout"]["sliders"]
    shown = slider["currentvalue"]
    assert (
        shown["prefix"] + slider["steps"][20]["label"]
        == "after supervision step 7 of 16, cycle 3, call 7 (f_H)"
    )
    assert shown["font"]["color"] == "#18222d"  # the labels of the slider have none, and it would be theirs
    for time_point, frame in enumerate(cloud["frames"]):
        found = points(frame["data"])
        assert sorted(row for row, *_ in found) == list(range(len(recorded)))
        assert {at for _, at, *_ in found} == {time_point}
    app.set("latents_view", "all at once")
    cloud = charts(app)[0]
    assert not cloud.get("frames") and len(points(cloud["data"])) == len(recorded) * len(recorded.calls)
    app.set("latents_axes", 3)
    assert {trace["type"] for trace in charts(app)[0]["data"]} == {"scatter3d"}
    app.set("latents_method", "umap")
    assert "UMAP distances are not distances" in said(app)
    judged, pca = (recorded.map(method).quality[2] for method in ("umap", "pca"))
    assert f"Judged by where {len(recorded)} runs end, one point each" in said(app)
    assert f"Trustworthiness **{judged.trustworthiness:.3f}**" in said(app)
    assert f"**{judged.neighbours_kept:.0%}** of each end's 5 nearest" in said(app)
    assert f"PCA in 2-D: trustworthiness {pca.trustworthiness:.3f}, {pca.neighbours_kept:.0%} kept." in said(
        app
    )
    assert pca.trustworthiness > judged.trustworthiness and pca.neighbours_kept > judged.neighbours_kept
    for field in recorded.fields:
        app.set("latents_colour", field.name)
        assert len(points(charts(app)[0]["data"])) == len(recorded) * len(recorded.calls), field.name
    ways = f"latents_ways_sudoku-trm_{len(recorded)}_sudoku/test"
    app.set(ways, [5, 6, 7])
    names = [trace["name"] for trace in charts(app)[0]["data"]]
    assert [name for name in names if "way of" in name] == [
        f"way of puzzle {recorded.numbers[row] + 1}" for row in (5, 6, 7)
    ]


def test_opening_it_imports_nothing_heavy():
    code = (
        "import sys; from app_page import App; app = App({}, 'latents'); assert app.test.get('plotly_chart');"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    support = Path(app_page.__file__).parent
    found = subprocess.run([sys.executable, "-c", code], cwd=support, capture_output=True, text=True)
    assert found.stdout.strip() == "[]", found.stderr[-2000:]


def test_what_was_recorded_of_other_weights_says_so(latents, recorded, tmp_path, monkeypatch):
    other = replace(recorded, about=replace(recorded.about, fingerprint="f" * 16))
    save_scene(tmp_path / "sudoku-trm.safetensors", other)
    monkeypatch.setattr(source, "RECORDED", tmp_path)
    app = latents(model="sudoku-trm")
    assert "recorded from other weights of sudoku-trm (ffffffff)" in said(app) and len(charts(app)) == 5


def test_what_is_not_recorded_is_computed_when_asked_for(latents, model_dir):
    app = latents(model="runs/hrm")
    assert "Nothing is recorded of runs/hrm" in " ".join(element.value for element in app.test.info)
    assert not charts(app)
    app.set("latents-count", 10)
    app.set("latents_state", "y")
    app.set("latents_where", "one cell")
    app.set("latents_row", 1)
    app.click("latents_compute")
    app.until(lambda: charts(app), "the cloud")
    words = said(app)
    assert "State y of `runs/hrm` (cell r1c5) over 10 puzzles" in words
    command = next(element.value for element in app.test.code)
    assert "--model runs/hrm --data sudoku/test --limit 10 --state y --calls f_H --position r1c5" in command
    assert "symbol now" in app.test.get_by_key("latents_colour").options


def test_computing_shows_progress_and_can_be_cancelled_and_begun_again(latents, model_dir, monkeypatch):
    """With the button that a person presses; what was cut short leaves no job, no scene and no file behind."""
    folders, told = [], []
    make, record = tempfile.mkdtemp, trajectories.record_trajectories
    monkeypatch.setattr(tempfile, "mkdtemp", lambda *a, **k: folders.append(make(*a, **k)) or folders[-1])

    def watched(*given, progress, **named):
        """As it is, but so slow that it can be looked at until it is told to end."""

        def slowed(done, total):
            told.append((done, total))
            progress(done, total)
            while slow and done:
                time.sleep(0.01)
                progress(done, total)

        return record(*given, progress=slowed, **named)

    monkeypatch.setattr(trajectories, "record_trajectories", watched)
    slow = True
    app = latents(model="runs/hrm")
    app.set("latents-count", 30)
    app.click("latents_compute")
    asked = app.test.session_state["latents_asked"]
    app.until(lambda: any(done for done, _ in told), "some puzzles run")
    app.run()
    (bar,) = app.test.get("progress")
    assert "Running runs/hrm on 30 puzzles, " in bar.proto.text and 0 < bar.proto.value <= 100
    job = next(job for key, job in shared.jobs()._jobs.items() if key[:2] == ("latents-walks", asked[0]))
    cancel = next(button for button in app.test.button if button.label == "Cancel")
    began = time.monotonic()
    cancel.click().run()
    assert shared.jobs().wait(job, 1.0) and time.monotonic() - began < 2.0
    assert job.cancelled and job.result is None
    app.run()
    assert "Cancelled" in app.test.info[0].value and not charts(app) and not app.test.get("progress")
    assert folders and not any(Path(folder).exists() for folder in folders)
    assert not [key for key in shared.jobs()._jobs if key[:2] == ("latents-scene", asked[0])]
    app.run()
    assert "Cancelled" in app.test.info[0].value  # looking at it does not begin it again
    slow = False
    app.click("latents_compute")
    app.until(lambda: charts(app), "the cloud")
    assert "over 30 puzzles" in said(app)
    assert not any(Path(folder).exists() for folder in folders)


def test_what_was_computed_with_umap_is_shown_by_umap(latents, recorded, monkeypatch):
    app = latents()
    assert app["latents_method"] == "pca"
    monkeypatch.setattr("app.screens.latents.source.computed", lambda *_: computed)
    computed = replace(recorded)
    app.click("latents_compute")
    assert app["latents_method"] == "umap"
    app.set("latents_method", "pca")
    assert app["latents_method"] == "pca" and not app.warnings


# two models


@pytest.fixture(scope="module")
def joint():
    return load_scene(RECORDED / "sudoku-trm--sudoku-hrm.safetensors")


def test_a_joint_map_of_two_models_opens_with_what_was_recorded(latents, joint):
    app = latents(model="sudoku-trm")
    assert app["latents_maps"] == "one map each" and not app.has("against")
    app.set("latents_maps", "one joint map")
    assert app["against"] == "sudoku-hrm" and app["latents_colour"] == "model"
    assert [text for text in app.warnings if "sudoku-hrm's z is inert" in text]
    words = said(app)
    match = joint.partner.match
    assert (
        f"State z of `sudoku-trm` and `sudoku-hrm` (the mean over all cells) over {joint.puzzle_count} puzzles"
        in words
    )
    assert (
        f"misses **{match.disparity:.1%}** of the spread; with puzzles shuffled {match.shuffled:.1%}" in words
    )
    assert " ".join(joint.finding) in words and "medians of each model's runs" in words
    app.set("latents_view", "all at once")
    for axes in (2, 3):
        app.set("latents_axes", axes)
        for field in ("model", "solved", "step"):
            app.set("latents_colour", field)
            cloud, *curves = charts(app)
            symbols = {}
            for trace in cloud["data"]:
                for point, symbol in zip(
                    trace.get("customdata", []),
                    trace["marker"].get("symbol", []) if "marker" in trace else [],
                    strict=False,
                ):
                    symbols.setdefault(symbol, set()).add(point[3].rpartition(" of ")[2])
            assert symbols == {"circle": {"sudoku-trm"}, "diamond": {"sudoku-hrm"}}, field
            names = {trace["name"] for trace in cloud["data"]}
            assert {"model: sudoku-trm", "model: sudoku-hrm"} <= names
            lines = {
                trace["name"]: (trace["line"]["color"], trace["line"].get("dash"))
                for trace in cloud["data"]
                if "line" in trace and "lines" in trace["mode"]
            }
            assert lines["way: ends solved"] == (LIGHT["baseline"], "solid")
            assert lines["way: ends unsolved"] == (LIGHT["baseline"], "dash")
            for model in ("trm", "hrm"):  # a way is in its model's colour, which its key has too
                of_model = [look for name, look in lines.items() if name.endswith(f" of sudoku-{model}")]
                assert len(of_model) == 4 and {colour for colour, _ in of_model} == {LIGHT[model]}
                if field != "model":
                    assert lines[f"model: sudoku-{model}"][0] == LIGHT[model]
    assert [trace["name"].rpartition(" (")[0] for trace in curves[0]["data"] if trace["line"]["width"]] == [
        "sudoku-trm",
        "sudoku-hrm",
    ]
    app.set("latents_maps", "one map each")
    assert "State z of `sudoku-trm` (the mean" in said(app) and app["latents_colour"] != "model"


def test_a_joint_map_is_computed_for_any_two(latents, model_dir):
    app = latents(model="runs/hrm")
    app.set("latents_maps", "one joint map")
    app.set("against", "sudoku-trm")
    assert "No joint map of runs/hrm and sudoku-trm is recorded" in app.test.info[0].value
    assert not app.has("latents_calls")  # both are held together after every step
    app.set("latents-count", 10)
    app.click("latents_compute")
    app.until(lambda: charts(app), "the joint cloud")
    assert "`runs/hrm` and `sudoku-trm`" in said(app) and "on 5 puzzles it was not fitted on" in said(app)
    command = next(element.value for element in app.test.code)
    assert "--model runs/hrm --compare-with sudoku-trm --data sudoku/test --limit 10" in command
    app.set("against", "maze-15")  # another task: said in one line
    app.click("latents_compute")
    app.until(lambda: app.errors, "what was wrong")
    assert not charts(app)


def test_a_point_of_the_second_model_links_to_that_model(joint):
    row = joint.puzzle_count + 3
    link = point_selection.link(joint, row, 4)
    at = joint.partner.calls[4]
    assert link["model"] == "sudoku-hrm" and link["puzzle"] == joint.puzzles[3] == joint.puzzles[row]
    assert (
        link["at"] == f"{at.supervision_step}.{at.cycle}.{at.call}" != point_selection.link(joint, 3, 4)["at"]
    )
    table = point_selection.table(joint, (3, row), (4, 4))
    assert table["model"] == ["sudoku-trm", "sudoku-hrm"] and table["puzzle"][0] == table["puzzle"][1]


# selections


@pytest.fixture
def state(monkeypatch) -> dict:
    """A session whose chart was touched."""
    found: dict = {}
    monkeypatch.setattr(point_selection.st, "session_state", found)
    return found


def touched(state: dict, *custom: list, lasso: bool, at: int = 0) -> None:
    areas = [{"x": [at], "y": [0]}] if lasso else []
    sent = [{"customdata": list(point)} for point in custom]
    state[point_selection.CHART] = {"selection": {"points": sent, "lasso": areas, "box": []}}
    point_selection.take()


def test_a_lasso_means_the_puzzles_of_its_points(state, recorded):
    touched(state, [7, 3, 0, "", ""], [2, 5, 0, "", ""], [7, 9, 0, "", ""], lasso=True)
    assert point_selection.chosen(recorded) == Chosen((2, 7), (5, 9))
    touched(state, [4, 1, 0, "", ""], lasso=True, at=1)  # around one point it is no click
    assert point_selection.chosen(recorded) == Chosen((4,), (1,)) and not state.get(point_selection.GO)
    touched(state, [9, 2, 0, "", ""], lasso=True, at=1)  # and a click is one while the lasso is still there
    assert state[point_selection.GO] == (9, 2) and point_selection.chosen(recorded) == Chosen((4,), (1,))
    touched(state, lasso=False)  # a double click lets go
    assert point_selection.chosen(recorded) is None


def test_what_was_chosen_of_another_scene_is_not_chosen_of_this(state, recorded):
    touched(state, [len(recorded), 0, 0, "", ""], [1, 0, 0, "", ""], lasso=True)
    assert point_selection.chosen(recorded) is None


def test_a_click_goes_to_its_puzzle_and_call(state, recorded, monkeypatch):
    gone = []
    monkeypatch.setattr(point_selection.links, "follow", gone.append)
    touched(state, [5, 7, 0, "", ""], lasso=False)
    point_selection.go(recorded)
    at = recorded.calls[7]
    assert gone == [
        {
            "model": "sudoku-trm",
            "puzzle": recorded.puzzles[5],
            "at": f"{at.supervision_step}.{at.cycle}.{at.call}",
        }
    ]
    point_selection.go(recorded)  # once
    assert len(gone) == 1


def test_a_cell_that_is_followed_is_in_the_link(recorded):
    one = replace(recorded, about=replace(recorded.about, position="r5c9"))
    assert point_selection.link(one, 0, 0)["cell"] == "4,8"


def test_the_table_has_a_line_for_each_puzzle(recorded):
    found = point_selection.table(recorded, (3, 9), (0, 47))
    assert found["puzzle"] == [recorded.numbers[3] + 1, recorded.numbers[9] + 1]
    solved = recorded.field("solved").values[:, -1]
    assert found["ends solved"] == [solved[3] == 1, solved[9] == 1]
    assert found["open in Solve"][1].endswith("at=16.3.7") and "model=sudoku-trm" in found["open in Solve"][1]
    assert len({len(column) for column in found.values()}) == 1


def test_points_without_a_puzzle_are_left_out():
    sent = [{"customdata": {"0": 3, "1": 4}}, {"x": 1}, {"customdata": None}, {"customdata": ["a", 1]}]
    assert point_selection.points(sent) == [(3, 4)]
