"""`probes sweep WHAT`: one intervention with many sizes, sites or seeds, over a set of puzzles.

noise      accuracy against the scale of the noise on a state
removal    ablation: accuracy step by step after y, z or both are set to 0
seeds      initial states from other seeds: number of distinct answers and fixed points, share correct
rollouts   multiple runs of each puzzle: best of K by halting logit, majority vote, any of them
peers      effect of removing a given on its peers and on other cells
patching   effect on one cell of patching each (step, cell) from a run on another puzzle
"""

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from probes.cli.shared import progress_line, write
from probes.interventions.sweep_results import (
    ABLATION,
    LIMITS,
    MULTI_RUN,
    SOURCES,
    SWEEPS,
    command_for,
    run_sweep,
    settings_for,
)
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

SETTINGS = ("state", "step", "seed", "sizes", "how", "runs", "source", "size")  # of sweeps, by option name


def add(adder) -> None:
    command = adder.add_parser(
        "sweep",
        help="run one intervention with many sizes, sites or seeds over a set",
        description=__doc__,
        formatter_class=_raw(),
    )
    command.add_argument("what", choices=(*SWEEPS, "patching"))
    model_options(command)
    command.add_argument("--data", help=DATA_HELP + " (default: the bundled test set of the model's task)")
    command.add_argument("--limit", type=int, help="number of puzzles, evenly spread over the set")
    identifiers_option(command)
    command.add_argument("--state", help="y, z, or yz for both (default: yz; for patching: z)")
    command.add_argument(
        "--step", type=int, help="apply the intervention at the beginning of this supervision step"
    )
    command.add_argument("--seed", type=int, help="random seed (default: 0)")
    command.add_argument("--sizes", help="noise: comma-separated sizes, in units of the state's own norm")
    command.add_argument("--how", choices=("zero", "initial"), help=f"{ABLATION}: replacement for the state")
    command.add_argument("--runs", type=int, help=f"seeds, {MULTI_RUN}: runs per puzzle (default: 8)")
    command.add_argument(
        "--source",
        choices=SOURCES,
        help=f"{MULTI_RUN}: how the runs differ",
    )
    command.add_argument("--size", type=float, help=f"{MULTI_RUN} with noise: its size (default: 0.3)")
    patching = command.add_argument_group("patching")
    patching.add_argument("--puzzle", help=PUZZLE_HELP)
    patching.add_argument("--other", help="the puzzle to patch states from (default: another preset)")
    patching.add_argument("--cell", help="the target cell, such as r5c5")
    patching.add_argument(
        "--steps", default="1-8", help="supervision steps to patch, such as 1,2 or 1-8 (default: 1-8)"
    )
    patching.add_argument(
        "--after", type=int, default=1, help="supervision steps to run after a patch (default: 1)"
    )
    command.add_argument(
        "--out", type=Path, help="JSON file to write; the table is written next to it as .parquet"
    )
    command.add_argument(
        "--record", action="store_true", help="write the result that the page shows for a bundled model"
    )
    command.set_defaults(run=run)


def run(options: Namespace) -> dict[str, Any]:
    from probes.interventions.recorded import record
    from trm.cli.options import open_model

    chosen = {name: getattr(options, name) for name in SETTINGS if getattr(options, name) is not None}
    settings = settings_for(options.what, **chosen)  # before the model is opened, to report errors early
    model, task = open_model(options)
    if options.what == "patching":
        result, name = _patching(options, model, task), "patching"
    else:
        puzzles = limited_puzzles(options, model, task, default_limit=LIMITS[options.what])
        result = run_sweep(options.what, model, task, puzzles, settings, progress_line())
        result["command"] = command_for(options.what, options.model, puzzles.name, options.limit, settings)
        name = f"{options.what}-{settings.source}" if options.what == MULTI_RUN else options.what
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
    chosen_steps = steps_of(options.steps)
    inputs = puzzle_tokens(options.puzzle, task)
    (position, *more) = Positions.of(options.cell, model.config).single
    if more or position < model.config.prefix_length:
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
    steps = [step for step in chosen_steps if step <= last]
    effects = patch_map(
        clean, theirs, position - model.config.prefix_length, state=options.state or "z", steps=steps,
        after=options.after, progress=sub_progress(progress, 0.2, 1.0),
    )  # fmt: skip
    return {
        "sweep": "patching",
        "model": model.name,
        "fingerprint": model.fingerprint,
        "puzzle": task.format(inputs),
        "other": task.format(other),
        "cell": options.cell,
        "state": effects.state,
        "token": effects.token,
        "after": effects.after,
        "unpatched": effects.unpatched.round(4).tolist(),
        "command": f"python -m probes sweep patching --model {options.model} --puzzle '{task.format(inputs)}' "
        f"--cell {options.cell} --state {effects.state} --steps {options.steps} --after {effects.after}",
        "table": effects.columns(),
    }


def steps_of(text: str) -> list[int]:
    """Parse steps such as 1,2 or 1-8. Raises UserError."""
    steps: list[int] = []
    for part in text.split(","):
        first, dash, last = part.partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()) or len(part) > 9:
            raise UserError(f"--steps must be supervision steps such as 1,2 or 1-8, not {text[:40]!r}.")
        steps += range(int(first), int(last or first) + 1)
    return sorted(set(steps))


def _raw():
    from argparse import RawDescriptionHelpFormatter

    return RawDescriptionHelpFormatter
