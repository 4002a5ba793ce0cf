"""What becomes of the calls and objects in a pickle, and how much of an untrusted name a message repeats."""

import json
import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from trm.errors import CheckpointError
from trm.public.containers.arrays import read_weights
from trm.public.containers.builders import result_of_call
from trm.public.containers.inert import InertName, InertObject, StorageView, plain_settings
from trm.public.containers.open import read_stored
from trm.public.containers.sharded import joined, shards_of
from trm.public.containers.torch_file import read_zip


def in_zip(path: Path, content: object, protocol: int = 2) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(content, protocol))
    return path


def called(name: str, *arguments: object) -> object:
    return result_of_call(InertName(name), arguments)


@pytest.mark.parametrize("protocol", [2, 4])
def test_numpy_scalars_are_plain_numbers(tmp_path, protocol):
    stored = {"best": np.float64(0.5), "step": np.int32(7), "done": np.bool_(True), "rate": np.float16(0.25)}
    assert read_zip(in_zip(tmp_path / "x", stored, protocol)) == {
        "best": 0.5, "step": 7, "done": True, "rate": 0.25
    }  # fmt: skip


def test_a_numpy_scalar_with_too_few_bytes_or_of_no_number_is_inert():
    dtype, text = InertObject("numpy.dtype", ("f8",)), InertObject("numpy.dtype", ("U5",))
    dtype.state = (3,)  # without a byte order
    assert called("numpy.core.multiarray.scalar", dtype, struct.pack("=d", 0.5)) == 0.5
    for arguments in ((dtype, b"1234"), (text, b"12345678"), (dtype, None), (dtype,)):
        assert isinstance(called("numpy.core.multiarray.scalar", *arguments), InertObject)


def test_paths_and_sequences_are_plain():
    assert called("pathlib.PosixPath", "data", 3, "maze") == "data/maze"
    assert called("pathlib.PosixPath", *"a" * 65) == "/".join("a" * 64)
    assert called("torch.Size", [2, 3]) == [2, 3] and called("builtins.tuple", (1,)) == (1,)
    assert isinstance(called("builtins.list", [1], [2]), InertObject)


@pytest.mark.parametrize(
    "offset, shape, strides, fits",
    [
        (0, (4,), (1,), True),
        (0, (5,), (1,), False),
        (1, (3,), (1,), True),
        (1, (4,), (1,), False),
        (0, (2, 2), (2, 1), True),
        (0, (2, 2), (3, 1), False),
        (3, (2,), (0,), True),
        (3, (1, 1), (9, 9), True),
        (4, (1, 1), (9, 9), False),
        (0, (0, 9), (9, 1), True),
    ],
)
def test_a_tensor_lies_in_its_storage(offset, shape, strides, fits):
    four = StorageView(torch.arange(4, dtype=torch.float32).untyped_storage(), torch.float32)
    arguments = ("torch._utils._rebuild_tensor_v2", four, offset, shape, strides)
    if fits:
        assert called(*arguments).shape == shape
    else:
        with pytest.raises(ValueError, match="beyond its storage"):
            called(*arguments)


@pytest.mark.parametrize(
    "state, attributes",
    [
        ({"a": 1}, {"a": 1}),
        (({"a": 1}, {"b": 2}), {"a": 1, "b": 2}),
        ((None, {"b": 2}), {"b": 2}),
        (({"a": 1}, 3), {}),
        (({"a": 1}, {"b": 2}, {}), {}),
    ],
)
def test_attributes_are_in_the_state_or_in_slots(state, attributes):
    thing = InertObject("Args")
    thing.state = state
    assert thing.attributes == attributes


def test_lists_of_settings_are_read_to_the_eighth_level_and_the_thousandth_part():
    assert plain_settings([[[[[[[["deep"]]]]]]]]) == [[[[[[[["deep"]]]]]]]]
    assert plain_settings([[[[[[[[["deep"]]]]]]]]]) == [[[[[[[[[None]]]]]]]]]
    assert plain_settings([7] * 1001) == [7] * 1000
    assert plain_settings(InertObject("n" * 100)) == "<" + "n" * 79


def test_a_long_name_of_code_is_cut(tmp_path):
    (tmp_path / "x").write_bytes(b"\x80\x02cos\n" + b"x" * 100 + b"\n)R.")
    with pytest.raises(CheckpointError) as error:
        read_stored(tmp_path / "x")
    assert f"(code or objects: os.{'x' * 77}) and was refused" in str(error.value)


def test_a_long_name_of_an_array_of_records_is_cut(tmp_path):
    np.savez(tmp_path / "x.npz", **{"n" * 100: np.zeros(1, [("a", "<f4"), ("b", "<f4"), ("c", "<f4")])})
    with pytest.raises(CheckpointError) as error:
        read_weights(tmp_path / "x.npz")
    what = "[('a', '<f4'), ('b', '<f4'), ('c', '<f4'"
    assert f": '{'n' * 80}' contains {what}, not plain numbers" in str(error.value)


def test_a_safetensors_file_without_tensors_is_empty(tmp_path):
    (tmp_path / "x").write_bytes(struct.pack("<Q", 2) + b"{}")
    assert read_stored(tmp_path / "x") == {}


def test_a_zip_of_other_files_names_the_first_three(tmp_path):
    with zipfile.ZipFile(tmp_path / "x", "w") as archive:
        for name in ("n" * 70, "two", "three", "four"):
            archive.writestr(name, b"")
    with pytest.raises(CheckpointError) as error:
        read_zip(tmp_path / "x")
    assert f"other files ({'n' * 60}, two, three), not weights" in str(error.value)


def test_only_the_outer_folders_tell_a_program(tmp_path):
    path = in_zip(tmp_path / "x", {"a": 1})
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("archive/data/code", b"")
    assert read_zip(path) == {"a": 1}
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("archive/code/x.py", b"")
    with pytest.raises(CheckpointError, match="TorchScript"):
        read_zip(path)


def test_shards_are_named_and_joined(tmp_path):
    index, tensor = tmp_path / "index.json", torch.zeros(2)
    index.write_text(json.dumps({"weight_map": {"x": "n" * 100}}))
    with pytest.raises(CheckpointError) as error:
        shards_of(index)
    assert f"lists {'n' * 80}, which is not in its folder. Copy all 1 files." in str(error.value)
    one, two = ((index, {name: tensor, "__metadata__": {}}) for name in "ab")
    assert joined([one, two]).keys() == {"a", "b", "__metadata__"}
    with pytest.raises(CheckpointError, match="tensor a is also in another shard"):
        joined([one, two, one])
