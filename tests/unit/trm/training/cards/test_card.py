"""Model cards: those of the bundled models are generated, and a card states what the files in the model's folder say."""

import json
from dataclasses import replace

import pytest
from card_facts import CURVE, EXTREME, FACTS, SCORES, STATE

from trm import registry
from trm.checkpoint import save_model
from trm.errors import UserError
from trm.provenance import Training
from trm.training.cards.card import CARD, card, write_card
from trm.training.cards.files import bundled_names, read_facts
from trm.training.cards.recipe import curriculum, data_sentence, limits, recipe
from trm.training.presets import MAZE_HRM, MAZE_TRM, SUDOKU_HRM, SUDOKU_TRM, SUDOKU_TRM_LARGE, PuzzleSpec
from trm.training.schedule import DepthPhase, Schedule, StepsPhase

SECTIONS = (
    "Training", "Leakage", "Accuracy", "Public puzzles", "Halting", "States", "Seeds", "Held-out accuracy during training", "Limits",
)  # fmt: skip


def sections_of(text: str) -> list[str]:
    return [line.removeprefix("## ") for line in text.splitlines() if line.startswith("## ")]


def section(text: str, name: str) -> str:
    return text.partition(f"## {name}\n\n")[2].partition("\n\n## ")[0]


@pytest.mark.parametrize("name", bundled_names())
def test_the_card_of_a_bundled_model_is_generated(name):
    """`python -m trm.training.cards` writes it; what a person adds goes to the notes.md beside it."""
    text = (registry.models_folder() / name / CARD).read_text("utf-8")
    assert text == card(read_facts(name))
    assert tuple(sections_of(text)) == SECTIONS


def test_a_card_states_how_the_model_was_trained():
    text = card(FACTS)
    assert "TRM with MLP mixing for 9x9 Sudoku puzzles: 1,234 parameters, n=6, T=3" in text
    assert "Weights: `0123456789abcdef`. Licence: Apache-2.0." in text
    training = section(text, "Training")
    assert training.startswith("`the command`")
    assert "9 minutes, 1,090 updates of 64 puzzles, seed 0, on one core. It rained." in training
    assert "`sudoku-trm/snapshots/a`" in training and "moving average (decay 0.999)" in training
    assert "seed 3" in card(replace(FACTS, preset=replace(SUDOKU_TRM, seed=3)))
    plain = replace(FACTS, preset=replace(SUDOKU_TRM, ema=None), snapshots=[])
    assert "not averaged" in card(plain) and "float16" not in card(plain)


def test_a_card_of_an_hrm_on_mazes():
    text = card(replace(FACTS, preset=MAZE_HRM, config=MAZE_HRM.model, public={}))
    assert "HRM with attention and rotary positions for 15x15 mazes" in text
    assert (
        "2 layers in f_L and 2 in f_H" in text
        and "| 9 | 1,090 | T=3, n=6, 225 cells | 0.200 | 0.900 |" in text
    )
    assert "q_halt > q_continue" in section(text, "Halting")
    assert section(text, "Public puzzles") == "It was not measured on public puzzles."
    assert "public" not in section(text, "Leakage")


def test_the_accuracy_has_an_interval_and_its_puzzles_are_sorted_from_easy_to_hard():
    text = section(card(FACTS), "Accuracy")
    assert "`python -m trm eval --model sudoku-trm --data sudoku/test` in float32, on 2026-01-02" in text
    rows = [line for line in text.splitlines() if line.startswith("| ")][2:]
    assert rows == [
        "| easy, 36-41 givens | 20 | 75.0% | 75.0% | 100.0% |",
        "| hard, 90-109 steps | 5 | 25.0% | 25.0% | 60.0% |",
        "| hard, 110-119 steps | 5 | 25.0% | 25.0% | 70.0% |",
        "| all | 30 | 50.0% (33.2 to 66.8) | 50.0% (33.2 to 66.8) | 80.0% (62.7 to 90.5) |",
    ]
    limited = card(replace(FACTS, scores=SCORES | {"limit": 30}))
    assert "--data sudoku/test --limit 30` in float32" in limited


def test_public_puzzles_are_beside_published_models():
    text = section(card(FACTS), "Public puzzles")
    assert (
        "| 200 | 5.0% (2.7 to 9.0) | 10.0% (6.6 to 14.9) | 25.0% (19.5 to 31.4) | 20.0% (15.0 to 26.1) |"
        in text
    )
    assert "float32, on 2026-01-03" in text
    assert "| 27 million | 1,000 of its puzzles, augmented | 55.0% |" in text
    unknown = replace(EXTREME, solved={16: 50})
    other = card(replace(FACTS, public={"sudoku-extreme": unknown, "top1465": EXTREME}))
    assert "| 200 | - | - | 25.0% (19.5 to 31.4) |" in other
    assert "published model" not in card(replace(FACTS, public={"top1465": EXTREME}))


