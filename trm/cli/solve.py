"""`trm solve`: solve a puzzle, and show what changed at each supervision step and when the model halts."""

from typing import Annotated, Any

import torch
from cyclopts import Parameter

from trm.cli.options import ModelChoice, PuzzleId, puzzle_texts
from trm.cli.printing import Output, table
from trm.engine import ENGINES, Engine
from trm.engine.choice import choose, with_engine
from trm.evaluate import solve
from trm.parallel import threads_for, usable_threads
from trm.progress import ProgressLine
from trm.tasks.base import Task

MAX_CHANGES = 3  # changed cells that are named in a row


def run(
    *,
    choice: ModelChoice,
    puzzle: Annotated[str, Parameter(help="puzzle as text, or a file with one puzzle or several")],
    puzzle_id: PuzzleId = PuzzleId(),
    engine: Engine | None = None,
    verbose: bool = False,
) -> Output:
    """Solve one puzzle, or all puzzles in a file. Several puzzles give {count, puzzles} with --json.

    Args:
        engine: what computes the nets: torch, onnx (ONNX Runtime), or bfloat16, which changes some answers (default: the faster one of the first two)
        verbose: print the answer after every f_H call instead
    """
    model, task = choice.load()
    model = with_engine(model, engine, threads=usable_threads()) if engine else choose(model)
    torch.set_num_threads(threads_for(model))
    texts = puzzle_texts(puzzle, task)
    number = puzzle_id.number(model)
    results = []
    with ProgressLine() as progress:
        for place, text in texts.items():
            result = solve(model, task, text, puzzle_id=number)
            results.append({"place": place, **result, "engine": model.engine})
            progress(len(results) / len(texts), f"{len(results)} of {len(texts)} puzzles")
    summaries = [summary(result, text, task) for result, text in zip(results, texts.values(), strict=True)]
    if len(results) > 1:
        return Output(
            {"count": len(results), "puzzles": results}, results if verbose else "\n\n\n".join(summaries)
        )
    del results[0]["place"]
    return Output(results[0], results[0] if verbose else summaries[0])


def summary(result: dict[str, Any], puzzle: str, task: Task) -> str:
    """Describe a result for people: the grid, whether it is right, when the model halts, and what each step changed."""
    steps, answers = result["steps"], result["answers"]
    ends = answers[len(answers) // steps - 1 :: len(answers) // steps]  # after each supervision step
    before = [task.format(task.parse(puzzle, unfinished=True)), *ends]
    changes = [_changed(*pair, task.columns) for pair in zip(before, ends, strict=False)]
    rows = [
        (step, len(cells), probability, "" if step == 1 else _named(cells))
        for step, (cells, probability) in enumerate(zip(changes, result["halt_probability"], strict=True), 1)
    ]
    verdict = {True: "Solved", False: "Not solved", None: "The rules alone cannot say if it is right"}
    last = max(step for step, cells in enumerate(changes, 1) if cells or step == 1)
    final = (
        f"the answer is final after step {last} of {steps}"
        if last < steps
        else f"it changes until step {steps}"
    )
    halts = f"would halt after step {result['halt_step']}" if result["halt_step"] else "would not halt"
    lines = [
        *([f"{result['place']}:"] if result.get("place") else []),
        result["grid"],
        "",
        f"{verdict[result['solved']]}; {final}. The model {halts}. Computed with {ENGINES[result['engine']]}.",
        *([result["note"]] if "note" in result else []),
        "",
        table(("step", "cells changed", "halting probability", "changes"), rows),
    ]
    return "\n".join(lines)


def _changed(before: str, after: str, columns: int) -> list[str]:
    """Return the cells that differ between two answers, each as text such as "r1c3 4>7"."""
    old, new = _cells(before, columns), _cells(after, columns)
    return [
        f"r{row}c{column} {old.get((row, column), ' ')}>{symbol}"
        for (row, column), symbol in new.items()
        if old.get((row, column)) != symbol
    ]


def _cells(text: str, columns: int) -> dict[tuple[int, int], str]:
    """Return the symbol of every cell of an answer by row and column, from 1. ARC separates rows by slashes."""
    rows = (
        text.split("/") if "/" in text else [text[at : at + columns] for at in range(0, len(text), columns)]
    )
    return {(r, c): symbol for r, row in enumerate(rows, 1) for c, symbol in enumerate(row, 1)}


def _named(cells: list[str]) -> str:
    more = len(cells) - MAX_CHANGES
    return ", ".join(cells[:MAX_CHANGES]) + (f" and {more} more" if more > 0 else "")
