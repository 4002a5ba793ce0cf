"""Weights files and other files: each is recognised by its content, whatever its name."""

import bz2
import gzip
import io
import json
import lzma
import tarfile
import zipfile

import numpy as np
import pytest
import torch
from checkpoints import refusal, same_numbers
from safetensors.torch import save_file

from trm.checkpoint import load_model, read_checkpoint
from trm.errors import CheckpointError

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "a" * 64 + "\nsize 27317562\n"
NAMES = ["step_5", "model.safetensors", "pytorch_model.bin", "weights.npz"]


def packed(suffix: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("step_5"))
    return {
        "gz": gzip.compress(b"x", mtime=0),
        "bz2": bz2.compress(b"x"),
        "xz": lzma.compress(b"x"),
        "tar": buffer.getvalue(),
    }[suffix]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "content, words",
    [
        (POINTER, "is a Git LFS pointer to a file of 27317562 bytes, .*git lfs pull"),
        (POINTER.replace("\n", "\r\n"), "is a Git LFS pointer to a file of 27317562 bytes"),
        ("version https://hawser.github.com/spec/v1\noid sha256:ab\nsize 5\n", "is a Git LFS pointer to a file of 5 bytes"),
        ("version https://git-lfs", "is a Git LFS pointer to a file, not"),
        ("/annex/objects/SHA256E-s3--ab.pt\n", "git annex get"),
        ("<!DOCTYPE html><html><title>Sign in</title>", "is a web page"),
        ("\n\n  <HTML lang=en>", "is a web page"),
        ("\ufeff<!-- saved from url --><html>", "is a web page"),
        ('<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "error message from a server"),
        ('{"error": "Repository not found"}', "error message from a server"),
        ('{"weights": [1, 2]}', "is JSON, not weights"),
        ("import torch\n", "is a text file of 13 bytes"),
        ("Entry not found", "is a text file of 15 bytes"),
        (packed("gz"), "is compressed with gzip. Unpack it"),
        (packed("bz2"), "is compressed with bzip2"),
        (packed("xz"), "is compressed with xz"),
        (packed("tar"), "is a tar archive"),
        (b"\x28\xb5\x2f\xfd....", "is compressed with zstd"),
        (b"GGUF\x03\0\0\0", "is a GGUF file"),
        (b"\x89HDF\r\n\x1a\n", "is an HDF5 file"),
        (b"\x93NUMPY\x01\0", "is a single NumPy array"),
        (b"%PDF-1.7", "is a PDF"),
        (b"", "is empty"),
        (b"\x01\x02\xff", "is not a checkpoint, or is damaged"),
        (b"PK\x03\x04rest", "cut short"),
    ],
)  # fmt: skip
def test_other_files_are_named(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    message = refusal(tmp_path / name, words)
    assert message.endswith((".", ")")) and str(tmp_path / name) in message


class Net(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + 1


def test_zips_of_other_things(tmp_path, public_checkpoint):
    path = public_checkpoint().save(tmp_path / "run")
    with zipfile.ZipFile(tmp_path / "run.zip", "w") as archive:
        archive.write(path, "run/step_1000")
    assert "run/step_1000" in refusal(tmp_path / "run.zip", "is a zip archive of other files .* Unpack it")
    with zipfile.ZipFile(tmp_path / "empty.zip", "w"):
        pass
    refusal(tmp_path / "empty.zip", "cut short|empty")
    torch.jit.save(torch.jit.script(Net()), tmp_path / "model.pt")
    assert "state_dict()" in refusal(tmp_path / "model.pt", "is a TorchScript program")
    with zipfile.ZipFile(tmp_path / "model.pt2", "w") as archive:
        archive.writestr("m/archive_format", "pt2")
    refusal(tmp_path / "model.pt2", "is a torch.export program")


def test_a_checkpoint_in_pieces(tmp_path):
    folder = tmp_path / "step_1000"
    folder.mkdir()
    (folder / ".metadata").write_bytes(b"x")
    (folder / "__0_0.distcp").write_bytes(b"x")
    for place in (tmp_path, folder):
        assert "dcp_to_torch" in refusal(place, "a distributed checkpoint .torch.distributed")


# ---- containers


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("prefix", ["model.inner.", ""])
def test_arrays_of_the_mlx_port(tmp_path, public_checkpoint, save, prefix):
    made = public_checkpoint()
    path = made.save(tmp_path).rename(tmp_path / "weights.npz")
    save(path, **{f"{prefix}{name}": tensor.float().numpy() for name, tensor in made.tensors.items()})
    (tmp_path / "inputs.npz").write_bytes(path.read_bytes())  # data is not taken for weights
    assert same_numbers(read_checkpoint(str(tmp_path)).tensors, made.tensors)
    for keep in (0.3, 0.9, 0.999):
        cut = tmp_path / f"{keep}.npz"
        cut.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])
        refusal(cut, "cut short")


