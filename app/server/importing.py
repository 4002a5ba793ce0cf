"""Imports pages one at a time, and excludes imported objects from garbage collection.

Python imports in several threads at once, so a thread can see a module that another has only half imported: plotly looks for
pandas among the imported modules and found no `Series` in it. Of ten people who came at once to a fresh server, four got a
traceback.
"""

import gc
import importlib
import pkgutil
import sys
import threading

LIBRARIES = ("pandas", "plotly.graph_objects")
WITHOUT_CHARTS = ("solve", "lecture")  # these pages do not wait for them

MANY_MODULES = 20

_importing = threading.Lock()
_imported: set[str] = set()
_modules_frozen = 0


def import_page(name: str) -> None:
    """Import all modules of `app.screens.<name>` except the script, and their chart libraries. Later visitors wait for the first."""
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
    """Exclude imported objects from garbage collection, once `many` more modules are imported than at the last call.

    Streamlit collects garbage after every rerun while all other threads wait. Torch, plotly and pandas create some 400,000
    objects that are never garbage; scanning them took 150 ms each time, and takes none once they are frozen. During the
    import of torch, twelve visitors would delay it by a minute, so code that waits for a model calls this too.
    """
    global _modules_frozen
    if len(sys.modules) >= _modules_frozen + many:
        _modules_frozen = len(sys.modules)
        gc.freeze()  # freezes current garbage too, at most that since the last rerun
