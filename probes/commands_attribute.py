"""`probes attribute`: what in the puzzle one cell's logit, or the halting logit, after one step is due to."""

from argparse import Namespace
from pathlib import Path
from typing import Any

from probes.attribution_results import HALTING_CELL, METHODS, SPANS
from probes.commands_sweep import told, write
from trm.cli import PUZZLE_HELP, PUZZLE_ID_HELP, _model_options, _puzzle_id_options
from trm.errors import UserError
from trm.terminal import puzzle_text


def add(adder) -> None:
    command = adder.add_parser("attribute", help="what in the puzzle a logit is due to")
    _model_options(command)
    command.add_argument("--puzzle", required=True, help=PUZZLE_HELP)
    _puzzle_id_options(command, PUZZLE_ID_HELP)
    command.add_argument("--cell", help="the cell whose answer is explained, such as r5c5")
    command.add_argument("--halting", action="store_true", help="explain the halting logit instead")
    command.add_argument(
        "--step", type=int, default=1, help="supervision step after which it is read (usual: 1)"
    )
    command.add_argument(
        "--method",
        default="gradients",
        choices=tuple(METHODS),
        help="; ".join(f"{k}: {v}" for k, v in METHODS.items()),
    )
    command.add_argument(
        "--span",
        default="cycle",
        choices=tuple(SPANS),
        help="; ".join(f"{k}: through {v}" for k, v in SPANS.items()),
    )
    command.add_argument("--out", type=Path, help="JSON to write; the table lies beside it as .parquet")
    command.set_defaults(run=run)


def run(options: Namespace) -> dict[str, Any]:
    from probes.attribution_results import attributed
    from probes.branches import keep
    from trm.commands import asked_puzzle_id, opened
    from trm.store.layout import Positions

    if (options.cell is None) == (not options.halting):
        raise UserError("Say what to explain: --cell, such as --cell r5c5, or --halting.")
    model, task = opened(options)
    cell = HALTING_CELL
    if options.cell is not None:
        single = Positions.of(options.cell, model.config).single
        if len(single) != 1 or single[0] < model.config.prefix_length:
            raise UserError(f"--cell must name one cell, such as r5c5, not {options.cell!r}.")
        cell = single[0] - model.config.prefix_length
    inputs = task.parse(puzzle_text(options.puzzle), unfinished=True)
    kept = keep(model, task, inputs, puzzle_id=asked_puzzle_id(options, model), tell=told())
    result = attributed(
        kept, step=options.step, cell=cell, method=options.method, span=options.span, tell=told()
    )
    result = {"model": model.name, "fingerprint": model.fingerprint} | result
    if options.out:
        result["written"] = str(write(options.out, result, result["table"]))
    return result
