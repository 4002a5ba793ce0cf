"""Imports pages one at a time, and excludes imported objects from garbage collection.

Python can import in several threads at once, so a thread may see a module that another thread has only half imported.
For example, plotly found pandas among the imported modules, but without `Series`. Of ten users who opened a fresh
server at the same time, four got a traceback.
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
    """Import all modules of `app.screens.<name>` except the script, and their chart libraries. Later visitors wait for
    the first import.
    """
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
    """Exclude imported objects from garbage collection, once `many` modules have been imported since the last call.

    Streamlit collects garbage after every rerun, while all other threads wait. Torch, plotly and pandas create some
    400,000 objects that are never garbage; scanning them took 150 ms each time, and takes no time once they are frozen.
    Twelve visitors would delay the import of torch by a minute, so code that waits for a model calls this too.
    """
    global _modules_frozen
    if len(sys.modules) >= _modules_frozen + many:
        _modules_frozen = len(sys.modules)
        gc.freeze()  # also freezes current garbage, at most that since the last rerun
