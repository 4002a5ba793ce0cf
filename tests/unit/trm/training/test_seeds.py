"""Further seeds of a bundled model: runs of the same preset with other random numbers."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from trm import registry
from trm.checkpoint import load_model, save_model
from trm.config import HALT_OR_CONTINUE
from trm.errors import UserError
from trm.evaluate import mean_interval
from trm.provenance import Training
from trm.training.bundle import bundle_seed
from trm.training.log import LOG
from trm.training.seeds import check_seed, seeds_section, write_seeds_section

REPOSITORY = Path(__file__).resolve().parents[4]
NAME = "small"


@pytest.fixture
def config(tiny_config):
    return tiny_config(vocab_size=11, sequence_length=81)


@pytest.fixture
def bundled(tmp_path, monkeypatch, tiny_model, config):
    """A bundled model of seed 0 that solves half of four puzzles."""
    monkeypatch.setenv("RECURSION_LENS_MODELS", str(tmp_path / "models"))
    folder = tmp_path / "models" / NAME
    save_model(folder, config, tiny_model(**vars(config)).state_dict(), Training(NAME, 0, 30))
    (folder / "card.md").write_text("# small\n\n## Limits\n\nMany.\n")
    record(folder, exact=0.5, z=0.25)
    return folder


def record(folder: Path, *, exact: float, z: float) -> None:
    scores = {"data": "sudoku/test", "limit": 4, "count": 4, "exact": exact, "halt_auc": None, "exact_by_step": [0.0, 0.25, exact]}  # fmt: skip
    states = {"z": {"variance_by_token": z, "exact_with_constant": 0.125, "inert": False}}
    (folder / "scores.json").write_text(json.dumps(scores))
    (folder / "states.json").write_text(json.dumps(states))


@pytest.fixture
def run(tmp_path, tiny_model, config):
    """Writes a finished run; keywords replace how it was trained."""

    def write(changed=config, finished: bool = True, **training) -> Path:
        folder = tmp_path / "run"
        model = tiny_model(seed=1, **vars(changed))
        save_model(folder, changed, model.state_dict(), replace(Training(NAME, 1, 28), **training))
        lines = [{"update": 28, "minutes": 1.0} | ({"finished": True} if finished else {})]
        (folder / LOG).write_text("".join(json.dumps(line) + "\n" for line in lines))
        return folder

    return write


def test_a_run_with_another_seed_is_added_to_its_model(bundled, run):
    folder = run()
    bundle_seed(NAME, folder)
    name = f"{NAME}/seeds/1"
    assert registry.model_seeds(NAME) == {0: NAME, 1: name}
    opened, original = load_model(name), load_model(str(folder))
    assert opened.name == name and opened.training_run == Training(NAME, 1, 28)
    assert torch.allclose(opened.lm_head.weight, original.lm_head.weight, atol=1e-3)
    stored = load_file(bundled / "seeds/1/model.safetensors")
    assert {tensor.dtype for tensor in stored.values()} == {torch.float16}
    scores = registry.model_card(name)["accuracy"]
    assert (scores["data"], scores["count"], scores["limit"]) == ("sudoku/test", 4, 4)
    assert set(registry.measured_states(name)) == {"y", "z"}
    section = seeds_section(NAME)
    assert section and section in (bundled / "card.md").read_text()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"seed": 0}, "was trained with seed 0, as small was"),
        ({"preset": "large"}, "from the preset large, but small from small"),
        ({"finished": False}, "is not finished"),
    ],
)
def test_other_runs_are_refused(bundled, run, changes, words):
    with pytest.raises(UserError, match=words):
        bundle_seed(NAME, run(**changes))
    assert registry.model_seeds(NAME) == {0: NAME}


def test_a_run_with_another_configuration_is_refused_with_the_fields_that_differ(bundled, run, config):
    changed = replace(config, halting=HALT_OR_CONTINUE, n=1)
    words = r"differs from small in n \(1, not 2\), halting \(q_halt > q_continue, not q_halt > 0\)"
    with pytest.raises(UserError, match=words):
        check_seed(NAME, run(changed))


def test_a_seed_needs_a_bundled_model_and_a_run(bundled, run, tmp_path):
    with pytest.raises(UserError, match="no bundled model large"):
        bundle_seed("large", run())
    with pytest.raises(UserError, match=r"contains no model\.safetensors"):
        bundle_seed(NAME, tmp_path / "nothing")
    (tmp_path / "run" / "config.json").unlink()
    with pytest.raises(UserError, match="contains no model of `trm train`"):
        check_seed(NAME, tmp_path / "run")


@pytest.mark.heavy
def test_the_command_refuses_in_one_line(bundled, run):
    command = [sys.executable, "-m", "trm.training.bundle", NAME, str(run(seed=0)), "--as-seed"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "with seed 0" in done.stderr


# the section of the card


@pytest.fixture
def three_seeds(bundled, tiny_model, config):
    state = tiny_model(**vars(config)).state_dict()
    for seed, exact, z in ((2, 0.7, 0.5), (11, 0.9, 0.75)):
        save_model(bundled / "seeds" / str(seed), config, state, Training(NAME, seed, 1000 * seed))
        record(bundled / "seeds" / str(seed), exact=exact, z=z)


def test_the_section_has_a_row_for_each_seed_and_their_mean(three_seeds):
    """By hand: of 0.5, 0.7 and 0.9, the mean is 0.7, and the interval 4.303 x 0.2 / sqrt(3) = 0.497."""
    text = seeds_section(NAME)
    assert text.startswith("## Seeds\n") and "trained 3 times" in text and "Its own seed is 0" in text
    assert "`small/seeds/2`, `small/seeds/11`" in text and "of 4 in `sudoku/test`" in text
    assert [line for line in text.splitlines() if line.startswith("|")] == [
        "| seed | updates | after 1 | after 3 | halting AUROC | z by token | z constant |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        "| 0 | 30 | 0.0% | 50.0% | - | 0.250 | 12.5% |",
        "| 2 | 2,000 | 0.0% | 70.0% | - | 0.500 | 12.5% |",
        "| 11 | 11,000 | 0.0% | 90.0% | - | 0.750 | 12.5% |",
        "| mean |  | 0.0% ± 0.0 | 70.0% ± 49.7 | - | 0.500 ± 0.621 | 12.5% ± 0.0 |",
    ]


def test_a_model_of_a_single_seed_has_no_section(bundled):
    assert seeds_section(NAME) == ""


@pytest.mark.parametrize("after", ["", "\n## Limits\n\nMany.\n"])
def test_the_section_replaces_an_earlier_one(three_seeds, bundled, after):
    (bundled / "card.md").write_text(f"# small\n\n## Seeds\n\nOld.\n{after}")
    for _ in range(2):
        write_seeds_section(NAME)
        assert (bundled / "card.md").read_text() == f"# small\n\n{seeds_section(NAME)}\n{after}"


def test_an_interval_over_two_values_by_hand():
    """t with one degree of freedom is 12.706, and the standard error of 1 and 3 is 1."""
    assert mean_interval([1.0, 3.0]) == pytest.approx((2.0, 12.706), abs=1e-3)
