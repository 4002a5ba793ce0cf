"""Untrusted files may use all of a limit, and not one byte, part or level more."""

import json
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from limits import check_largest
from safetensors.torch import save_file

from trm.checkpoint import read_checkpoint
from trm.errors import CheckpointError
from trm.public.address import parse_address
from trm.public.containers import sharded
from trm.public.containers.arrays import read_weights
from trm.public.containers.inert import StorageView, plain_settings
from trm.public.containers.pickled import read_pickle
from trm.public.containers.torch_file import read_zip
from trm.public.description import short
from trm.public.formats.base import OFFICIAL
from trm.public.other_models import transformers_architecture
from trm.public.plain_yaml import read_yaml
from trm.public.sections import find_section
from trm.public.settings import read_description
from trm.public.state_dict import extract_weights
from trm.public.weights import choose_weights

SHARDS = {"weight_map": {"a": "1.safetensors", "b": "2.safetensors"}}
HOLDS = json.dumps({"b": [1, 2]})
CONFIG = json.dumps({"model_type": "bert"})
YAML = "a: [[1], {b: 2}]\n"
DEPTH = {"arch": {"H_cycles": 3, "L_cycles": 5}}
TENSORS = {"lm_head.weight": torch.zeros(2, 3)}
PICKLED = pickle.dumps({"a": 1}, 2)
SHORT_PICKLE = b"\x80\x02}."  # PROTO, EMPTY_DICT, STOP


def shards(folder: Path) -> bool:
    for name in SHARDS["weight_map"].values():
        (folder / name).touch()
    (folder / "index.json").write_text(json.dumps(SHARDS))
    return len(sharded.shards_of(folder / "index.json")) == 2


def metadata(folder: Path) -> bool:
    save_file(TENSORS, folder / "x.safetensors", {"a": HOLDS})
    return sharded.read_safetensors(folder / "x.safetensors")["__metadata__"] == {"a": {"b": [1, 2]}}


def torch_zip(folder: Path, pickled: bytes = PICKLED, **more: bytes) -> Path:
    with zipfile.ZipFile(folder / "step_1", "w") as archive:
        for name, content in {"data.pkl": pickled, "version": b"3\n", **more}.items():
            archive.writestr(f"archive/{name}", content)
    return folder / "step_1"


def unpickled(folder: Path) -> bool:
    with (
        zipfile.ZipFile(torch_zip(folder, SHORT_PICKLE)) as archive,
        archive.open("archive/data.pkl") as file,
    ):
        return read_pickle(file, lambda _: StorageView(None, torch.uint8)) == {}


def weights_in(folder: Path, *keys: str) -> bool:
    stored = {"epoch": {}, "model": TENSORS}
    for key in keys:
        stored = {key: stored}
    return extract_weights(stored, folder).tensors.keys() == TENSORS.keys()


def not_one_more(read, *arguments: object) -> bool:
    with pytest.raises(CheckpointError) as error:
        read(*arguments)
    return " more" not in str(error.value)


def yaml_in(folder: Path) -> bool:
    (folder / "x.yaml").write_text(YAML)
    return read_yaml(folder / "x.yaml") == {"a": [[1], {"b": 2}]}


def described(folder: Path, name: str, values: object) -> object:
    (folder / name).write_text(json.dumps(values))
    return read_description(folder / "step_1", None, OFFICIAL, lambda _: True)


def architecture(folder: Path) -> bool:
    (folder / "config.json").write_text(CONFIG)
    return transformers_architecture(folder / "config.json") is not None


def prefix(folder: Path, public_checkpoint) -> int:
    made = public_checkpoint(mlp_t=True, pos_encodings="none", cells=81, puzzle_emb_len=15)
    del made.tensors["puzzle_emb.weights"]
    path = made.save(folder, with_yaml=False)
    (folder / "dataset.json").unlink()
    return read_checkpoint(str(path)).config.prefix_length


