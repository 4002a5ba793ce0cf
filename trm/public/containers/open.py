"""What a file of weights holds, whatever it is called: its first bytes tell the format, and what it is if it is none.

Files by safetensors and by torch are mapped, not read, and nothing in any of them is executed.
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

BEGINNING = 512  # bytes that are looked at
UNPACK = "Unpack it and name the file in it."

# What begins like this, and what to do instead.
OTHER_FILES: tuple[tuple[bytes, str], ...] = (
    (b"\x1f\x8b", "is packed with gzip. Unpack it (gunzip) and name the file in it."),
    (b"BZh", "is packed with bzip2. Unpack it (bunzip2) and name the file in it."),
    (b"\xfd7zXZ\x00", "is packed with xz. Unpack it (unxz) and name the file in it."),
    (b"\x28\xb5\x2f\xfd", "is packed with zstd. Unpack it (unzstd) and name the file in it."),
    (b"7z\xbc\xaf\x27\x1c", f"is a 7z archive. {UNPACK}"),
    (b"Rar!", f"is a RAR archive. {UNPACK}"),
    (b"GGUF", "is a GGUF file of a language model. Open a checkpoint of the public TRM or HRM code."),
    (b"\x89HDF", "is an HDF5 file (Keras). Open a checkpoint saved by torch or safetensors."),
    (b"\x93NUMPY", "is a single NumPy array, not named weights. Save them with numpy.savez or torch.save."),
    (b"%PDF", "is a PDF. Name the file of weights."),
    (b"\x89PNG", "is a picture. Name the file of weights."),
    (b"\xff\xd8\xff", "is a picture. Name the file of weights."),
    (b"SQLite format 3", "is a data base. Name the file of weights."),
    (b"PAR1", "is a Parquet table, not weights. Name the file of weights."),
    (b"/annex/objects/", "is a pointer of git-annex, not the weights: run `git annex get` in its folder."),
)


def read_stored(path: Path) -> Any:
    """What a file holds: tensors by name, in the containers they were saved in, and inert things. Raises CheckpointError."""
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
            f"{path} holds more than tensors (code or objects: {str(error)[:80]}) and was refused. Nothing in it was run."
        ) from None
    except EndlessError:
        raise CheckpointError(
            f"{path} describes more than {MAX_INSTRUCTIONS:,} objects: damaged, or far more than weights. Save its state dict alone."
        ) from None
    except Exception:  # a damaged file can make its readers fail in every way
        raise CheckpointError(f"{path} is no checkpoint, damaged or cut short. Copy it again.") from None


def _reader(path: Path, beginning: bytes, size: int) -> Callable[[Path], Any]:
    """Who reads a file that begins like this. Raises CheckpointError, which says what it is, where nobody does."""
    if beginning.startswith(b"PK"):
        if not zipfile.is_zipfile(path):
            raise CheckpointError(
                f"{path} is damaged or cut short: it begins as a file of torch, and its end is missing. Copy it again."
            )
        return read_weights if is_npz(path) else read_zip
    if len(beginning) > 8 and beginning[8:9] == b"{" and struct.unpack("<Q", beginning[:8])[0] >= 2:
        return read_safetensors
    if beginning[:1] == b"\x80":
        return read_old
    raise CheckpointError(f"{path} {_what(path, beginning, size)}")


def _what(path: Path, beginning: bytes, size: int) -> str:
    """What a file is that holds no weights, and the remedy."""
    if not size:
        return "is empty: damaged or cut short. Copy or download it again."
    for magic, words in OTHER_FILES:
        if beginning.startswith(magic):
            return words
    if tarfile.is_tarfile(path):
        return "is a tar archive. Unpack it (tar xf) and name the file in it."
    text = _text(beginning)
    if text is not None:
        return _what_text(text, size)
    return "is no checkpoint, damaged or cut short. Copy it again."


def _text(beginning: bytes) -> str | None:
    """The beginning of a text; None of bytes that are none."""
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
        return "is the error message of a server, not the file of weights. Download it again, logged in where that is needed."
    if start.startswith(("{", "[")):
        return "is JSON, not weights. Name the file of weights."
    return f"is a text of {size} bytes, not a state dict, or damaged or cut short. Name the file of weights, or copy it again."
