"""`python -m probes halting`: when a model would halt, and whether that is right.

Writes a report as JSON and a row per puzzle and step as Parquet. `--record` does this for the bundled models, into the
folder that the Halting page reads; `--findings` writes the recorded results into a document, between two markers.
"""

import json
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from probes.cli.shared import model_with_puzzles, names_to_record
from probes.halting.runs import DEEP, DEEP_RECORDED, MAX_RECORDED, MAX_STEPS, RECORDED
from trm.cli.options import DATA_HELP, MODEL_HELP, accept_option
from trm.errors import UserError
from trm.progress import ProgressLine
from trm.registry import model_config, model_names
from trm.terminal import log

if TYPE_CHECKING:
    from probes.halting.runs import HaltingRuns


def add(adder: Any) -> None:
    command = adder.add_parser(
        "halting",
        help="analyse when a model halts and whether that is right",
        description=__doc__.partition("\n")[2],
    )
    command.add_argument("--model", help=MODEL_HELP)
    command.add_argument("--data", help=DATA_HELP)
    command.add_argument("--limit", type=int, help="number of puzzles, evenly spread over the set")
    command.add_argument(
        "--steps",
        type=int,
        help=f"supervision steps to run, 1 to {MAX_STEPS} (default: as trained); more show depth beyond training",
    )
    command.add_argument(
        "--out", type=Path, help="file to write, without suffix: .json and .parquet are added"
    )
    command.add_argument(
        "--record",
        action="store_true",
        help=f"instead: run the bundled models (or only --model) on up to {MAX_RECORDED} puzzles of their test sets, and "
        f"on {DEEP_RECORDED} for {MAX_STEPS} steps, and write to assets/recorded/halting",
    )
    command.add_argument(
        "--findings",
        type=Path,
        help="instead: write the recorded results into this document, between its marks",
    )
    accept_option(command)
    command.set_defaults(run=run)


def run(options: Namespace) -> dict[str, Any]:
    """Run the command. Returns the result to print. Raises UserError."""
    if options.findings:
        from probes.reports.halting import write_findings

        return write_findings(options.findings, RECORDED)
    if options.record:
        return {name: record(name) for name in names_to_record(options.model, model_names())}
    missing = [f"--{name}" for name in ("model", "data", "out") if not getattr(options, name)]
    if missing:
        raise UserError(f"{missing[0]} is missing. Give --model, --data and --out, or --record alone.")
    runs = run_model(
        options.model,
        options.data,
        limit=options.limit,
        steps=options.steps,
        accept_unknown=options.accept_unknown,
    )
    report = write_results(runs, options.out)
    return report if options.json else _summary(report)


def _summary(report: dict[str, Any]) -> dict[str, Any]:
    """The main numbers of a report, for the terminal."""
    return {
        "puzzles": report["count"],
        "steps": report["steps"],
        "calibration": {
            name: report["calibration"][name]
            for name in ("expected_error", "expected_error_band", "distinct", "undecided", "at_halt")
        },
        "discrimination": report["discrimination"],
        "outcomes": report["outcomes"],
        "stopping": report["stopping"],
        "paired": report["paired"],
        "along_steps": {
            name: report["along_steps"][name]["share"]
            for name in ("monotone", "monotone_late", "stays_solved", "solved_at_once")
        },
        "beyond": {
            name: report["beyond"][name]
            for name in ("trained_steps", "right_when_trained", "right_at_end", "paired", "broken")
        },
    }


def record(name: str) -> dict[str, Any]:
    """Record a bundled model on its test set, and on part of the set beyond the training depth. Returns the path."""
    from trm.data import bundled_test_set
    from trm.tasks import task_of

    data = bundled_test_set(task_of(model_config(name)))
    for ending, limit, steps in (("", MAX_RECORDED, None), (DEEP, DEEP_RECORDED, MAX_STEPS)):
        log(f"{name}: up to {limit} puzzles, {steps or model_config(name).N_sup} supervision steps")
        write_results(run_model(name, data, limit=limit, steps=steps), RECORDED / f"{name}{ending}")
    return {"written": str(RECORDED / name)}


def run_model(
    model_name: str, data: str, *, limit: int | None, steps: int | None, accept_unknown: bool = False
) -> "HaltingRuns":
    """Run a model on a puzzle set. Raises UserError."""
    from probes.halting.runs import run_puzzles

    if steps is not None and not 1 <= steps <= MAX_STEPS:
        raise UserError(f"--steps must be from 1 to {MAX_STEPS}, not {steps}.")
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


def write_results(runs: "HaltingRuns", out: Path) -> dict[str, Any]:
    """Write the report and the table. Returns the report. Raises OutputError if they cannot be written."""
    from probes.halting.report import analyse, report
    from probes.halting.runs import save_runs
    from trm.files import atomic_file

    base = out.with_suffix("") if out.suffix in (".json", ".parquet") else out
    result = report(analyse(runs)) | {"command": runs.command}
    save_runs(base.with_name(f"{base.name}.parquet"), runs)
    with atomic_file(base.with_name(f"{base.name}.json")) as temporary:
        temporary.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    return result
