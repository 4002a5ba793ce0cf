"""The pinned run: it stays beside the current run, is in the address, and belongs to one session; links that pin a run."""

import pytest
from app_page import App

from app.state import links
from tests.app.screens.test_growing import Gate, gate, grown  # noqa: F401 (a fixture)
from tests.app.screens.test_solve_page import PRESETS, TYPED, shown_puzzle
from trm.registry import model_config

OWN = model_config("sudoku-trm").depth
NAME = f"sudoku-trm~{OWN.n}.{OWN.T}.{OWN.N_sup}"


def press(app: App) -> None:
    """Press the key p: the player sends the id of the run it shows."""
    data = app.payload
    now = data["players"][1] if "players" in data else data
    app.trigger("pin", {"pin": data["pin"] == "pin", "trace_id": now["trace_id"]})


def sides(app: App) -> list[dict]:
    return app.payload["players"]


@pytest.fixture
def pinned(open_app) -> App:
    """A page with the first preset pinned."""
    app = open_app()
    app.until(lambda: "computed live" in app.payload["label"], "the run of the model itself")
    assert app.payload["pin"] == "pin" and "pin" not in app.link
    press(app)
    return app


def test_the_pinned_run_stays_beside_the_next_one(pinned):
    own = {"why": "", "map": ""}  # each asks for itself
    assert sides(pinned)[0] | own == sides(pinned)[1] | own
    assert pinned.payload["names"] == ["Pinned", "Current"] and "same" not in pinned.payload["hint"]
    pinned.set("puzzle_preset", PRESETS[2].key)
    assert [shown_puzzle(side) for side in sides(pinned)] == [PRESETS[0].puzzle, PRESETS[2].puzzle]
    pinned.set("supervision_steps", 3)
    pinned.until(lambda: sides(pinned)[1]["steps"] == 3, "a run of three steps")
    assert sides(pinned)[0]["N_sup"] == OWN.N_sup
    pinned.set("model", "sudoku-hrm")
    pinned.until(lambda: sides(pinned)[1].get("kind") == "hrm", "the other model")
    titles = pinned.payload["titles"]
    assert titles[0] == f"sudoku-trm: {PRESETS[0].title}, n = {OWN.n}, T = {OWN.T}, {OWN.N_sup} steps"
    assert titles[1].startswith(f"sudoku-hrm: {PRESETS[2].title}, ")
    assert sides(pinned)[0]["kind"] == "trm"


def test_the_player_and_the_sidebar_can_unpin(pinned):
    assert pinned.payload["pin"] == "unpin"
    assert pinned.captions.count("Pinned: sudoku-trm") == 1
    press(pinned)
    assert "players" not in pinned.payload and not pinned.has("unpin")
    press(pinned)
    assert len(sides(pinned)) == 2
    pinned.click("unpin")
    assert "players" not in pinned.payload and "pin" not in pinned.link


def test_pinning_a_run_that_was_not_sent_does_nothing(open_app):
    app = open_app()
    for message in [{"pin": True, "trace_id": "another"}, {"pin": True}, "pin", 3, [1], {}]:
        app.trigger("pin", message)
        assert "players" not in app.payload, message


def test_each_session_has_its_own_pin(pinned, open_app):
    assert "players" not in open_app().payload
    assert len(sides(pinned)) == 2


def test_the_address_holds_the_pinned_run_and_opens_it_in_another_session(pinned, open_app):
    assert pinned.link["pin"] == NAME  # the puzzle is the page's own
    pinned.set("puzzle_preset", PRESETS[2].key)
    assert pinned.link["pin"] == f"{NAME}~{PRESETS[0].puzzle}"
    pinned.set("model", "sudoku-hrm")
    theirs = open_app(**pinned.link, at="5.2.7", lead="left", align="call", mode="confidence", cell="4,8")
    theirs.until(lambda: all(side["steps"] for side in sides(theirs)), "both runs")
    for mine, other in zip(sides(pinned), sides(theirs), strict=True):
        assert {name: mine[name] for name in ("kind", "inputs", "n", "T", "N_sup")} == {
            name: other[name] for name in ("kind", "inputs", "n", "T", "N_sup")
        }
    assert theirs.payload["start"] == {
        "supervision_step": 5,
        "cycle": 2,
        "call": 7,
        "cell": [4, 8],
        "mode": "confidence",
        "align": "call",
        "lead": "left",
    }
    assert theirs.link["pin"] == pinned.link["pin"]


