"""Attention of a call: the softmax by hand, on the input of the call, in the net that makes it."""

import json

import numpy as np
import pytest
import torch
from small_runs import MLP, SMALL

from probes.cli.main import main
from probes.interventions.attribution.attention import attention_of
from probes.interventions.attribution.mixing import mixing
from probes.interventions.attribution.results import attended
from probes.interventions.fork import cache_run
from probes.interventions.sites import InterventionError
from trm.checkpoint import load_model, save_model
from trm.coordinates import F_H, F_L, Coordinates
from trm.record import one_puzzle

PUZZLE = SMALL.parse("12..34....21..43")


def by_hand(attention, x: np.ndarray) -> np.ndarray:
    """softmax(q k^T / sqrt(d)) for one block's input (position, dim), one head and one pair of positions at a time."""
    positions, dim = x.shape
    heads = attention.heads
    size = dim // heads
    q, k, _ = np.split(
        x.astype(np.float64) @ attention.qkv_proj.weight.numpy().T.astype(np.float64), 3, axis=1
    )
    found = np.zeros((heads, positions, positions))
    for head in range(heads):
        part = slice(head * size, (head + 1) * size)
        for a in range(positions):
            for b in range(positions):
                found[head, a, b] = rotated(q[a, part], a, attention) @ rotated(k[b, part], b, attention)
    found = np.exp(found / np.sqrt(size))
    return found / found.sum(-1, keepdims=True)


