"""What all people of a server share."""

import gc
import sys
from types import ModuleType

from app.server import importing
from app.server.importing import MANY_MODULES, freeze_libraries


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
