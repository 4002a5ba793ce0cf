"""Links from the app to the site: where they lead, and that the site reads in them what the app meant."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from app.server.options import SITE
from app.site.address import MODELS, gallery_address, lecture_address, run_address
from trm import registry
from trm.data.presets import load_presets

ROOT = Path(__file__).resolve().parents[3]
LENS = "https://lens.example/site/"
TYPED = "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79"


def links_of(app) -> dict[str, str]:
    """Addresses of the links in the sidebar by their labels."""
    return {link.proto.label: link.proto.page for link in app.test.sidebar.get("page_link")}


def test_addresses_name_the_page_of_the_site_and_what_it_shows():
    assert run_address(LENS, "maze-trm", "#S. G#") == f"{LENS}index.html?model=maze-trm&puzzle=%23S.+G%23"
    assert lecture_address(LENS, "halting", "ru") == f"{LENS}lecture.html?scene=halting&lang=ru"
    assert gallery_address(LENS) == f"{LENS}gallery.html"


@pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed; it runs the site's script")
@pytest.mark.parametrize("model", MODELS)
def test_the_site_reads_the_model_and_the_puzzle_of_a_link(model):
    models = {name: {"task": registry.model_config(name).task} for name in MODELS}
    presets = {task: [{"puzzle": "of the site"}] for task in ("sudoku", "maze")}
    puzzles = [preset.puzzle for preset in load_presets(models[model]["task"])]
    queries = [run_address(LENS, model, puzzle).partition("?")[2] for puzzle in puzzles]
    given = [{"models": models, "presets": presets}, ["sudoku-trm"]]
    script = (
        "import('./app/site/src/choice.js').then(({ readChoice }) => console.log(JSON.stringify("
        f"{json.dumps(queries)}.map((query) => readChoice(...{json.dumps(given)}, new URLSearchParams(query))))))"
    )
    result = subprocess.run(["node", "-e", script], cwd=ROOT, capture_output=True, text=True, timeout=120)
    read = [(choice["models"], choice["puzzle"]) for choice in json.loads(result.stdout)]
    assert read == [([model], puzzle) for puzzle in puzzles]


def test_without_an_address_the_app_shows_no_link(open_app):
    assert links_of(open_app()) == {}


def test_solve_links_to_its_puzzle_and_model_on_the_site(open_app, monkeypatch):
    monkeypatch.setenv(SITE, LENS)
    app = open_app(model="sudoku-hrm", puzzle=TYPED)
    assert links_of(app) == {"Run this puzzle without a server": run_address(LENS, "sudoku-hrm", TYPED)}


def test_a_model_that_does_not_run_on_the_site_links_to_the_gallery(open_app, monkeypatch, model_dir):
    monkeypatch.setenv(SITE, LENS)
    for model in ("sudoku-trm-large", "runs/hrm"):
        assert links_of(open_app(model=model)) == {"Recorded runs without a server": gallery_address(LENS)}
