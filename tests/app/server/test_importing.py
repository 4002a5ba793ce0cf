"""What all people of a server share."""

import gc
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from app.server import importing, shared
from app.server.importing import MANY_MODULES, freeze_libraries, import_page
from app.server.options import Options


def test_libraries_are_frozen_when_they_have_come_and_garbage_never_is(monkeypatch):
    def import_library(name: str) -> None:
        for number in range(MANY_MODULES):
            monkeypatch.setitem(sys.modules, f"{name}.{number}", ModuleType(name))

    # What is frozen stays so: for the tests that follow, a page takes 150 ms longer where nothing is.
    monkeypatch.setattr(importing, "_modules_frozen", len(sys.modules))
    before = gc.get_freeze_count()
    import_library("first")
    freeze_libraries()
    first = gc.get_freeze_count()
    assert first > before + MANY_MODULES

    a_visit = [[number] for number in range(1000)]
    freeze_libraries()
    assert gc.get_freeze_count() <= first and len(a_visit) == 1000

    import_library("second")
    freeze_libraries()
    assert gc.get_freeze_count() >= first + MANY_MODULES


@pytest.mark.parametrize("page, libraries", [("solve", []), ("latents", ["pandas", "plotly.graph_objects"])])
def test_the_modules_of_a_page_are_imported_once_after_the_libraries_of_charts(monkeypatch, page, libraries):
    imported = []
    modules = [SimpleNamespace(name=name) for name in ("figures", "page")]
    monkeypatch.setattr(importing, "_imported", set())
    monkeypatch.setattr(importing.pkgutil, "iter_modules", lambda path: modules)
    found = SimpleNamespace(__name__=f"app.screens.{page}", __path__=[])
    monkeypatch.setattr(importing.importlib, "import_module", lambda name: imported.append(name) or found)
    for _ in range(2):
        import_page(page)
    assert imported == [*libraries, f"app.screens.{page}", f"app.screens.{page}.figures"]


def test_a_model_of_a_folder_with_a_bundled_name_is_listed_once(monkeypatch):
    monkeypatch.setattr(shared.registry, "model_names", lambda: ["a", "b"])
    monkeypatch.setattr(shared, "found_models", lambda folders, links: ["c", "b"])
    assert shared.model_names(Path("made-up"), Options()) == ["a", "b", "c"]
