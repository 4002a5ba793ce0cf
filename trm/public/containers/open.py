"""Read a weights file of any name. The first bytes identify the format.

Files of safetensors and torch are memory-mapped instead of read into memory, and nothing in a file is executed.
"""

import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from trm.errors import CheckpointError
from trm.files import placeholder_problem
from trm.public.containers.arrays import is_npz, read_weights
from trm.public.containers.inert import HarmfulError
from trm.public.containers.pickled import MAX_INSTRUCTIONS, EndlessError
from trm.public.containers.sharded import joined, read_safetensors, shards_of
from trm.public.containers.torch_file import read_old, read_zip
from trm.public.weights import INDEX

BEGINNING = 512  # bytes that determine the format
UNPACK = "Unpack it and name the file in it."

# First bytes of unsupported files, and a message that says what to do.
OTHER_FILES: tuple[tuple[bytes, str], ...] = (
    (b"\x1f\x8b", "is compressed with gzip. Unpack it (gunzip) and name the file in it."),
    (b"BZh", "is compressed with bzip2. Unpack it (bunzip2) and name the file in it."),
    (b"\xfd7zXZ\x00", "is compressed with xz. Unpack it (unxz) and name the file in it."),
    (b"\x28\xb5\x2f\xfd", "is compressed with zstd. Unpack it (unzstd) and name the file in it."),
    (b"7z\xbc\xaf\x27\x1c", f"is a 7z archive. {UNPACK}"),
    (b"Rar!", f"is a RAR archive. {UNPACK}"),
    (b"GGUF", "is a GGUF file for a language model. Open a checkpoint of the public TRM or HRM code."),
    (b"\x89HDF", "is an HDF5 file (Keras). Open a checkpoint saved by torch or safetensors."),
    (b"\x93NUMPY", "is a single NumPy array, not named weights. Save them with numpy.savez or torch.save."),
    (b"%PDF", "is a PDF. Name the weights file."),
    (b"\x89PNG", "is an image. Name the weights file."),
    (b"\xff\xd8\xff", "is an image. Name the weights file."),
    (b"SQLite format 3", "is a database. Name the weights file."),
    (b"PAR1", "is a Parquet table, not weights. Name the weights file."),
    (b"/annex/objects/", "is a git-annex pointer, not the weights: run `git annex get` in its folder."),
)


def read_stored(path: Path) -> Any:
    """Read the content of a file: tensors in their dictionaries, plain values, and inert objects for other values.

    Raises CheckpointError if the file is unreadable, unsupported, damaged, or harmful.
    """
    try:
        with path.open("rb") as file:
            beginning, size = file.read(BEGINNING), path.stat().st_size
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}.") from None
    if path.name.endswith(INDEX):
        return joined([(shard, read_stored(shard)) for shard in shards_of(path)])
    try:
        return _reader(path, beginning, size)(path)
    except CheckpointError:
        raise
    except HarmfulError as error:
        raise CheckpointError(
            f"{path} contains more than tensors (code or objects: {str(error)[:80]}) and was refused. Nothing in it was run."
        ) from None
    except EndlessError:
        raise CheckpointError(
            f"{path} describes more than {MAX_INSTRUCTIONS:,} objects: it is damaged, or contains far more than weights. Save "
            "only its state dict."
        ) from None
    except Exception:  # a damaged file can raise any exception in the reader
        raise CheckpointError(
            f"{path} is not a checkpoint, or is damaged or cut short. Copy it again."
        ) from None


def _reader(path: Path, beginning: bytes, size: int) -> Callable[[Path], Any]:
    """The reader for a file with these first bytes. Raises CheckpointError for unsupported files."""
    if beginning.startswith(b"PK"):
        if not zipfile.is_zipfile(path):
            raise CheckpointError(
                f"{path} is damaged or cut short: it begins like a torch file, but its end is missing. Copy it again."
            )
        return read_weights if is_npz(path) else read_zip
    if beginning[8:9] == b"{" and struct.unpack("<Q", beginning[:8])[0] >= 2:
        return read_safetensors
    if beginning[:1] == b"\x80":
        return read_old
    raise CheckpointError(f"{path} {_what(path, beginning, size)}")


def _what(path: Path, beginning: bytes, size: int) -> str:
    """A message that says what a file without weights is, and what to do."""
    if not size:
        return "is empty: damaged or cut short. Copy or download it again."
    for magic, message in OTHER_FILES:
        if beginning.startswith(magic):
            return message
    if tarfile.is_tarfile(path):
        return "is a tar archive. Unpack it (tar xf) and name the file in it."
    text = _text(beginning)
    if text is not None:
        return _what_text(text, size)
    return "is not a checkpoint, or is damaged or cut short. Copy it again."


def _text(beginning: bytes) -> str | None:
    """The beginning of a file as text; None if it is not text."""
    for mark, encoding in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"", "utf-8-sig")):
        if beginning.startswith(mark):
            text = beginning.decode(encoding, "ignore").lstrip()
            return text if text and all(letter.isprintable() or letter.isspace() for letter in text) else None
    return None


def _what_text(text: str, size: int) -> str:
    start = text.lower()
    if what := placeholder_problem(text):
        return what
    if start.startswith("# xet version"):
        return (
            "is a Xet pointer, not the weights: run `git xet checkout` in its folder, or download the file."
        )
    if start.startswith(("<?xml", "<error", "{")) and any(
        word in start for word in ("error", "denied", "not found", "message")
    ):
        return "is an error message from a server, not the weights file. Download it again, logged in if necessary."
    if start.startswith(("{", "[")):
        return "is JSON, not weights. Name the weights file."
    return f"is a text file of {size} bytes, not a state dict, or is damaged or cut short. Name the weights file, or copy it again."
