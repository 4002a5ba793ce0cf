"""The command of settings, and the settings that a command reads from it again."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pytest
from cyclopts import App, Parameter

from trm.cli.options import ModelChoice, PuzzleChoice
from trm.errors import UserError
from trm.terminal import as_command, steps_of


@dataclass(frozen=True)
class Inner:
    seed: int = 0
    control: Annotated[bool, Parameter(name=(), negative="--no-control")] = True


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Settings:
    name: str
    min_dist: float = 0.1
    steps: Annotated[tuple[int, ...], Parameter(name="--at", converter=steps_of)] = (1, 2)
    out: Path | None = None
    force: bool = False
    inner: Annotated[Inner, Parameter(name="*")] = Inner()


CHANGED = Settings(
    name="my set", min_dist=0.5, steps=(1, 4), out=Path("a.csv"), force=True, inner=Inner(7, False)
)


def test_the_command_leaves_defaults_out():
    assert as_command("do it", Settings(name="x")) == "do it --name x"
    assert as_command("do it", CHANGED) == (
        "do it --name 'my set' --min-dist 0.5 --at 1,4 --out a.csv --force --seed 7 --no-control"
    )


def test_a_command_read_again_gives_the_same_settings():
    app = App(result_action="return_value")

    @app.default
    def read(*, settings: Settings) -> Settings:
        return settings

    for settings in (CHANGED, Settings(name="x")):
        assert app(as_command("", settings)) == settings


def test_options_that_no_dataclass_has():
    options = {
        "puzzle_id": 3,
        "limit": None,
        "probe": ["a", "b"],
        "steps": (1, 2),
        "record": True,
        "no": False,
    }
    assert as_command("do", options, {"out": "o"}) == (
        "do --puzzle-id 3 --probe a --probe b --steps 1,2 --record --out o"
    )


def test_the_names_of_the_papers_are_kept():
    choice = ModelChoice(model="m", N_sup=2, prefix_length=1, accept_unknown=True)
    assert as_command("trm eval", choice, PuzzleChoice(data="d", limit=3)) == (
        "trm eval --N_sup 2 --prefix 1 --accept-unknown --model m --data d --limit 3"
    )


@pytest.mark.parametrize("text", ["one", "1-", "-3", "1,2-x", "9998-10000"])
def test_steps_are_numbers_and_ranges(text):
    with pytest.raises(UserError, match=r"--at must be supervision steps such as 1,4,8-16"):
        steps_of(tuple, [Token("--at", text)])


def test_no_more_than_forty_characters_of_a_text_that_is_no_step_are_quoted():
    with pytest.raises(UserError, match=rf"not '{'x' * 40}'\.$"):
        steps_of(tuple, [Token("--at", "x" * 41)])


def test_a_range_of_steps_has_up_to_nine_characters():
    assert steps_of(tuple, [Token("--at", "9997-9999")]) == (9997, 9998, 9999)


@dataclass
class Token:
    """What cyclopts hands to a converter."""

    keyword: str
    value: str
