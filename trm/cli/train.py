"""`trm train`: train a preset, or resume a stopped run."""

from argparse import Namespace
from dataclasses import replace
from pathlib import Path

from trm.cli.options import add_command
from trm.errors import UserError
from trm.terminal import log


def add(subparsers) -> None:
    command = add_command(
        subparsers, "train", run, "train a preset; an interrupted run can be resumed with --resume"
    )
    command.add_argument(
        "--preset", required=True, help="what to train, such as sudoku-trm; an unknown name lists the presets"
    )
    command.add_argument("--data", type=Path, help="official data folder, for the paper-* presets")
    command.add_argument("--out", required=True, type=Path, help="folder of the run")
    length = command.add_mutually_exclusive_group()
    length.add_argument("--minutes", type=float, help="training time; the schedules are adapted to it")
    length.add_argument("--updates", type=int, help="number of updates, however long they take")
    command.add_argument(
        "--seed", type=int, help="seed of the initial weights and of all random draws (default: the preset's)"
    )
    command.add_argument("--resume", action="store_true", help="resume the run in the folder")


def run(options: Namespace) -> None:
    from trm.training.presets import get_preset
    from trm.training.run import train

    if options.minutes is not None and not options.minutes > 0:
        raise UserError(f"--minutes must be positive, not {options.minutes:g}.")
    if options.updates is not None and options.updates < 1:
        raise UserError(f"--updates must be 1 or more, not {options.updates}.")
    if options.seed is not None and not 0 <= options.seed < 2**63:
        raise UserError(f"--seed must be 0 or more and below 2^63, not {options.seed}.")
    preset = get_preset(options.preset)
    train(
        preset if options.seed is None else replace(preset, seed=options.seed),
        options.out,
        data=options.data,
        minutes=options.minutes,
        updates=options.updates,
        resume=options.resume,
        log=log,
    )
