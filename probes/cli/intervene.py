"""`probes intervene`: change the states of one run and measure the effect, or run the preset experiments over a set."""

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

DEFAULT_LIMIT = 50


def add(adder) -> None:
    command = adder.add_parser(
        "intervene",
        help="change states of a run and measure the effect",
        description="Give --puzzle with --do or --experiment for one run, or --data for the preset experiments over a set.",
    )
    model_options(command, required=False)
    command.add_argument("--puzzle", help=PUZZLE_HELP)
    puzzle_id_options(command, PUZZLE_ID_HELP)
    what = command.add_argument_group("intervention")
    what.add_argument(
        "--do",
        help="interventions separated by semicolons, such as 'zero y before 3.1.1' or 'noise z after 2.1.1 size 0.5'; "
        "`probes/interventions/spec.py` lists all of them",
    )
    what.add_argument("--experiment", help="name of a preset experiment; a wrong name lists them")
    what.add_argument("--step", type=int, help="supervision step at which the experiment starts")
    command.add_argument(
        "--out", type=Path, help="write the intervened run as a trace, for `trm export --trace`"
    )
    many = command.add_argument_group("over a set")
    many.add_argument("--data", help=DATA_HELP)
    many.add_argument(
        "--limit", type=int, default=DEFAULT_LIMIT, help="number of puzzles, evenly spread (default: 50)"
    )
    many.add_argument(
        "--record", action="store_true", help="write the results that the page shows for a bundled model"
    )
    many.add_argument("--findings", type=Path, help="instead: write the recorded results into this document")
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
    from probes.interventions.spec import as_text, parse_all
    from trm.cli.options import chosen_puzzle_id, open_model
    from trm.grading import Grade
    from trm.trace import save_trace

    if options.puzzle is None or (options.do is None) == (options.experiment is None):
        raise UserError("Give --puzzle and either --do or --experiment, or --data for a whole set.")
    model, task = open_model(options)
    inputs = puzzle_tokens(options.puzzle, task)
    clean = cache_run(
        model, task, inputs, puzzle_id=chosen_puzzle_id(options, model), progress=progress_line()
    )
    if options.do is not None:
        run, changes = clean, parse_all(options.do)
    else:
        from probes.interventions.preset_runs import prepared

        run, changes = prepared(clean, options.experiment, options.step)
    trace = last_trace(run.fork(changes), run.depth, progress_line(), "running with the intervention")
    if options.out:
        save_trace(options.out, trace)
    clean_grade, grade = Grade.of(clean.trace, task), Grade.of(trace, task)
    clean_ends = slice(clean.depth.T - 1, None, clean.depth.T)
    ends = slice(trace.depth.T - 1, None, trace.depth.T)
    return {
        "interventions": as_text(changes),
        "puzzle": task.format(run.inputs),
        "answer": task.format(trace.answers[-1]),
        "solved": bool(grade.solved[-1]),
        "solved_without": bool(clean_grade.solved[-1]),
        "cells_total": int(grade.counted.sum()),
        "cells_right": None if grade.right is None else grade.right[ends].tolist(),
        "cells_right_without": None if clean_grade.right is None else clean_grade.right[clean_ends].tolist(),
        "halt_probability": [round(float(number), 6) for number in trace.halt_probability],
        "halt_probability_without": [round(float(number), 6) for number in clean.trace.halt_probability],
        **({"written": str(options.out)} if options.out else {}),
    }


def _over_a_set(options: Namespace) -> dict[str, Any]:
    from probes.interventions.preset_runs import run_experiments
    from trm.cli.options import open_model

    model, task = open_model(options)
    puzzles = limited_puzzles(options, model, task)
    results = run_experiments(
        model,
        task,
        puzzles,
        names=[options.experiment] if options.experiment else None,
        progress=progress_line(),
    )
    command = (
        f"python -m probes intervene --model {options.model} --data {puzzles.name} --limit {options.limit}"
    )
    return {"model": model.name, "fingerprint": model.fingerprint, "command": command, **results}


def _record(options: Namespace) -> dict[str, Any]:
    from probes.interventions.record import record_all
    from trm.cli.options import open_model
    from trm.registry import model_names

    if options.model not in model_names():
        raise UserError(
            f"{options.model} is not a bundled model, so it cannot be recorded. Leave --record out."
        )
    model, task = open_model(options)
    return record_all(model, task, only=options.experiment, progress=progress_line())
