"""Named tensors from a file that strangers wrote: nothing is executed, and memory stays bounded by the file's size.

Files by safetensors and by torch are both mapped, not read: a table of two gigabytes costs only the rows that are used.
A torch file is a pickle, which is a program. Torch's own restricted reader (`weights_only=True`) refuses code but still
lets a pickle ask for memory (`bytearray(10 ** 12)`), so we first look which names the program mentions, without
running it, and go on only if all of them are parts of plain tensors.
"""

import pickle
import pickletools
import re
import warnings
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from trm.errors import CheckpointError

LARGEST_PICKLE = 1 << 24  # bytes; names and shapes of a few hundred tensors take some tens of thousands
PICKLES = 5  # in a file of torch's old form: magic number, version, system, objects, names of storages

# What a state dict of dense tensors mentions; sparse and meta tensors load too, to be refused by name afterwards.
HARMLESS = re.compile(
    r"collections OrderedDict|torch \w+Storage|torch (b?float|u?int|complex|bool)\w*|torch (Size|device)"
    r"|torch\._utils _rebuild_(tensor|tensor_v2|parameter|sparse_tensor|meta_tensor_no_storage)"
    r"|torch\.serialization _get_layout"
)
UNNAMED = {"STACK_GLOBAL", "INST", "OBJ", "EXT1", "EXT2", "EXT4"}  # mention things in ways torch never writes


def read_stored(path: Path) -> Any:
    """What a file holds, its tensors mapped and nothing executed: tensors by name, in the containers they were saved in.

    Raises CheckpointError.
    """
    try:
        path.open("rb").close()
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}.") from None
    if path.suffix == ".safetensors":
        try:
            return load_file(path)
        except (SafetensorError, OSError, ValueError, KeyError):
            raise CheckpointError(f"{path} is damaged or cut short. Copy it again.") from None
    return _torch_load(path)


def refuse_odd(name: str, tensor: Tensor, path: Path) -> None:
    """Only dense numbers that are all in the file: a view can claim more than that, and a copy would take the memory."""
    dense = tensor.layout == torch.strided and tensor.device.type == "cpu" and not tensor.is_quantized
    if not dense or not tensor.is_floating_point():
        raise CheckpointError(
            f"{path}: tensor {name} does not hold plain numbers. Save it dense, as floating-point numbers, on the CPU."
        )
    if tensor.untyped_storage().nbytes() < tensor.numel() * tensor.element_size():
        raise CheckpointError(
            f"{path}: tensor {name} claims more numbers than the file holds. Save it again."
        )


def _torch_load(path: Path) -> Any:
    """What torch saved, tensors and plain containers only. Raises CheckpointError."""
    damaged = f"{path} is no checkpoint, damaged or cut short. Copy it again."
    mapped = zipfile.is_zipfile(path)
    try:
        with warnings.catch_warnings():  # of escapes and protocols that only damaged files have
            warnings.simplefilter("ignore")
            foreign = _foreign_in_zip(path) if mapped else _foreign_in_old_form(path)
    except CheckpointError:
        raise
    except Exception:  # a damaged file can make its readers fail in every way
        raise CheckpointError(damaged) from None
    if foreign:
        raise CheckpointError(
            f"{path} holds more than tensors (code or objects: {foreign[:80]}) and was refused unread."
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except Exception as error:  # a damaged pickle is a program gone wild
        if isinstance(error, pickle.UnpicklingError) and "unsupported global" in str(error).lower():
            raise CheckpointError(
                f"{path} holds more than tensors (code or objects) and was refused unread."
            ) from None
        raise CheckpointError(damaged) from None


def _foreign_in_zip(path: Path) -> str | None:
    """The first foreign name in a torch file of today. Raises CheckpointError for entries that could unpack to any size."""
    size = path.stat().st_size
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            if entry.compress_type != zipfile.ZIP_STORED or entry.file_size > size:
                raise CheckpointError(
                    f"{path} holds compressed entries, which torch never writes, and was refused unread."
                )
        pickled = [entry for entry in archive.infolist() if entry.filename.endswith(".pkl")]
        largest = max(entry.file_size for entry in pickled)
        if largest > LARGEST_PICKLE:
            raise CheckpointError(
                f"{path} describes its tensors in {largest >> 20} MiB, which no checkpoint does."
            )
        return foreign_name(archive.open(entry) for entry in pickled)


def _foreign_in_old_form(path: Path) -> str | None:
    """The first foreign name in a file of torch's old form: pickles one after the other, then the numbers."""
    with path.open("rb") as file:
        return foreign_name([file] * PICKLES)


def foreign_name(pickles: Iterable[IO[bytes]]) -> str | None:
    """The first thing that a pickle mentions and a state dict does not need, such as `os.system`. Runs nothing."""
    for file in pickles:
        for number, (opcode, argument, position) in enumerate(pickletools.genops(file)):
            if not number and opcode.name != "PROTO":
                raise ValueError("no pickle of torch")
            if opcode.name in UNNAMED:
                return opcode.name
            if opcode.name == "GLOBAL" and not HARMLESS.fullmatch(argument):
                return argument.replace(" ", ".", 1)
            if position is not None and position > LARGEST_PICKLE:
                raise ValueError("endless")
    return None
