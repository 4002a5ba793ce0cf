"""Untrusted files: nothing in them is executed, memory stays bounded, and each refusal is one line."""

import os
import pickle
import zipfile
from argparse import Namespace
from collections import OrderedDict

import pytest
import torch
from checkpoints import CPU, refusal, same_numbers

from trm.checkpoint import load_model, read_checkpoint
from trm.errors import CheckpointError


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("keep", [0.0, 0.02, 0.3, 0.9, 0.999])
def test_torch_files_cut_short(tmp_path, public_checkpoint, keep, old):
    path = public_checkpoint().save(tmp_path, _use_new_zipfile_serialization=not old)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * keep)])
    message = refusal(path, "cut short")
    assert "code" not in message


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"\x80\x02.", b"PK\x03\x04", os.urandom(4096), b"version https://git-lfs"]
)
@pytest.mark.parametrize("name", ["step_5", "model.safetensors", "pytorch_model.bin"])
def test_files_that_are_something_else(tmp_path, content, name):
    (tmp_path / name).write_bytes(content)
    refusal(tmp_path, "damaged|not a state dict|Git LFS")


@pytest.mark.parametrize("old", [False, True])
def test_flipped_bytes_lead_to_nothing_but_a_refusal(tmp_path, public_checkpoint, old):
    """Either the file still opens (numbers changed) or it is refused; no other exception escapes."""
    path = public_checkpoint().save(tmp_path, _use_new_zipfile_serialization=not old)
    whole = path.read_bytes()
    generator = torch.Generator().manual_seed(0)
    refusals = 0
    for _ in range(60):
        at, value = (
            torch.randint(0, 2000, (1,), generator=generator),
            torch.randint(0, 256, (1,), generator=generator),
        )
        path.write_bytes(whole[: int(at)] + bytes([int(value)]) + whole[int(at) + 1 :])
        try:
            load_model(str(path), device=CPU)
        except CheckpointError:
            refusals += 1
    assert refusals > 20


def test_a_zip_whose_directory_is_damaged(tmp_path, public_checkpoint):
    """Its end is there, so that it counts as a zip."""
    path = public_checkpoint().save(tmp_path)
    content = path.read_bytes()
    path.write_bytes(content.replace(b"PK\x01\x02", b"PK\x01\x00", 1))
    assert refusal(path) == f"{path} is not a checkpoint, or is damaged or cut short. Copy it again."


class Evil:
    """Runs a command when it is unpickled."""

    def __init__(self, command: str):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


def test_objects_beside_the_weights_are_ignored(tmp_path, public_checkpoint):
    made = public_checkpoint()
    path = made.save(tmp_path)
    torch.save({"model": made.tensors, "args": Namespace(lr=1e-4)}, path)
    assert same_numbers(read_checkpoint(str(path)).tensors, made.tensors)


@pytest.mark.parametrize("old", [False, True])
def test_code_in_a_checkpoint_is_not_run(tmp_path, public_checkpoint, old):
    mark = tmp_path / "mark"
    torch.save(
        public_checkpoint().tensors | {"x": Evil(f"touch {mark}")}, tmp_path / "step_1",
        _use_new_zipfile_serialization=not old,
    )  # fmt: skip
    refusal(tmp_path, "more than tensors")
    assert not mark.exists()


def test_a_bare_pickle_with_code_is_not_run(tmp_path):
    mark = tmp_path / "mark"
    (tmp_path / "pytorch_model.bin").write_bytes(pickle.dumps(Evil(f"touch {mark}")))
    refusal(tmp_path, "more than tensors|damaged")
    assert not mark.exists()


def test_source_files_beside_a_checkpoint_are_not_run(tmp_path, public_checkpoint):
    path, mark = public_checkpoint().save(tmp_path), tmp_path / "mark"
    for name in ("trm.py", "losses.py", "conftest.py", "torch.py"):
        (tmp_path / name).write_text(f"open({str(mark)!r}, 'w')")
    load_model(str(path), device=CPU)
    assert not mark.exists()


def test_compressed_entries_are_refused(tmp_path, public_checkpoint):
    """torch never writes them, and one could unpack to any size."""
    path = public_checkpoint().save(tmp_path)
    with zipfile.ZipFile(path) as archive:
        entries = OrderedDict((entry.filename, archive.read(entry)) for entry in archive.infolist())
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    refusal(path, "compressed entries")


