"""Files that are either whole or absent: written under a temporary name in the same folder, then renamed."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from trm.errors import UserError


class OutputError(UserError):
    """A file that cannot be written."""


def make_folder(path: Path) -> None:
    """Make a folder and those above it. Raises OutputError where that is not possible."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{path} cannot be made a folder: {error.strerror}. Give another place.") from None


def check_replaceable(path: Path) -> None:
    """Raises OutputError where a path is something that a file must not take the place of: a folder, a device, a pipe."""
    if path.is_dir():
        raise OutputError(f"{path} is a folder. Give the name of a file to write.")
    if path.exists() and not path.is_file():
        raise OutputError(f"{path} is no ordinary file. Give another name.")


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Yield a temporary path to write to; on success it replaces `path` at once, on failure nothing is left.

    The temporary name keeps the suffix, as some writers add one of their own. A file left over from a killed process
    begins with a dot and `partial`. Raises OutputError where nothing can be written.
    """
    check_replaceable(path)
    make_folder(path.parent)
    try:
        handle, name = tempfile.mkstemp(prefix=".partial-", suffix=path.suffix, dir=path.parent)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}. Give another place.") from None
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise OutputError(
            f"{path} cannot be written: {reason}. Make room or give another place; what was there before is unchanged."
        ) from None
    finally:
        temporary.unlink(missing_ok=True)
