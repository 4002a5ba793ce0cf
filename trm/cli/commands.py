"""What the commands of the command line do. Each imports what it needs when it runs: torch takes seconds."""

import os
from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trm.errors import UserError
from trm.terminal import Progress, puzzle_text, tell

if TYPE_CHECKING:
    from trm.models import Model
    from trm.tasks.base import Task

FORCE = "force_"  # prefix of options that replace a field of ModelConfig


def run_models(options: Namespace) -> list[dict[str, Any]]:
    from trm.registry import model_card, model_names

    return [model_card(name) for name in model_names()]


def run_inspect(options: Namespace) -> dict[str, Any]:
    from trm.inspection import inspect_model, report

    with Progress("self-check puzzles run") as checking:
        found = inspect_model(
            options.model, force=forced(options), self_check=not options.no_check, progress=checking.count
        )
    return found if options.json else report(found)


def run_solve(options: Namespace) -> dict[str, Any] | list[dict[str, Any]]:
    """Of a file with several puzzles all are solved: {count, puzzles}, or for people one result below the other."""
    from trm.evaluate import solve

    model, task = opened(options)
    asked = puzzle_texts(options.puzzle, task)
    puzzle_id = asked_puzzle_id(options, model)
    with Progress("puzzles solved", len(asked)) as solving:
        results = []
        for place, text in asked.items():
            results.append({"place": place, **solve(model, task, text, puzzle_id=puzzle_id)})
            solving.count(len(results))
    if len(results) > 1:
        return {"count": len(results), "puzzles": results} if options.json else results
    del results[0]["place"]
    return results[0]


def puzzle_texts(given: str, task: "Task") -> dict[str, str]:
    """The puzzles that are given, as texts by their places: one in words, or those of a file, which are all read here.

    Raises DataError naming file and place where one cannot be read.
    """
    if (text := puzzle_text(given)) is given:
        return {"": given}
    from trm.data import questions

    found = questions(text.encode(), given, task)
    for question in found:
        question.read(task)
    return {question.place: question.text for question in found}


def run_eval(options: Namespace) -> dict[str, Any]:
    from trm.data import load_puzzles
    from trm.evaluate import evaluate, evenly

    model, task = opened(options)
    with Progress("puzzles read") as reading:
        puzzles = load_puzzles(
            options.data, task, progress=reading.count, identifiers=identifiers(options, model)
        )
    if options.limit is not None:
        puzzles = puzzles.take(evenly(len(puzzles), options.limit))
    with Progress("puzzles scored", len(puzzles)) as scoring:
        return evaluate(model, task, puzzles, progress=scoring.count)


def run_forward(options: Namespace) -> dict[str, Any]:
    from trm.checkpoint import load_model
    from trm.forward import forward_file

    return forward_file(load_model(options.model, force=forced(options)), options.inputs, options.out)


def run_train(options: Namespace) -> None:
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
        say=tell,
    )


def run_generate(options: Namespace) -> dict[str, Any]:
    from trm.data import generate_dataset, givens_range

    task = sized_task(options)
    wishes = {
        "givens": givens_range(options.givens) if options.givens else None,
        "style": options.style,
        "min_path": options.min_path,
        "max_path": options.max_path,
        "loops": options.loops,
    }
    chosen = {name: wish for name, wish in wishes.items() if wish is not None}
    foreign = sorted(chosen.keys() - task.generator_options)
    if foreign:
        raise UserError(
            f"--{foreign[0].replace('_', '-')} is no option of {task.name} puzzles. Leave it out."
        )
    with Progress("puzzles generated", options.count) as progress:
        written = generate_dataset(
            task,
            count=options.count,
            difficulty=options.difficulty,
            seed=options.seed,
            out=options.out,
            format=options.format,
            split=options.split,
            workers=os.cpu_count() or 1,
            progress=progress.count,
            **chosen,
        )
    return {"count": options.count, "written": str(written)}


def run_convert(options: Namespace) -> dict[str, Any]:
    from trm.data import load_puzzles, write_dataset

    task = sized_task(options)
    with Progress("puzzles read") as reading:
        puzzles = load_puzzles(options.data, task, progress=reading.count, split=options.split)
    written = write_dataset(puzzles, options.out, task, format=options.format, split=options.split)
    return {"count": len(puzzles), "written": str(written)}


def identifiers(options: Namespace, model: "Model") -> Path | None:
    """The file of puzzle ids: as given, else the one beside the checkpoint, if there is one."""
    from trm.data.identifiers import FILE

    beside = model.path.with_name(FILE)
    return options.identifiers or (beside if beside.is_file() else None)


def asked_puzzle_id(options: Namespace, model: "Model") -> int:
    """The puzzle id that the options give as a number or by name. Raises UserError."""
    from trm.data import puzzle_id, read_identifiers

    if options.puzzle_id.isdecimal():
        return int(options.puzzle_id)
    path = identifiers(options, model)
    if path is None:
        raise UserError(
            f"Puzzle id {options.puzzle_id!r} is a name, and no identifiers.json says which number it has. "
            "Give --identifiers, the file of the data set that the model was trained on."
        )
    return puzzle_id(options.puzzle_id, read_identifiers(path), path)


def forced(options: Namespace) -> dict[str, Any]:
    """The fields of ModelConfig that options replace."""
    given = {
        name.removeprefix(FORCE): value for name, value in vars(options).items() if name.startswith(FORCE)
    }
    return {name: value for name, value in given.items() if value is not None}


def opened(options: Namespace) -> "tuple[Model, Task]":
    """The model that the options name, and its task. Raises UserError."""
    from trm.checkpoint import load_model
    from trm.tasks import task_of

    model = load_model(options.model, force=forced(options))
    return model, task_of(model.config)


def sized_task(options: Namespace) -> "Task":
    """The task that the options name, in their size. Raises UserError."""
    from trm.tasks import get_task

    return get_task(options.task, None if options.size is None else options.size**2)
