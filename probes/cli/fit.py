"""`probes fit`: fit and score linear probes over a puzzle set. `probes apply`: apply saved probes to one puzzle."""

from argparse import Namespace
from pathlib import Path
from typing import Any

from trm.cli.options import DATA_HELP, PUZZLE_HELP, limited_puzzles, model_options, puzzle_tokens
from trm.errors import UserError
from trm.progress import ProgressLine

USUAL_LIMIT = 200


def add(adder) -> None:
    """Add both commands."""
    fit = adder.add_parser("fit", help="fit linear probes on the states of a model and score them")
    model_options(fit, required=False)
    fit.add_argument("--data", help=DATA_HELP + " (default: the bundled test set of the model's task)")
    fit.add_argument(
        "--limit",
        type=int,
        default=USUAL_LIMIT,
        help="number of puzzles, evenly spread over the set (default: 200)",
    )
    fit.add_argument(
        "--out", type=Path, help="JSON file to write; the table is written next to it as .parquet"
    )
    fit.add_argument("--save", type=Path, help="folder to save the probes in, for `probes apply`")
    fit.add_argument(
        "--record",
        action="store_true",
        help="record the result that the Probes page of a bundled model opens with: all targets at steps 1, 2, 4, 8 and the last",
    )
    fit.add_argument(
        "--findings",
        type=Path,
        help="instead: write the recorded results into this document, between its marks",
    )
    what = fit.add_argument_group("what to probe")
    what.add_argument("--targets", help="comma-separated names; `list` lists all targets")
    what.add_argument("--state", default="z,y", help="z, y or both (default)")
    what.add_argument("--steps", default="1,2,4", help="supervision steps, such as 1,4,16 or 1-16")
    what.add_argument(
        "--calls",
        default="last",
        choices=("last", "cycles", "all"),
        help="calls of each supervision step: the last one (default), the f_H call of every cycle, or all",
    )
    how = fit.add_argument_group("how to probe")
    how.add_argument(
        "--random",
        default="all",
        choices=("all", "first", "none"),
        help="time points at which an untrained network is probed too (default: all, which doubles the model runs)",
    )
    how.add_argument("--no-control", action="store_true", help="skip the control task")
    how.add_argument(
        "--code-length",
        action="store_true",
        help="also compute the description length (MDL, online code) of targets with classes",
    )
    how.add_argument("--balanced", action="store_true", help="give every class the same weight")
    how.add_argument(
        "--seed", type=int, default=0, help="seed of the split, the control task and the untrained network"
    )
    fit.set_defaults(run=run_fit)

    apply = adder.add_parser("apply", help="apply saved probes to one puzzle, cell by cell and step by step")
    model_options(apply)
    apply.add_argument(
        "--probe",
        action="append",
        required=True,
        type=Path,
        help="a file written by `fit --save`; may be given several times",
    )
    apply.add_argument("--puzzle", required=True, help=PUZZLE_HELP)
    apply.add_argument("--out", type=Path, help="JSON file to write")
    apply.set_defaults(run=run_apply)


def run_fit(options: Namespace) -> dict[str, Any]:
    """Run `fit`. Returns what is printed. Raises UserError."""
    from probes.linear.experiment.files import RECORDED, write_experiment
    from probes.linear.experiment.results import ExperimentSettings
    from probes.linear.experiment.run import run_experiment
    from probes.linear.probe import ProbeSettings
    from probes.linear.target_groups import default_targets, groups_of, recorded_targets
    from trm.cli.options import open_model

    if options.findings:
        return write_recorded(options.findings)
    if not options.model:
        raise UserError("--model is missing. Give --model, or --findings alone.")
    model, task = open_model(options)
    if options.targets == "list":
        return {group.name: group.meaning for group in groups_of(task)}
    names = split_names(options.targets) if options.targets else default_targets(task)
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
    """Run `apply`. Returns what is printed. Raises UserError."""
    import json

    from probes.linear.apply import apply_to_puzzle, open_probe, summary_of
    from trm.cli.options import open_model
    from trm.files import atomic_file

    probes = [open_probe(path) for path in options.probe]
    model, task = open_model(options)
    inputs = puzzle_tokens(options.puzzle, task, unfinished=False)
    result = summary_of(apply_to_puzzle(model, task, inputs, probes), model=model, task=task, inputs=inputs)
    if options.out:
        with atomic_file(options.out) as temporary:
            temporary.write_text(json.dumps(result), "utf-8")
    if options.json:
        return result
    return {
        f"{reading['target']} from {reading['state']}": {
            f"step {at['supervision_step']}": "".join("." if cell is None else str(cell)[:1] for cell in row)
            for at, row in zip(reading["moments"], reading["read"], strict=True)
        }
        for reading in result["readings"]
    }


def write_recorded(document: Path) -> dict[str, Any]:
    """Write the recorded experiments of the bundled models as a section of a document."""
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
    """The summary for the terminal: the main score of every target and source at each time point."""
    return {
        f"{result.group.name} from {result.source} ({result.group.score})": [
            round(float(value), 4) for value in result.scores[result.group.score].value
        ]
        for result in experiment.results
    }


def split_names(text: str) -> tuple[str, ...]:
    """Split comma-separated names."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def parse_steps(text: str) -> tuple[int, ...]:
    """Parse comma-separated numbers and ranges, such as 1,4,8-16. Raises UserError."""
    steps: list[int] = []
    for part in split_names(text):
        first, _, last = part.partition("-")
        if not (first.isdecimal() and (last.isdecimal() or not _) and len(part) < 9):
            raise UserError(f"{part!r} is not a step. Give numbers and ranges, such as 1,4,8-16.")
        steps += range(int(first), int(last or first) + 1)
    return tuple(sorted(set(steps)))
