"""`probes sweep WHAT`: one intervention with many sizes, sites or seeds, over a set of puzzles."""

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Group, Parameter

from probes.cli.shared import one_cell
from probes.interventions.fork import cache_run
from probes.interventions.patching import patch_map
from probes.interventions.presets import another_puzzle
from probes.interventions.recorded import SweepResult, described
from probes.interventions.recorded import record as record_result
from probes.interventions.sweep_results import (
    FROM_STORE,
    LIMITS,
    MULTI_RUN,
    SWEEPS,
    SweepSettings,
    command_for,
    run_sweep,
    settings_for,
)
from probes.states import StateSource
from trm.cli.options import FLAT, ModelChoice, PuzzleText, TestPuzzles, puzzle_tokens
from trm.errors import UserError
from trm.model import Model
from trm.progress import ProgressLine, part_of
from trm.provenance import Provenance
from trm.results import write_json, write_parquet
from trm.tasks.base import Task
from trm.terminal import as_command, steps_of

What = Annotated[
    str,
    Parameter(
        choices=(*SWEEPS, "patching"),
        help="noise: accuracy against the scale of the noise on a state; removal: ablation, accuracy step by step after y, z "
        "or both are set to 0; seeds: initial states from other seeds, the number of distinct answers and fixed points; "
        "rollouts: multiple runs of each puzzle, best of K by halting logit, majority vote, any correct run; peers: effect "
        "of removing a given on its peers and on other cells; patching: effect on one cell of patching one cell at one step "
        "from a run on another puzzle, for all steps and cells",
    ),
]
"""Names a sweep."""


@Parameter(name="*", group=Group("Patching"))
@dataclass(frozen=True, kw_only=True)
class Patch:
    """What is patched."""

    puzzle: PuzzleText | None = None
    other: str | None = None
    """the puzzle to patch states from (default: another preset)"""
    cell: str | None = None
    """the target cell, such as r5c5"""
    steps: Annotated[tuple[int, ...], Parameter(converter=steps_of)] = tuple(range(1, 9))
    """supervision steps to patch, such as 1,2 or 1-8"""
    after: int = 1
    """supervision steps to run after a patch"""


def run(
    what: What,
    /,
    *,
    choice: ModelChoice,
    puzzles: TestPuzzles = TestPuzzles(),
    given: Annotated[SweepSettings, FLAT] = SweepSettings(),
    patch: Patch = Patch(),
    store: Path | None = None,
    out: Path | None = None,
    record: bool = False,
) -> dict[str, Any]:
    """Run a sweep, and return its result. Raises UserError if an option is missing or not valid.

    Args:
        store: instead of --data: a store of clean runs from which noise and removal start, made by `trm trace --positions all` with this model
        out: JSON file to write; the table is written next to it as .parquet
        record: write the result that the page shows for a bundled model
    """
    settings = settings_for(what, given)
    model, task = choice.load()
    recorded = _opened(what, store, puzzles, model) if store else None
    if what == "patching":
        state = "z" if given.state == "yz" else given.state
        result, name = _patching(choice.model, model, task, patch, state), "patching"
    else:
        some = replace(puzzles, limit=LIMITS[what] if puzzles.limit is None else puzzles.limit)
        loaded = recorded.puzzles if recorded else some.load(model, task)
        named = {"store": store} if store else {"data": loaded.name}
        command = command_for(what, {"model": choice.model, **named, "limit": puzzles.limit}, settings)
        result = run_sweep(
            what, model, task, loaded, settings, ProgressLine(), command=command, recorded=recorded
        )
        name = f"{what}-{settings.source}" if what == MULTI_RUN else what
    printed = described(result)
    if out:
        write_json(out, printed)
        write_parquet(out.with_suffix(".parquet"), result.table)
        printed["written"] = str(out)
    if record:
        printed["recorded"] = str(record_result(name, result))
    return printed


def _opened(what: str, store: Path, puzzles: TestPuzzles, model: Model) -> StateSource:
    if puzzles.data or what not in FROM_STORE:
        raise UserError(f"Give either --data or --store, and --store only for {' and '.join(FROM_STORE)}.")
    source = StateSource.open(store, limit=puzzles.limit)
    source.check_model(model)
    return source


def _patching(spec: str, model: Model, task: Task, patch: Patch, state: str) -> SweepResult:
    if patch.puzzle is None or patch.cell is None:
        raise UserError("patching needs --puzzle and --cell, such as --cell r5c5.")
    steps = [step for step in patch.steps if step < model.config.N_sup]
    inputs = puzzle_tokens(patch.puzzle, task)
    cell = one_cell(patch.cell, model.config)
    other = (
        puzzle_tokens(patch.other, task, unfinished=False) if patch.other else another_puzzle(task, inputs)
    )
    progress = ProgressLine()
    clean = cache_run(model, task, inputs, progress=part_of(progress, 0.0, 0.1))
    theirs = cache_run(model, task, other, progress=part_of(progress, 0.1, 0.2))
    effects = patch_map(
        clean, theirs, cell, state=state, steps=steps, after=patch.after, progress=part_of(progress, 0.2, 1.0)
    )
    shown = replace(patch, puzzle=task.format(inputs), other=patch.other and task.format(other))
    command = as_command("python -m probes sweep patching", {"model": spec, "state": effects.state}, shown)
    return SweepResult(
        provenance=Provenance.of(model, recorded=date.today(), depth=clean.depth, command=command),
        sweep="patching",
        settings={
            "puzzle": task.format(inputs),
            "other": task.format(other),
            "cell": patch.cell,
            "state": effects.state,
            "token": effects.token,
            "after": effects.after,
        },
        table=effects.columns(),
        effects={"unpatched": effects.unpatched.round(4).tolist()},
    )
