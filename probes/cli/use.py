"""`probes use`: does the model use what a probe reads? Change a state along its direction, and along random ones."""

from argparse import Namespace
from pathlib import Path
from typing import Any

from trm.cli.options import DATA_HELP, limited_puzzles, model_options
from trm.errors import UserError
from trm.progress import ProgressLine


def add(adder) -> None:
    """The parser."""
    use = adder.add_parser("use", help="move or erase a state along a probe's direction and see what it does")
    model_options(use)
    use.add_argument("--probe", type=Path, help="a file that `fit --save` wrote")
    use.add_argument(
        "--record",
        action="store_true",
        help="instead: try the recorded probes of a bundled model and write what `fit --findings` says of it",
    )
    use.add_argument("--step", type=int, help="supervision step of the change (usual: the probe's first)")
    use.add_argument("--class", dest="class_name", default="", help="of several classes, the one to move to")
    use.add_argument("--how", default="move", help="move (usual), or erase: put to the mean")
    use.add_argument(
        "--dose", type=float, default=4.0, help="to move: standard deviations along the direction (usual: 4)"
    )
    use.add_argument("--randoms", type=int, default=4, help="random directions to compare with (usual: 4)")
    use.add_argument("--data", help=DATA_HELP + " (usual: the bundled test set of the model's task)")
    use.add_argument("--limit", type=int, default=32, help="puzzles, evenly spread over the set (usual: 32)")
    use.add_argument("--seed", type=int, default=0, help="of the random directions")
    use.set_defaults(run=run)


def run(options: Namespace) -> dict[str, Any]:
    from probes.linear.apply import open_probe
    from probes.linear.causal import CausalSettings, readable_result, run_causal_test
    from probes.linear.probe import ProbeError
    from trm.cli.options import opened

    if options.record:
        return record(options)
    if not options.probe:
        raise UserError("--probe is missing. Give a file that `probes fit --save` wrote, or --record.")
    settings = CausalSettings(options.how, options.strength, options.randoms, options.seed)
    probe = open_probe(options.probe)
    model, task = opened(options)
    steps = [at.supervision_step for at in probe.time_points]
    step = steps[0] if options.step is None else options.step
    if step not in steps:
        raise ProbeError(
            f"This probe is of the steps {', '.join(map(str, sorted(set(steps))))}, not of {step}. Choose one of them."
        )
    puzzles = limited_puzzles(options, model, task)
    with ProgressLine("per mille of the work done", 1000) as progress:
        found = run_causal_test(
            model,
            task,
            puzzles,
            probe,
            time_point=len(steps) - 1 - steps[::-1].index(step),  # its last call
            class_name=options.class_name,
            settings=settings,
            progress=lambda share, words: progress.count(int(1000 * share)),
        )
    return found.summary() if options.json else readable_result(found)


def record(options: Namespace) -> dict[str, Any]:
    """The recorded probe of the first target, at steps 1 and 4, moved towards its middle class, of z and of y."""
    import json

    from probes.linear.apply import open_probe
    from probes.linear.causal import CausalSettings, run_causal_test
    from probes.linear.experiment.files import RECORDED, SUFFIX, recorded_experiment
    from trm.cli.options import opened
    from trm.files import written_whole

    experiment = recorded_experiment(options.model)
    if experiment is None:
        raise UserError(
            f"Nothing is recorded of {options.model}. Run `probes fit --model {options.model} --record` first."
        )
    model, task = opened(options)
    puzzles, target = limited_puzzles(options, model, task), experiment["targets"][0]
    classes = target["classes"]
    class_name = classes[len(classes) // 2] if len(classes) > 2 else ""
    steps = [at["supervision_step"] for at in experiment["moments"]]
    settings = CausalSettings(options.how, options.strength, options.randoms, options.seed)
    found = []
    for state in experiment["settings"]["states"]:
        probe = open_probe(RECORDED / options.model / f"{target['members'][0]}.{state}{SUFFIX}")
        for step in (1, 4):
            with ProgressLine("per mille of the work done", 1000) as progress:
                use = run_causal_test(
                    model,
                    task,
                    puzzles,
                    probe,
                    time_point=steps.index(step),
                    class_name=class_name,
                    settings=settings,
                    progress=lambda share, words, progress=progress: progress.count(int(1000 * share)),
                )
            found.append(use.summary())
    result = {"fingerprint": model.fingerprint, "uses": found}
    with written_whole(RECORDED / options.model / "use.json") as temporary:
        temporary.write_text(json.dumps(result), "utf-8")
    return result if options.json else {"written": str(RECORDED / options.model / "use.json")}