def rotated(vector: np.ndarray, position: int, attention) -> np.ndarray:
    """A vector with rotary position embedding: each pair (i, i + d / 2) is rotated by position / theta^(2 i / d)."""
    if attention.rotary is None:
        return vector
    size = len(vector)
    out = vector.copy()
    for i in range(size // 2):
        angle = position / attention.rotary.theta ** (2 * i / size)
        a, b = vector[i], vector[i + size // 2]
        out[i] = a * np.cos(angle) - b * np.sin(angle)
        out[i + size // 2] = b * np.cos(angle) + a * np.sin(angle)
    return out


@pytest.mark.parametrize("changes", [{}, {"positions": "learned"}, {"heads": 4}])
def test_maps_match_the_softmax_by_hand(tiny_model, changes):
    model = tiny_model(**changes)
    run = cache_run(model, SMALL, PUZZLE)
    x = model.embed(*one_puzzle(model, PUZZLE, 0))
    before = run.states[Coordinates(2, 1, 1, F_L)]
    found = attention_of(run, Coordinates(2, 1, 2, F_L)).weights
    assert found.shape == (2, model.config.heads, 17, 17)
    assert np.abs(found.sum(-1) - 1).max() < 1e-5 and found.min() >= 0
    first, second = model.L_level.layers
    block_input = before.z + before.y + x
    assert found[0] == pytest.approx(by_hand(first.self_attn, block_input[0].numpy()), abs=1e-5)
    assert found[1] == pytest.approx(by_hand(second.self_attn, first(block_input)[0].numpy()), abs=1e-5)
    assert found[0, 0].std() > 1e-4 and np.abs(found[0, 0] - found[0, 1]).max() > 1e-3  # not uniform


def test_the_first_call_and_calls_of_f_H_read_the_same_states_as_in_the_run(tiny_model):
    model = tiny_model()
    run = cache_run(model, SMALL, PUZZLE)
    x = model.embed(*one_puzzle(model, PUZZLE, 0))
    attention = model.L_level.layers[0].self_attn
    first = attention_of(run, Coordinates(1, 1, 1, F_L)).weights
    assert first[0] == pytest.approx(attention.weights(run.start.z + run.start.y + x)[0].numpy(), abs=1e-6)
    end = run.states[Coordinates(1, 2, 3, F_H)]
    next_step = attention_of(run, Coordinates(2, 1, 1, F_L)).weights
    assert next_step[0] == pytest.approx(attention.weights(end.z + end.y + x)[0].numpy(), abs=1e-6)
    before = run.states[Coordinates(3, 1, 2, F_L)]
    answering = attention_of(run, Coordinates(3, 1, 3, F_H)).weights
    assert answering[0] == pytest.approx(attention.weights(before.y + before.z)[0].numpy(), abs=1e-6)


def test_the_maps_come_from_the_net_of_the_call_and_the_model_is_unchanged(tiny_model):
    model = tiny_model(kind="hrm", H_layers=3)
    parts = list(model.modules())
    run = cache_run(model, SMALL, PUZZLE)
    assert attention_of(run, Coordinates(1, 2, 2, F_L)).weights.shape[0] == 2
    found = attention_of(run, Coordinates(1, 2, 3, F_H)).weights
    before = run.states[Coordinates(1, 2, 2, F_L)]
    own = model.H_level.layers[0].self_attn.weights(before.y + before.z)[0].numpy()
    assert found.shape[0] == 3 and found[0] == pytest.approx(own, abs=1e-6)
    assert all(a is b for a, b in zip(parts, model.modules(), strict=True))


@pytest.mark.parametrize(
    "kind", [{"kind": "trm-multi-z", "latents": 2}, {"kind": "trm-single-z", "latents": 0}]
)
def test_other_model_kinds_have_maps(tiny_model, kind):
    run = cache_run(tiny_model(**kind), SMALL, PUZZLE)
    found = attention_of(run, Coordinates(2, 2, 1, F_L)).weights
    assert found.shape == (2, 2, 17, 17) and np.abs(found.sum(-1) - 1).max() < 1e-5


def test_weights_times_values_give_the_output_of_a_block(tiny_model):
    attention = tiny_model().L_level.layers[1].self_attn
    x = torch.randn(2, 17, 8, generator=torch.Generator().manual_seed(3))
    _, _, value = attention.query_key_value(x)
    mixed = (attention.weights(x) @ value).transpose(1, 2).reshape(2, 17, 8)
    assert torch.allclose(attention.o_proj(mixed), attention(x), atol=1e-6)


def test_the_map_of_a_cell_is_its_row_and_its_column(tiny_model):
    model = tiny_model()
    run = cache_run(model, SMALL, PUZZLE)
    at = Coordinates(2, 1, 2, F_L)
    whole = attention_of(run, at).weights
    found = attended(run, at=at, cell=5, layer="2", head="1")
    assert found.table["receives"] == pytest.approx(whole[1, 0, 6, 1:], abs=1e-6)
    assert found.table["sends"] == pytest.approx(whole[1, 0, 1:, 6], abs=1e-6)
    assert found.prefix + sum(found.table["receives"]) == pytest.approx(1, abs=1e-4)
    assert (found.cell, found.call, found.table["cell"][4]) == ("r2c2", "2.1.2", "r2c1")
    mean = attended(run, at=at, cell=5)
    assert mean.table["receives"] == pytest.approx(whole[0, :, 6, 1:].mean(0), abs=1e-6)
    assert 0 < mean.relations["peers"][0] < 1
    for wrong, message in (
        ({"layer": "3"}, "no layer '3'"),
        ({"head": "0"}, "no head '0'"),
        ({"head": "1" * 30}, f"no head '{'1' * 20}'"),
        ({"cell": 16}, "no cell 17"),
    ):
        with pytest.raises(InterventionError, match=message):
            attended(run, **{"at": at, "cell": 5} | wrong)


def test_maps_and_mixing_weights_on_the_command_line(tmp_path, tiny_model, capsys):
    folders = {}
    for name, changes in (("attention", {}), ("mixing", MLP)):
        model = tiny_model(**changes)
        folders[name] = tmp_path / name
        folders[name].mkdir()
        save_model(folders[name], model.config, model.state_dict())
    base = ["attribute", "--cell", "r1c3", "--json", "--method"]
    options = ["attention", "--model", str(folders["attention"]), "--puzzle", "12..34....21..43"]
    main(
        [
            *base,
            *options,
            "--call",
            "2.1.3",
            "--layer",
            "2",
            "--head",
            "2",
            "--out",
            str(tmp_path / "map.json"),
        ]
    )
    printed = json.loads(capsys.readouterr().out)
    assert (
        printed["of"] == "attention in call 2.1.3, layer 2, head 2" and (tmp_path / "map.parquet").is_file()
    )
    run = cache_run(load_model(str(folders["attention"])), SMALL, PUZZLE)
    whole = attention_of(run, Coordinates(2, 1, 3, F_H)).weights
    assert printed["table"]["receives"] == pytest.approx(whole[1, 1, 3, 1:], abs=1e-5)
    main([*base, "mixing", "--model", str(folders["mixing"]), "--layer", "2"])
    printed = json.loads(capsys.readouterr().out)
    strength = mixing(load_model(str(folders["mixing"])), SMALL, "2").strength
    assert printed["table"]["sends"] == pytest.approx(strength[:, 2], abs=1e-5)
    for wrong, message in (
        (["attention", "--model", str(folders["attention"])], "--puzzle is missing"),
        ([*options, "--call", "2"], "names 6 calls"),
        ([*options, "--halting"], "Choose what to explain"),
        (["attention", "--model", str(folders["mixing"]), "--puzzle", "12..34....21..43"], "by an MLP"),
    ):
        with pytest.raises(SystemExit):
            main([*base, *wrong])
        assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    "at", [Coordinates(4, 1, 1, F_L), Coordinates(1, 3, 1, F_L), Coordinates(0, 1, 1, F_L)]
)
def test_calls_that_do_not_exist(tiny_model, at):
    run = cache_run(tiny_model(), SMALL, PUZZLE)
    with pytest.raises(InterventionError, match="3 supervision steps of 2 cycles of 3 calls"):
        attention_of(run, at)


def test_an_mlp_has_no_attention(tiny_model):
    run = cache_run(tiny_model(**MLP), SMALL, PUZZLE)
    with pytest.raises(InterventionError, match="by an MLP"):
        attention_of(run, Coordinates(1, 1, 1, F_L))
