"""`probes similarity` and `probes compare`: two models on the same puzzles, as the Compare page has them."""

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
    compared,
    curves_table,
    load_comparison,
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
    from probes.comparison.result import Measured
    from trm.data import PuzzleSet
    from trm.model import Model
    from trm.tasks.base import Task

ENDINGS = (".json", ".parquet")


def add(adder: Any) -> None:
    alike = adder.add_parser(
        "similarity",
        help="linear CKA between all moments of y and z, within and across two models",
        description="CKA",
    )
    _pair_options(alike, compare_with=False)
    alike.set_defaults(run=run_similarity)
    compare = adder.add_parser(
        "compare",
        help="all that the Compare page shows of two models",
        description="Two models on the same puzzles.",
    )
    _pair_options(compare, compare_with=True)
    compare.add_argument("--few", type=int, help="puzzles for each number of blank cells, at most (50)")
    compare.add_argument(
        "--record",
        action="store_true",
        help="keep the result as what the page opens with (two bundled models)",
    )
    compare.add_argument(
        "--findings",
        type=Path,
        help="write the section about the two into this document; without --data from what is recorded",
    )
    compare.set_defaults(run=run_compare)


def _pair_options(command: Any, *, compare_with: bool) -> None:
    command.add_argument("--model", required=True, help=MODEL_HELP)
    command.add_argument(
        "--compare-with", required=compare_with, help="the other model, of the same task; " + MODEL_HELP
    )
    command.add_argument("--data", required=not compare_with, help="a puzzle set, as `trm eval` takes it")
    command.add_argument("--limit", type=int, help="take this many puzzles, evenly spread over the set")
    command.add_argument("--out", type=Path, help="write this name with .json and with .parquet")
    accept_option(command)


def run_similarity(options: Namespace) -> dict[str, Any]:
    from probes.comparison.cka import arrangement
    from probes.comparison.set_run import run_set

    models, _, puzzles = _opened(options)
    arranged, time_points = [], []
    for model, name in zip(models, _names(models), strict=True):
        with ProgressLine(f"% of {name}", 100) as bar:
            run = run_set(
                model, puzzles, keep_states=True, progress=lambda share, bar=bar: bar.count(int(90 * share))
            )
            arranged.append({})
            for state, states in zip(STATES, (run.y, run.z), strict=True):
                arranged[-1][state] = arrangement(states.reshape(*states.shape[:2], -1))
                bar.count(95)
        time_points += time_points_of(name, T=model.config.T, N_sup=model.config.N_sup)
    cka = cka_of_all(arranged)
    _write(
        options.out,
        {"data": puzzles.name, "puzzles": len(puzzles), "moments": time_points, "cka": cka_to_list(cka)},
        cka_table(time_points, cka),
    )
    return {
        "data": puzzles.name,
        "puzzles": len(puzzles),
        "cka_at_the_end": _at_the_end(time_points, cka),
        **_written(options.out),
    }


def _at_the_end(time_points: list[tuple], cka: Any) -> dict[str, float | None]:
    """CKA of the last moments of every two clouds."""
    last = {time_point[:2]: row for row, time_point in enumerate(time_points)}
    pairs = [(one, other) for one in last for other in last if last[one] < last[other]]
    return {
        f"{' '.join(one)} ~ {' '.join(other)}": cka_to_list(cka[last[one], last[other]].reshape(1, 1))[0][0]
        for one, other in pairs
    }


def run_compare(options: Namespace) -> dict[str, Any]:
    from probes.reports.comparison import write_findings

    place = (
        recorded_path(options.model, options.compare_with) if options.record or options.data is None else None
    )
    if options.data is None and not options.findings:
        raise ComparisonError("--data is missing. Name a puzzle set, such as sudoku/test.")
    comparison = load_comparison(place) if options.data is None else _measured(options)
    about = comparison.models[0].about
    found = {
        "data": about.data,
        "puzzles": about.count,
        **{each.about.name: _summary(each) for each in comparison.models},
    }
    _write(options.out, to_dict(comparison), curves_table(comparison))
    if options.out:
        write_parquet(_named(options.out, "-cka.parquet"), cka_table(comparison.time_points, comparison.cka))
    if options.record:
        save_comparison(place, comparison)
        found["recorded"] = str(place)
    if options.findings:
        write_findings(
            options.findings,
            comparison,
            compare_command(options.model, options.compare_with, about.data, about.count),
        )
        found["findings"] = str(options.findings)
    return found | _written(options.out)


def _measured(options: Namespace) -> Comparison:
    """Both models, measured one after the other. Raises UserError."""
    from probes.comparison.measure import FEW, measure

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
                    few=options.few or FEW,
                    progress=lambda share, words, bar=bar: bar.count(int(100 * share)),
                )
            )
    return compared(*measured)


def _summary(measured: "Measured") -> dict[str, Any]:
    """What is said of a model on a terminal."""
    return {
        "solved": measured.solved.middle[-1],
        "participation_ratio": measured.pooled_ratio,
        "kept": measured.kept.middle[-1],
        "near_complete": {blanks: curve.middle[-1] for blanks, curve in measured.near.items()},
    }


def _check_record(options: Namespace) -> None:
    """Before the work. Raises ComparisonError where no page would open with the result."""
    from trm.registry import model_folder

    for name in (options.model, options.compare_with):
        if options.record and model_folder(name) is None:
            raise ComparisonError(
                f"{name} does not come with the app, so no page opens with it. Leave out --record, or use --out."
            )


def _names(models: "list[Model]") -> list[str]:
    """Names that differ, also of two models in folders of one name."""
    names = [model.name for model in models]
    return (
        names
        if len(set(names)) == len(names)
        else [f"{name} ({place})" for place, name in enumerate(names, 1)]
    )


def _opened(options: Namespace) -> "tuple[list[Model], Task, PuzzleSet]":
    """The models, their task and the puzzles. Raises UserError."""
    from trm.checkpoint import load_model
    from trm.data import load_puzzles
    from trm.evaluate import evenly
    from trm.tasks import task_of

    specs = [options.model, *([options.compare_with] if options.compare_with else [])]
    if len(set(specs)) < len(specs):
        log(f"{options.model} is held against itself.")
    models = [load_model(spec, accept_unknown=options.accept_unknown) for spec in specs]
    task, *others = (task_of(model.config) for model in models)
    for model, other in zip(models[1:], others, strict=True):
        if (other.name, other.cells) != (task.name, task.cells):
            raise ComparisonError(
                f"{models[0].name} plays {task.rows}x{task.columns} {task.name}, {model.name} {other.rows}x{other.columns} "
                f"{other.name}. Give two models of one task and size."
            )
    with ProgressLine("puzzles read") as reading:
        puzzles = load_puzzles(options.data, task, spread=options.limit, progress=reading.count)
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
