"""The texts of the lecture: one TOML file per language, filled in with the facts of a run.

{n}                     a fact of the run (trm/run_facts.py); {left.n} and {right.n} in a scene with two runs
{n|call|calls}          a number and the matching form of a word: two forms as in English, three as in Russian
[solved] ...            a paragraph for solved runs; [not solved, halts] combines conditions
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from app.screens.lecture.scenes import FOLDER, LectureError, read_toml
from trm.export.run_facts import Facts
from trm.player.bundle import english_texts

PARTS = ("title", "text", "question", "answer", "notes")
DEFAULT = "en"
PLACEHOLDER = re.compile(r"\{([\w.]+)((?:\|[^|{}]*)*)\}")
CONDITION = re.compile(r"\[([\w., ]+)\] *")


@dataclass(frozen=True)
class Language:
    """One language file: words of the page and of the player, puzzle titles, and scene texts before they are filled in.

    Words that are missing from `player` stay English, as in the player itself.
    """

    code: str
    name: str
    words: Mapping[str, str]
    player: Mapping[str, str]
    puzzles: Mapping[str, str]
    scenes: Mapping[str, Mapping[str, str]]


def languages(folder: Path = FOLDER) -> list[str]:
    """Return the codes of the available languages, English first."""
    codes = sorted(path.stem for path in folder.glob("*.toml") if path.stem != "scenes")
    return sorted(codes, key=lambda code: code != DEFAULT)


def read_language(code: str, folder: Path = FOLDER) -> Language:
    """Read the texts of a language. Raises LectureError if its file or one of its texts is missing."""
    if code not in languages(folder):
        raise LectureError(
            f"The lecture has no language {code!r}. Available: {', '.join(languages(folder))}."
        )
    path = folder / f"{code}.toml"
    table = read_toml(path)
    for name in ("name", "words", "scene"):
        if name not in table:
            raise LectureError(f"{path} has no {name!r}. Compare it with {DEFAULT}.toml.")
    english_words, player = english_texts(), table.get("player", {})
    if unknown := [word for word in player if word not in english_words]:
        raise LectureError(
            f"{path}: player.{unknown[0]} is not a word of the player. See trm/player/text/english.js."
        )
    if code != DEFAULT:
        english = read_language(DEFAULT, folder)
        missing = [f"words.{word}" for word in english.words if word not in table["words"]]
        missing += [f"scene.{scene}" for scene in english.scenes if scene not in table["scene"]]
        if missing:
            raise LectureError(f"{path} lacks {missing[0]}. Compare it with {DEFAULT}.toml.")
    for scene, parts in table["scene"].items():
        if missing := [part for part in PARTS if not parts.get(part, "").strip()]:
            raise LectureError(f"{path}: scene {scene} has no {missing[0]}.")
    return Language(code, table["name"], table["words"], player, table.get("puzzles", {}), table["scene"])


def paragraphs(text: str, facts: Facts) -> list[str]:
    """Return the paragraphs of a text whose conditions hold, filled in. Raises LectureError for an unknown fact."""
    chosen = []
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        line = " ".join(paragraph.split())
        condition = CONDITION.match(line)
        if condition is None:
            chosen.append(fill_in(line, facts))
        elif all(_is_true(term.strip(), facts) for term in condition[1].split(",")):
            chosen.append(fill_in(line[condition.end() :], facts))
    return chosen


def _is_true(term: str, facts: Facts) -> bool:
    name = term.removeprefix("not ").strip()
    return bool(_fact(name, facts)) != term.startswith("not ")


def fill_in(text: str, facts: Facts) -> str:
    """Fill the facts into a text. Raises LectureError for a fact that is unknown or None."""

    def fact(placeholder: re.Match) -> str:
        value, forms = _fact(placeholder[1], facts), placeholder[2].split("|")[1:]
        if value is None:
            raise LectureError(
                f"{placeholder[0]} has no value in this run. Put a condition before it, in: {text!r}."
            )
        if not forms:
            return _formatted(value)
        if not isinstance(value, int) or len(forms) not in (2, 3):
            raise LectureError(
                f"{placeholder[0]} needs a number and two or three forms of a word, in: {text!r}."
            )
        return f"{_formatted(value)} {_plural_form(value, forms)}"

    return PLACEHOLDER.sub(fact, text)


def _fact(name: str, facts: Facts) -> int | float | str | bool | None:
    if name not in facts:
        raise LectureError(f"No fact is called {name!r}. Available: {', '.join(sorted(facts))}.")
    return facts[name]


def _formatted(value: int | float | str | bool) -> str:
    if isinstance(value, float):
        return f"{value:.2f}"
    return f"{value:,}".replace(",", "\u202f") if isinstance(value, int) else value


def _plural_form(number: int, forms: list[str]) -> str:
    """Choose from two forms (singular, plural) or three Slavic forms (for 1, for 2 to 4, for all other numbers)."""
    if len(forms) == 2:
        return forms[number != 1]
    tens, ones = number % 100, number % 10
    if 11 <= tens <= 14 or ones == 0 or ones > 4:
        return forms[2]
    return forms[0] if ones == 1 else forms[1]
