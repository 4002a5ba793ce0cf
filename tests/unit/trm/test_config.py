"""A configuration describes a model, or is refused with the name of the wrong field."""

import json
from math import inf, nan

import pytest

from trm.config import HALT_ALONE, HALT_OR_CONTINUE, MAX_SIZE, NEVER, ConfigError, ModelConfig
from trm.errors import UserError
from trm.tasks import task_of


def test_round_trip_through_json(tiny_config):
    config = tiny_config(assumed=("n", "T"), rope_theta=500.0)
    again = ModelConfig.from_dict(json.loads(json.dumps(config.to_dict())))
    assert again == config and again.assumed == ("n", "T")


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"hidden_size": 0}, "hidden_size must be at least 1"),
        ({"vocab_size": 0}, "vocab_size"),
        ({"sequence_length": 0}, "sequence_length"),
        ({"layers": 0}, "layers"),
        ({"mlp_width": 0}, "mlp_width"),
        ({"n": 0}, "n must be at least 1"),
        ({"T": 0}, "T must be at least 1"),
        ({"N_sup": 0}, "N_sup must be at least 1"),
        ({"n": -2}, "n must be from 0"),
        ({"n": 2.0}, "n must be a whole number"),
        ({"n": True}, "n must be a whole number"),
        ({"n": "6"}, "n must be a whole number"),
        ({"n": None}, "n must be a whole number"),
        ({"prefix_length": -1}, "prefix_length"),
        ({"hidden_size": MAX_SIZE + 1}, "hidden_size must be from 0 to"),
        ({"vocab_size": 10**30}, "vocab_size"),
        ({"kind": "rnn"}, "unknown kind of model 'rnn'; choose one of trm"),
        ({"heads": 3}, "does not split into 3 heads"),
        ({"heads": 0}, "does not split into 0 heads"),
        ({"hidden_size": 6, "heads": 2}, "needs a head size that 2 divides"),
        ({"mixing": "mlp", "positions": "none"}, "mixing_width"),
        ({"mixing": "convolution"}, "mixing must be"),
        ({"positions": "sinus"}, "positions must be"),
        ({"puzzle_ids": 3}, "go together"),
        ({"puzzle_embedding_size": 3}, "go together"),
        ({"puzzle_ids": 3, "puzzle_embedding_size": 9}, "does not fit into 1 prefix positions"),
        ({"rope_theta": 0.0}, "rope_theta"),
        ({"rope_theta": nan}, "rope_theta"),
        ({"rope_theta": inf}, "rope_theta"),
        ({"rope_theta": 10**400}, "rope_theta"),
        ({"rope_theta": -1}, "rope_theta"),
        ({"rope_theta": "10000"}, "rope_theta"),
        ({"layers": 10_000_000}, "layers"),
        ({"prefix_length": 10_000_000}, "positions"),
        ({"sequence_length": 10_000_000}, "positions"),
        ({"N_sup": 10_000_000}, "net calls"),
        ({"n": 10_000, "T": 10_000}, "net calls"),
    ],
)
def test_invalid_configurations(tiny_config, changes, words):
    values = json.loads(json.dumps(tiny_config().to_dict())) | changes
    with pytest.raises(ConfigError, match=words) as error:
        ModelConfig.from_dict(values)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "limit, largest, more",
    [
        ("MAX_SIZE", {"rope_theta": 9.0, "vocab_size": 900}, {"rope_theta": 9.0, "vocab_size": 901}),
        ("MAX_SIZE", {"rope_theta": 900.0}, {"rope_theta": 900.5}),
        ("MAX_LAYERS", {"layers": 900}, {"layers": 901}),
        ("MAX_LAYERS", {"kind": "trm-two-nets", "H_layers": 900}, {"kind": "trm-two-nets", "H_layers": 901}),
        ("MAX_POSITIONS", {"prefix_length": 90, "sequence_length": 810}, {"sequence_length": 900}),
        ("MAX_CALLS", {"n": 2, "T": 3, "N_sup": 100}, {"n": 2, "T": 3, "N_sup": 101}),  # (n + 1) T N_sup
    ],
)
def test_all_of_a_limit_may_be_used(tiny_config, monkeypatch, limit, largest, more):
    monkeypatch.setattr(f"trm.config.{limit}", 900)
    values = tiny_config().to_dict()
    assert ModelConfig.from_dict(values | largest)
    with pytest.raises(ConfigError):
        ModelConfig.from_dict(values | more)


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"damping": 0.0}, "damping must be above 0 and at most 1"),
        ({"damping": 1.001}, "damping must be above 0 and at most 1"),
        ({"noise": float(-MAX_SIZE)}, "must not be negative"),
        ({"noise": -MAX_SIZE - 1.0}, "noise must be a number up to"),
        ({"halting_outputs": 3}, "halting_outputs must be 0, 1 or 2"),
        ({"kind": "trm-multi-z", "latents": 65}, "cannot have 65 latents"),
        ({"canvas": 4}, "a canvas of 4x4 does not fit"),  # as large as the puzzle
        ({"canvas": 5, "prefix_length": 8}, "a canvas of 5x5 does not fit"),
        ({"puzzle_ids": 3, "puzzle_embedding_size": 17, "prefix_length": 2}, "does not fit into 2 prefix"),
    ],
)
def test_values_just_outside_their_range(tiny_config, changes, words):
    with pytest.raises(ConfigError, match=words):
        ModelConfig.from_dict(tiny_config().to_dict() | changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"damping": 1.0},
        {"noise": 0.0},
        {"kind": "trm-multi-z", "latents": 64},
        {"canvas": 5, "prefix_length": 9},
        {"puzzle_ids": 3, "puzzle_embedding_size": 16, "prefix_length": 2},
        {"mixing": "mlp", "mixing_width": 1, "heads": 0, "positions": "none"},
        {"heads": 1},
    ],
)
def test_values_at_the_end_of_their_range(tiny_config, changes):
    assert ModelConfig.from_dict(tiny_config().to_dict() | changes)