def test_halting_and_states():
    text = card(FACTS)
    halting = section(text, "Halting")
    assert "after 3.2 of 16 steps" in halting and "wrong answer on 5.0%" in halting
    assert "0.988 over all steps" in halting and "0.765 at the last step" in halting
    states = section(text, "States")
    assert states.startswith("**z takes part.**") and "| z | 25% | 50% | 100% | 12% |" in states
    inert = card(replace(FACTS, states={"y": STATE, "z": STATE | {"inert": True}}))
    assert "**z only repeats its input.**" in inert


def test_the_notes_of_a_person_are_the_end_of_the_limits():
    assert section(card(FACTS), "Limits").endswith("\n\n**A note** by hand.\n")
    assert section(card(replace(FACTS, notes="")), "Limits").endswith("breaks the rules.\n")


def test_an_older_curve_has_no_accuracy_after_the_first_step():
    line = {name: value for name, value in CURVE[1].items() if name != "held_out_exact_1"}
    assert "| 9 | 1,090 | T=3, n=6 | - | 0.900 |" in card(replace(FACTS, curve=[line]))


# a preset in words


def test_the_training_data_as_a_phrase():
    assert data_sentence(SUDOKU_TRM) == "generated Sudoku puzzles: 12,000 easy (givens 24 to 42)"


def test_the_curriculum_as_a_phrase():
    assert curriculum(SUDOKU_TRM) == (
        "n=2 T=1 until 15%, n=2 T=2 until 45%, n=4 T=2 until 60% of the run, then n=6 T=3; "
        "up to 80% of the blank cells are revealed, fewer and fewer until 40%"
    )
    assert curriculum(MAZE_TRM) == (
        "grids of 9x9 until 6%, 11x11 until 16% of the run; "
        "the loss weighs given cells 0 until 12%, 0.1 until 45%, 0.5 until 75%, then 1"
    )


def test_fewer_supervision_steps_at_first_as_a_phrase():
    schedule = Schedule(
        (DepthPhase(1.0, 6, 1),), 1e-3, 1, fewer_steps=(StepsPhase(0.25, 2), StepsPhase(0.5, 4))
    )
    words = "supervision steps per puzzle: at most 2 until 25%, 4 until 50% of the run, then 16"
    assert curriculum(replace(SUDOKU_TRM, schedule=schedule)) == words


def test_a_recipe_is_compared_with_that_of_the_models_paper():
    trm, hrm, maze = map(recipe, (SUDOKU_TRM_LARGE, SUDOKU_HRM, MAZE_TRM))
    assert trm.startswith("D=256 instead of 512, AdamW instead of Adam-atan2") and "n=" not in trm
    assert "n=6 instead of 2, T=1 instead of 2, 2 layers in each net instead of 4" in hrm
    assert "averaged weights" in hrm and "no loss on q_continue" in hrm
    assert "n=2 instead of 4" in maze and "generated puzzles instead of 1,000 of Maze-Hard" in maze


def test_a_card_states_what_the_model_was_not_trained_on():
    assert "only on puzzles that singles solve" in limits(SUDOKU_TRM)
    assert "singles" not in limits(replace(SUDOKU_TRM, data=(PuzzleSpec(1, "easy"), PuzzleSpec(1, "hard"))))
    assert "depth-first" in limits(MAZE_HRM)


# files


@pytest.fixture
def bundled(tmp_path, monkeypatch, tiny_model):
    """A folder of bundled models in which a tiny model has the name of a preset, and all files of a card."""
    folder, model = tmp_path / "sudoku-trm", tiny_model()
    save_model(folder, model.config, model.state_dict(), Training("sudoku-trm", 7, 90))
    (folder / "scores.json").write_text(json.dumps(SCORES))
    (folder / "states.json").write_text(json.dumps({"z": STATE}))
    (folder / "training.json").write_text('{"command": "the command", "machine": "one core", "note": ""}')
    (folder / "curve.csv").write_text("minutes,update,held_out_exact,n,T\n2.0,90,0.5,2,2\n")
    monkeypatch.setenv("RECURSION_LENS_MODELS", str(tmp_path))
    return folder


def test_a_card_is_written_from_files_alone(bundled):
    (bundled / "notes.md").write_text("It was small.\n")
    write_card("sudoku-trm")
    text = (bundled / "card.md").read_text("utf-8")
    assert "2 minutes, 90 updates of 64 puzzles, seed 7, on one core.\n" in text
    assert text.endswith("\n\nIt was small.\n")


@pytest.mark.parametrize("name", ["scores.json", "training.json", "curve.csv"])
def test_a_card_without_one_of_its_files_is_an_error(bundled, name):
    (bundled / name).unlink()
    with pytest.raises(UserError, match=name.replace(".", r"\.")):
        write_card("sudoku-trm")
    assert not (bundled / "card.md").exists()


def test_a_damaged_record_of_a_run_is_an_error(bundled):
    (bundled / "training.json").write_text('{"command": 7}')
    with pytest.raises(UserError, match=r"training\.json is not a record of a training run, or is damaged"):
        read_facts("sudoku-trm")


def test_a_card_of_an_unknown_model_is_an_error(bundled):
    with pytest.raises(UserError, match=r"no bundled model 'sudoku-hrm'\. Choose one of: sudoku-trm"):
        write_card("sudoku-hrm")
