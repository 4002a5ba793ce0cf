"""`probes similarity` and `probes compare`: two models on the same puzzles, as on the Compare page."""

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from probes.comparison.files import (
    STATES,
    Comparison,
    ComparisonError,
    cka_of_all,
    cka_table,
    cka_to_list,
    compare_command,
    curves_table,
    load_comparison,
    make_comparison,
    recorded_path,
    save_comparison,
    time_points_of,
    to_dict,
    write_json,
    write_parquet,
)
from trm.cli.options import MODEL_HELP, accept_option
from trm.progress import ProgressLine
from trm.terminal import log

if TYPE_CHECKING:
    from probes.comparison.result import Measurements
    from trm.data import PuzzleSet
    from trm.model import Model
    from trm.tasks.base import Task

ENDINGS = (".json", ".parquet")


def add(adder: Any) -> None:
    similarity = adder.add_parser(
        "similarity",
        help="linear CKA between y and z at all time points, within and between two models",
        description="Linear CKA between y and z after every f_H call, within and between two models.",
    )
    _pair_options(similarity, compare_with=False)
    similarity.set_defaults(run=run_similarity)
    compare = adder.add_parser(
        "compare",
        help="all measurements of the Compare page for two models",
        description="Measure two models on the same puzzles: accuracy, residuals, dimensionality, CKA, solution retention, near-complete puzzles.",
    )
    _pair_options(compare, compare_with=True)
    compare.add_argument(
        "--few", type=int, help="near-complete puzzles per number of blank cells, at most (default: 50)"
    )
    compare.add_argument(
        "--record",
        action="store_true",
        help="record the result for the Compare page (two bundled models)",
    )
    compare.add_argument(
        "--findings",
        type=Path,
        help="write the section on the two models into this document; without --data, from the recorded comparison",
    )
    compare.set_defaults(run=run_compare)


def _pair_options(command: Any, *, compare_with: bool) -> None:
    command.add_argument("--model", required=True, help=MODEL_HELP)
    command.add_argument(
        "--compare-with", required=compare_with, help="the second model, of the same task; " + MODEL_HELP
    )
    command.add_argument("--data", required=not compare_with, help="a puzzle set, as for `trm eval`")
    command.add_argument("--limit", type=int, help="use this many puzzles, evenly spread over the set")
    command.add_argument("--out", type=Path, help="output files: this name with .json and .parquet")
    accept_option(command)


def run_similarity(options: Namespace) -> dict[str, Any]:
    from probes.comparison.cka import normalised_grams
    from probes.comparison.set_run import run_set

    models, _, puzzles = _opened(options)
    grams, time_points = [], []
    for model, name in zip(models, _names(models), strict=True):
        with ProgressLine(f"% of {name}", 100) as bar:
            run = run_set(
                model, puzzles, store_states=True, progress=lambda share, bar=bar: bar.count(int(90 * share))
            )
            grams.append({})
            for state, states in zip(STATES, (run.y, run.z), strict=True):
                grams[-1][state] = normalised_grams(states.reshape(*states.shape[:2], -1))
                bar.count(95)
        time_points += time_points_of(name, T=model.config.T, N_sup=model.config.N_sup)
    cka = cka_of_all(grams)
    _write(
        options.out,
        {"data": puzzles.name, "puzzles": len(puzzles), "time_points": time_points, "cka": cka_to_list(cka)},
        cka_table(time_points, cka),
    )
    return {
        "data": puzzles.name,
        "puzzles": len(puzzles),
        "cka_at_the_end": _at_the_end(time_points, cka),
        **_written(options.out),
    }


def _at_the_end(time_points: list[tuple], cka: Any) -> dict[str, float | None]:
    """CKA between the last time points of every pair of states."""
    last = {time_point[:2]: row for row, time_point in enumerate(time_points)}
    pairs = [(one, other) for one in last for other in last if last[one] < last[other]]
    return {
        f"{' '.join(one)} ~ {' '.join(other)}": cka_to_list(cka[last[one], last[other]].reshape(1, 1))[0][0]
        for one, other in pairs
    }


