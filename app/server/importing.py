"""Imports of pages, one at a time; and what was imported kept out of garbage collections.

Python imports in several threads at once, and a module that another thread has only half imported can be seen: plotly looks for pandas
among the imported ones, and found no `Series` in it. Of ten people who came at once to a fresh server four read a traceback.
"""

import gc
import importlib
import pkgutil
import sys
import threading

LIBRARIES = ("pandas", "plotly.graph_objects")
WITHOUT_CHARTS = ("solve", "lecture")  # these are not to wait for them

MANY_MODULES = 20

_importing = threading.Lock()
_imported: set[str] = set()
_modules_frozen = 0


def import_page(name: str) -> None:
    """All modules of `app.screens.<name>` but the script, and what they draw with. Later visitors wait for the first."""
    with _importing:
        if name in _imported:
            return
        for library in () if name in WITHOUT_CHARTS else LIBRARIES:
            importlib.import_module(library)
        package = importlib.import_module(f"app.screens.{name}")
        for module in pkgutil.iter_modules(package.__path__):
            if module.name != "page":
                importlib.import_module(f"{package.__name__}.{module.name}")
        _imported.add(name)


def freeze_libraries(*, many: int = MANY_MODULES) -> None:
    """Keep what was imported out of garbage collections, once that are so many modules more than the last time.

    Streamlit collects after every rerun, while all other threads wait. Torch, plotly and pandas make some 400,000 objects,
    which are never garbage; looking through them took 150 ms each time, and takes none once they are frozen. While torch is imported
    twelve visitors would hold that up for a minute, so what waits for a model calls this too.
    """
    global _modules_frozen
    if len(sys.modules) >= _modules_frozen + many:
        _modules_frozen = len(sys.modules)
        gc.freeze()  # garbage of the moment with it, which is no more than since the last rerun
