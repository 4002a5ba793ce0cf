"""Read untrusted files so that every failure becomes a one-line error, and write our own files atomically."""

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

PARTIAL = ".partial-"  # prefix of files and folders that are not complete yet
ABANDONED = 86_400  # seconds after which a partial file is assumed to be left over from a killed process


class OutputError(UserError):
    """Raised if a file cannot be written."""


# ---- reading


@contextmanager
def reading(
    path: Path, refusal: type[UserError], thing: str, remedy: str, *, most: int | None = None
) -> Iterator[None]:
    """Context manager for reading a file. It converts any exception to a one-line `refusal` with path and remedy.

    `thing` names the expected content, such as "trace of this version". Files that are not regular files, or that are
    larger than `most` bytes, are rejected before they are opened.
    """
    article = "an" if thing[0] in "aeiou" else "a"
    try:
        size = file_size(path, refusal)
        if most is not None and size > most:
            raise refusal(f"{path} is larger than {most >> 20} MiB, too large for {article} {thing}.")
        yield
    except refusal:
        raise
    except Exception as error:  # a damaged file can make its reader fail in any way
        if isinstance(error, OSError) and error.strerror:
            raise refusal(
                f"{path} cannot be read: {error.strerror}. Give the path of {article} {thing}."
            ) from None
        raise refusal(f"{path} is not {article} {thing}, or is damaged. {remedy}") from None


def file_size(path: Path, refusal: type[UserError]) -> int:
    """Size of a file in bytes. Raises `refusal` if it is not a regular file, and OSError if it is not accessible."""
    status = path.stat()
    if stat.S_ISDIR(status.st_mode):
        raise refusal(f"{path} is a folder. Give a file in it.")
    if not stat.S_ISREG(status.st_mode):
        raise refusal(f"{path} is a pipe or a device. Write its output to a file, and give that file.")
    return status.st_size


def placeholder_problem(text: str) -> str:
    """Describe the problem and the remedy if a text is a Git LFS pointer or a web page. Empty for any other text."""
    start = text.lstrip().lower()
    if start.startswith("version https://git-lfs") or "oid sha256:" in start:
        size = re.search(r"^size (\d{1,15})\r?$", start, re.M)
        of_size = f" of {size[1]} bytes" if size else ""
        return f"is a Git LFS pointer to a file{of_size}, not the file: run `git lfs pull` in its folder, or download it."
    if start.startswith(("<!doctype", "<html", "<head", "<script", "<!--", "<body")) or "<html" in start:
        return (
            "is a web page, not the file: use its download address "
            "(on the hub .../resolve/main/... instead of .../blob/main/...)."
        )
    return ""


def strict_json(text: str | bytes) -> Any:
    """Parse JSON. Raises ValueError for invalid JSON, and for NaN and infinite numbers, which browsers reject."""
    return json.loads(text, parse_constant=_not_finite, parse_float=_finite)


def _finite(digits: str) -> float:
    number = float(digits)
    return number if isfinite(number) else _not_finite(digits)


def _not_finite(digits: str) -> NoReturn:
    raise ValueError(f"{digits[:40]} is not a finite number")


# ---- writing


def make_folder(path: Path) -> None:
    """Create a folder and its parents. Raises OutputError if that fails."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:  # ValueError: the name contains a null byte
        reason = getattr(error, "strerror", None) or str(error)
        raise OutputError(f"The folder {path} cannot be created: {reason}. Give another path.") from None


def check_replaceable(path: Path) -> None:
    """Raise OutputError if a file cannot replace the path because it is a folder, a device or a pipe."""
    if "\0" in str(path):
        raise OutputError(f"{str(path)!r} is not a file name. Give another name.")
    try:
        if path.is_dir():
            raise OutputError(f"{path} is a folder. Give the name of a file to write.")
        if path.exists() and not path.is_file():
            raise OutputError(f"{path} is not a regular file. Give another name.")
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}. Give another name.") from None


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path to write to. On success the file replaces `path` atomically; on failure it is removed.

    The temporary name has the suffix of `path`, because some writers append a missing suffix. Raises OutputError if
    the file cannot be written.
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
    """Like `atomic_file`, for a folder. `path` may be an existing empty folder. Raises OutputError if writing fails."""
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
    """Context manager for writing a file. It converts failures, such as a full disk, to an OutputError."""
    try:
        yield
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise OutputError(
            f"{path} cannot be written: {reason}. Free some space or give another path; what was there before is unchanged."
        ) from None


@cache  # scan each folder only once, however many files are written to it
def remove_abandoned(folder: Path) -> None:
    """Remove partial files and folders older than a day, which a killed process left behind in a folder."""
    with suppress(OSError):
        for partial in folder.glob(f"{PARTIAL}*"):
            if partial.lstat().st_mtime < time.time() - ABANDONED:
                remove = shutil.rmtree if partial.is_dir() and not partial.is_symlink() else Path.unlink
                remove(partial)
