"""Commands `probes fit`, which fits and scores linear probes on a puzzle set, and `probes apply`, which applies them."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from cyclopts import Group, Parameter

from probes.cli.figures import PaperFigure
from probes.linear.apply import apply_to_puzzle, summary_of
from probes.linear.experiment.files import (
    record_experiment,
    recorded_causal_tests,
    recorded_experiment,
    save_probes,
    write_experiment,
)
from probes.linear.experiment.results import ProbingExperiment
from probes.linear.experiment.run import fit_experiment, run_experiment
from probes.linear.experiment.summary import ExperimentSettings, ExperimentSummary, TargetSummary
from probes.linear.experiment.views import baselines_at, labels_of, value_at
from probes.linear.files import open_probe
from probes.linear.fitting.scratch import return_freed_memory
from probes.linear.target_groups import default_targets, groups_of, recorded_targets
from probes.reports.charts import SCORES, SOURCES, probe_charts
from probes.reports.linear import write_findings
from probes.states import StateSource
from trm.cli.options import (
    FLAT,
    CheckpointOptions,
    ModelChoice,
    ModelName,
    PuzzleText,
    TestPuzzles,
    puzzle_tokens,
)
from trm.cli.printing import Output, table
from trm.errors import UserError
from trm.parallel import Worker
from trm.progress import ProgressLine, no_progress
from trm.registry import model_names
from trm.results import as_json, write_json

MOST_COLUMNS = 6  # time points in a printed table; --out and --json have all of them
BASELINES = (
    "Baselines, probes of: input, the symbols of the cell and of those around it; derived, what counting and\n"
    "simple rules find in it; untrained, the states of the same network with random weights."
)


@FLAT
@dataclass(frozen=True, kw_only=True)
class ProbedPuzzles(TestPuzzles):
    """Which puzzles, by default 200 of the test set."""

    limit: int | None = 200
    """number of puzzles, evenly spread over the set"""


def fit(
    *,
    model: ModelName | None = None,
    opening: CheckpointOptions = CheckpointOptions(),
    puzzles: ProbedPuzzles = ProbedPuzzles(),
    store: Path | None = None,
    settings: Annotated[
        ExperimentSettings, Parameter(name="*", group=Group("The experiment"))
    ] = ExperimentSettings(),
    out: Path | None = None,
    save: Path | None = None,
    figure: PaperFigure = PaperFigure(),
    record: bool = False,
    findings: Path | None = None,
) -> dict[str, Any] | Output | None:
    """Fit probes, and return their scores. Raises UserError if an option is missing or not valid.

    Args:
        store: a store made by `trm trace`, instead of --model and --data; the model does not run again, but an untrained copy does (see --random)
        out: JSON file to write; the table is written next to it as .parquet
        save: folder to save the probes in, for `probes apply`
        record: record the result that the Probes page of a bundled model opens with: all targets at steps 1, 2, 4, 8 and the last
        findings: instead: write the recorded results into this document, between its marks
    """
    figure.check()
    if findings:
        return write_recorded(findings)
    return_freed_memory()
    if store:
        return _fit_store(store, model, puzzles, settings, out, save, figure)
    if not model:
        raise UserError("--model is missing. Give --model, --store, or --findings alone.")
    loaded, task = opening.open(model)
    if settings.targets == ("list",):
        return {group.name: group.meaning for group in groups_of(task)}
    settings = replace(settings, targets=settings.targets or default_targets(task))
    if record:
        last = loaded.config.N_sup
        steps = (*(step for step in (1, 2, 4, 8) if step < last), last)
        settings = replace(settings, targets=recorded_targets(task), steps=steps)
    chosen = puzzles.load(loaded, task)
    with ProgressLine() as progress:
        experiment = run_experiment(loaded, task, chosen, settings, progress=progress)
    if record:
        record_experiment(loaded.name, experiment)
    return _written(experiment, out, save, figure)


def _fit_store(
    store: Path,
    model: str | None,
    puzzles: ProbedPuzzles,
    settings: ExperimentSettings,
    out: Path | None,
    save: Path | None,
    figure: PaperFigure,
) -> dict[str, Any] | Output | None:
    """Fit probes on recorded states, with other processes if there are any. None in all processes but the lead."""
    if model or puzzles.data:
        raise UserError("Give either --model and --data, or --store alone.")
    limit = None if puzzles.limit == ProbedPuzzles.limit else puzzles.limit
    source, worker = StateSource.open(store, limit=limit), Worker.of_this_process()
    if settings.targets == ("list",):
        return {group.name: group.meaning for group in groups_of(source.task)}
    settings = replace(settings, targets=settings.targets or default_targets(source.task))
    folder = None
    if worker.size > 1:
        if not out:
            raise UserError("--out is missing. Several processes meet in its folder.")
        folder = out.parent
    with ProgressLine() as progress:
        experiment = fit_experiment(
            source,
            settings,
            worker=worker,
            folder=folder,
            progress=progress if worker.is_lead else no_progress,
        )
    return _written(experiment, out, save, figure) if experiment else None


def _written(
    experiment: ProbingExperiment, out: Path | None, save: Path | None, figure: PaperFigure
) -> Output:
    written, summary = [], experiment.summary()
    if out:
        written = write_experiment(out, experiment, probes=save)
    elif save:
        written = save_probes(save, experiment)
    if figure.pdf:
        figure.save(probe_charts(summary), experiment.provenance, experiment.settings.probe.seed)
        written = [*written, figure.pdf]
    blocks = [score_text(summary, target) for target in summary.targets]
    blocks += [BASELINES, *(["written: " + ", ".join(map(str, written))] if written else [])]
    return Output(as_json(summary), "\n\n".join(blocks))


def score_text(summary: ExperimentSummary, target: TargetSummary) -> str:
    """Return the main score of a target for each source, as a table with at most MOST_COLUMNS time points."""
    labels, last = labels_of(summary), len(summary.time_points) - 1
    places = sorted({round(at) for at in np.linspace(0, last, min(last + 1, MOST_COLUMNS))})
    guess, *_ = baselines_at(summary, target.name, target.score, last).items()
    rows = []
    for source, (name, *_) in SOURCES.items():
        result = summary.result(target.name, source)
        if result:
            fitted = range(last + 1) if source in ("input", "derived") else result.time_points
            values = [value_at(result, target.score, at) if at in fitted else None for at in places]
            bounds = [value_at(result, target.score, last, bound) for bound in ("low", "high")]
            interval = " to ".join(map(_number, bounds)) if last in fitted else ""
            rows.append([name, *map(_number, values), interval])
    guesses = [baselines_at(summary, target.name, target.score, at)[guess[0]] for at in places]
    rows.append(["constant guess", *map(_number, guesses), ""])
    count = f"{summary.split['test']} test puzzles" if summary.split else ""
    left_out = f"{len(places)} of {last + 1} time points" if len(places) <= last else ""
    title = ", ".join(filter(None, (f"{target.name} ({SCORES[target.score]})", count, left_out)))
    columns = ["from", *(f"step {labels[at]}" for at in places), f"95% interval at step {labels[last]}"]
    return f"{title}\n{table(columns, rows)}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def apply(
    *, choice: ModelChoice, probe: tuple[Path, ...], puzzle: PuzzleText, out: Path | None = None
) -> Output:
    """Apply saved probes, and return what they decode. Raises UserError if a file or the puzzle is not valid.

    Args:
        probe: a file written by `fit --save`; may be given several times
        out: JSON file to write
    """
    probes = [open_probe(path) for path in probe]
    model, task = choice.load()
    inputs = puzzle_tokens(puzzle, task, unfinished=False)
    result = summary_of(apply_to_puzzle(model, task, inputs, probes), model=model, task=task, inputs=inputs)
    if out:
        write_json(out, result)
    by_step = {
        f"{reading['target']} from {reading['state']}": {
            f"step {at['supervision_step']}": "".join("." if cell is None else str(cell)[:1] for cell in row)
            for at, row in zip(reading["time_points"], reading["read"], strict=True)
        }
        for reading in result["readings"]
    }
    return Output(result, by_step)


def write_recorded(document: Path) -> dict[str, Any]:
    """Write the recorded experiments of the bundled models as a section of a document."""
    experiments = {name: recorded_experiment(name) for name in sorted(model_names(), reverse=True)}
    uses = {name: recorded_causal_tests(name) for name in experiments}
    return write_findings(
        document,
        {name: experiment for name, experiment in experiments.items() if experiment},
        {name: use for name, use in uses.items() if use},
    )
