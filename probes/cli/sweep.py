"""`probes sweep WHAT`: one intervention in many sizes, places or seeds, over a set of puzzles.

noise      solve rate against the size of noise on a state
removal    what is right after y or z was taken away, step by step
seeds      initial states from other seeds: how many ends, how often the right one
rollouts   several runs of each puzzle: the best by halting score, a vote, any of them
patching   effect on one cell of patching each (step, cell) from a run on another puzzle
"""

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from probes.cli.shared import progress_line, write
from probes.interventions.sweep_results import LIMITS, SOURCES, SWEEPS, command_for, run_sweep, settings_for
from trm.cli.options import (
    DATA_HELP,
    PUZZLE_HELP,
    identifiers_option,
    limited_puzzles,
    model_options,
    puzzle_tokens,
)
from trm.errors import UserError

if TYPE_CHECKING:
    from trm.model import Model
    from trm.tasks.base import Task

OWN = (
    "state",
    "step",
    "seed",
    "sizes",
    "how",
    "runs",
    "source",
    "size",
)  # options that are settings of a sweep


def add(adder) -> None:
    command = adder.add_parser(
        "sweep",
        help="one intervention in many sizes, places or seeds over a set",
        description=__doc__,
        formatter_class=_raw(),
    )
    command.add_argument("what", choices=(*SWEEPS, "patching"))
    model_options(command)
    command.add_argument("--data", help=DATA_HELP + " (usual: the bundled test set of the model's task)")
    command.add_argument("--limit", type=int, help="puzzles, evenly spread over the set")
    identifiers_option(command)
    command.add_argument("--state", help="y, z, or yz for both (usual: yz; of patching: z)")
    command.add_argument("--step", type=int, help="supervision step at whose beginning it is done")
    command.add_argument("--seed", type=int)
    command.add_argument("--sizes", help="noise: sizes with commas between, in units of the state's own norm")
    command.add_argument("--how", choices=("zero", "initial"), help="removal: what is put there")
    command.add_argument("--runs", type=int, help="seeds, rollouts: runs of each puzzle (usual: 8)")
    command.add_argument(
        "--source",
        choices=SOURCES,
        help="rollouts: how the runs differ",
    )
    command.add_argument("--size", type=float, help="rollouts by noise: its size (usual: 0.3)")
    patching = command.add_argument_group("patching")
    patching.add_argument("--puzzle", help=PUZZLE_HELP)
    patching.add_argument("--other", help="the puzzle whose states are taken (usual: another preset)")
    patching.add_argument("--cell", help="the cell that is watched, such as r5c5")
    patching.add_argument(
        "--steps", default="1-8", help="supervision steps that are patched, such as 1,2 or 1-8"
    )
    patching.add_argument(
        "--after", type=int, default=1, help="supervision steps run after a patch (usual: 1)"
    )
    command.add_argument("--out", type=Path, help="JSON to write; the table lies beside it as .parquet")
    command.add_argument(
        "--record", action="store_true", help="write what the page of a bundled model shows first"
    )
    command.set_defaults(run=run)


def run(options: Namespace) -> dict[str, Any]:
    from probes.interventions.recorded import record
    from trm.cli.options import opened

    chosen = {name: getattr(options, name) for name in OWN if getattr(options, name) is not None}
    settings = settings_for(options.what, **chosen)  # before the model is opened: mistakes are told at once
    model, task = opened(options)
    if options.what == "patching":
        result, name = _patching(options, model, task), "patching"
    else:
        puzzles = limited_puzzles(options, model, task, usual=LIMITS[options.what])
        result = run_sweep(options.what, model, task, puzzles, settings, progress_line())
        result["command"] = command_for(options.what, options.model, puzzles.name, options.limit, settings)
        name = f"{options.what}-{settings.source}" if options.what == "rollouts" else options.what
    if options.out:
        result["written"] = str(write(options.out, result, result["table"]))
    if options.record:
        result["recorded"] = str(record(model.name, name, result))
    return result


def _patching(options: Namespace, model: "Model", task: "Task") -> dict[str, Any]:
    from probes.interventions.fork import cache_run
    from probes.interventions.patching import patch_map
    from probes.interventions.presets import another_puzzle
    from probes.interventions.sweeps import sub_progress
    from trm.store.positions import Positions

    if options.puzzle is None or options.cell is None:
        raise UserError("patching needs --puzzle and --cell, such as --cell r5c5.")
    wanted = steps_of(options.steps)
    inputs = puzzle_tokens(options.puzzle, task)
    (place, *more) = Positions.of(options.cell, model.config).single
    if more or place < model.config.prefix_length:
        raise UserError(f"--cell must name one cell, such as r5c5, not {options.cell!r}.")
    other = (
        puzzle_tokens(options.other, task, unfinished=False)
        if options.other
        else another_puzzle(task, inputs)
    )
    progress = progress_line()
    clean = cache_run(model, task, inputs, progress=sub_progress(progress, 0.0, 0.1))
    theirs = cache_run(model, task, other, progress=sub_progress(progress, 0.1, 0.2))
    last = model.config.N_sup - 1
    steps = [step for step in wanted if step <= last]
    found = patch_map(
        clean, theirs, place - model.config.prefix_length, state=options.state or "z", steps=steps,
        after=options.after, progress=sub_progress(progress, 0.2, 1.0),
    )  # fmt: skip
    return {
        "sweep": "patching",
        "model": model.name,
        "fingerprint": model.fingerprint,
        "puzzle": task.format(inputs),
        "other": task.format(other),
        "cell": options.cell,
        "state": found.state,
        "token": found.token,
        "after": found.after,
        "unpatched": found.unpatched.round(4).tolist(),
        "command": f"python -m probes sweep patching --model {options.model} --puzzle '{task.format(inputs)}' "
        f"--cell {options.cell} --state {found.state} --steps {options.steps} --after {found.after}",
        "table": found.columns(),
    }


def steps_of(text: str) -> list[int]:
    """Steps such as 1,2 or 1-8. Raises UserError."""
    found: list[int] = []
    for part in text.split(","):
        first, dash, last = part.partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()) or len(part) > 9:
            raise UserError(f"--steps must be supervision steps such as 1,2 or 1-8, not {text[:40]!r}.")
        found += range(int(first), int(last or first) + 1)
    return sorted(set(found))


def _raw():
    from argparse import RawDescriptionHelpFormatter

    return RawDescriptionHelpFormatter
