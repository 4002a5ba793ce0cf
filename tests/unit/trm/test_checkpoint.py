"""Checkpoints in our own format, where weights are searched for, and which fields can be forced."""

import json

import pytest
from checkpoints import CPU, refusal, same_numbers
from safetensors.torch import save_file

from trm.checkpoint import find_weights, load_model, read_checkpoint, save_model

# our own form


def test_own_form_round_trip(tmp_path, tiny_config, tiny_model):
    model = tiny_model(seed=3)
    save_model(tmp_path / "mine", model.config, model.state_dict())
    again = load_model(str(tmp_path / "mine"), device=CPU)
    assert again.config == model.config and again.config.assumed == ()
    assert same_numbers(again.state_dict(), model.state_dict())
    assert again.name == "mine" and len(again.fingerprint) == 16 and not again.training
    assert not any(parameter.requires_grad for parameter in again.parameters())
    assert sorted(path.name for path in (tmp_path / "mine").iterdir()) == ["config.json", "model.safetensors"]
    assert (
        find_weights(str(tmp_path / "mine" / "model.safetensors")) == tmp_path / "mine" / "model.safetensors"
    )


def test_other_weights_have_another_fingerprint(tmp_path, tiny_model):
    for seed in (0, 1):
        model = tiny_model(seed=seed)
        save_model(tmp_path / str(seed), model.config, model.state_dict())
    first, second = (load_model(str(tmp_path / str(seed)), device=CPU) for seed in (0, 1))
    assert first.fingerprint != second.fingerprint


@pytest.fixture
def own(tmp_path, tiny_model):
    """A folder of our form."""
    model = tiny_model()
    save_model(tmp_path / "own", model.config, model.state_dict())
    return tmp_path / "own"


def rewrite(folder, **changes) -> None:
    """Change fields in a folder's config.json; None removes one."""
    values = json.loads((folder / "config.json").read_text()) | changes
    values = {name: value for name, value in values.items() if value is not None}
    (folder / "config.json").write_text(json.dumps(values))


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"hidden_size": 16}, "shape"),
        ({"vocab_size": 11}, "embed_tokens.embedding_weight has shape"),
        ({"layers": 3}, "L_level.layers.2.* is missing"),
        ({"layers": 1}, "L_level.layers.1.* does not belong"),
        ({"positions": "learned"}, "embed_pos.embedding_weight is missing"),
        ({"mixing": "mlp", "mixing_width": 5, "heads": 0}, "mlp_t.* is missing"),
        ({"hidden_size": 1 << 24, "mlp_width": 1 << 24, "vocab_size": 1 << 24}, "shape"),
        ({"hidden_size": 1 << 40}, "hidden_size must be from 0"),
        ({"layers": 1 << 24}, "layers must be at most"),
        ({"N_sup": 1 << 24}, "net calls"),
        ({"sequence_length": 1 << 24}, "positions"),
        ({"n": "six"}, "n must be a whole number"),
        ({"n": None}, "missing 'n'"),
        ({"weights_from": "elsewhere"}, "unknown key"),
    ],
)
def test_a_config_that_does_not_fit_the_weights(own, changes, words):
    rewrite(own, **changes)
    refusal(own, words)


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "\x00\xff"])
def test_a_config_that_is_not_json(own, text):
    (own / "config.json").write_text(text, "latin-1")
    refusal(own, "config.json is not a configuration, or is damaged")


def test_a_config_of_another_tool_is_not_ours(tmp_path, tiny_model):
    """Then the weights speak for themselves, and what they do not say is assumed."""
    model = tiny_model(hidden_size=32)
    save_model(tmp_path, model.config, model.state_dict())
    rewrite(tmp_path, format=None)
    assert "heads" in read_checkpoint(str(tmp_path)).config.assumed


@pytest.mark.parametrize("keep", [0, 1, 7, 8, 100, 0.5, -1])
def test_own_weights_cut_short(own, keep):
    path = own / "model.safetensors"
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * keep) if isinstance(keep, float) else keep])
    assert str(path) in refusal(own, "damaged or cut short")


def test_a_header_that_claims_terabytes(own):
    path = own / "model.safetensors"
    path.write_bytes((1 << 60).to_bytes(8, "little") + path.read_bytes()[8:])
    refusal(own, "damaged")


def test_weights_that_are_not_finite(own, tiny_model):
    model = tiny_model()
    tensors = model.state_dict()
    tensors["lm_head.weight"][2, 3] = float("nan")
    save_file(tensors, own / "model.safetensors")
    refusal(own, "lm_head.weight contains")


# finding the file


def test_the_latest_step_is_taken(tmp_path, public_checkpoint):
    for step in (9, 1000, 200):
        public_checkpoint(seed=step).save(tmp_path, name=f"step_{step}")
    (tmp_path / "step_9999_all_preds.0").write_bytes(b"predictions")
    assert find_weights(str(tmp_path)) == tmp_path / "step_1000"


@pytest.mark.parametrize(
    "name",
    [
        "checkpoint",
        "example_checkpoint",
        "pytorch_model.bin",
        "model.pt",
        "step_32550_sudoku_epoch50k",
        "step_7_ema",
    ],
)
def test_names_that_people_use(tmp_path, public_checkpoint, name):
    public_checkpoint().save(tmp_path / "a folder", name=name)
    assert find_weights(str(tmp_path / "a folder")).name == name


def test_nothing_to_open(tmp_path):
    assert "contains no model" in refusal(tmp_path)
    assert "There is no model" in refusal(tmp_path / "nowhere")
    assert "There is no model" in refusal("no-such-name")
    assert "There is no model" in refusal("x" * 300)
    assert "There is no model" in refusal("nul\x00byte")


def test_a_folder_of_runs(tmp_path, public_checkpoint):
    """The weights may lie one folder below; where several runs do, they are listed with their paths."""
    public_checkpoint().save(tmp_path / "runs" / "first run", name="step_9")
    assert find_weights(str(tmp_path / "runs")) == tmp_path / "runs" / "first run" / "step_9"
    public_checkpoint().save(tmp_path / "runs" / "second", name="step_9")
    assert str(tmp_path / "runs" / "second" / "step_9") in refusal(tmp_path / "runs", "several models")
    public_checkpoint().save(tmp_path / "runs" / ".hidden", name="step_99")
    assert ".hidden" not in refusal(tmp_path / "runs")


def test_a_folder_that_may_not_be_searched(tmp_path, monkeypatch):
    """The tests may run as root, who may search any."""

    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path / "refs"))

    monkeypatch.setattr("trm.checkpoint.snapshot_in", refuse)
    assert refusal(tmp_path) == f"{tmp_path} cannot be read: Permission denied."
