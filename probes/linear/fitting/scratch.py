"""Arrays that grow with the number of puzzles. Large ones are mapped from a temporary file, which needs no memory."""

from __future__ import annotations

import ctypes
import platform
import tempfile
from math import prod
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Shaped

if TYPE_CHECKING:
    from torch import Tensor

LARGE = 4 << 20  # bytes above which an array is mapped
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # constants of malloc.h


def return_freed_memory() -> None:
    """Have glibc return the memory of every freed array above LARGE bytes, for the rest of this process.

    By default, it raises this limit to 32 MB as arrays are freed, and the holes between smaller ones add up.
    """
    if platform.libc_ver()[0] == "glibc":
        malloc = ctypes.CDLL(None)
        malloc.mallopt(M_MMAP_THRESHOLD, LARGE)
        malloc.mallopt(M_TRIM_THRESHOLD, 4 * LARGE)  # free memory kept for smaller arrays, which is faster


def scratch(shape: tuple[int, ...], dtype: type = np.float32) -> Shaped[np.ndarray, "*shape"]:
    """Return an uninitialised array, which is mapped from a temporary file if it is large."""
    if np.dtype(dtype).itemsize * prod(shape) <= LARGE:
        return np.empty(shape, dtype)
    with tempfile.TemporaryFile() as file:
        return np.memmap(file, dtype, mode="w+", shape=shape)


def scratch_like(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return an uninitialised float32 tensor on the device of `x`. In the CPU's memory, it is mapped if it is large."""
    import torch

    return torch.from_numpy(scratch(shape)) if x.device.type == "cpu" else x.new_empty(shape)
