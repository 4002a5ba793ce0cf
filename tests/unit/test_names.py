"""Names are the field's words: none of our former private words, and a class name means one thing in the project."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
ROOMS = ("app", "probes", "recursion_lens", "trm", "bench")
PRIVATE = {
    "walk",
    "walks",
    "kept",
    "against",
    "takeaway",
    "cloud",
    "clouds",
    "moment",
    "moments",
    "ahead",
    "begun",
    "travel",
    "wish",
    "asked",
    "told",
    "judgement",
    "codelength",
    "rollouts",
    "anew",
}
ALLOWED = {
    "rollouts": "a sweep of `python -m probes sweep`",
    "against": "a parameter of links to the Compare page",
    "ast.walk": "Python's own",
    "os.walk": "Python's own",
}


@cache
def words(name: str) -> set[str]:
    return {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)}


@cache
def nodes_of(path: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(ast.parse(path.read_text("utf-8"))))


def python_names(path: Path) -> Iterator[str]:
    """Identifiers, and strings that are one word, as keys are."""
    for node in nodes_of(path):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield f"{node.value.id}.{node.attr}" if node.attr == "walk" else node.attr
        else:
            yield from (
                value
                for field in ("id", "name", "attr", "arg", "asname")
                if isinstance(value := getattr(node, field, None), str)
            )
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and re.fullmatch(r"[\w.-]+", node.value)
        ):
            yield node.value


NO_NAMES = re.compile(
    r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`", re.DOTALL
)


def script_names(path: Path) -> Iterator[str]:
    """Identifiers of JavaScript, class names of CSS."""
    yield from re.findall(r"[A-Za-z_$][\w$-]*", NO_NAMES.sub(" ", path.read_text("utf-8")))


def names_of(room: str) -> Iterator[tuple[str, Path]]:
    for path in sorted((REPOSITORY / room).rglob("*")):
        if path.suffix == ".py":
            yield from ((name, path) for name in (path.stem, *python_names(path)))
        elif path.suffix in (".js", ".mjs", ".css"):
            yield from ((name, path) for name in (path.stem, *script_names(path)))


@pytest.mark.parametrize("room", ROOMS)
def test_no_name_is_of_the_former_private_language(room):
    offenders = {
        f"{path.relative_to(REPOSITORY)}: {name}"
        for name, path in names_of(room)
        if name not in ALLOWED and words(name) & PRIVATE
    }
    assert not offenders, "\n".join(sorted(offenders))


def test_a_class_name_means_one_thing():
    places = defaultdict(list)
    for room in (*ROOMS, "scripts"):
        for path in (REPOSITORY / room).rglob("*.py"):
            for node in nodes_of(path):
                if isinstance(node, ast.ClassDef):
                    places[node.name].append(str(path.relative_to(REPOSITORY)))
    assert not {name: found for name, found in places.items() if len(found) > 1}
