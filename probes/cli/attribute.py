"""`probes attribute`: attribute the logit of one cell, or the halting logit, after one call to the cells of the puzzle.

With --method attention or mixing, the command shows which cells exchange information in one layer.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Group, Parameter

from probes.cli.shared import one_cell
from probes.interventions.attribution.results import (
    HALTING_LOGIT,
    MEAN,
    METHODS,
    MIXING,
    SPANS,
    CellEffects,
    CellWeights,
    attended,
    attributed,
    mixed,
)
from probes.interventions.fork import cache_run
from probes.interventions.sites import one_call
from trm.cli.options import FLAT, ModelChoice, PuzzleId, PuzzleText, puzzle_tokens
from trm.errors import UserError
from trm.model import Model
from trm.progress import ProgressLine
from trm.results import as_json, write_json, write_parquet
from trm.tasks.base import Task

WITHIN = Group("attention, mixing")


def meanings(of: dict[str, str]) -> str:
    """Return choices with their meanings, for help."""
    return "; ".join(f"{name}: {text}" for name, text in of.items())


@FLAT
@dataclass(frozen=True, kw_only=True)
class AttributionOptions:
    """What is attributed, and how."""

    puzzle: PuzzleText | None = None
    cell: str | None = None
    """the cell whose answer is explained, such as r5c5"""
    halting: bool = False
    """explain the halting logit instead"""
    step: int = 1
    """explain the logit after this supervision step"""
    cycle: int | None = None
    """explain the logit after this cycle of the step (default: the last one)"""
    token: str | None = None
    """the symbol whose logit is explained, such as 7 or path (default: the answer in the cell)"""
    versus: str | None = None
    """subtract the logit of this symbol"""
    method: Annotated[str, Parameter(choices=(*METHODS, *MIXING), help=meanings(METHODS | MIXING))] = (
        "gradients"
    )
    span: Annotated[
        str, Parameter(choices=tuple(SPANS), help="span of the recursion to recompute: " + meanings(SPANS))
    ] = "cycle"
    call: Annotated[str, Parameter(group=WITHIN, help="attention: the call, as step.cycle.call")] = "1.1.1"
    layer: Annotated[
        str, Parameter(group=WITHIN, help="from 1; mixing with two nets: L1, H1 (default: the first)")
    ] = ""
    head: Annotated[str, Parameter(group=WITHIN, help="attention: from 1 (default: mean over heads)")] = MEAN


def run(
    *,
    choice: ModelChoice,
    what: AttributionOptions = AttributionOptions(),
    puzzle_id: PuzzleId = PuzzleId(),
    out: Path | None = None,
) -> dict[str, Any]:
    """Attribute a logit, and return the attribution. Raises UserError if an option is missing or not valid.

    Args:
        out: JSON file to write; the table is written next to it as .parquet
    """
    if (what.cell is None) == (not what.halting) or (what.halting and what.method in MIXING):
        or_halting = "" if what.method in MIXING else ", or --halting"
        raise UserError(f"Choose what to explain: --cell, such as --cell r5c5{or_halting}.")
    if what.halting and (what.token, what.versus) != (None, None):
        raise UserError("--token and --versus name symbols of a cell, so they do not fit --halting.")
    if what.puzzle is None and what.method != "mixing":
        raise UserError("--puzzle is missing.")
    model, task = choice.load()
    result = _attribution(what, puzzle_id, model, task)
    printed = {"model": model.name, "fingerprint": model.fingerprint} | as_json(result)
    if out:
        write_json(out, printed)
        write_parquet(out.with_suffix(".parquet"), result.table)
        printed["written"] = str(out)
    return printed


def _attribution(
    what: AttributionOptions, puzzle_id: PuzzleId, model: Model, task: Task
) -> CellEffects | CellWeights:
    cell = HALTING_LOGIT if what.cell is None else one_cell(what.cell, model.config)
    if what.method == "mixing":
        return mixed(model, task, cell=cell, layer=what.layer)
    inputs = puzzle_tokens(what.puzzle, task)
    clean = cache_run(model, task, inputs, puzzle_id=puzzle_id.number(model), progress=ProgressLine())
    if what.method == "attention":
        at = one_call(what.call, clean.depth)
        return attended(clean, at=at, cell=cell, layer=what.layer or "1", head=what.head)
    token, versus = (_token(name, task) for name in (what.token, what.versus))
    options = {
        "method": what.method,
        "span": what.span,
        "cycle": what.cycle,
        "token": token,
        "versus": versus,
    }
    return attributed(clean, step=what.step, cell=cell, **options, progress=ProgressLine())


def _token(name: str | None, task: Task) -> int | None:
    """Return the token with this name. Raises UserError if there is none."""
    if name is None or name in task.symbol_names:
        return None if name is None else task.symbol_names.index(name)
    raise UserError(f"There is no symbol {name[:20]!r}. Choose one of: {', '.join(task.symbol_names)}.")
