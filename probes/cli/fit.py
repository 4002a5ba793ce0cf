"""`probes fit`: what can be read from z and y over a puzzle set; `probes apply`: what saved probes read in one puzzle."""

from argparse import Namespace
from pathlib import Path
from typing import Any

from trm.cli.options import DATA_HELP, PUZZLE_HELP, limited_puzzles, model_options, puzzle_tokens
from trm.errors import UserError
from trm.progress import ProgressLine

USUAL_LIMIT = 200


def add(adder) -> None:
    """The parsers of both commands."""
    fit = adder.add_parser("fit", help="fit linear probes on the states of a model and score them")
    model_options(fit, required=False)
    fit.add_argument("--data", help=DATA_HELP + " (usual: the bundled test set of the model's task)")
    fit.add_argument(
        "--limit", type=int, default=USUAL_LIMIT, help="puzzles, evenly spread over the set (usual: 200)"
    )
    fit.add_argument("--out", type=Path, help="JSON to write; the table lies beside it as .parquet")
    fit.add_argument("--save", type=Path, help="folder for the probes themselves, for `probes apply`")
    fit.add_argument(
        "--record",
        action="store_true",
        help="write what the page of a bundled model shows first: all targets at steps 1, 2, 4, 8 and the last",
    )
    fit.add_argument(
        "--findings", type=Path, help="instead: write what is recorded into this document, between its marks"
    )
    what = fit.add_argument_group("what is probed")
    what.add_argument("--targets", help="names with commas between; `list` names them all")
    what.add_argument("--state", default="z,y", help="z, y or both (usual)")
    what.add_argument("--steps", default="1,2,4", help="supervision steps, such as 1,4,16 or 1-16")
    what.add_argument(
        "--calls",
        default="last",
        choices=("last", "cycles", "all"),
        help="of each supervision step: its last call (usual), the f_H call of every cycle, or every call",
    )
    how = fit.add_argument_group("how")
    how.add_argument(
        "--random",
        default="all",
        choices=("all", "first", "none"),
        help="at which time points the same net with random weights is probed too (usual: all; each takes a run as long)",
    )
    how.add_argument("--no-control", action="store_true", help="leave out the control task")
    how.add_argument(
        "--code-length",
        action="store_true",
        help="also the description length by online coding, of targets with classes",
    )
    how.add_argument("--balanced", action="store_true", help="let every class weigh the same")
    how.add_argument(
        "--seed", type=int, default=0, help="of the split, the control task and the random weights"
    )
    fit.set_defaults(run=run_fit)

    read = adder.add_parser("apply", help="read one puzzle with saved probes, cell by cell and step by step")
    model_options(read)
    read.add_argument(
        "--probe",
        action="append",
        required=True,
        type=Path,
        help="a file that `fit --save` wrote; may be given several times",
    )
    read.add_argument("--puzzle", required=True, help=PUZZLE_HELP)
    read.add_argument("--out", type=Path, help="JSON to write")
    read.set_defaults(run=run_apply)


def run_fit(options: Namespace) -> dict[str, Any]:
    from probes.linear.experiment.files import RECORDED, write_experiment
    from probes.linear.experiment.results import ExperimentSettings
    from probes.linear.experiment.run import run_experiment
    from probes.linear.probe import ProbeSettings
    from probes.linear.target_groups import groups_of, recorded_targets, usual_targets
    from trm.cli.options import opened

    if options.findings:
        return write_recorded(options.findings)
    if not options.model:
        raise UserError("--model is missing. Give one, or --findings alone.")
    model, task = opened(options)
    if options.targets == "list":
        return {group.name: group.meaning for group in groups_of(task)}
    names = split_names(options.targets) if options.targets else usual_targets(task)
    steps = parse_steps(options.steps)
    if options.record:
        last = model.config.N_sup
        names, steps = (
            recorded_targets(task),
            (*(step for step in (1, 2, 4, 8) if step < last), last),
        )
        options.out = RECORDED / model.name / "study.json"
        options.save = RECORDED / model.name
    puzzles = limited_puzzles(options, model, task)
    settings = ExperimentSettings(
        targets=names,
        states=split_names(options.state),
        steps=steps,
        calls=options.calls,
        random=options.random,
        control=not options.no_control,
        probe=ProbeSettings(balanced=options.balanced, code_length=options.code_length, seed=options.seed),
    )
    with ProgressLine("per mille of the work done", 1000) as progress:
        experiment = run_experiment(
            model, task, puzzles, settings, progress=lambda share, words: progress.count(int(1000 * share))
        )
    if options.out:
        write_experiment(options.out, experiment, probes=options.save)
    elif options.save:
        from probes.linear.experiment.files import save_probes

        save_probes(options.save, experiment)
    return experiment.summary() if options.json else headline(experiment)


def run_apply(options: Namespace) -> dict[str, Any]:
    import json

    from probes.linear.apply import apply_to_puzzle, open_probe, summary_of
    from trm.cli.options import opened
    from trm.files import written_whole

    probes = [open_probe(path) for path in options.probe]
    model, task = opened(options)
    inputs = puzzle_tokens(options.puzzle, task, unfinished=False)
    found = summary_of(apply_to_puzzle(model, task, inputs, probes), model=model, task=task, inputs=inputs)
    if options.out:
        with written_whole(options.out) as temporary:
            temporary.write_text(json.dumps(found), "utf-8")
    if options.json:
        return found
    return {
        f"{reading['target']} from {reading['state']}": {
            f"step {at['supervision_step']}": "".join("." if cell is None else str(cell)[:1] for cell in row)
            for at, row in zip(reading["moments"], reading["read"], strict=True)
        }
        for reading in found["readings"]
    }


def write_recorded(document: Path) -> dict[str, Any]:
    """The recorded experiments of the bundled models as a section of a document."""
    from probes.linear.experiment.files import recorded_causal_tests, recorded_experiment
    from probes.reports.linear import write_findings
    from trm.registry import model_names

    experiments = {name: recorded_experiment(name) for name in sorted(model_names(), reverse=True)}
    uses = {name: recorded_causal_tests(name) for name in experiments}
    return write_findings(
        document,
        {name: experiment for name, experiment in experiments.items() if experiment},
        {name: use for name, use in uses.items() if use},
    )


def headline(experiment) -> dict[str, Any]:
    """For people: the first score of every target and source, time point by time point."""
    return {
        f"{result.group.name} from {result.source} ({result.group.score})": [
            round(float(value), 4) for value in result.scores[result.group.score].value
        ]
        for result in experiment.results
    }


def split_names(text: str) -> tuple[str, ...]:
    """Names with commas between."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def parse_steps(text: str) -> tuple[int, ...]:
    """Numbers and ranges with commas between, such as 1,4,8-16. Raises UserError."""
    found: list[int] = []
    for part in split_names(text):
        first, _, last = part.partition("-")
        if not (first.isdecimal() and (last.isdecimal() or not _) and len(part) < 9):
            raise UserError(f"{part!r} is no step. Give numbers and ranges, such as 1,4,8-16.")
        found += range(int(first), int(last or first) + 1)
    return tuple(sorted(set(found)))
