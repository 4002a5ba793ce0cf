"""The package as others get it: built, installed into a new environment, and used from another folder."""

import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from served_app import ServedApp
from visitors import Visitor, together

REPOSITORY = Path(__file__).resolve().parents[2]
PAGES = ("solve", "latents", "probes", "halting", "compare", "interventions", "lecture")
PATIENCE = 120.0  # seconds until the page is there


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the programs in a new environment with this package, in which the packages of the tests can be used."""
    folder = tmp_path_factory.mktemp("a new place")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run(
        [*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, REPOSITORY], check=True
    )
    (wheel,) = folder.glob("*.whl")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    programs = folder / "venv" / "bin"
    subprocess.run([*pip, "--python", programs / "python", "install", "--no-deps", wheel], check=True)
    (site_packages,) = folder.glob("venv/lib/python*/site-packages")
    others = [path for path in sys.path if path.endswith("site-packages")]
    (site_packages / "others.pth").write_text("\n".join(others))
    return programs


@pytest.fixture
def anywhere(tmp_path, monkeypatch) -> Path:
    """An empty folder in which programs are started, without the repository on their path."""
    monkeypatch.delenv("PYTHONPATH", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
def test_an_installed_package_has_its_models(programs, anywhere):
    printed = subprocess.check_output([programs / "trm", "models", "--json"], text=True)
    bundled = (REPOSITORY / "assets" / "models").glob("*/model.safetensors")
    assert {card["name"] for card in json.loads(printed)} == {path.parent.name for path in bundled}
    for general in ("app", "assets"):
        assert subprocess.run(
            [programs / "python", "-c", f"import {general}"], stderr=subprocess.DEVNULL
        ).returncode


class InstalledApp(ServedApp):
    """The app as the program of an installed package serves it."""

    def __init__(self, programs: Path, cwd: Path):
        self.programs, self.cwd = programs, cwd

    def command(self, port: str) -> list[str]:
        return [str(self.programs / "recursion-lens"), "--no-browser", "--port", port]


@pytest.fixture(scope="module")
def app(programs, tmp_path_factory) -> Iterator[InstalledApp]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PYTHONPATH", raising=False)
        with InstalledApp(programs, tmp_path_factory.mktemp("anywhere")) as app:
            yield app


async def visit(url: str, page: str) -> Visitor:
    async with Visitor(url, page) as visitor:
        assert await visitor.until(lambda: visitor.runs > 0, PATIENCE), page
        return visitor


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_an_installed_package_serves_every_page(app, page):
    (visitor,) = together(visit(app.url, page))
    assert visitor.exceptions == []


@pytest.mark.slow
def test_an_installed_package_has_our_theme_and_prints_its_address(app):
    (visitor,) = together(visit(app.url, "solve"))
    settings = tomllib.loads((REPOSITORY / "app" / ".streamlit" / "config.toml").read_text("utf-8"))
    assert visitor.theme.light.primary_color == settings["theme"]["light"]["primaryColor"]
    assert f"Recursion Lens: {app.url}" in app.said()
