"""The documentation site: it builds without a warning, and its pages are accessible and request nothing from elsewhere."""

import re
import subprocess
import sys
from collections.abc import Callable
from html import unescape
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Route

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("index", "tour", "glossary", "reference/python", "reference/commands", "models", "how_to/notebooks")

ADDRESS = "http://docs.test/"  # answered by the test itself
SETTLED = 500  # ms; colours fade

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `make docs` does."""
    folder = tmp_path_factory.mktemp("docs")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-E", "docs", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


def test_the_site_has_every_command_function_and_model(site):
    commands = (site / "reference/commands.html").read_text("utf-8")
    for command in ("trm data generate", "trm trace", "python -m probes intervene", "recursion-lens"):
        assert f">{command}<" in commands
    python = (site / "reference/python.html").read_text("utf-8")
    for name in ("trm.run", "trm.PuzzleRun.states", "probes.compare", "trm.recursion.deep_supervision"):
        assert f'id="{name}"' in python
    shape = re.search(r'id="trm.PuzzleRun.states".*?</dt>', python, re.DOTALL)[0]
    assert "Float32[ndarray, 'call position dim']" in unescape(re.sub(r"<[^>]+>", "", shape))
    models = (site / "models.html").read_text("utf-8")
    for model in ("sudoku-trm", "maze-hrm", "ablations"):
        assert f'id="{model}"' in models


def test_options_keep_their_dashes(site):
    texts = [page.read_text("utf-8") for page in site.rglob("*.html")]
    assert any("--data" in text for text in texts)
    assert [found for text in texts for found in re.findall(r"\u2013[a-z-]+", text)] == []


@pytest.mark.parametrize("name", PAGES)
def test_pages_are_accessible_and_request_nothing_from_elsewhere(site, new_page: Callable[..., Page], name):
    page = new_page()
    elsewhere: list[str] = []

    def answer(route: Route) -> None:
        url = route.request.url
        if url.startswith(ADDRESS):
            route.fulfill(path=site / urlsplit(url).path.removeprefix("/"))
        else:
            elsewhere.append(url)
            route.abort()

    page.route("**", answer)
    page.goto(f"{ADDRESS}{name}.html")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_timeout(SETTLED)
        violations = Axe().run(page).response["violations"]
        assert [
            (each["id"], node["html"][:150])
            for each in violations
            if each["impact"] in ("serious", "critical")
            for node in each["nodes"]
        ] == []
    assert page.locator("article h1").count() == 1
    assert elsewhere == []