@pytest.mark.parametrize(
    "spoil, words",
    [
        (lambda values: values.pop("heads"), "missing 'heads'"),
        (lambda values: values.update(dropout=0.1), "unknown key 'dropout'"),
        (lambda values: values.update(assumed="n"), "assumed must be a list"),
        (lambda values: values.update(task=3), "task must be text"),
        (lambda values: values.update(kind=None), "kind must be text"),
        (lambda values: values.update(mixing=["mlp"]), "mixing must be"),
        (lambda values: values.update(positions={}), "positions must be"),
    ],
)
def test_an_invalid_dictionary(tiny_config, spoil, words):
    values = tiny_config().to_dict()
    spoil(values)
    with pytest.raises(ConfigError, match=words):
        ModelConfig.from_dict(values)


@pytest.mark.parametrize(
    "spoil",
    [
        {"n": int("9" * 4000)},
        {"n": -(16**100_000)},
        {"rope_theta": int("9" * 4000)},
        {"layers": "x" * 100_000},
        {"kind": "x" * 100_000},
        {"task": "x" * 100_000},
        {"assumed": ["x" * 100_000]},
        {"x" * 100_000: 1},
        {"heads": ["x"] * 100_000},
        {"mixing": {"x" * 100: "y" * 100_000}},
    ],
    ids=lambda spoil: str(next(iter(spoil)))[:12],
)
def test_a_long_value_is_named_shortly(tiny_config, spoil):
    with pytest.raises(UserError) as error:
        task_of(ModelConfig.from_dict(tiny_config().to_dict() | spoil))
    assert len(str(error.value)) < 250 and "\n" not in str(error.value)


def test_what_follows_from_the_fields(tiny_config):
    config = tiny_config(prefix_length=3, sequence_length=900)
    assert config.length == 903
    assert config.grid == (30, 30)
    assert (config.depth.n, config.depth.T, config.depth.N_sup) == (2, 2, 3)


def test_another_depth_is_checked_too(tiny_config):
    config = tiny_config()
    deeper = config.with_depth(N_sup=64, n=6)
    assert (deeper.n, deeper.T, deeper.N_sup, deeper.heads) == (6, 2, 64, config.heads)
    with pytest.raises(ConfigError, match="T must be"):
        config.with_depth(T=0)


@pytest.mark.parametrize("of_kind", [{"kind": "hrm", "H_layers": 1}, {"kind": "air"}])
def test_a_model_that_was_trained_without_q_continue_may_halt_by_q_halt_alone(tiny_config, of_kind):
    assert tiny_config(**of_kind).halting == HALT_OR_CONTINUE
    alone = tiny_config(**of_kind, halting=HALT_ALONE)
    assert alone.halting == HALT_ALONE and ModelConfig.from_dict(alone.to_dict()) == alone
    with pytest.raises(ConfigError, match="never if there is no halting head"):
        tiny_config(**of_kind, halting=NEVER)


def test_a_kind_without_a_halting_head_never_halts(tiny_config):
    of_kind = {"kind": "sotaku", "latents": 0, "layers": 3, "n": 2, "halting_outputs": 0}
    assert tiny_config(**of_kind).halting == tiny_config(**of_kind, halting=NEVER).halting == NEVER
    with pytest.raises(ConfigError, match="halting of a model of kind sotaku must be never"):
        tiny_config(**of_kind | {"halting_outputs": 2}, halting=HALT_ALONE)
