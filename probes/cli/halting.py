"""`python -m probes halting`: when would a model stop, and is it right to?

Writes the report as JSON and every puzzle and step as Parquet. `--record` does so for the bundled models, into the folder
that the Halting page opens with; `--findings` writes what was recorded into a document, between two marks.
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
        help="when a model would stop, and whether it is right to",
        description=__doc__.partition("\n")[2],
    )
    command.add_argument("--model", help=MODEL_HELP)
    command.add_argument("--data", help=DATA_HELP)
    command.add_argument("--limit", type=int, help="take this many puzzles, evenly spread over the set")
    command.add_argument(
        "--steps",
        type=int,
        help=f"supervision steps to run, 1 to {MAX_STEPS} (usual: those of training); more show depth beyond it",
    )
    command.add_argument(
        "--out", type=Path, help="file to write, without its ending: .json and .parquet are added"
    )
    command.add_argument(
        "--record",
        action="store_true",
        help=f"instead: run the bundled models (or the one of --model) on up to {MAX_RECORDED} puzzles of their test "
        f"sets, and on {DEEP_RECORDED} for {MAX_STEPS} steps, into assets/recorded/halting",
    )
    command.add_argument(
        "--findings", type=Path, help="instead: write what is recorded into this document, between its marks"
    )
    accept_option(command)
    command.set_defaults(run=run)


def run(options: Namespace) -> dict[str, Any]:
    """What was asked for; returns what is printed. Raises UserError."""
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
    found = write_results(runs, options.out)
    return found if options.json else _summary(found)


def _summary(found: dict[str, Any]) -> dict[str, Any]:
    """The numbers of a report that a person reads in a terminal."""
    return {
        "puzzles": found["count"],
        "steps": found["steps"],
        "calibration": {
            name: found["calibration"][name]
            for name in ("expected_error", "expected_error_band", "distinct", "undecided", "at_halt")
        },
        "discrimination": found["discrimination"],
        "outcomes": found["outcomes"],
        "stopping": found["stopping"],
        "paired": found["paired"],
        "along_steps": {
            name: found["along_steps"][name]["share"]
            for name in ("monotone", "monotone_late", "stays_solved", "solved_at_once")
        },
        "beyond": {
            name: found["beyond"][name]
            for name in ("trained_steps", "right_when_trained", "right_at_end", "paired", "broken")
        },
    }


def record(name: str) -> dict[str, Any]:
    """Record a bundled model on its test set, and on part of it beyond the depth of training; returns what was written."""
    from trm.data import unseen_set
    from trm.tasks import task_of

    data = unseen_set(task_of(model_config(name)))
    for ending, limit, steps in (("", MAX_RECORDED, None), (DEEP, DEEP_RECORDED, MAX_STEPS)):
        log(f"{name}: up to {limit} puzzles, {steps or model_config(name).N_sup} supervision steps")
        write_results(run_model(name, data, limit=limit, steps=steps), RECORDED / f"{name}{ending}")
    return {"written": str(RECORDED / name)}


def run_model(
    model_name: str, data: str, *, limit: int | None, steps: int | None, accept_unknown: bool = False
) -> "HaltingRuns":
    """Runs of a model on a puzzle set. Raises UserError."""
    from probes.halting.runs import run_puzzles

    if steps is not None and not 1 <= steps <= MAX_STEPS:
        raise UserError(f"--steps is 1 to {MAX_STEPS}, not {steps}.")
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
    """Write the report and the table; returns the report. Raises OutputError where they cannot be written."""
    from probes.halting.report import analyse, report
    from probes.halting.runs import save_runs
    from trm.files import written_whole

    base = out.with_suffix("") if out.suffix in (".json", ".parquet") else out
    found = report(analyse(runs)) | {"command": runs.command}
    save_runs(base.with_name(f"{base.name}.parquet"), runs)
    with written_whole(base.with_name(f"{base.name}.json")) as temporary:
        temporary.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    return found
