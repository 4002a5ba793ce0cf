"""Files: those of strangers read so that whatever goes wrong is one line, our own written so that they are whole or absent."""

import json
import os
import re
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from math import isfinite
from pathlib import Path
from typing import Any, NoReturn

from safetensors import SafetensorError

from trm.errors import UserError

PARTIAL = ".partial-"  # how the names of files and folders begin that are not whole yet
ABANDONED = 86_400  # seconds after which they are those of a process that was killed


class OutputError(UserError):
    """A file that cannot be written."""


# ---- reading


@contextmanager
def reading(
    path: Path, refusal: type[UserError], thing: str, remedy: str, *, most: int | None = None
) -> Iterator[None]:
    """Within, a file is read: whatever its reader raises becomes a `refusal`, one line with the file's name and the remedy.

    `thing` is what the file should be, such as "trace of this version". What is no ordinary file, and one of more than `most` bytes, is
    refused before it is opened.
    """
    try:
        size = file_size(path, refusal)
        if most is not None and size > most:
            raise refusal(f"{path} is larger than {most >> 20} MiB, which no {thing} is.")
        yield
    except refusal:
        raise
    except Exception as error:  # a damaged file can make its reader fail in every way
        if isinstance(error, OSError) and error.strerror:
            raise refusal(f"{path} cannot be read: {error.strerror}. Give the path of a {thing}.") from None
        raise refusal(f"{path} is no {thing}, or is damaged. {remedy}") from None


def file_size(path: Path, refusal: type[UserError]) -> int:
    """Bytes of a file. Raises OSError, and `refusal` for a folder or what may never end: a pipe, a device."""
    found = path.stat()
    if stat.S_ISDIR(found.st_mode):
        raise refusal(f"{path} is a folder. Name a file in it.")
    if not stat.S_ISREG(found.st_mode):
        raise refusal(f"{path} is a pipe or a device. Write what comes out of it to a file, and give that.")
    return found.st_size


def placeholder_problem(text: str) -> str:
    """What a text is that stands where a file should be, and the remedy: a Git LFS pointer or a web page; "" for another."""
    start = text.lstrip().lower()
    if start.startswith("version https://git-lfs") or "oid sha256:" in start:
        size = re.search(r"^size (\d{1,15})\r?$", start, re.M)
        meant = f" of {size[1]} bytes" if size else ""
        return f"is a Git LFS pointer to a file{meant}, not the file: run `git lfs pull` in its folder, or download it."
    if start.startswith(("<!doctype", "<html", "<head", "<script", "<!--", "<body")) or "<html" in start:
        return (
            "is a web page, not the file: download it by its download address "
            "(on the hub .../resolve/main/... in place of .../blob/main/...)."
        )
    return ""


def strict_json(text: str | bytes) -> Any:
    """What a JSON text holds. Raises ValueError also for NaN and infinite numbers, which no page can draw."""
    return json.loads(text, parse_constant=_not_finite, parse_float=_finite)


def _finite(digits: str) -> float:
    number = float(digits)
    return number if isfinite(number) else _not_finite(digits)


def _not_finite(digits: str) -> NoReturn:
    raise ValueError(f"{digits[:40]} is no finite number")


# ---- writing


def make_folder(path: Path) -> None:
    """Make a folder and those above it. Raises OutputError where that is not possible."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:  # ValueError: a name with a null byte
        reason = getattr(error, "strerror", None) or str(error)
        raise OutputError(f"{path} cannot be made a folder: {reason}. Give another place.") from None


def check_replaceable(path: Path) -> None:
    """Raises OutputError where a path is something that a file must not take the place of: a folder, a device, a pipe."""
    if "\0" in str(path):
        raise OutputError(f"{str(path)!r} is no name of a file. Give another name.")
    try:
        if path.is_dir():
            raise OutputError(f"{path} is a folder. Give the name of a file to write.")
        if path.exists() and not path.is_file():
            raise OutputError(f"{path} is no ordinary file. Give another name.")
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}. Give another name.") from None


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path to write to; on success it replaces `path` at once, on failure nothing is left.

    The temporary name keeps the suffix, as some writers add one of their own. Raises OutputError where nothing can be
    written.
    """
    check_replaceable(path)
    make_folder(path.parent)
    remove_abandoned(path.parent)
    with writing(path):
        handle, name = tempfile.mkstemp(prefix=PARTIAL, suffix=path.suffix, dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
            temporary.chmod(0o644)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """The same of a folder, which may be there if it is empty. Raises OutputError likewise."""
    make_folder(path.parent)
    remove_abandoned(path.parent)
    with writing(path):
        temporary = Path(tempfile.mkdtemp(prefix=PARTIAL, dir=path.parent))
        try:
            yield temporary
            temporary.chmod(0o755)
            if path.exists():
                path.rmdir()
            temporary.replace(path)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Within, something is written: that it cannot be, as the disk is full, is an OutputError."""
    try:
        yield
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise OutputError(
            f"{path} cannot be written: {reason}. Make room or give another place; what was there before is unchanged."
        ) from None


@cache  # a folder that is written to many times is looked through once
def remove_abandoned(folder: Path) -> None:
    """Remove from a folder what processes that were killed long ago had begun to write there."""
    with suppress(OSError):
        for left in folder.glob(f"{PARTIAL}*"):
            if left.lstat().st_mtime < time.time() - ABANDONED:
                remove = shutil.rmtree if left.is_dir() and not left.is_symlink() else Path.unlink
                remove(left)
