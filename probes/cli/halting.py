"""`python -m probes halting`: analyse when a model would halt, and whether that is right.

Writes a report as JSON, and a table with one row per puzzle and step as Parquet. `--record` does this for the bundled
models, in the folder that the Halting page reads. `--findings` writes the recorded results into a document, between two
markers.
"""

from pathlib import Path
from typing import Any

from probes.cli.figures import PaperFigure
from probes.cli.shared import model_with_puzzles, names_to_record
from probes.halting.report import analyse, report
from probes.halting.runs import (
    DEEP,
    DEEP_RECORDED,
    MAX_RECORDED,
    MAX_STEPS,
    RECORDED,
    HaltingRuns,
    read_runs,
    run_puzzles,
    table,
)
from probes.reports.charts import halting_charts
from probes.reports.halting import write_findings
from probes.states import StateSource
from trm.cli.options import DataName, ModelName
from trm.cli.printing import Output
from trm.data import bundled_test_set
from trm.errors import UserError
from trm.progress import ProgressLine
from trm.registry import model_config, model_names
from trm.results import save, write_json, write_parquet
from trm.tasks import task_of
from trm.terminal import log


def run(
    *,
    model: ModelName | None = None,
    data: DataName | None = None,
    store: Path | None = None,
    limit: int | None = None,
    steps: int | None = None,
    out: Path | None = None,
    figure: PaperFigure = PaperFigure(),
    record: bool = False,
    findings: Path | None = None,
    accept_unknown: bool = False,
) -> dict[str, Any] | Output:
    """Analyse when a model halts, and return the report. Raises UserError if an option is missing or not valid.

    Args:
        store: a store made by `trm trace`, instead of --model and --data; the model does not run
        limit: number of puzzles, evenly spread over the set
        steps: supervision steps to run, up to 64 (default: as trained); more go beyond the trained depth
        out: file to write, without suffix: .json and .parquet are added
        record: instead: run the bundled models (or only --model) on their test sets, as trained and for more steps, and write to assets/recorded/halting
        findings: instead: write the recorded results into this document, between its marks
        accept_unknown: open a checkpoint even if some of its settings are not understood (`trm inspect` lists them)
    """
    figure.check()
    if findings:
        return write_findings(findings, RECORDED)
    if record:
        return {name: record_model(name) for name in names_to_record(model, model_names())}
    if store:
        if model or data or steps or not out:
            raise UserError("With --store, give --out, and neither --model, --data nor --steps.")
        return _written(read_runs(StateSource.open(store, limit=limit)), out, figure)
    missing = [f"--{name}" for name, value in {"model": model, "data": data, "out": out}.items() if not value]
    if missing:
        raise UserError(f"{missing[0]} is missing. Give --model, --data and --out, or --record alone.")
    runs = run_model(model, data, limit=limit, steps=steps, accept_unknown=accept_unknown)
    return _written(runs, out, figure)


def _written(runs: HaltingRuns, out: Path, figure: PaperFigure) -> Output:
    result = write_results(runs, out)
    if figure.pdf:
        figure.save(halting_charts(runs), runs.provenance)
    return Output(result, _summary(result))


def _summary(report: dict[str, Any]) -> dict[str, Any]:
    """Return the main numbers of a report, for the terminal."""
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


def record_model(name: str) -> dict[str, Any]:
    """Record a bundled model on its test set, and on part of it beyond the training depth. Returns the output path."""
    data = bundled_test_set(task_of(model_config(name)))
    for ending, limit, steps in (("", MAX_RECORDED, None), (DEEP, DEEP_RECORDED, MAX_STEPS)):
        log(f"{name}: up to {limit} puzzles, {steps or model_config(name).N_sup} supervision steps")
        save(RECORDED / f"{name}{ending}.safetensors", run_model(name, data, limit=limit, steps=steps))
    return {"written": str(RECORDED / name)}


def run_model(
    model_name: str, data: str, *, limit: int | None, steps: int | None, accept_unknown: bool = False
) -> HaltingRuns:
    """Run a model on a puzzle set. Raises UserError if an argument is not valid."""
    if steps is not None and not 1 <= steps <= MAX_STEPS:
        raise UserError(f"--steps must be from 1 to {MAX_STEPS}, not {steps}.")
    model, task, puzzles = model_with_puzzles(model_name, data, spread=limit, accept_unknown=accept_unknown)
    depth = model.config.with_depth(N_sup=steps or model.config.N_sup).depth
    with ProgressLine() as progress:
        return run_puzzles(
            model,
            task,
            puzzles,
            depth=depth,
            limit=limit,
            model_name=model_name,
            data_name=data,
            progress=progress,
        )


def write_results(runs: HaltingRuns, out: Path) -> dict[str, Any]:
    """Write the report as JSON and the runs as Parquet. Returns the report. Raises OutputError if writing fails."""
    result = report(analyse(runs)) | {"command": runs.command}
    write_parquet(output_path(out, ".parquet"), table(runs), runs.about)
    write_json(output_path(out, ".json"), result)
    return result


def output_path(out: Path, suffix: str) -> Path:
    """Return the file with this suffix that `--out` stands for, with or without a suffix of its own."""
    base = out.with_suffix("") if out.suffix in (".json", ".parquet") else out
    return base.with_name(f"{base.name}{suffix}")
