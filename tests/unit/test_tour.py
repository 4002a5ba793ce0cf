"""The notebook docs/notebooks/tour.ipynb: it calls only what exists, and runs from its first cell to its last."""

import ast
import inspect
import json
from pathlib import Path

import pytest

import probes
import trm

TOUR = Path(__file__).resolve().parents[2] / "docs/notebooks/tour.ipynb"
CELLS = json.loads(TOUR.read_text("utf-8"))["cells"]
CODE = "\n".join("".join(cell["source"]) for cell in CELLS if cell["cell_type"] == "code")
PACKAGES = {"trm": trm, "probes": probes}
RUNS = {"trm.run", "probes.intervene"}
"""Functions that return a run."""


def calls() -> list[tuple[ast.Call, str, str]]:
    """Calls of `object.name(...)` in the notebook."""
    return [
        (node, node.func.value.id, node.func.attr)
        for node in ast.walk(ast.parse(CODE))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
    ]


def runs() -> set[str]:
    """Names of variables that hold a run."""
    return {
        node.targets[0].id
        for node in ast.walk(ast.parse(CODE))
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Call)
        and ast.unparse(node.value.func) in RUNS
    }


def test_the_tour_calls_only_functions_that_exist_with_arguments_they_take():
    called = set()
    for node, owner, name in calls():
        if owner in PACKAGES:
            assert name in PACKAGES[owner].__all__, f"{owner}.{name}"
            function = getattr(PACKAGES[owner], name)
            called.add(f"{owner}.{name}")
        elif owner in runs():
            function = getattr(trm.PuzzleRun, name)
            called.add(f"run.{name}")
        else:
            continue
        own = [None] if owner in runs() else []
        inspect.signature(function).bind(*own, *node.args, **{each.arg: None for each in node.keywords})
    functions = {f"probes.{name}" for name in probes.__all__}
    assert called >= functions | {
        "trm.load",
        "trm.run",
        "trm.decode",
        "trm.puzzles",
        "run.states",
        "run.show",
    }


def test_the_tour_is_short_and_has_no_outputs():
    lines = [line for line in CODE.splitlines() if line.strip()]
    assert len(lines) <= 45
    for cell in CELLS:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == [] and cell["execution_count"] is None


@pytest.mark.slow
def test_the_tour_runs_from_the_first_cell_to_the_last():
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(TOUR, as_version=4)
    NotebookClient(notebook, timeout=1800, resources={"metadata": {"path": str(TOUR.parents[2])}}).execute()
    html = [
        output.data["text/html"]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "text/html" in output.get("data", {})
    ]
    assert sum("<iframe" in text for text in html) == 3
