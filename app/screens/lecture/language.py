"""What is said in the lecture: one TOML file per language, with the numbers of a run filled in.

{n}                     a fact of the run that is shown (trm/run_facts.py); {left.n}, {right.n} where two are
{n|call|calls}          a number with the form of the word that fits: two forms as in English, three as in Russian
[solved] ...            a paragraph for runs of which that is so; [not solved, halts] for several conditions
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from app.screens.lecture.scenes import FOLDER, LectureError, read_toml
from trm.player.bundle import english_texts
from trm.run_facts import Facts

PARTS = ("title", "text", "question", "answer", "notes")
FIRST = "en"
HOLE = re.compile(r"\{([\w.]+)((?:\|[^|{}]*)*)\}")
CONDITION = re.compile(r"\[([\w., ]+)\] *")


@dataclass(frozen=True)
class Language:
    """One file: words of the page and of the player, titles of puzzles, and every scene's parts as they stand there.

    `player` may lack words: those stay as the player says them on its own, in English.
    """

    code: str
    name: str
    words: Mapping[str, str]
    player: Mapping[str, str]
    puzzles: Mapping[str, str]
    scenes: Mapping[str, Mapping[str, str]]


def languages(folder: Path = FOLDER) -> list[str]:
    """Codes of the languages there are, English first."""
    codes = sorted(path.stem for path in folder.glob("*.toml") if path.stem != "scenes")
    return sorted(codes, key=lambda code: code != FIRST)


def read_language(code: str, folder: Path = FOLDER) -> Language:
    """The texts of a language. Raises LectureError where its file is missing, or says too little."""
    if code not in languages(folder):
        raise LectureError(
            f"The lecture is not there in {code!r}. There are: {', '.join(languages(folder))}."
        )
    path = folder / f"{code}.toml"
    read = read_toml(path)
    for name in ("name", "words", "scene"):
        if name not in read:
            raise LectureError(f"{path} has no {name!r}. Compare it with {FIRST}.toml.")
    own, player = english_texts(), read.get("player", {})
    if unknown := [word for word in player if word not in own]:
        raise LectureError(
            f"{path}: player.{unknown[0]} is no word of the player. See trm/player/text/english.js."
        )
    if code != FIRST:
        english = read_language(FIRST, folder)
        missing = [f"words.{word}" for word in english.words if word not in read["words"]]
        missing += [f"scene.{scene}" for scene in english.scenes if scene not in read["scene"]]
        if missing:
            raise LectureError(f"{path} lacks {missing[0]}. Compare it with {FIRST}.toml.")
    for scene, parts in read["scene"].items():
        if lacking := [part for part in PARTS if not parts.get(part, "").strip()]:
            raise LectureError(f"{path}: scene {scene} has no {lacking[0]}.")
    return Language(code, read["name"], read["words"], player, read.get("puzzles", {}), read["scene"])


def paragraphs(text: str, facts: Facts) -> list[str]:
    """The paragraphs of a text that are so of a run, filled in. Raises LectureError for a name that is no fact."""
    told = []
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        line = " ".join(paragraph.split())
        condition = CONDITION.match(line)
        if condition is None:
            told.append(filled(line, facts))
        elif all(_holds(term.strip(), facts) for term in condition[1].split(",")):
            told.append(filled(line[condition.end() :], facts))
    return told


def _holds(term: str, facts: Facts) -> bool:
    name = term.removeprefix("not ").strip()
    return bool(_fact(name, facts)) != term.startswith("not ")


def filled(text: str, facts: Facts) -> str:
    """A text with its facts. Raises LectureError for what is no fact, or is not known of this run."""

    def fact(hole: re.Match) -> str:
        value, forms = _fact(hole[1], facts), hole[2].split("|")[1:]
        if value is None:
            raise LectureError(
                f"{hole[0]} is not known of this run. Put a condition before it, in: {text!r}."
            )
        if not forms:
            return _shown(value)
        if not isinstance(value, int) or len(forms) not in (2, 3):
            raise LectureError(f"{hole[0]} must be a number and two or three forms of a word, in: {text!r}.")
        return f"{_shown(value)} {_form(value, forms)}"

    return HOLE.sub(fact, text)


def _fact(name: str, facts: Facts) -> int | float | str | bool | None:
    if name not in facts:
        raise LectureError(f"There is no fact {name!r}. There are: {', '.join(sorted(facts))}.")
    return facts[name]


def _shown(value: int | float | str | bool) -> str:
    if isinstance(value, float):
        return f"{value:.2f}"
    return f"{value:,}".replace(",", "\u202f") if isinstance(value, int) else value


def _form(number: int, forms: list[str]) -> str:
    """Two forms: one and many. Three: those of Slavic languages for 1, 2 to 4, and the rest."""
    if len(forms) == 2:
        return forms[number != 1]
    tens, ones = number % 100, number % 10
    if 11 <= tens <= 14 or ones == 0 or ones > 4:
        return forms[2]
    return forms[0] if ones == 1 else forms[1]
