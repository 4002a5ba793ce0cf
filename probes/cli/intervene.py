"""`probes intervene`: change the states of one run and see what follows; or the ready-made experiments over a set."""

from argparse import Namespace
from pathlib import Path
from typing import Any

from probes.cli.shared import progress_line
from trm.cli.options import (
    DATA_HELP,
    PUZZLE_HELP,
    PUZZLE_ID_HELP,
    limited_puzzles,
    model_options,
    puzzle_id_options,
    puzzle_tokens,
)
from trm.errors import UserError

USUAL_LIMIT = 50


def add(adder) -> None:
    command = adder.add_parser(
        "intervene",
        help="change states of a run and see what follows",
        description="Give --puzzle with --do or --experiment for one run, --data for the ready-made experiments over a set.",
    )
    model_options(command, required=False)
    command.add_argument("--puzzle", help=PUZZLE_HELP)
    puzzle_id_options(command, PUZZLE_ID_HELP)
    what = command.add_argument_group("what is done")
    what.add_argument(
        "--do",
        help="interventions with semicolons between, such as 'zero y before 3.1.1' or 'noise z after 2.1.1 size 0.5'; "
        "`probes/interventions/spec.py` lists them all",
    )
    what.add_argument("--experiment", help="a ready-made one; a wrong name lists them")
    what.add_argument("--step", type=int, help="supervision step at which the experiment begins")
    command.add_argument(
        "--out", type=Path, help="write the changed run as a trace, for `trm export --trace`"
    )
    many = command.add_argument_group("over a set")
    many.add_argument("--data", help=DATA_HELP)
    many.add_argument("--limit", type=int, default=USUAL_LIMIT, help="puzzles, evenly spread (usual: 50)")
    many.add_argument(
        "--record", action="store_true", help="write what the page of a bundled model shows first"
    )
    many.add_argument("--findings", type=Path, help="instead: write what is recorded into this document")
    command.set_defaults(run=run)


def run(options: Namespace) -> dict[str, Any]:
    if options.findings:
        from probes.reports.interventions import write_findings

        return write_findings(options.findings)
    if options.model is None:
        raise UserError("--model is missing. Give one, or --findings alone.")
    if options.record:
        return _record(options)
    if options.data:
        return _over_a_set(options)
    return _one_run(options)


def _one_run(options: Namespace) -> dict[str, Any]:
    from probes.interventions.fork import cache_run, last_trace
    from probes.interventions.spec import parse_all, written
    from trm.cli.options import asked_puzzle_id, opened
    from trm.grading import Grade
    from trm.trace import save_trace

    if options.puzzle is None or (options.do is None) == (options.experiment is None):
        raise UserError("Give --puzzle, and either --do or --experiment. Or --data for a whole set.")
    model, task = opened(options)
    inputs = puzzle_tokens(options.puzzle, task)
    clean = cache_run(
        model, task, inputs, puzzle_id=asked_puzzle_id(options, model), progress=progress_line()
    )
    if options.do is not None:
        run, changes = clean, parse_all(options.do)
    else:
        from probes.interventions.preset_runs import prepared

        run, changes = prepared(clean, options.experiment, options.step)
    trace = last_trace(run.fork(changes), run.depth, progress_line(), "running it changed")
    if options.out:
        save_trace(options.out, trace)
    left, right = Grade.of(clean.trace, task), Grade.of(trace, task)
    ends = slice(clean.depth.T - 1, None, clean.depth.T)
    changed_ends = slice(trace.depth.T - 1, None, trace.depth.T)
    return {
        "interventions": written(changes),
        "puzzle": task.format(run.inputs),
        "answer": task.format(trace.answers[-1]),
        "solved": bool(right.solved[-1]),
        "solved_without": bool(left.solved[-1]),
        "cells_total": int(right.counted.sum()),
        "cells_right": None if right.right is None else right.right[changed_ends].tolist(),
        "cells_right_without": None if left.right is None else left.right[ends].tolist(),
        "halt_probability": [round(float(number), 6) for number in trace.halt_probability],
        "halt_probability_without": [round(float(number), 6) for number in clean.trace.halt_probability],
        **({"written": str(options.out)} if options.out else {}),
    }


def _over_a_set(options: Namespace) -> dict[str, Any]:
    from probes.interventions.preset_runs import run_experiments
    from trm.cli.options import opened

    model, task = opened(options)
    puzzles = limited_puzzles(options, model, task)
    found = run_experiments(
        model,
        task,
        puzzles,
        names=[options.experiment] if options.experiment else None,
        progress=progress_line(),
    )
    command = (
        f"python -m probes intervene --model {options.model} --data {puzzles.name} --limit {options.limit}"
    )
    return {"model": model.name, "fingerprint": model.fingerprint, "command": command, **found}


def _record(options: Namespace) -> dict[str, Any]:
    from probes.interventions.record import record_all
    from trm.cli.options import opened
    from trm.registry import model_names

    if options.model not in model_names():
        raise UserError(
            f"{options.model} is no bundled model: there is no page to record for. Leave --record out."
        )
    model, task = opened(options)
    return record_all(model, task, only=options.experiment, progress=progress_line())