def in_zip(path, pickled: bytes, **more: bytes) -> None:
    """A torch file of today around a pickle."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in {"data.pkl": pickled, "version": b"3\n", "byteorder": b"little", **more}.items():
            archive.writestr(f"archive/{name}", content)


def calling(module: str, name: str, argument: bytes) -> bytes:
    """A pickle, as torch writes them, of `{"x": name(argument)}`."""
    return b"\x80\x02}X\x01\x00\x00\x00xc" + f"{module}\n{name}\n".encode() + argument + b"\x85Rs."


TERABYTES = b"\x8a\x06" + (1 << 40).to_bytes(6, "little")


@pytest.mark.parametrize(
    "module, name",
    [("builtins", "bytearray"), ("torch", "Tensor"), ("torch", "FloatTensor"), ("torch.storage", "UntypedStorage"),
     ("collections", "Counter"), ("builtins", "set")],
)  # fmt: skip
@pytest.mark.parametrize("old", [False, True])
def test_names_that_torch_allows_do_not_take_memory(tmp_path, module, name, old):
    """`weights_only` allows these names; none is called, so nothing is allocated."""
    path, pickled = tmp_path / "step_1", calling(module, name, TERABYTES)
    if old:
        path.write_bytes(pickled)
    else:
        in_zip(path, pickled)
    assert f"code or objects: {module}.{name}" in refusal(path)


def test_a_second_pickle_is_checked_too(tmp_path):
    path = tmp_path / "step_1"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/data.pkl", b"\x80\x02}.")
        archive.writestr("archive/data.pkl", calling("os", "system", b"X\x02\x00\x00\x00ls"))
    refusal(path, r"code or objects: os\.system")


@pytest.mark.parametrize("protocol", [4, 5])
def test_names_that_a_pickle_puts_together(tmp_path, protocol):
    in_zip(tmp_path / "step_1", pickle.dumps({"x": Evil("touch mark")}, protocol))
    refusal(tmp_path, "more than tensors")


def test_a_zip_bomb(tmp_path):
    """Ten gigabytes of zeros in ten megabytes would be read as a pickle."""
    with zipfile.ZipFile(tmp_path / "step_1", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(1 << 26))
    assert (tmp_path / "step_1").stat().st_size < 1 << 17
    refusal(tmp_path, "compressed entries")


def test_an_entry_that_claims_to_be_larger_than_the_file(tmp_path):
    path = tmp_path / "step_1"
    in_zip(path, b"\x80\x02}.")
    content, size = path.read_bytes(), len(b"\x80\x02}.").to_bytes(4, "little")
    path.write_bytes(content.replace(size * 2, (1 << 31).to_bytes(4, "little") * 2))
    refusal(path, "compressed entries|damaged")


def test_a_pickle_that_is_too_long(tmp_path, monkeypatch):
    in_zip(tmp_path / "step_1", b"\x80\x02" + b"N0" * (1 << 12) + b"}.")
    monkeypatch.setattr("trm.public.containers.torch_file.MAX_PICKLE", 1 << 10)
    refusal(tmp_path, "too large for a checkpoint")
    monkeypatch.setattr("trm.public.containers.pickled.MAX_INSTRUCTIONS", 1 << 10)
    (tmp_path / "step_1").write_bytes(b"\x80\x02" + b"N0" * (1 << 12) + b"}.")
    refusal(tmp_path, "damaged")


@pytest.mark.parametrize("count", [b"K-", b"\x8a\x07" + (1 << 48).to_bytes(7, "little")], ids=["45", "2**48"])
def test_an_old_file_that_claims_more_numbers_than_it_contains(tmp_path, public_checkpoint, count):
    path = public_checkpoint(D=4, heads=2).save(tmp_path, _use_new_zipfile_serialization=False)
    content = path.read_bytes()
    claimed = content.replace(b"K,", count, 1)  # 44 numbers: 11 x 4
    assert claimed != content
    path.write_bytes(claimed)
    refusal(path, "damaged|claims more")


def test_numbers_that_are_not_floating_point(tmp_path, public_checkpoint):
    made = public_checkpoint()
    made.tensors["q_head.bias"] = torch.zeros(2, dtype=torch.int64)
    refusal(made.save(tmp_path), "q_head.bias is not a plain tensor")


def test_a_state_dict_of_other_things(tmp_path):
    torch.save({"model": [1, 2, 3]}, tmp_path / "step_1")
    refusal(tmp_path, "not a state dict")
    torch.save({"epoch": 3}, tmp_path / "step_1")
    refusal(tmp_path, "not a state dict")
    torch.save(torch.zeros(3), tmp_path / "step_1")
    refusal(tmp_path, "not a state dict")


@pytest.mark.parametrize("name", ["", "x" * 10_000, "two\nlines", "\x1b[2J"])
def test_a_tensor_of_an_odd_name(tmp_path, public_checkpoint, name):
    made = public_checkpoint()
    made.tensors[name] = torch.zeros(2)
    refusal(made.save(tmp_path, prefix=""), "odd name|does not belong")