@pytest.mark.parametrize(
    "limit, size, read",
    [
        ("containers.sharded.MAX_INDEX", len(json.dumps(SHARDS)), shards),
        ("containers.sharded.MAX_INDEX", len(HOLDS), metadata),
        ("containers.sharded.MAX_SHARDS", 2, shards),
        ("containers.torch_file.MAX_PICKLE", len(PICKLED), lambda folder: read_zip(torch_zip(folder)) == {"a": 1}),
        ("containers.pickled.MAX_INSTRUCTIONS", 3, unpickled),
        ("state_dict.MAX_PLACES", 3, weights_in),  # the file, its epoch, its model
        ("state_dict.MAX_DEPTH", 2, lambda folder: weights_in(folder, "run")),
        ("state_dict.MAX_LISTED", 2, lambda _: not_one_more(extract_weights, {"a": 1, "b": 2}, Path("step_1"))),
        ("weights.MAX_LISTED", 2, lambda _: not_one_more(choose_weights, ["a.pt", "b.pt"], "here", str)),
        ("description.MAX_VALUE", 40, lambda _: short("x" * 40) == "x" * 40),
        ("sections.MAX_DEPTH", 2, lambda _: find_section({"a": DEPTH}, ["H_cycles"]) is not None),
        ("plain_yaml.MAX_YAML", len(YAML), yaml_in),
        ("plain_yaml.MAX_BRACKETS", 3, yaml_in),
        ("settings.MAX_JSON", len(json.dumps(DEPTH)), lambda at: described(at, "config.json", DEPTH).arch != {}),
        ("settings.MAX_JSON", len('{"seq_len": 81}'),
         lambda at: described(at, "dataset.json", {"seq_len": 81}).dataset == {"seq_len": 81}),
        ("settings.MAX_NUMBER", 5, lambda at: described(at, "config.json", DEPTH).arch == DEPTH["arch"]),
        ("settings.MAX_NUMBER", 81, lambda at: described(at, "dataset.json", {"seq_len": 81}).dataset != {}),
        ("other_models.MAX_CONFIG", len(CONFIG), architecture),
    ],
)  # fmt: skip
def test_all_of_a_limit_may_be_used(tmp_path, monkeypatch, limit, size, read):
    check_largest(monkeypatch, f"trm.public.{limit}", size, lambda: read(tmp_path))


def test_the_longest_prefix_of_a_puzzle_of_the_usual_size(tmp_path, public_checkpoint, monkeypatch):
    check_largest(
        monkeypatch, "trm.public.format.MAX_PREFIX", 15, lambda: prefix(tmp_path, public_checkpoint) == 15
    )


def test_a_second_pickle_is_checked_up_to_the_limit(tmp_path, monkeypatch):
    harmful = b"\x80\x02cos\nsystem\nX\x02\x00\x00\x00ls\x85R."
    path = torch_zip(tmp_path, SHORT_PICKLE, **{"other.pkl": harmful})
    monkeypatch.setattr("trm.public.containers.torch_file.MAX_PICKLE", len(harmful))
    with pytest.raises(ValueError, match=r"os.system"):
        read_zip(path)
    monkeypatch.setattr("trm.public.containers.torch_file.MAX_PICKLE", len(harmful) - 1)
    assert read_zip(path) == {}


@pytest.mark.parametrize("size, is_read", [(15, True), (16, False)])
def test_a_long_byte_order_is_not_one(tmp_path, size, is_read):
    path = torch_zip(tmp_path, byteorder=b"big".ljust(size))
    if is_read:
        with pytest.raises(CheckpointError, match="big-endian"):
            read_zip(path)
    else:
        assert read_zip(path) == {"a": 1}


@pytest.mark.parametrize("levels, seen", [(8, "deep"), (9, None)])
def test_settings_are_read_to_the_eighth_level(levels, seen):
    value = "deep"
    for _ in range(levels):
        value = {"in": value}
    value = plain_settings(value)
    for _ in range(levels):
        value = value["in"]
    assert value == seen


def test_twenty_thousand_settings_are_read():
    values = plain_settings(dict.fromkeys(range(20_000), "x"))  # the dictionary is a part, too
    assert (values[19_998], values[19_999]) == ("x", None)


def test_a_thousand_characters_of_the_path_of_the_data_are_kept(tmp_path):
    assert described(tmp_path, "config.json", DEPTH | {"data_path": "x" * 1001}).data == "x" * 1000


def test_a_data_set_of_size_0_is_one(tmp_path):
    assert described(tmp_path, "dataset.json", {"seq_len": 0}).dataset == {"seq_len": 0}


def test_a_data_set_beside_two_models_is_of_neither(tmp_path):
    (tmp_path / "one.pt").touch()
    assert described(tmp_path, "dataset.json", {"seq_len": 81}).dataset
    (tmp_path / "two.pt").touch()
    assert not described(tmp_path, "dataset.json", {"seq_len": 81}).dataset


def test_arrays_that_unpack_to_the_largest_size(tmp_path, monkeypatch):
    path = tmp_path / "weights.npz"
    np.savez_compressed(path, x=np.zeros(1000, np.float32))
    with zipfile.ZipFile(path, "a") as archive:  # as many bytes as it unpacks to
        archive.comment = b" " * (archive.infolist()[0].file_size - path.stat().st_size)
    check_largest(monkeypatch, "trm.public.containers.arrays.MAX_UNPACKED", 1, lambda: read_weights(path))


@pytest.mark.parametrize("length, words", [(128, "does not belong"), (129, "odd name")])
def test_a_tensor_has_a_name_of_up_to_128_characters(tmp_path, length, words):
    with pytest.raises(CheckpointError, match=words):
        extract_weights({**TENSORS, "x" * length: torch.zeros(2)}, tmp_path)


def test_a_revision_has_up_to_200_characters():
    assert parse_address(f"hf://owner/name@{'r' * 200}").revision == "r" * 200
    with pytest.raises(CheckpointError, match="not a valid address"):
        parse_address(f"hf://owner/name@{'r' * 201}")
