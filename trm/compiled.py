"""Where numba keeps the code that it has compiled."""

import atexit
import os
import shutil
import tempfile
from importlib.util import find_spec
from pathlib import Path

from trm.errors import UserError

CACHE = "NUMBA_CACHE_DIR"  # environment variable: the folder for code compiled by numba


def find_cache(*packages: str) -> None:
    """Set numba's cache to a temporary folder if numba cannot write to its default folders.

    numba tries the source folder of a package, then the user's cache folder. If neither is writable, a package that it
    compiles cannot be imported, so call this function with the names of such packages first. Raises `UserError` if no
    temporary folder can be created.
    """
    if os.environ.get(CACHE):
        return
    sources = [find_spec(name).submodule_search_locations[0] for name in packages]
    user = Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"))  # noqa: PTH111 (Path's own may fail)
    if all(_may_write(Path(source, "__pycache__")) for source in sources) or _may_write(user / "numba"):
        return
    try:
        os.environ[CACHE] = tempfile.mkdtemp(prefix="numba-")  # a new name, so nobody else has written to it
    except OSError:
        raise UserError(f"numba has no writable folder to compile into. Set {CACHE} to one.") from None
    atexit.register(shutil.rmtree, os.environ[CACHE], ignore_errors=True)


def _may_write(folder: Path) -> bool:
    """Return whether files can be created in a folder. The folder is created if necessary.

    A relative path, such as an unexpanded "~", gives False.
    """
    if not folder.is_absolute():
        return False
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False