def run_compare(options: Namespace) -> dict[str, Any]:
    """Run `compare`. Returns what is printed. Raises UserError."""
    from probes.reports.comparison import write_findings

    path = (
        recorded_path(options.model, options.compare_with) if options.record or options.data is None else None
    )
    if options.data is None and not options.findings:
        raise ComparisonError("--data is missing. Give a puzzle set, such as sudoku/test.")
    comparison = load_comparison(path) if options.data is None else _measured(options)
    about = comparison.models[0].about
    printed = {
        "data": about.data,
        "puzzles": about.count,
        **{each.about.name: _summary(each) for each in comparison.models},
    }
    _write(options.out, to_dict(comparison), curves_table(comparison))
    if options.out:
        write_parquet(_named(options.out, "-cka.parquet"), cka_table(comparison.time_points, comparison.cka))
    if options.record:
        save_comparison(path, comparison)
        printed["recorded"] = str(path)
    if options.findings:
        write_findings(
            options.findings,
            comparison,
            compare_command(options.model, options.compare_with, about.data, about.count),
        )
        printed["findings"] = str(options.findings)
    return printed | _written(options.out)


def _measured(options: Namespace) -> Comparison:
    """Measure both models, one after the other. Raises UserError."""
    from probes.comparison.measure import NEAR_LIMIT, measure

    models, task, puzzles = _opened(options)
    _check_record(options)
    measured = []
    for model in models:
        with ProgressLine(f"% of {model.name}", 100) as bar:
            measured.append(
                measure(
                    model,
                    task,
                    puzzles,
                    near_limit=options.few or NEAR_LIMIT,
                    progress=lambda share, message, bar=bar: bar.count(int(100 * share)),
                )
            )
    return make_comparison(*measured)


def _summary(measured: "Measurements") -> dict[str, Any]:
    """The printed results of a model."""
    return {
        "solved": measured.solved.middle[-1],
        "participation_ratio": measured.pooled_ratio,
        "retention": measured.kept.middle[-1],
        "near_complete": {blanks: curve.middle[-1] for blanks, curve in measured.near.items()},
    }


def _check_record(options: Namespace) -> None:
    """Check, before anything is measured, that --record names bundled models. Raises ComparisonError if not."""
    from trm.registry import model_folder

    for name in (options.model, options.compare_with):
        if options.record and model_folder(name) is None:
            raise ComparisonError(
                f"{name} does not come with the app, so its comparison cannot be recorded. Use --out instead of --record."
            )


def _names(models: "list[Model]") -> list[str]:
    """Distinct names, even for two models in folders of the same name."""
    names = [model.name for model in models]
    return (
        names
        if len(set(names)) == len(names)
        else [f"{name} ({number})" for number, name in enumerate(names, 1)]
    )


def _opened(options: Namespace) -> "tuple[list[Model], Task, PuzzleSet]":
    """Load the models, their task and the puzzles. Raises UserError."""
    from trm.checkpoint import load_model
    from trm.data import load_puzzles
    from trm.evaluate import evenly
    from trm.tasks import task_of

    specs = [options.model, *([options.compare_with] if options.compare_with else [])]
    if len(set(specs)) < len(specs):
        log(f"{options.model} is compared with itself.")
    models = [load_model(spec, accept_unknown=options.accept_unknown) for spec in specs]
    task, *others = (task_of(model.config) for model in models)
    for model, other in zip(models[1:], others, strict=True):
        if (other.name, other.cells) != (task.name, task.cells):
            raise ComparisonError(
                f"{models[0].name} solves {task.rows}x{task.columns} {task.name}, {model.name} {other.rows}x{other.columns} "
                f"{other.name}. Choose two models of the same task and size."
            )
    with ProgressLine("puzzles read") as loading:
        puzzles = load_puzzles(options.data, task, spread=options.limit, progress=loading.count)
    if options.limit is not None:
        puzzles = puzzles.take(evenly(len(puzzles), options.limit))
    return models, task, puzzles


# ---- files


def _named(out: Path, ending: str) -> Path:
    return out.with_name((out.stem if out.suffix in ENDINGS else out.name) + ending)


def _write(out: Path | None, values: dict[str, Any], table: dict[str, list]) -> None:
    if out:
        write_json(_named(out, ".json"), values)
        write_parquet(_named(out, ".parquet"), table)


def _written(out: Path | None) -> dict[str, Any]:
    return {"written": str(_named(out, ".json"))} if out else {}
