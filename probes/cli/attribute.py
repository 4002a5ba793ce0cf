"""`probes attribute`: attribute one cell's logit, or the halting logit, after one step to the cells of the puzzle.

With --method attention or mixing: which cells exchange information in one layer.
"""

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from probes.cli.shared import progress_line, write
from probes.interventions.attribution.results import HALTING_LOGIT, MEAN, METHODS, MIXING, SPANS
from trm.cli.options import PUZZLE_HELP, PUZZLE_ID_HELP, model_options, puzzle_id_options, puzzle_tokens
from trm.errors import UserError

if TYPE_CHECKING:
    from trm.model import Model
    from trm.tasks.base import Task


def add(adder) -> None:
    command = adder.add_parser("attribute", help="attribute a logit to the cells of the puzzle")
    model_options(command)
    command.add_argument("--puzzle", help=PUZZLE_HELP + "; not needed for --method mixing")
    puzzle_id_options(command, PUZZLE_ID_HELP)
    command.add_argument("--cell", help="the cell whose answer is explained, such as r5c5")
    command.add_argument("--halting", action="store_true", help="explain the halting logit instead")
    command.add_argument(
        "--step", type=int, default=1, help="explain the logit after this supervision step (default: 1)"
    )
    command.add_argument(
        "--method",
        default="gradients",
        choices=(*METHODS, *MIXING),
        help="; ".join(f"{k}: {v}" for k, v in (METHODS | MIXING).items()),
    )
    command.add_argument(
        "--span",
        default="cycle",
        choices=tuple(SPANS),
        help="span of the recursion to recompute: " + "; ".join(f"{k}: {v}" for k, v in SPANS.items()),
    )
    within = command.add_argument_group("attention, mixing")
    within.add_argument(
        "--call", default="1.1.1", help="attention: the call, as step.cycle.call (default: 1.1.1)"
    )
    within.add_argument(
        "--layer", default="", help="from 1; mixing with two nets: L1, H1 (default: the first)"
    )
    within.add_argument("--head", default=MEAN, help="attention: from 1 (default: mean over heads)")
    command.add_argument(
        "--out", type=Path, help="JSON file to write; the table is written next to it as .parquet"
    )
    command.set_defaults(run=run)


def run(options: Namespace) -> dict[str, Any]:
    from trm.cli.options import open_model

    if (options.cell is None) == (not options.halting) or (options.halting and options.method in MIXING):
        or_halting = "" if options.method in MIXING else ", or --halting"
        raise UserError(f"Choose what to explain: --cell, such as --cell r5c5{or_halting}.")
    if options.puzzle is None and options.method != "mixing":
        raise UserError("--puzzle is missing.")
    model, task = open_model(options)
    result = {"model": model.name, "fingerprint": model.fingerprint} | _attribution(options, model, task)
    if options.out:
        result["written"] = str(write(options.out, result, result["table"]))
    return result


def _attribution(options: Namespace, model: "Model", task: "Task") -> dict[str, Any]:
    from probes.interventions.attribution.results import attended, attributed, mixed
    from probes.interventions.fork import cache_run
    from probes.interventions.sites import one_call
    from trm.cli.options import chosen_puzzle_id

    cell = _cell(options, model)
    if options.method == "mixing":
        return mixed(model, task, cell=cell, layer=options.layer)
    inputs = puzzle_tokens(options.puzzle, task)
    clean = cache_run(
        model, task, inputs, puzzle_id=chosen_puzzle_id(options, model), progress=progress_line()
    )
    if options.method == "attention":
        at = one_call(options.call, clean.depth)
        return attended(clean, at=at, cell=cell, layer=options.layer or "1", head=options.head)
    return attributed(
        clean,
        step=options.step,
        cell=cell,
        method=options.method,
        span=options.span,
        progress=progress_line(),
    )


def _cell(options: Namespace, model: "Model") -> int:
    """Index of the chosen cell, or HALTING_LOGIT. Raises UserError unless it is a single cell."""
    from trm.store.positions import Positions

    if options.cell is None:
        return HALTING_LOGIT
    single, prefix = Positions.of(options.cell, model.config).single, model.config.prefix_length
    if len(single) != 1 or single[0] < prefix:
        raise UserError(f"--cell must name one cell, such as r5c5, not {options.cell!r}.")
    return single[0] - prefix
