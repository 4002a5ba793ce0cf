"""`probes states`: does a model use y and z, and how much noise can a probe of each survive?"""

from argparse import Namespace
from dataclasses import asdict
from typing import Any

from trm.cli.options import DATA_HELP, limited_puzzles, model_options
from trm.progress import ProgressLine


def add(adder) -> None:
    """Add the command."""
    states = adder.add_parser(
        "states", help="test whether a model uses y and z, and how robust probes of them are to noise"
    )
    model_options(states)
    states.add_argument("--data", help=DATA_HELP + " (default: the bundled test set of the model's task)")
    states.add_argument(
        "--limit", type=int, default=64, help="number of puzzles, evenly spread over the set (default: 64)"
    )
    states.set_defaults(run=run)


def run(options: Namespace) -> dict[str, Any]:
    """The results of `trm.inspection.state_use` and `probes.robustness` for y and z."""
    from probes.linear.collect import collect, time_points_of
    from probes.robustness import probe_under_noise
    from trm.cli.options import open_model
    from trm.inspection.state_use import measure_state_use

    model, task = open_model(options)
    puzzles = limited_puzzles(options, model, task)
    depth = model.config.depth
    blank = ~task.givens(puzzles.inputs)
    with ProgressLine("puzzles run") as running:
        used = measure_state_use(model, puzzles.inputs, puzzles.labels, blank, progress=running.count)
    last = time_points_of(depth, [depth.N_sup])
    with ProgressLine("% of the states collected", 100) as collecting:
        runs = collect(
            model,
            puzzles.inputs,
            puzzles.puzzle_identifiers,
            depth=depth,
            time_points=last,
            states=tuple(used),
            progress=lambda share: collecting.count(round(100 * share)),
        )
    noise = probe_under_noise(
        {name: state[:, 0] for name, state in runs.states.items()}, runs.now[:, 0], blank
    )
    return {
        "model": model.name,
        "puzzles": len(puzzles),
        "data": puzzles.name,
        "states": {
            name: use.to_dict() | {"noise": asdict(noise[name]) | {"dies_at": noise[name].dies_at}}
            for name, use in used.items()
        },
    }