def test_depth_and_puzzle_of_a_pinned_link_are_clipped(open_app):
    app = open_app(pin=f"sudoku-trm~2.1.999~{TYPED}")
    app.until(lambda: sides(app)[0]["steps"], "the pinned run")
    ghost = sides(app)[0]
    assert (ghost["n"], ghost["T"], ghost["N_sup"]) == (2, 1, 64)
    assert shown_puzzle(ghost) == TYPED


@pytest.mark.parametrize(
    ("pin", "says"),
    [
        ("../../etc/passwd~6.3.16", "There is no model"),
        ("no-such~6.3.16", "There is no model"),
        ("sudoku-trm~6.3.16~<img src=x>", "is not part of a 9x9 Sudoku"),
        ("sudoku-trm~6.3.16~" + "1" * 82, "81"),
    ],
)
def test_a_link_that_pins_an_impossible_run_is_an_error_and_the_page_is_shown(
    open_app, served_to_others, pin, says
):
    app = open_app(pin=pin)
    (error,) = app.errors
    assert error.startswith("The pinned run could not be loaded and was unpinned.") and says in error
    assert shown_puzzle(app.payload) == PRESETS[0].puzzle and "pin" not in app.link
    app.set("puzzle_preset", PRESETS[2].key)
    assert not app.errors


@pytest.mark.parametrize(
    "pin",
    [
        "",
        "sudoku-trm",
        "sudoku-trm~6.3",
        "sudoku-trm~6.3.x",
        "sudoku-trm~0.3.16",
        "sudoku-trm~-1.3.16",
        "~6.3.16",
        "m" * 501 + "~6.3.16",
        "sudoku-trm~6.3.16~~~~" + "a" * 501,
        "sudoku-trm~6.3.16~" + "." * 4001,
        "sudoku-trm~6.3.16~~~~~more",
        "~" * 10_000,
        "%~%",
    ],
    ids=lambda pin: pin[:40],
)
def test_a_malformed_pin_is_ignored(pin):
    assert links.read_pin(pin) is None


@pytest.mark.parametrize(
    "run",
    [
        links.PinnedRun("sudoku-trm", (6, 3, 16)),
        links.PinnedRun("a~b%7Ec/d e&f=g#h", (1, 999, 2), "S.#~G", 7, 4, "0934a4d8.2"),
        links.PinnedRun("hf://owner/repo/file", (6, 3, 16), heads=8),
        links.PinnedRun("model", (6, 3, 16), puzzle_id=links.LARGEST_ID),
        links.PinnedRun("m" * 500, (6, 3, 16), "." * 4000, arc="a" * 500),
    ],
)
def test_a_pin_reads_back_unchanged(run):
    assert links.read_pin(links.write_pin(run)) == run


def test_a_pin_omits_default_parts():
    assert links.write_pin(links.PinnedRun("sudoku-trm", (6, 3, 16))) == "sudoku-trm~6.3.16"


def test_both_runs_may_be_incomplete(open_app, model_dir, gate: Gate):  # noqa: F811
    app = open_app(model="maze-15")
    gate.let(1)
    grown(app, 1)
    press(app)
    app.set("puzzle_preset", "spiral")
    assert [side["steps"] for side in sides(app)] == [1, 0]
    gate.let(5)
    app.until(lambda: [side["steps"] for side in sides(app)] == [3, 3], "both whole")
    assert sides(app)[0]["inputs"] != sides(app)[1]["inputs"]


def test_a_pinned_model_from_a_folder_is_loaded(open_app, model_dir):
    app = open_app(pin="runs/hrm~2.2.2")
    app.until(
        lambda: "players" in app.payload and sides(app)[0]["steps"] == 2, "the pinned run of that model"
    )
    assert sides(app)[0]["kind"] == "hrm" and shown_puzzle(sides(app)[0]) == PRESETS[0].puzzle


def test_a_run_of_another_task_can_stay_pinned(open_app, model_dir):
    app = open_app(model="maze-15")
    press(app)
    app.set("model", "sudoku-trm")
    app.until(lambda: sides(app)[1].get("task") == "sudoku", "the other task")
    assert sides(app)[0]["task"] == "maze" and sides(app)[0]["steps"] == 3
    assert app.link["pin"].startswith("maze-15~")
