"""`probes use`: causal test of a probe. Changes a state along the probe's direction and along random ones."""

from argparse import Namespace
from pathlib import Path
from typing import Any

from trm.cli.options import DATA_HELP, limited_puzzles, model_options
from trm.errors import UserError
from trm.progress import ProgressLine


def add(adder) -> None:
    """Add the command."""
    use = adder.add_parser(
        "use",
        help="causal test: steer a state along a probe's direction, or project it out, and measure the effect",
    )
    model_options(use)
    use.add_argument("--probe", type=Path, help="a file written by `fit --save`")
    use.add_argument(
        "--record",
        action="store_true",
        help="instead: test the recorded probes of a bundled model and record the result for `fit --findings`",
    )
    use.add_argument(
        "--step",
        type=int,
        help="supervision step after which to change the state (default: the probe's first)",
    )
    use.add_argument(
        "--class",
        dest="class_name",
        default="",
        help="for targets with several classes: the class to steer towards",
    )
    use.add_argument(
        "--how",
        default="move",
        help="move (default): steer along the direction; erase: project it out, to the training mean",
    )
    use.add_argument(
        "--strength",
        type=float,
        default=4.0,
        help="for move: standard deviations along the direction (default: 4)",
    )
    use.add_argument(
        "--randoms", type=int, default=4, help="number of random directions to compare with (default: 4)"
    )
    use.add_argument("--data", help=DATA_HELP + " (default: the bundled test set of the model's task)")
    use.add_argument(
        "--limit", type=int, default=32, help="number of puzzles, evenly spread over the set (default: 32)"
    )
    use.add_argument("--seed", type=int, default=0, help="seed of the random directions")
    use.set_defaults(run=run)


def run(options: Namespace) -> dict[str, Any]:
    """Run the command. Returns what is printed. Raises UserError."""
    from probes.linear.apply import open_probe
    from probes.linear.causal import CausalSettings, readable_result, run_causal_test
    from probes.linear.probe import ProbeError
    from trm.cli.options import open_model

    if options.record:
        return record(options)
    if not options.probe:
        raise UserError("--probe is missing. Give a file written by `probes fit --save`, or --record.")
    settings = CausalSettings(options.how, options.strength, options.randoms, options.seed)
    probe = open_probe(options.probe)
    model, task = open_model(options)
    steps = [at.supervision_step for at in probe.time_points]
    step = steps[0] if options.step is None else options.step
    if step not in steps:
        raise ProbeError(
            f"This probe has no step {step}. Choose one of its steps: {', '.join(map(str, sorted(set(steps))))}."
        )
    puzzles = limited_puzzles(options, model, task)
    with ProgressLine("per mille of the work done", 1000) as progress:
        result = run_causal_test(
            model,
            task,
            puzzles,
            probe,
            time_point=len(steps) - 1 - steps[::-1].index(step),  # the last call of the step
            class_name=options.class_name,
            settings=settings,
            progress=lambda share, words: progress.count(int(1000 * share)),
        )
    return result.summary() if options.json else readable_result(result)


def record(options: Namespace) -> dict[str, Any]:
    """Test the recorded probes of z and y for the first target, at steps 1 and 4, steering towards the middle class."""
    import json

    from probes.linear.apply import open_probe
    from probes.linear.causal import CausalSettings, run_causal_test
    from probes.linear.experiment.files import RECORDED, SUFFIX, recorded_experiment
    from trm.cli.options import open_model
    from trm.files import atomic_file

    experiment = recorded_experiment(options.model)
    if experiment is None:
        raise UserError(
            f"No experiment is recorded for {options.model}. Run `probes fit --model {options.model} --record` first."
        )
    model, task = open_model(options)
    puzzles, target = limited_puzzles(options, model, task), experiment["targets"][0]
    classes = target["classes"]
    class_name = classes[len(classes) // 2] if len(classes) > 2 else ""
    steps = [at["supervision_step"] for at in experiment["moments"]]
    settings = CausalSettings(options.how, options.strength, options.randoms, options.seed)
    results = []
    for state in experiment["settings"]["states"]:
        probe = open_probe(RECORDED / options.model / f"{target['members'][0]}.{state}{SUFFIX}")
        for step in (1, 4):
            with ProgressLine("per mille of the work done", 1000) as progress:
                result = run_causal_test(
                    model,
                    task,
                    puzzles,
                    probe,
                    time_point=steps.index(step),
                    class_name=class_name,
                    settings=settings,
                    progress=lambda share, words, progress=progress: progress.count(int(1000 * share)),
                )
            results.append(result.summary())
    recorded = {"fingerprint": model.fingerprint, "uses": results}
    with atomic_file(RECORDED / options.model / "use.json") as temporary:
        temporary.write_text(json.dumps(recorded), "utf-8")
    return recorded if options.json else {"written": str(RECORDED / options.model / "use.json")}
