"""`python -m probes halting`: when does a model halt, and is its answer correct then?

Writes the report as JSON, and every puzzle and step as Parquet. `--record` does this for the bundled models, into the folder
that the Halting page opens with. `--findings` writes the recorded results into a document, between two marks.
"""

import json
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from probes.cli.shared import model_with_puzzles, names_to_record
from probes.halting.runs import DEEP, DEEP_RECORDED, DEEPEST, MOST_RECORDED, RECORDED
from trm.cli.options import DATA_HELP, MODEL_HELP, accept_option
from trm.errors import UserError
from trm.progress import ProgressLine
from trm.registry import model_config, model_names
from trm.terminal import log

if TYPE_CHECKING:
    from probes.halting.runs import HaltingRuns


def add(adder: Any) -> None:
    """Add the command."""
    command = adder.add_parser(
        "halting",
        help="when a model halts, and whether its answer is correct then",
        description=__doc__.partition("\n")[2],
    )
    command.add_argument("--model", help=MODEL_HELP)
    command.add_argument("--data", help=DATA_HELP)
    command.add_argument("--limit", type=int, help="number of puzzles, evenly spread over the set")
    command.add_argument(
        "--steps",
        type=int,
        help=f"supervision steps to run, 1 to {DEEPEST} (default: as in training); more test depth beyond training",
    )
    command.add_argument(
        "--out", type=Path, help="files to write, without the ending: .json and .parquet are added"
    )
    command.add_argument(
        "--record",
        action="store_true",
        help=f"instead: run the bundled models (or --model) on up to {MOST_RECORDED} puzzles of their test sets, and on "
        f"{DEEP_RECORDED} puzzles for {DEEPEST} steps, and write the results to assets/recorded/halting",
    )
    command.add_argument(
        "--findings",
        type=Path,
        help="instead: write the recorded results into this document, between its marks",
    )
    accept_option(command)
    command.set_defaults(run=run)


def run(options: Namespace) -> dict[str, Any]:
    """Run the command; returns what is printed. Raises UserError."""
    if options.findings:
        from probes.reports.halting import write_findings

        return write_findings(options.findings, RECORDED)
    if options.record:
        return {name: record(name) for name in names_to_record(options.model, model_names())}
    missing = [f"--{name}" for name in ("model", "data", "out") if not getattr(options, name)]
    if missing:
        raise UserError(f"{missing[0]} is missing. Give --model, --data and --out, or --record alone.")
    runs = model_runs(
        options.model,
        options.data,
        limit=options.limit,
        steps=options.steps,
        accept_unknown=options.accept_unknown,
    )
    result = write_report(runs, options.out)
    return result if options.json else _summary(result)


def _summary(result: dict[str, Any]) -> dict[str, Any]:
    """The part of a report for the terminal."""
    return {
        "puzzles": result["count"],
        "steps": result["steps"],
        "calibration": {
            name: result["calibration"][name]
            for name in ("expected_error", "expected_error_band", "distinct", "undecided", "at_halt")
        },
        "discrimination": result["discrimination"],
        "outcomes": result["outcomes"],
        "stopping": result["stopping"],
        "paired": result["paired"],
        "along_steps": {
            name: result["along_steps"][name]["share"]
            for name in ("monotone", "monotone_late", "stays_solved", "solved_at_once")
        },
        "beyond": {
            name: result["beyond"][name]
            for name in ("trained_steps", "right_when_trained", "right_at_end", "paired", "broken")
        },
    }


def record(name: str) -> dict[str, Any]:
    """Record a bundled model on its test set, and on part of it beyond its training depth. Returns the written path."""
    from trm.data import bundled_test_set
    from trm.tasks import task_of

    data = bundled_test_set(task_of(model_config(name)))
    for ending, limit, steps in (("", MOST_RECORDED, None), (DEEP, DEEP_RECORDED, DEEPEST)):
        log(f"{name}: up to {limit} puzzles, {steps or model_config(name).N_sup} supervision steps")
        write_report(model_runs(name, data, limit=limit, steps=steps), RECORDED / f"{name}{ending}")
    return {"written": str(RECORDED / name)}


def model_runs(
    model_name: str, data: str, *, limit: int | None, steps: int | None, accept_unknown: bool = False
) -> "HaltingRuns":
    """Run a model on a puzzle set. Raises UserError."""
    from probes.halting.runs import run_puzzles

    if steps is not None and not 1 <= steps <= DEEPEST:
        raise UserError(f"--steps must be 1 to {DEEPEST}, not {steps}.")
    model, task, puzzles = model_with_puzzles(model_name, data, spread=limit, accept_unknown=accept_unknown)
    depth = model.config.with_depth(N_sup=steps or model.config.N_sup).depth
    with ProgressLine("puzzles run") as running:
        return run_puzzles(
            model,
            task,
            puzzles,
            depth=depth,
            limit=limit,
            model_name=model_name,
            data_name=data,
            progress=running.count,
        )


def write_report(runs: "HaltingRuns", out: Path) -> dict[str, Any]:
    """Write the report and the table. Returns the report. Raises OutputError if they cannot be written."""
    from probes.halting.report import analyse, report
    from probes.halting.runs import save_runs
    from trm.files import written_whole

    base = out.with_suffix("") if out.suffix in (".json", ".parquet") else out
    result = report(analyse(runs)) | {"command": runs.command}
    save_runs(base.with_name(f"{base.name}.parquet"), runs)
    with written_whole(base.with_name(f"{base.name}.json")) as temporary:
        temporary.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    return result
