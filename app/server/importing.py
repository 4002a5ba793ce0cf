"""Imports pages one at a time, and excludes imported objects from garbage collection.

Python threads can import at the same time, so a thread may use a module that another thread has only partly imported.
For example, plotly used pandas before `pandas.Series` existed. Without the lock in this module, four of ten users who
opened a newly started server at the same time got a traceback.
"""

import gc
import importlib
import pkgutil
import sys
import threading

LIBRARIES = ("pandas", "plotly.graph_objects")
WITHOUT_CHARTS = ("solve", "lecture")  # pages that do not need these libraries at first

MANY_MODULES = 20  # number of newly imported modules that justifies another call of `gc.freeze`

_importing = threading.Lock()
_imported: set[str] = set()
_modules_frozen = 0


def import_page(name: str) -> None:
    """Import the chart libraries and all modules of `app.screens.<name>` except the page script `page`.

    Other threads wait until the import is complete.
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
    """Exclude all current objects from garbage collection if `many` modules have been imported since the last freeze.

    Streamlit collects garbage after every rerun, and all other threads wait. Torch, plotly and pandas create about
    400,000 objects that are never garbage. Scanning these objects takes 150 ms per rerun unless they are frozen. Twelve
    visitors would thus delay the import of torch by a minute, so code that waits for a model calls this function too.
    """
    global _modules_frozen
    if len(sys.modules) >= _modules_frozen + many:
        _modules_frozen = len(sys.modules)
        gc.freeze()  # also freezes the garbage created since the last rerun
