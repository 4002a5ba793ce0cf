"""Analyses of the states recorded during a run. The app draws their charts.

    import probes, trm

    model = trm.load("sudoku-trm")
    puzzles = trm.puzzles(model, limit=64)
    probes.project(model, puzzles)                            PCA and UMAP of the states of many puzzles
    probes.fit(model, puzzles, targets=("solution",))         linear probes with baselines
    probes.intervene(trm.run(model, puzzle), "zero y before 3.1.1")
    probes.compare(model, trm.load("sudoku-hrm"), puzzles)    two models on the same puzzles

Each function calls the analysis behind a page of the app with the defaults of its command. Importing this package does
not import torch.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from probes.comparison.files import Comparison
    from probes.latents.projection import Projection
    from probes.linear.experiment.results import ProbingExperiment
    from probes.states import StateSource
    from trm.data import PuzzleSet
    from trm.model import Model
    from trm.notebook.run import PuzzleRun
    from trm.progress import Progress

__all__ = ["compare", "fit", "intervene", "project"]


def project(
    source: "Model | StateSource",
    puzzles: "PuzzleSet | None" = None,
    *,
    state: str = "z",
    calls: str = "f_H",
    position: str = "mean",
    umap: bool = False,
    progress: "Progress | None" = None,
) -> "Projection":
    """Project the states of many puzzles by PCA, and by UMAP if requested.

    `source` is a model, which then runs on `puzzles`, or recorded states (`StateSource.open`). `calls` selects the calls
    of the points, as `trm trace --calls` does; for recorded states, it has no effect. `position` is mean (over all
    cells), or a cell such as r5c5. `progress` is called with the fraction done, 0 to 1, and a text.

    In the result, `embeddings[0].coordinates` has the shape (puzzles, calls, 3), in units of the states; PCA is first.
    UMAP distances are not distances. Raises StatesError, TrajectoriesError or StoreError if the states cannot be
    recorded or projected.
    """
    from probes.latents.project import make_projection
    from probes.latents.trajectories import read_trajectories, record_trajectories
    from probes.latents.umap import UMAPSettings
    from probes.states import StateSource
    from trm.progress import no_progress

    progress = progress or no_progress
    if isinstance(source, StateSource):
        trajectories = read_trajectories(source.store, position=position)
    else:
        trajectories = record_trajectories(
            source, _needed(puzzles), calls=calls, position=position, progress=progress
        )
    return make_projection(
        trajectories,
        state=state,
        calls=calls,
        command="",
        umap=UMAPSettings() if umap else None,
        progress=progress,
    )


def fit(
    source: "Model | StateSource",
    puzzles: "PuzzleSet | None" = None,
    *,
    targets: Sequence[str] = ("solution",),
    steps: Sequence[int] = (1, 2, 4),
    progress: "Progress | None" = None,
    **settings: Any,
) -> "ProbingExperiment":
    """Fit linear probes of targets on y and z after supervision steps, and score them on held-out puzzles.

    `source` is a model, which then runs on `puzzles`, or recorded states (`StateSource.open`). `targets` are names that
    `python -m probes fit --targets list` lists; `settings` are the other fields of `ExperimentSettings`, such as
    `random="none"`. Scores are fractions, with 95 % confidence intervals over puzzles; `main_scores()` of the result
    lists them by target and source, including the baselines. Raises TargetError, ProbeError, TimePointError,
    SplitError, StatesError or StoreError if the experiment is not possible.
    """
    from probes.linear.experiment.run import fit_experiment, run_experiment
    from probes.linear.experiment.summary import ExperimentSettings
    from probes.states import StateSource
    from trm.progress import no_progress
    from trm.tasks import task_of

    chosen = ExperimentSettings(targets=tuple(targets), steps=tuple(steps), **settings)
    progress = progress or no_progress
    if isinstance(source, StateSource):
        return fit_experiment(source, chosen, progress=progress)
    return run_experiment(source, task_of(source.config), _needed(puzzles), chosen, progress=progress)


def intervene(run: "PuzzleRun", interventions: str) -> "PuzzleRun":
    """Run the model of a clean run again on its puzzle, with interventions on its states.

    `interventions` are written as for `python -m probes intervene --do`, separated by semicolons: `zero y before 3.1.1`,
    `noise z after 2.1.1 size 0.5`, `patch z after 3.3.6 from 2.3.6` and so on. The result is a run like any other: it
    shows the player, which names the interventions. Raises InterventionError if an intervention is not valid or does
    not fit the run, or `run` is not a clean run.
    """
    import trm
    from probes.interventions.fork import CachedRun
    from probes.interventions.sites import InterventionError
    from probes.interventions.spec import as_text, parse_all

    trace = run.trace
    if trace.provenance.changes:
        raise InterventionError("This run is not clean: its states were changed. Give the clean run.")
    clean = CachedRun(
        run.model, run.task, trace.inputs, run.puzzle_id, trace, run.start, dict(run.states_after)
    )
    parsed = parse_all(interventions)
    hooks = clean.hooks(parsed)
    return trm.run(
        run.model,
        trace.inputs,
        depth=hooks.depth,
        puzzle_id=run.puzzle_id,
        labels=trace.labels,
        before_call=hooks.before_call,
        after_call=hooks.after_call,
        skips=hooks.skips,
        changes=as_text(parsed),
    )


def compare(
    model: "Model",
    other: "Model",
    puzzles: "PuzzleSet",
    *,
    near_limit: int = 50,
    progress: "Progress | None" = None,
) -> "Comparison":
    """Compare two models of one task on the same puzzles: accuracy and residuals by step, dimensionality of y and z, CKA.

    In the result, `models` has the measurements of each model, and `cka` (time points x time points, 0 to 1) the
    similarity of states after f_H calls. Only puzzles with exactly one solution count. Sudokus with 1 to 5 blank cells are also
    run, at most `near_limit` for each number of blanks. Raises ComparisonError if the
    models do not solve the same task, and RunsError, PuzzleError or StatesError if the runs are not possible.
    """
    from probes.comparison.files import ComparisonError, make_comparison
    from probes.comparison.measure import measure
    from trm.progress import no_progress, part_of
    from trm.tasks import task_of

    tasks = [task_of(each.config) for each in (model, other)]
    if (tasks[0].name, tasks[0].cells) != (tasks[1].name, tasks[1].cells):
        raise ComparisonError(
            f"{model.name} solves {tasks[0].name}, {other.name} {tasks[1].name} or another size. Choose two models of the "
            "same task and size."
        )
    progress = progress or no_progress
    halves = [part_of(progress, 0.0, 0.5), part_of(progress, 0.5, 1.0)]
    return make_comparison(
        *(
            measure(each, task, puzzles, near_limit=near_limit, progress=half)
            for each, task, half in zip((model, other), tasks, halves, strict=True)
        )
    )


def _needed(puzzles: "PuzzleSet | None") -> "PuzzleSet":
    """Return the puzzles. Raises UserError if there are none."""
    from trm.errors import UserError

    if puzzles is None:
        raise UserError("A model needs puzzles to run on. Give them, such as trm.puzzles(model, limit=64).")
    return puzzles
