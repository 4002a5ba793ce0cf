"""What the sidebar says about a model: its parts, depth and self-check, and the numbers of heads that fit its weights."""

from types import SimpleNamespace
from unittest.mock import MagicMock

import pytest

from app.server.models import ModelSource
from app.sidebar import model_facts
from app.sidebar.model_controls import Opened, possible_heads
from app.sidebar.model_facts import check_sentence
from trm.coordinates import Depth

CHECK = {"blank_cell": 0.625, "loss": 0.1234}


@pytest.mark.parametrize(
    "puzzles, exact, says",
    [
        (1, 1.0, "1 puzzle, 1 solved exactly"),
        (3, 2 / 3, "3 puzzles, 2 solved exactly"),
        (8, 0.0, "8 puzzles, 0 solved exactly"),
    ],
)
def test_a_self_check_tells_how_many_puzzles_are_solved(puzzles, exact, says):
    found = check_sentence(CHECK | {"puzzles": puzzles, "exact": exact})
    assert found == f"{says}; 62% of blank cells are correct, and the loss is 0.123 nats."
    assert check_sentence({"note": "no puzzles of this size"}) == "no puzzles of this size"


def test_the_heads_divide_the_channels(tiny_config):
    assert possible_heads(tiny_config(hidden_size=12, heads=2, positions="none")) == [1, 2, 3, 4, 6, 12]
    assert possible_heads(tiny_config(mixing="mlp", mixing_width=20, heads=0, positions="none")) == []


@pytest.fixture
def page(monkeypatch):
    """The page on which the sidebar draws."""
    drawn = MagicMock()
    monkeypatch.setattr(model_facts, "st", drawn)
    monkeypatch.setattr(model_facts.model_controls, "force_controls", lambda opened: None)
    monkeypatch.setattr(model_facts.progress, "follow", lambda *_, **__: None)
    monkeypatch.setattr(model_facts.shared, "models", lambda: SimpleNamespace(ready=lambda source: False))
    return drawn


def drawn_of(monkeypatch, config, depth, sources=(), notes=()) -> None:
    opened = Opened(ModelSource("made", "made", "bundled"), config, dict(sources), notes=notes)
    monkeypatch.setattr(model_facts.model_controls, "forced", lambda opened: (opened.source, config, depth))
    monkeypatch.setattr(model_facts.registry, "measured_states", lambda name: {})
    accuracy = {"exact": 0.875, "count": 1200, "data": "sudoku/test"}
    monkeypatch.setattr(model_facts.registry, "model_card", lambda name: {"accuracy": accuracy})
    model_facts.show(opened)
    model_facts.show_depth(opened)


def test_the_table_of_a_model_names_the_origin_of_its_values_where_it_matters(page, monkeypatch, tiny_config):
    config = tiny_config(kind="trm-multi-z", latents=2, assumed=("heads",))
    sources = {
        "n": "all_config.yaml",
        "T": "config.json",
        "N_sup": "tensors",
        "heads": "",
        "weights": "averaged (EMA)",
    }
    drawn_of(monkeypatch, config, config.depth, sources, notes=("A note.",))
    assert page.markdown.call_args.args[0].split("  \n") == [
        "D = **8**", "layers = **2**", "heads = **2** :orange[(assumed)]", "positions = **rope**",
        "n = **2** :gray[(all_config.yaml)]", "T = **2**", "N_sup = **3**", "z states = **2**", "prefix = **1**",
        f"halts when {config.halting}", "weights: averaged \\(EMA\\)", ":orange[A note\\.]",
    ]  # fmt: skip


def test_a_model_that_mixes_with_an_mlp_has_no_heads(page, monkeypatch, tiny_config):
    config = tiny_config(mixing="mlp", mixing_width=20, heads=0, positions="none")
    drawn_of(monkeypatch, config, config.depth)
    lines = page.markdown.call_args.args[0].split("  \n")
    assert lines[:4] == ["D = **8**", "layers = **2**", "mixing = **MLP**", "n = **2**"]
    assert not any(line.startswith(("z states", "weights")) for line in lines)


@pytest.mark.parametrize("changed", [False, True])
def test_the_depth_in_use_is_compared_with_the_trained_one(page, monkeypatch, tiny_config, changed):
    config = tiny_config()
    depth = Depth(n=4, T=3, N_sup=5) if changed else config.depth
    drawn_of(monkeypatch, config, depth)
    captions = [call.args[0] for call in page.caption.call_args_list]
    assert captions == [
        "Self-check: running..."
        if changed
        else "Accuracy: 87.5% of 1,200 puzzles in sudoku/test are solved exactly.",
        "**n = 4** (trained with 2) f_L calls, then one f_H call; **T = 3** (trained with 2) such cycles per step; "
        "**N_sup = 5** steps (trained with 3). Total: 75 network calls."
        if changed
        else "**n = 2** f_L calls, then one f_H call; **T = 2** such cycles per step; **N_sup = 3** steps. "
        "Total: 18 network calls.",
        "The model is not loaded yet; the player shows a recorded run.",
    ]
