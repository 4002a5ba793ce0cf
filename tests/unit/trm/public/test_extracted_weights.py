"""The weights in the content of a file: which copy is used, what is said about others, and which tensors are refused."""

import pickle
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from trm.errors import CheckpointError
from trm.public.containers.inert import InertObject
from trm.public.containers.torch_file import read_zip
from trm.public.other_models import guess_model, refuse_by_names, transformers_architecture
from trm.public.state_dict import bare_name, extract_weights

TENSORS = {"lm_head.weight": torch.zeros(2, 3)}


def refused(stored: object, path: Path) -> str:
    with pytest.raises(CheckpointError) as error:
        extract_weights(stored, path)
    return str(error.value)


@pytest.mark.parametrize(
    "stored, averaged, notes",
    [
        (TENSORS, "", ()),
        (TENSORS | {"n_averaged": torch.tensor(3)}, "the file counts averaged models (n_averaged)", ()),
        ({f"ema_model.{name}": tensor for name, tensor in TENSORS.items()}, "the copy `ema_model` in the file", ()),
        ({"net": {f"online_model.{name}": tensor for name, tensor in TENSORS.items()}, "ema": TENSORS},
         "the copy `ema` in the file, applied over `net.online_model`", ()),
        ({"ema" + "a" * 70: {"b" * 70: TENSORS}}, f"the copy `ema{'a' * 57}.{'b' * 19}` in the file", ()),
        (dict.fromkeys(("model", "b", "c", "d", "e"), TENSORS), "", ("the file also contains b, c, d, which was not used",)),
        ({"model": TENSORS, "ema" + "x" * 100: [torch.zeros(2)]}, "",
         (f"the averaged copy in the file (ema{'x' * 77}) has no names and was not used: these are the weights as trained",)),
    ],
)  # fmt: skip
def test_the_copies_in_a_file_are_described(tmp_path, stored, averaged, notes):
    weights = extract_weights(stored, tmp_path)
    assert weights.tensors.keys() == TENSORS.keys()
    assert (weights.averaged, weights.notes) == (averaged, notes)


def test_the_last_part_of_a_name_is_no_prefix():
    assert bare_name("model") == "model" and bare_name("model.net.lm_head.weight") == "lm_head.weight"


def whole_model() -> InertObject:
    model = InertObject("m" * 100)
    model.state = {"_modules": {}}
    return model


@pytest.mark.parametrize(
    "stored, words",
    [
        (InertObject("c" * 100), r"it contains an object of class c{80}\. Save"),
        (whole_model(), r"it contains a whole model \(m{60}\), which is code"),
        (torch.zeros(3), r"it contains a single tensor\. Save the model's state dict with torch\.save\.$"),
        (["x" * 30] * 6, r"it contains .{60}\. Save the model's"),
        ({"k" * 61: 1}, r"its keys \(k{60}\)\. Save"),
        ({"k" * 60 + "\n": 1}, r"its keys \(k{60}\)\. Save"),
        ({("k" * 30,) * 6: 1}, r"its keys \(.{60}\)\. Save"),
    ],
)
def test_a_file_without_a_state_dict_is_described_in_few_characters(tmp_path, stored, words):
    assert re.search(words, refused(stored, tmp_path))


def test_numpy_arrays_are_read_up_to_the_size_of_the_file(tmp_path):
    """Two arrays of 24 bytes: a pickle could repeat one as often as it likes."""
    arrays = {name: np.ones((2, 3), "f4") for name in ("lm_head.weight", "embed_tokens.embedding_weight")}
    with zipfile.ZipFile(tmp_path / "x", "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(arrays, 2))
    stored, size = read_zip(tmp_path / "x"), tmp_path / "size"
    size.write_bytes(bytes(25))
    assert all(tensor.all() for tensor in extract_weights(stored, size).tensors.values())
    size.write_bytes(bytes(24))
    assert "embed_tokens.embedding_weight is not a plain tensor" in refused(stored, size)


def test_only_tensors_at_odd_addresses_are_copied(tmp_path):
    odd = torch.arange(7.0)[1:].view(2, 3)
    given = {"lm_head.weight": torch.zeros(2, 3), "q_head.weight": odd}
    found = extract_weights(given, tmp_path).tensors
    assert found["lm_head.weight"] is given["lm_head.weight"]
    assert (
        torch.equal(found["q_head.weight"], odd)
        and found["q_head.weight"].data_ptr() % 16 == 0 != odd.data_ptr() % 16
    )


@pytest.mark.parametrize("held", [1, 5])
def test_a_tensor_claims_no_more_numbers_than_are_there(tmp_path, held):
    claiming = torch.zeros(held).as_strided((2, 3), (0, 1 if held > 1 else 0))
    assert "claims more numbers than the file contains" in refused({"lm_head.weight": claiming}, tmp_path)


@pytest.mark.parametrize(
    "name, message",
    [
        ("conv1.weight", "This is probably another model: open a checkpoint of the public TRM or HRM code."),
        ("transformer.h.0.weight", "This is probably a port to Transformers or another model: open a checkpoint of the public TRM or HRM code."),
    ],
)  # fmt: skip
def test_a_model_of_other_names_is_guessed(tmp_path, name, message):
    assert guess_model(name, tmp_path / "step_1") == message


def test_long_names_and_architectures_are_cut(tmp_path):
    with pytest.raises(CheckpointError) as error:
        refuse_by_names(["lora_A." + "x" * 100], tmp_path)
    assert f"tensor lora_A.{'x' * 93} is a LoRA factor" in str(error.value)
    (tmp_path / "config.json").write_text('{"model_type": "' + "b" * 100 + '"}')
    assert transformers_architecture(tmp_path / "config.json") == 'model_type = "' + "b" * 59
