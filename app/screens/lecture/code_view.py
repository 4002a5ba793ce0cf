"""The code view: lines of trm/recursion.py, each with marks that name its role.

The file is parsed, not imported, because an import would load torch and delay the first scene by seconds. The marks
come from the syntax tree, so no line numbers are hard-coded.
"""

import ast
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from app.screens.lecture.scenes import LectureError

FUNCTIONS = ("latent_recursion", "deep_recursion", "deep_supervision")
LOOP_MARKS = {"latent_recursion": "loop_L", "deep_recursion": "loop_T", "deep_supervision": "loop_N"}
CALL_MARKS = {
    "f_L": "f_L",
    "f_H": "f_H",
    "detach": "detach",
    "heads": "heads",
    "set_grad_enabled": "gradient",
}
REQUIRED_MARKS = {*LOOP_MARKS.values(), *CALL_MARKS.values()}


def recursion_file() -> Path:
    """Return the path of trm/recursion.py."""
    return Path(find_spec("trm.recursion").origin)


def source(path: Path | None = None) -> list[dict[str, Any]]:
    """Return the three functions of the recursion, each as {name, lines: [{number, text, marks}]}.

    A line whose number is None replaces omitted lines: the rest of the signature, and the docstring. Raises
    LectureError if the file lacks a function or a line that the lecture highlights.
    """
    path = path or recursion_file()
    text = path.read_text("utf-8")
    lines = text.splitlines()
    functions = {node.name: node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)}
    excerpts = []
    for name in FUNCTIONS:
        if name not in functions:
            raise LectureError(f"{path} has no function {name}, which the lecture shows.")
        excerpts.append({"name": name, "lines": list(_lines(functions[name], lines))})
    marks = {mark for function in excerpts for line in function["lines"] for mark in line["marks"]}
    if missing := REQUIRED_MARKS - marks:
        raise LectureError(f"{path} has no line for {sorted(missing)[0]}, which the lecture points at.")
    return excerpts


def _lines(function: ast.FunctionDef, lines: list[str]) -> Iterator[dict[str, Any]]:
    marks = _marks(function)
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    yield {"number": function.lineno, "text": lines[function.lineno - 1], "marks": []}
    yield {"number": None, "text": "", "marks": []}
    for number in range(body[0].lineno, function.end_lineno + 1):
        yield {"number": number, "text": lines[number - 1], "marks": sorted(marks.get(number, ()))}


def _marks(function: ast.FunctionDef) -> dict[int, set[str]]:
    """Return the marks of a function's lines, by line number."""
    marks: dict[int, set[str]] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.For):
            marks.setdefault(node.lineno, set()).add(LOOP_MARKS[function.name])
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in CALL_MARKS
        ):
            marks.setdefault(node.func.end_lineno, set()).add(CALL_MARKS[node.func.attr])
    return marks