def npy(header: str, content: bytes = b"") -> bytes:
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + content


@pytest.mark.parametrize(
    "entry, words",
    [
        (npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}\n", b"cos\nsystem\n"), "contains objects, not plain numbers"),
        (npy("{'descr': '<U5', 'fortran_order': False, 'shape': (1,)}\n", b"x" * 20), "not plain numbers"),
        (npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1099511627776,)}\n"), "damaged"),
        (npy("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}\n"), "damaged"),
        (npy("{'descr': '<f4', 'fortran_order': False, 'shape': (True,)}\n", b"x" * 4), "damaged"),
        (npy("{'descr': '<f4', 'fortran_order': False, 'shape': (" + "+" * 5000 + "1,)}\n"), "damaged"),
        (npy("{'descr': '<f4'"), "damaged"),
        (b"hello", "damaged"),
    ],
)  # fmt: skip
def test_untrusted_arrays(tmp_path, entry, words):
    with zipfile.ZipFile(tmp_path / "weights.npz", "w") as archive:
        archive.writestr("lm_head.weight.npy", entry)
    refusal(tmp_path, words)


def test_arrays_that_unpack_to_any_size(tmp_path):
    np.savez_compressed(tmp_path / "weights.npz", x=np.zeros(1 << 22, np.float32))
    refusal(tmp_path, "would unpack to over 16 times its size")


@pytest.mark.parametrize("name", ["step_5", "model.pt", "best.ckpt"])
def test_safetensors_under_another_name(tmp_path, public_checkpoint, name):
    made = public_checkpoint()
    path = made.save(tmp_path, name=name)
    save_file(made.tensors, path)
    assert same_numbers(read_checkpoint(str(path)).tensors, made.tensors)


def test_a_file_of_torch_called_safetensors(tmp_path, public_checkpoint):
    made = public_checkpoint()
    path = made.save(tmp_path, name="model.safetensors")
    assert same_numbers(read_checkpoint(str(path)).tensors, made.tensors)


def in_shards(folder, made, weight_map=None):
    made.save(folder).unlink()
    names = sorted(made.tensors)
    files = {"model-00001-of-00002.safetensors": names[:4], "model-00002-of-00002.safetensors": names[4:]}
    for file, held in files.items():
        save_file({name: made.tensors[name] for name in held}, folder / file)
    places = {name: file for file, held in files.items() for name in held}
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": places if weight_map is None else weight_map}))
    return index


def test_weights_in_shards(tmp_path, public_checkpoint):
    made = public_checkpoint()
    index = in_shards(tmp_path, made)
    for spec in (tmp_path, index):
        model = load_model(str(spec))
        assert same_numbers(model.state_dict(), made.tensors) and model.path == index
    before = model.fingerprint
    in_shards(tmp_path, public_checkpoint(seed=5))
    assert load_model(str(tmp_path)).fingerprint != before
    (tmp_path / "model-00002-of-00002.safetensors").unlink()
    refusal(tmp_path, "lists model-00002-of-00002.safetensors, which is not in its folder. Copy all 2 files")


@pytest.mark.parametrize("weight_map", [{}, {"x": "../../etc/passwd"}, {"x": 5}, [1], {"x": ["y"]}])
def test_an_untrusted_index(tmp_path, public_checkpoint, weight_map):
    in_shards(tmp_path, public_checkpoint(), weight_map or [])
    refusal(tmp_path, "does not list weights files in its folder")


