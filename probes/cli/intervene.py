"""`probes intervene`: intervene on the states of one run, or run the preset experiments over a puzzle set."""

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
    """Add the command."""
    command = adder.add_parser(
        "intervene",
        help="intervene on the states of a run and measure the effect",
        description="Give --puzzle with --do or --experiment for one run, or --data for the preset experiments over a set.",
    )
    model_options(command, required=False)
    command.add_argument("--puzzle", help=PUZZLE_HELP)
    puzzle_id_options(command, PUZZLE_ID_HELP)
    what = command.add_argument_group("intervention")
    what.add_argument(
        "--do",
        help="interventions, separated by semicolons, such as 'zero y before 3.1.1' or 'noise z after 2.1.1 size 0.5'; "
        "`probes/interventions/spec.py` documents them",
    )
    what.add_argument("--experiment", help="a preset experiment; an unknown name lists them all")
    what.add_argument("--step", type=int, help="supervision step at which the experiment starts")
    command.add_argument(
        "--out", type=Path, help="write the intervened run as a trace, for `trm export --trace`"
    )
    many = command.add_argument_group("over a set")
    many.add_argument("--data", help=DATA_HELP)
    many.add_argument(
        "--limit",
        type=int,
        default=USUAL_LIMIT,
        help="number of puzzles, evenly spread over the set (default: 50)",
    )
    many.add_argument(
        "--record",
        action="store_true",
        help="record the results that the Interventions page of a bundled model opens with",
    )
    many.add_argument("--findings", type=Path, help="instead: write the recorded results into this document")
    command.set_defaults(run=run)


def run(options: Namespace) -> dict[str, Any]:
    """Run the command; returns what is printed. Raises UserError."""
    if options.findings:
        from probes.reports.interventions import write_findings

        return write_findings(options.findings)
    if options.model is None:
        raise UserError("--model is missing. Give --model, or --findings alone.")
    if options.record:
        return _record(options)
    if options.data:
        return _over_a_set(options)
    return _one_run(options)


def _one_run(options: Namespace) -> dict[str, Any]:
    from probes.interventions.fork import cache_run, followed
    from probes.interventions.spec import parse_all, written
    from trm.cli.options import asked_puzzle_id, opened
    from trm.grading import Grade
    from trm.trace import save_trace

    if options.puzzle is None or (options.do is None) == (options.experiment is None):
        raise UserError("Give --puzzle, and either --do or --experiment. Or give --data for a whole set.")
    model, task = opened(options)
    inputs = puzzle_tokens(options.puzzle, task)
    clean_run = cache_run(
        model, task, inputs, puzzle_id=asked_puzzle_id(options, model), progress=progress_line()
    )
    if options.do is not None:
        run, changes = clean_run, parse_all(options.do)
    else:
        from probes.interventions.preset_runs import planned

        run, changes = planned(clean_run, options.experiment, options.step)
    trace = followed(run.branch(changes), run.depth, progress_line(), "running the intervened run")
    if options.out:
        save_trace(options.out, trace)
    clean_grade, grade = Grade.of(clean_run.trace, task), Grade.of(trace, task)
    clean_ends = slice(clean_run.depth.T - 1, None, clean_run.depth.T)
    ends = slice(trace.depth.T - 1, None, trace.depth.T)
    return {
        "interventions": written(changes),
        "puzzle": task.format(run.inputs),
        "answer": task.format(trace.answers[-1]),
        "solved": bool(grade.solved[-1]),
        "solved_without": bool(clean_grade.solved[-1]),
        "cells_total": int(grade.counted.sum()),
        "cells_right": None if grade.right is None else grade.right[ends].tolist(),
        "cells_right_without": None if clean_grade.right is None else clean_grade.right[clean_ends].tolist(),
        "halt_probability": [round(float(number), 6) for number in trace.halt_probability],
        "halt_probability_without": [round(float(number), 6) for number in clean_run.trace.halt_probability],
        **({"written": str(options.out)} if options.out else {}),
    }


def _over_a_set(options: Namespace) -> dict[str, Any]:
    from probes.interventions.preset_runs import over_puzzles
    from trm.cli.options import opened

    model, task = opened(options)
    puzzles = limited_puzzles(options, model, task)
    result = over_puzzles(
        model,
        task,
        puzzles,
        names=[options.experiment] if options.experiment else None,
        progress=progress_line(),
    )
    command = (
        f"python -m probes intervene --model {options.model} --data {puzzles.name} --limit {options.limit}"
    )
    return {"model": model.name, "fingerprint": model.fingerprint, "command": command, **result}


def _record(options: Namespace) -> dict[str, Any]:
    from probes.interventions.record import record_all
    from trm.cli.options import opened
    from trm.registry import model_names

    if options.model not in model_names():
        raise UserError(
            f"{options.model} is not a bundled model, so no page would open with the result. Leave out --record."
        )
    model, task = opened(options)
    return record_all(model, task, only=options.experiment, progress=progress_line())
