"""What an installation of the package holds, from the list of files that is built, without building it."""

import ast
from collections.abc import Iterable
from pathlib import Path

import pytest
import yaml
from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.wheel import WheelBuilder
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from trm import __version__

REPOSITORY = Path(__file__).resolve().parents[2]
PLACES = {
    "app": "recursion_lens/app",
    "assets": "recursion_lens/assets",
    "probes": "probes",
    "recursion_lens": "recursion_lens",
    "trm": "trm",
}
"""The place of each folder of the repository in an installation."""


@pytest.fixture(scope="module")
def builder() -> WheelBuilder:
    return WheelBuilder(str(REPOSITORY))


def test_an_installation_holds_every_file_of_the_code_and_the_assets(builder):
    built = {
        file.relative_path: Path(file.distribution_path).as_posix()
        for file in builder.recurse_included_files()
    }
    files = [
        path.relative_to(REPOSITORY)
        for folder in PLACES
        for path in (REPOSITORY / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    ]
    assert built == {
        str(path): f"{PLACES[path.parts[0]]}/{Path(*path.parts[1:]).as_posix()}" for path in files
    }
    assert {place.partition("/")[0] for place in built.values()} == {"probes", "recursion_lens", "trm"}
    for name in (
        "app/.streamlit/config.toml",
        "app/main.py",
        "app/server/page.css",
        "app/screens/lecture/src/lecture.js",
        "assets/lecture/ru.toml",
        "assets/models/sudoku-trm/model.safetensors",
        "assets/puzzles/sudoku/test.csv",
        "trm/player/text/english.js",
    ):
        assert name in built


def test_the_source_distribution_holds_what_its_makefile_and_dockerfile_need():
    files = {file.relative_path for file in SdistBuilder(str(REPOSITORY)).recurse_included_files()}
    needed = (
        "Makefile",
        "requirements.txt",
        ".oxfmtrc.jsonc",
        "Dockerfile",
        ".dockerignore",
        "tests/conftest.py",
    )
    assert files >= set(needed)


def by_name(requirements: Iterable[str]) -> dict[str, SpecifierSet]:
    return {canonicalize_name(each.name): each.specifier for each in map(Requirement, requirements)}


def test_its_dependencies_are_the_requirements_with_bounds_and_a_range_for_torch(builder):
    lines = (REPOSITORY / "requirements.txt").read_text("utf-8").splitlines()
    required = by_name(line.partition("#")[0] for line in lines if line and not line.startswith("#"))
    needed = by_name(builder.metadata.core.dependencies)
    (pinned,), torch = required.pop("torch"), needed.pop("torch")
    assert pinned.operator == "==" and pinned.version in torch
    assert needed == required
    for bounds in (torch, *needed.values()):
        assert {"<", ">="} == {bound.operator for bound in bounds}


def test_its_programs_are_functions(builder):
    programs = builder.metadata.core.scripts
    assert programs.keys() == {"trm", "probes", "recursion-lens"}
    for place in programs.values():
        module, _, function = place.partition(":")
        tree = ast.parse((REPOSITORY / f"{module.replace('.', '/')}.py").read_text("utf-8"))
        assert function in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_the_version_is_the_same_everywhere(builder):
    assert builder.metadata.version == __version__
    assert yaml.safe_load((REPOSITORY / "CITATION.cff").read_text("utf-8"))["version"] == __version__
    assert f"version = {{{__version__}}}" in (REPOSITORY / "docs/cite.md").read_text("utf-8")
    assert f"\n## {__version__}" in (REPOSITORY / "CHANGELOG.md").read_text("utf-8")
