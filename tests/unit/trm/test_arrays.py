"""Untrusted NumPy files: they take no more memory than the reader allows, and nothing is unpickled."""

import io
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest

from trm.data.files.npz import array_of, header_of, read_npz

ZEROS = bytes(1 << 20)


def npy(header: str) -> bytes:
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header.encode()


def bomb(path, *, claims: int, holds: int, name: str = "inputs"):
    """An .npz whose array claims so many rows of 16 and unpacks to so many MiB."""
    header = npy(f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({claims}, 16), }}\n")
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open(f"{name}.npy", "w", force_zip64=True) as file,
    ):
        file.write(header)
        for _ in range(holds):
            file.write(ZEROS)
    return path


def test_what_numpy_writes_is_read(tmp_path):
    arrays = {
        "a": np.arange(6).reshape(2, 3),
        "b": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "c": np.array(3, ">i2"),
        "d": np.zeros((0, 4), np.float16),
    }
    np.savez(tmp_path / "x.npz", **arrays, left=np.ones(3))
    found = read_npz(tmp_path / "x.npz", lambda name, header: name != "left")
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        assert np.array_equal(found[name], array) and found[name].dtype == array.dtype


@pytest.mark.parametrize("claims", [64 << 16, 1, 10**18])
def test_a_bomb_takes_no_memory(tmp_path, claims):
    path = bomb(tmp_path / "x.npz", claims=claims, holds=64)
    seen = []
    tracemalloc.start()
    read_npz(path, lambda name, header: bool(seen.append((name, header.nbytes))))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert seen == [("inputs", claims * 16)] and peak < 4 << 20


def test_objects_are_not_unpickled(tmp_path):
    np.savez(tmp_path / "x.npz", a=np.array([print], object))
    with pytest.raises(ValueError, match="objects"):
        read_npz(tmp_path / "x.npz", lambda name, header: True)


@pytest.mark.parametrize("shape", ["(-1,)", "(True,)", "(2.0,)", "('a',)", "(10**9,)", "x", "(" * 5000])
def test_invalid_headers(shape):
    with pytest.raises(ValueError):
        header_of(io.BytesIO(npy(f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}\n")))


def test_an_incomplete_array():
    file = io.BytesIO(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }\n") + bytes(11))
    with pytest.raises(ValueError, match="is incomplete"):
        array_of(file, header_of(file))
