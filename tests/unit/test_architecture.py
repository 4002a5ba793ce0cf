"""Promises about the whole: which way imports point, what is light to import, and that a bundled model really solves."""

import ast
import re
import subprocess
import sys
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import numpy as np
import pytest
import torch

from trm import flops
from trm.checkpoint import load_model
from trm.data import load_puzzles, unseen_set
from trm.evaluate import predict
from trm.models import new_model
from trm.registry import model_config, model_names
from trm.tasks import task_of

REPOSITORY = Path(__file__).resolve().parents[2]


def imported(path: Path) -> set[str]:
    """Top-level names of the packages that a file imports, anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            names.add(node.module)
    return {name.partition(".")[0] for name in names}


@pytest.mark.parametrize(
    "package, forbidden",
    [
        ("trm", {"streamlit", "app", "probes"}),
        ("probes", {"streamlit", "app"}),
        ("app", {"sklearn", "scipy"}),
    ],
)
def test_imports_point_one_way(package, forbidden):
    files = sorted((REPOSITORY / package).rglob("*.py"))
    assert files
    for path in files:
        assert not imported(path) & forbidden, path


def test_what_is_imported_is_required():
    """`make app` installs requirements.txt alone: nothing that only the tests bring may be imported."""
    required = {
        re.split(r"[<>=!~ \[]", line)[0].lower().replace("_", "-")
        for line in (REPOSITORY / "requirements.txt").read_text("utf-8").splitlines()
        if line and not line.startswith("#")
    }
    providers = packages_distributions()
    for package in ("trm", "probes", "app"):
        for path in sorted((REPOSITORY / package).rglob("*.py")):
            for name in imported(path) - set(sys.stdlib_module_names) - {"trm", "probes", "app"}:
                found = {provider.lower().replace("_", "-") for provider in providers.get(name, [name])}
                assert found & required, f"{path} imports {name}, which requirements.txt does not name"


@pytest.mark.parametrize(
    "page", sorted((REPOSITORY / "app").glob("screens/*/page.py")), ids=lambda page: page.parent.name
)
def test_pages_have_no_bare_strings(page):
    """Streamlit writes an expression that stands alone in a page onto it, a string under a constant too."""
    _docstring, *others = ast.parse(page.read_text("utf-8")).body
    assert not [
        node.lineno for node in others if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    ]


def test_one_loop_over_calls():
    """Nowhere but in the recursion (and in the model that defines them) are f_L and f_H called."""
    callers = set()
    for path in sorted(REPOSITORY.joinpath("trm").rglob("*.py")) + sorted(
        REPOSITORY.joinpath("app").rglob("*.py")
    ):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in (
                "f_L",
                "f_H",
                "L_level",
                "H_level",
            ):
                callers.add(path.name)
    assert callers == {"recursion.py", "models.py"}


LIGHT = "trm, trm.tasks, trm.tasks.sudoku, trm.tasks.maze, trm.tasks.arc, trm.trace, trm.registry, trm.data, trm.grading, trm.errors, trm.export.payload"
PROBE = f"""
import sys
import {LIGHT}
from trm.registry import model_card, model_names, trace_paths
cards = [model_card(name) for name in model_names()]
traces = [trm.trace.load_trace(path) for name in model_names() for path in trace_paths(name)[:1]]
shown = [trm.export.payload.payload(trace, trm.tasks.get_task(trace.provenance.task, len(trace.inputs))) for trace in traces]
print(*sorted({{name.partition(".")[0] for name in sys.modules}} & {{"torch", "sklearn", "scipy"}}))
"""


def test_a_recorded_trace_is_shown_without_torch():
    done = subprocess.run(
        [sys.executable, "-c", PROBE], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""


# the bundled models

MOST_OPERATIONS = 50e9  # of a run: what a core does in about two seconds


def by_size(name: str):
    """A model's name, marked where its runs take long."""
    slow = flops.run(model_config(name)) > MOST_OPERATIONS
    return pytest.param(name, marks=pytest.mark.slow if slow else ())


bundled = pytest.mark.parametrize("name", [by_size(name) for name in model_names()])

EASIEST, SPARSE = slice(0, 4), slice(4, 8)


def some_puzzles(task):
    """Of the easy test puzzles, or of all where none is, the four with the most givens, then the four of all with the fewest."""
    puzzles = load_puzzles(unseen_set(task), task)
    is_easy = np.array(puzzles.difficulty) == "easy"
    by_givens = np.argsort(-puzzles.givens, kind="stable")
    easy = by_givens[is_easy[by_givens]] if is_easy.any() else by_givens
    return puzzles.take(np.concatenate((easy[:4], by_givens[-4:])))


def test_there_is_a_bundled_model():
    assert "sudoku-trm" in model_names()


@pytest.fixture(scope="module")
def answers():
    """A few puzzles and a bundled model's predictions on them, by name."""

    @cache
    def make(name: str):
        puzzles = some_puzzles(task_of(model_config(name)))
        return puzzles, predict(load_model(name, device=torch.device("cpu")), puzzles.inputs)

    return make


@bundled
def test_a_bundled_model_solves_easy_puzzles(name, answers):
    """Of a set that has only hard ones, some of them."""
    puzzles, predictions = answers(name)
    right = (predictions.answers[-1] == puzzles.labels).all(-1)
    assert right[EASIEST].sum() >= 3 if "easy" in puzzles.difficulty else right.any()


@bundled
def test_it_uses_its_steps(name, answers):
    """On sparse puzzles the answer moves from step to step, and more cells are right after the last than the first."""
    puzzles, predictions = answers(name)
    found, labels = predictions.answers[:, SPARSE], puzzles.labels[SPARSE]
    assert (found[0] != found[-1]).any()
    right = (found == labels).mean((1, 2))
    assert right[-1] > right[0]


@bundled
def test_another_puzzle_gets_another_answer(name, answers):
    """All answers differ, also in the cells whose solutions do: in a maze the walls around it are the same in all."""
    puzzles, predictions = answers(name)
    last = predictions.answers[-1]
    assert len({answer.tobytes() for answer in last}) == 8
    differs = (puzzles.labels != puzzles.labels[:1]).any(0)
    assert differs.mean() > 0.4 and (last != last[:1]).any(0)[differs].all()
    assert np.ptp(predictions.q_halt[-1]) > 0


@bundled
def test_noise_solves_nothing(name):
    """The same architecture with random weights: what is right above is the training's doing."""
    model = new_model(model_config(name)).requires_grad_(False)
    model.initialise(0)
    puzzles = some_puzzles(task_of(model.config)).take(np.arange(4))
    predictions = predict(model, puzzles.inputs)
    assert not (predictions.answers == puzzles.labels).all(-1).any()
    assert (predictions.answers == puzzles.labels).mean() < 0.3
