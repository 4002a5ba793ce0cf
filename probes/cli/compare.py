"""`probes similarity` and `probes compare`: compare two models on the same puzzles, as on the Compare page."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from cyclopts import Parameter

from probes.comparison.cka import normalised_grams
from probes.comparison.files import (
    STATES,
    Comparison,
    ComparisonError,
    cka_of_all,
    cka_table,
    cka_to_list,
    curves_table,
    load_comparison,
    make_comparison,
    recorded_path,
    time_points_of,
    to_dict,
)
from probes.comparison.measure import NEAR_LIMIT, measure
from probes.comparison.result import Measurements
from probes.comparison.set_run import run_set
from probes.reports.comparison import write_findings
from probes.states import StateSource
from trm.checkpoint import load_model
from trm.cli.options import FLAT, DataName, ModelName, PuzzleChoice
from trm.data import PuzzleSet
from trm.model import Model
from trm.progress import ProgressLine
from trm.registry import model_folder
from trm.results import save, write_json, write_parquet
from trm.tasks import task_of
from trm.tasks.base import Task
from trm.terminal import as_command, log, names_of

ENDINGS = (".json", ".parquet")


@FLAT
@dataclass(frozen=True, kw_only=True)
class Pair:
    """The models to compare, and the puzzles."""

    model: ModelName
    compare_with: str | None = None
    """the second model, of the same task"""
    data: DataName | None = None
    limit: int | None = None
    """use this many puzzles, evenly spread over the set"""
    out: Path | None = None
    """output files: this name with .json and .parquet"""
    accept_unknown: bool = False
    """open a checkpoint even if some of its settings are not understood (`trm inspect` lists them)"""

    def load(self) -> tuple[list[Model], Task, PuzzleSet]:
        """Load the models, their task and the puzzles. Raises UserError if loading fails or the tasks differ."""
        models, task = self.load_models()
        if self.data is None:
            raise ComparisonError("--data is missing. Give a puzzle set, such as sudoku/test.")
        return models, task, PuzzleChoice(data=self.data, limit=self.limit).load(models[0], task)

    def load_models(self) -> tuple[list[Model], Task]:
        """Load the models and their task. Raises UserError if loading fails or the tasks differ."""
        specs = [self.model, *([self.compare_with] if self.compare_with else [])]
        if len(set(specs)) < len(specs):
            log(f"{self.model} is compared with itself.")
        models = [load_model(spec, accept_unknown=self.accept_unknown) for spec in specs]
        task, *others = (task_of(model.config) for model in models)
        for model, other in zip(models[1:], others, strict=True):
            if (other.name, other.cells) != (task.name, task.cells):
                raise ComparisonError(
                    f"{models[0].name} solves {task.rows}x{task.columns} {task.name}, {model.name} {other.rows}x{other.columns} "
                    f"{other.name}. Choose two models of the same task and size."
                )
        return models, task


def similarity(*, pair: Pair) -> dict[str, Any]:
    """Measure the CKA between y and z at all time points, within and between the models. Raises UserError."""
    models, _, puzzles = pair.load()
    grams, time_points = [], []
    for model, name in zip(models, _names(models), strict=True):
        with ProgressLine() as progress:
            run = run_set(model, puzzles, store_states=True, progress=progress)
            grams.append({})
            for state, states in zip(STATES, (run.y, run.z), strict=True):
                grams[-1][state] = normalised_grams(states.reshape(*states.shape[:2], -1), progress=progress)
        time_points += time_points_of(name, T=model.config.T, N_sup=model.config.N_sup)
    cka = cka_of_all(grams)
    _write(
        pair.out,
        {"data": puzzles.name, "puzzles": len(puzzles), "time_points": time_points, "cka": cka_to_list(cka)},
        cka_table(time_points, cka),
    )
    return {
        "data": puzzles.name,
        "puzzles": len(puzzles),
        "cka_at_the_end": _at_the_end(time_points, cka),
        **_written(pair.out),
    }


def _at_the_end(time_points: list[tuple], cka: Any) -> dict[str, float | None]:
    """Return the CKA between the last time points of every pair of states."""
    last = {time_point[:2]: row for row, time_point in enumerate(time_points)}
    pairs = [(one, other) for one in last for other in last if last[one] < last[other]]
    return {
        f"{' '.join(one)} ~ {' '.join(other)}": cka_to_list(cka[last[one], last[other]].reshape(1, 1))[0][0]
        for one, other in pairs
    }


def compare(
    *,
    pair: Pair,
    store: Annotated[tuple[str, ...], Parameter(converter=names_of)] = (),
    few: int = NEAR_LIMIT,
    record: bool = False,
    findings: Path | None = None,
) -> dict[str, Any]:
    """Compare two models, and return the main results. Raises UserError if an option is missing or not valid.

    Args:
        store: instead of --data: two stores, separated by a comma, made by `trm trace --calls all --positions all` with the two models; only runs from changed states are computed
        few: maximum of near-complete puzzles per number of blank cells
        record: record the result for the Compare page (two bundled models)
        findings: write the section on the two models into this document; without --data, from the recorded comparison
    """
    if pair.compare_with is None:
        raise ComparisonError("--compare-with is missing. Give the second model.")
    if record:
        _check_bundled(pair)
    is_recorded = pair.data is None and not store and findings is not None
    path = recorded_path(pair.model, pair.compare_with) if record or is_recorded else None
    if is_recorded:
        comparison = load_comparison(path)
    else:
        comparison = _measured_stores(pair, store, few) if store else _measured(pair, few)
    about = comparison.models[0].provenance
    printed = {
        "data": about.data,
        "puzzles": about.count,
        **{each.provenance.model: _summary(each) for each in comparison.models},
    }
    _write(pair.out, to_dict(comparison), curves_table(comparison))
    if pair.out:
        write_parquet(_named(pair.out, "-cka.parquet"), cka_table(comparison.time_points, comparison.cka))
    if record:
        save(path, comparison)
        printed["recorded"] = str(path)
    if findings:
        shown = replace(pair, data=None if store else about.data, limit=about.count, out=None)
        command = as_command("python -m probes compare", shown, {"store": store} if store else {})
        write_findings(findings, comparison, command)
        printed["findings"] = str(findings)
    return printed | _written(pair.out)


def _measured(pair: Pair, few: int) -> Comparison:
    """Measure both models, one after the other."""
    models, task, puzzles = pair.load()
    measured = []
    for model in models:
        with ProgressLine() as progress:
            measured.append(measure(model, task, puzzles, near_limit=few, progress=progress))
    return make_comparison(*measured)


def _measured_stores(pair: Pair, stores: tuple[str, ...], few: int) -> Comparison:
    """Measure both models from their recorded runs. Raises UserError if the stores do not fit the models or each other."""
    if pair.data or len(stores) != 2:
        raise ComparisonError("Give --data, or --store with two stores separated by a comma.")
    models, task = pair.load_models()
    sources = [StateSource.open(store, limit=pair.limit) for store in stores]
    for model, source in zip(models, sources, strict=True):
        source.check_model(model)
        if not np.array_equal(source.puzzles.inputs, sources[0].puzzles.inputs):
            raise ComparisonError(
                f"{stores[0]} and {stores[1]} hold different puzzles. Record the same set twice."
            )
    measured = []
    for model, source in zip(models, sources, strict=True):
        with ProgressLine() as progress:
            measured.append(
                measure(
                    model,
                    task,
                    source.puzzles,
                    depth=source.depth,
                    recorded=source,
                    near_limit=few,
                    progress=progress,
                )
            )
    return make_comparison(*measured)


def _summary(measured: Measurements) -> dict[str, Any]:
    """Return the main results of a model, for the terminal."""
    return {
        "solved": measured.solved.middle[-1],
        "participation_ratio": measured.pooled_ratio,
        "retention": measured.retention.middle[-1],
        "near_complete": {blanks: curve.middle[-1] for blanks, curve in measured.near.items()},
    }


def _check_bundled(pair: Pair) -> None:
    """Check, before anything is measured, that both models come with the app. Raises ComparisonError if not."""
    for name in (pair.model, pair.compare_with):
        if model_folder(name) is None:
            raise ComparisonError(
                f"{name} does not come with the app, so its comparison cannot be recorded. Use --out instead of --record."
            )


def _names(models: list[Model]) -> list[str]:
    """Return distinct names, even for two models in folders of the same name."""
    names = [model.name for model in models]
    return (
        names
        if len(set(names)) == len(names)
        else [f"{name} ({number})" for number, name in enumerate(names, 1)]
    )


# ---- files


def _named(out: Path, ending: str) -> Path:
    return out.with_name((out.stem if out.suffix in ENDINGS else out.name) + ending)


def _write(out: Path | None, values: dict[str, Any], table: dict[str, list]) -> None:
    if out:
        write_json(_named(out, ".json"), values)
        write_parquet(_named(out, ".parquet"), table)


def _written(out: Path | None) -> dict[str, Any]:
    return {"written": str(_named(out, ".json"))} if out else {}