def test_optimizers_beside_weights_are_not_offered(tmp_path, public_checkpoint):
    path = public_checkpoint().save(tmp_path, name="weights.pt")
    for name in ("optimizer.pt", "scheduler.pt", "rng_state.pth", "training_args.bin", "random_states_0.pkl"):
        (tmp_path / name).write_bytes(b"x")
    assert read_checkpoint(str(tmp_path)).path == path


# ---- models that cannot be shown


@pytest.mark.parametrize(
    "names, words",
    [
        (
            ["model.L_module.layers.0.self_attn.q_proj.weight", "model.z_L_init"],
            "This is HRM-Text, a language model",
        ),
        (
            ["model.embed_tokens.embedding_weight", "model.core.layers.0.mlp.weight"],
            "This is RSM: it makes one pass without supervision steps",
        ),
        (["input_embed.weight", "output_init_embed"], "lucidrains' tiny-recursive-model"),
        (["network.0.1.fn.0.weight", "to_halt_pred.1.weight"], "lucidrains' tiny-recursive-model"),
        (["to_input_embed.weight", "networks.0.layers"], "lucidrains' hrm-pytorch"),
        (["conv2d.weight", "lm_head.weight"], "probably FPRM"),
    ],
)
def test_other_models_are_refused_by_name(tmp_path, names, words):
    torch.save({name: torch.zeros(2, 2) for name in names}, tmp_path / "step_5")
    refusal(tmp_path, words)


@pytest.mark.parametrize(
    "module, words",
    [("rsm", "It is RSM"), ("fprm", "It is FPRM"), ("transformers_baseline", "without recursion")],
)
def test_other_models_are_refused_by_their_settings(tmp_path, public_checkpoint, module, words):
    made = public_checkpoint()
    made.arch["name"] = f"{module}.{module}@X"
    refusal(made.save(tmp_path), words)


# ---- pickles that would take all memory or time


def hostile(path, body: bytes, protocol: int = 2):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", bytes([0x80, protocol]) + body)
        archive.writestr("archive/version", "3\n")


DOUBLED = b"(tq\x00" + b"".join(
    b"h%ch%c\x86q%c" % (n, n, n + 1) for n in range(60)
)  # tuples of tuples, 2**60 leaves


@pytest.mark.parametrize(
    "body",
    [
        DOUBLED + b"}h<K\x01s.",  # as a key, which would be hashed
        DOUBLED + b"h<h<\x93.",  # as a name, which would be printed
        DOUBLED + b"h<)R.",  # as a function
        b"}(" + b"X\x01\x00\x00\x00a" + DOUBLED + b"h<u.",
        b"r\xff\xff\xff\x7f.",  # a place in memory that would be filled up to there
        b"]q\x00" + b"h\x00a" * 1000 + b".",  # a list in itself
        b"\x96\xff\xff\xff\xff\xff\x00\x00\x00.",  # a bytearray of a terabyte
        b"(" * 100_000 + b".",
        b"]" * 100_000 + b"a" * 99_999 + b".",
        b"h\x05.", b".", b"0.", b"Q.", b"\x94.", b"\x82\x01.", b"}K\x01.", b"\x97.", b"K\x01Q.",
    ],
)  # fmt: skip
def test_hostile_pickles(tmp_path, body):
    for protocol in (2, 5):
        hostile(tmp_path / "step_1", body, protocol)
        refusal(tmp_path)


def test_every_byte_of_a_pickle_changed(tmp_path, public_checkpoint):
    """Whatever a damaged description says, the file opens with other numbers or is refused in one line."""
    path = public_checkpoint(D=8, heads=2, puzzle_emb_ndim=8).save(tmp_path)
    with zipfile.ZipFile(path) as archive:
        entries = {entry.filename: archive.read(entry) for entry in archive.infolist()}
    pickled = next(name for name in entries if name.endswith("data.pkl"))
    whole, draw = entries[pickled], np.random.default_rng(0)
    for _ in range(150):
        spoilt = bytearray(whole)
        for at in draw.integers(0, len(whole), 3):
            spoilt[at] = draw.integers(0, 256)
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in entries.items():
                archive.writestr(name, bytes(spoilt) if name == pickled else content)
        try:
            load_model(str(path))
        except CheckpointError as error:
            assert "\n" not in str(error) and len(str(error)) < 700
