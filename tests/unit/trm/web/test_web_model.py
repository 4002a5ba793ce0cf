"""A model for the browser: its files, and the rules in JavaScript, which judge as the tasks in Python do."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load

from trm.checkpoint import load_model
from trm.engine.choice import EngineError
from trm.tasks.base import Task
from trm.tasks.maze import Maze
from trm.tasks.sudoku import Sudoku
from trm.web.files import web_files

ROOT = Path(__file__).resolve().parents[4]

JUDGE = """
import { rulesOf } from "./trm/web/rules/rules.js";
const { facts, inputs, answers } = JSON.parse(process.argv[1]);
const rules = rulesOf(facts);
console.log(JSON.stringify(inputs.map((puzzle, at) => ({
  givens: rules.givens(puzzle),
  conflicts: rules.conflicts(answers[at]),
  solved: rules.isSolved(puzzle, answers[at]),
  solutions: rules.solutions(puzzle, 3),
  text: rules.format(puzzle),
}))));
"""


def test_a_model_has_its_nets_tables_and_facts(tiny_model):
    model = tiny_model(task="sudoku", kind="hrm", H_layers=1, vocab_size=6, sequence_length=16)
    files = web_files(model)
    assert sorted(files) == ["H.onnx", "L.onnx", "model.json", "tables.safetensors"]
    described = json.loads(files["model.json"])
    assert described["nets"] == ["L.onnx", "H.onnx"]
    assert described["config"]["halting"] == "q_halt > q_continue"
    facts = described["facts"]
    assert (facts["task"], facts["rows"], facts["n"], facts["weights"]) == (
        "sudoku", 4, model.config.n, model.fingerprint,
    )  # fmt: skip
    assert facts["label"].startswith("tiny (00000000), float32 in this browser")
    tables = load(files["tables.safetensors"])
    assert np.array_equal(tables["lm_head"], model.lm_head.weight.detach().numpy())
    assert np.array_equal(tables["H_init"], model.H_init.numpy())


@pytest.mark.parametrize("name", ["ablations/single-z", "ablations/multi-z"])
def test_a_kind_that_the_browser_does_not_know_is_refused(name):
    with pytest.raises(EngineError, match=f"{name} cannot run in a browser"):
        web_files(load_model(name))


@pytest.mark.skipif(
    shutil.which("node") is None, reason="Node is not installed; it runs the rules in JavaScript"
)
@pytest.mark.parametrize("task", [Sudoku(), Sudoku(2, 2), Maze(7)], ids=["9x9", "4x4", "maze"])
def test_the_rules_judge_as_in_python(task: Task):
    rng = np.random.default_rng(3)
    inputs, labels = task.generate_many(12, seed=5)
    answers = labels.copy()
    for row, answer in enumerate(answers[2:], 1):  # two are right, the others have more and more random cells
        cells = rng.integers(task.cells, size=row)
        answer[cells] = rng.integers(1, task.vocab_size, size=row)
    open_cells = inputs[0].copy()
    open_cells[task.givens(open_cells) & (open_cells != 3) & (open_cells != 4)] = task.blank
    inputs = np.concatenate([inputs, open_cells[None]])  # several solutions
    answers = np.concatenate([answers, labels[:1]])
    facts = {"task": task.name, "rows": task.rows}
    facts |= {name: getattr(task, name, 0) for name in ("box_rows", "box_columns")}
    judged = judge({"facts": facts, "inputs": inputs.tolist(), "answers": answers.tolist()})
    for puzzle, answer, found in zip(inputs, answers, judged, strict=True):
        assert found["givens"] == task.givens(puzzle).tolist()
        assert found["conflicts"] == task.conflicts(answer).tolist()
        assert found["solved"] == bool(task.is_solved(puzzle, answer))
        expected = task.solutions(puzzle, limit=3)
        assert len(found["solutions"]) == len(expected)
        assert all(task.is_solved(puzzle, np.array(tokens, np.uint8)) for tokens in found["solutions"])
        assert np.array_equal(task.parse(found["text"], unfinished=True), puzzle)


def judge(question: dict) -> list[dict]:
    command = ["node", "--input-type=module", "-e", JUDGE, json.dumps(question)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
