"""The map of states on Solve and Compare: each player has its own, computed in the background; links open it."""

import json

import pytest
from app_page import App

from app.screens.solve import export_panel
from app.screens.solve.export_files import RunToExport
from probes.cli.main import main
from tests.app.screens.test_export_panel import opened, page_text
from tests.app.screens.test_pin import press, sides
from tests.app.screens.test_why import LINK, ask


@pytest.fixture
def page(open_app, model_dir) -> App:
    return open_app(**LINK)


def test_the_map_is_what_the_command_line_computes(page, model_dir, capsys, tmp_path):
    found = ask(page.payload["map"])["result"]
    out = tmp_path / "map.json"
    main(
        [
            "map",
            "--model",
            str(model_dir / LINK["model"]),
            "--puzzle",
            LINK["puzzle"],
            "--out",
            str(out),
            "--json",
        ]
    )
    assert json.loads(capsys.readouterr().out)["run"] == found["run"] == page.payload["trace_id"]
    written = json.loads(out.read_text())
    assert (
        set(found["states"]) == set(written["states"]) == {"z", "y"}
    )  # no projection of this model is recorded
    for name in "zy":
        (mine,), (theirs,) = found["states"][name], written["states"][name]
        assert mine["run"] == pytest.approx(theirs["run"], abs=0.02), name


def test_two_players_ask_for_different_maps(page):
    press(page)
    left, right = sides(page)
    assert left["map"] and right["map"] and left["map"] != right["map"]


def test_a_link_opens_the_map(open_app, model_dir):
    assert open_app(**LINK, at="2.1.3", map="1").payload["start"]["map"] == "1"
    assert "map" not in open_app(**LINK, at="2.1.3", map="x").payload["start"]


def test_the_saved_page_contains_the_map_once_it_is_known(page, monkeypatch):
    made = []
    monkeypatch.setattr(export_panel, "RunToExport", lambda *parts: made.append(parts) or RunToExport(*parts))
    opened(page)
    assert made[-1][-1] is None and "without the map" not in page_text(page)
    found = ask(page.payload["map"])["result"]
    page.run()
    assert made[-1][-1].run == found["run"] and "without the map of states" in page_text(page)
