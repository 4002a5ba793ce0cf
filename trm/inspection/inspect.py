"""What a checkpoint is: every value with the place it is from, and a score on a few puzzles that shows if one is wrong.

A wrong n, T or number of heads loads without an error and only makes the answers worse. So values that nothing but a
default speaks for are named as assumed, next to a measurement that would show the mistake: exact answers, and the loss after
each supervision step, which moves even where no answer is exact.
"""

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import UInt8

from trm import flops
from trm.checkpoint import read_checkpoint, ready
from trm.config import KINDS, ConfigError, ModelConfig
from trm.coordinates import Depth
from trm.errors import DataError, PuzzleError
from trm.inspection.expectation import reading, score_line
from trm.inspection.state_use import use_of_states
from trm.model import Model
from trm.progress import CountProgress
from trm.public.format import OTHER_NAMES, PUBLIC_NAMES
from trm.public.formats.base import ASSUMED
from trm.public.known_files import known_file
from trm.recursion import Hook, deep_supervision, unchanged
from trm.tasks import TASKS, task_of
from trm.tasks.base import Difficulty, Task

MOST_PUZZLES = 32
BUDGET = (
    5e11  # operations of a self-check: ten seconds at 50 GFLOP/s, which small matrices reach on two cores
)
USUAL_CALLS = 16 * 3 * 7  # of a full run; the model's own would make another n or T run on other puzzles
SOFTMAX = 64  # operations that a number of an attention map takes beside its products, by the clock
STATE_PUZZLES = 16  # of these, at most, see what the model makes of its states
BATCH = 8
SEED = 0
LARGE_MAZE = 24  # side from which mazes are checked on ways as long as those of the public Maze-Hard set
LONG_WAY = 110  # steps, its shortest


def inspect_model(
    spec: str,
    *,
    force: Mapping[str, Any] | None = None,
    self_check: bool = True,
    progress: CountProgress | None = None,
    fetching: CountProgress | None = None,
) -> dict[str, Any]:
    """Everything that is known about a model by its name, path or place on the hub, ready for JSON.

    Returns `name, path, task, kind, parameters, grid, fingerprint, values` (a list of `name, public_name, value,
    source, assumed`), `assumed` (their names), `unknown` (settings that are not understood, as "key = value"),
    `known` (`repo, published, exact, caution, licence` of a public file, or None), `weights` (averaged or as trained), `notes` (sentences), `self_check` (see there;
    None when it was not asked for), `depths` (scores at n and T off by one, see `check_depths`), `reading` (what these
    scores say, a sentence or two) and `states` (see `check_states`; goes with the self-check). Raises CheckpointError.
    """
    checkpoint = read_checkpoint(spec, force=force, accept_unknown=True, progress=fetching)
    model = ready(checkpoint)
    config, sources = checkpoint.config, checkpoint.sources
    known = known_file(checkpoint.path, kind=config.kind, vocab_size=config.vocab_size)
    check = check_itself(model, progress=progress) if self_check else None
    depths = check_depths(model, progress=progress) if check and "puzzles" in check else []
    return {
        "name": checkpoint.name,
        "path": str(checkpoint.path),
        "task": config.task,
        "kind": config.kind,
        "parameters": sum(tensor.numel() for tensor in checkpoint.tensors.values()),
        "grid": list(model.config.grid),
        "fingerprint": model.fingerprint,
        "values": [
            {
                "name": name,
                "public_name": public_name,
                "value": getattr(config, name),
                "source": sources[name],
                "assumed": sources[name].startswith(ASSUMED),
            }
            for name, public_name in (PUBLIC_NAMES | OTHER_NAMES).items()
            if name in sources
        ],
        "assumed": list(config.assumed),
        "unknown": list(config.unknown),
        "weights": sources["weights"],
        "notes": list(checkpoint.notes),
        "known": known.to_dict() if known else None,
        "self_check": check,
        "depths": depths,
        "reading": reading(check, depths, known),
        "states": check_states(model, progress=progress) if self_check else {},
    }


def check_itself(
    model: Model,
    *,
    depth: Depth | None = None,
    after_call: Hook = unchanged,
    progress: CountProgress | None = None,
    most: int = MOST_PUZZLES,
) -> dict[str, Any]:
    """Score a model on a handful of puzzles of its task, through all supervision steps. The same ones every time.

    `depth` defaults to the model's own; `after_call` is a hook, which may pause the work or end it by raising. As many
    puzzles as ten seconds on two cores allow, one at least. Returns `puzzles` (how many), `exact, cell, blank_cell`
    (shares, after the last step), `loss` (mean cross-entropy of the labels in nats, after the last step),
    `loss_by_step` (after each), `seconds` and `note`; where there is nothing to check with, only a `note` that says why.
    """
    config = model.config.with_depth(**vars(depth or model.config.depth))
    if config.task == "arc":
        return {
            "note": "ARC puzzles need the puzzle id they were trained with: with a blank one every answer is wrong, "
            "so there is nothing to check with."
        }
    if config.task not in TASKS:
        return {"note": f"No task has {config.vocab_size} tokens, so there are no puzzles to check with."}
    count = min(most, affordable(config))
    began = time.perf_counter()
    try:
        task = task_of(config)
        inputs, labels, note = puzzles_of(task, count)
    except (PuzzleError, DataError) as error:
        return {"note": f"There are no puzzles to check with: {error}"}
    answers, losses = _answered(model, inputs, labels, config.depth, after_call, progress)
    right = answers == labels
    return {
        "puzzles": count,
        "exact": float(right.all(-1).mean()),
        "cell": float(right.mean()),
        "blank_cell": float(right[~task.givens(inputs)].mean()),
        "loss": losses[-1],
        "loss_by_step": losses,
        "seconds": round(time.perf_counter() - began, 2),
        "note": note,
    }


def check_depths(model: Model, *, progress: CountProgress | None = None) -> list[dict[str, Any]]:
    """Scores at the model's own n and T and with one of them off by one, on some puzzles of a self-check, the same ones.

    A list of `n, T, puzzles, exact, blank_cell, loss`, the model's own first. All together take about as long as a
    self-check. Empty where there are no puzzles.
    """
    n, T = model.config.n, model.config.T
    wanted = [(n, T), (n - 1, T), (n + 1, T), (n, T - 1), (n, T + 1)]
    count = max(1, affordable(model.config) // 4)
    scores = []
    for n, T in wanted:
        try:
            depth = model.config.with_depth(n=n, T=T).depth
        except ConfigError:  # the kind has no such n, or the run would be too long
            continue
        check = check_itself(model, depth=depth, progress=progress, most=count)
        if "puzzles" not in check:
            return []
        scores.append(
            {"n": n, "T": T} | {key: check[key] for key in ("puzzles", "exact", "blank_cell", "loss")}
        )
    return scores


def check_states(
    model: Model,
    *,
    depth: Depth | None = None,
    after_call: Hook = unchanged,
    progress: CountProgress | None = None,
) -> dict[str, dict[str, Any]]:
    """What `trm.inspection.state_use` finds of y and z, on some puzzles of a self-check, which it takes up to twice as long as; empty
    where there are none.
    """
    config = model.config.with_depth(**vars(depth or model.config.depth))
    if config.task not in TASKS or config.task == "arc":
        return {}
    try:
        task = task_of(config)
        inputs, labels, _ = puzzles_of(task, affordable(config))
    except (PuzzleError, DataError):
        return {}
    some = slice(None, None, -(-len(inputs) // STATE_PUZZLES))
    inputs, labels = inputs[some], labels[some]
    blank = ~task.givens(inputs)
    found = use_of_states(
        model, inputs, labels, blank, depth=config.depth, after_call=after_call, progress=progress
    )
    return {name: use.to_dict() for name, use in found.items()}


def affordable(config: ModelConfig) -> int:
    """How many puzzles a self-check takes: the same number whatever n, T and N_sup are, so that scores compare."""
    maps = config.layers * config.heads * config.length**2
    cost = USUAL_CALLS * (flops.f_L_call(config) + SOFTMAX * maps)
    return max(1, min(MOST_PUZZLES, int(BUDGET / cost)))


def puzzles_of(
    task: Task, count: int
) -> tuple[UInt8[np.ndarray, "count cells"], UInt8[np.ndarray, "count cells"], str]:
    """Puzzles and solutions to check a model with, and a sentence on what they are. Raises PuzzleError or DataError."""
    if task.name == "sudoku" and task.rows == 9:
        from trm.data import load_puzzles
        from trm.evaluate import evenly

        puzzles = load_puzzles("sudoku/test", task)
        puzzles = puzzles.take(evenly(len(puzzles), count))
        return puzzles.inputs, puzzles.labels, "Puzzles of sudoku/test, evenly spread from easy to hard."
    if task.name == "maze" and task.rows >= LARGE_MAZE:
        made = task.generate_many(count, difficulty=Difficulty.HARD, seed=SEED, min_path=LONG_WAY)
        return *made, f"Generated mazes with shortest paths of {LONG_WAY} steps and more."
    made = task.generate_many(count, difficulty=Difficulty.EASY, seed=SEED)
    return *made, f"Generated {task.name} puzzles of {task.rows}x{task.columns}, easy ones."


def _answered(
    model: Model,
    inputs: UInt8[np.ndarray, "count cells"],
    labels: UInt8[np.ndarray, "count cells"],
    depth: Depth,
    after_call: Hook,
    progress: CountProgress | None,
) -> tuple[UInt8[np.ndarray, "count cells"], list[float]]:
    """Answers after the last supervision step, and the mean cross-entropy of the labels after each."""
    answers, losses = np.zeros_like(inputs), np.zeros(depth.N_sup)
    for begin in range(0, len(inputs), BATCH):
        rows = slice(begin, min(begin + BATCH, len(inputs)))
        tokens, targets = (
            torch.from_numpy(array[rows].astype(np.int64)).to(model.device) for array in (inputs, labels)
        )
        blank_ids = torch.zeros(len(tokens), dtype=torch.long, device=model.device)
        for step in deep_supervision(model, tokens, blank_ids, depth=depth, after_call=after_call):
            logits = step.heads.logits
            losses[step.number - 1] += float(
                F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum")
            )
        answers[rows] = logits.argmax(-1).cpu().numpy()
        if progress:
            progress(rows.stop, len(inputs))
    return answers, (losses / inputs.size).tolist()


def report(found: Mapping[str, Any]) -> dict[str, str]:
    """What `inspect_model` found, in lines for people."""
    rows, columns = found["grid"]
    lines = [
        f"{found['name']}: {KINDS[found['kind']].title}, {found['task']} {rows}x{columns}, "
        f"{found['parameters']:,} parameters",
        f"file: {found['path']}",
    ]
    if found["task"] not in TASKS:
        lines.append("task: none that is known here has such a vocabulary, so puzzles cannot be shown")
    if found["unknown"]:
        lines.append(
            f"NOT UNDERSTOOD: {', '.join(found['unknown'])}: the model may compute something else. "
            "Other commands open it with --accept-unknown only."
        )
    if found["known"]:
        said = [found["known"][part] for part in ("published", "licence") if found["known"][part]]
        lines.append(f"known file: {found['known']['repo']}" + (f" ({', '.join(said)})" if said else ""))
    lines.append(f"weights: {found['weights']}")
    lines += [f"note: {note}" for note in found["notes"]]
    lines += [f"{value['public_name']} = {value['value']} ({value['source']})" for value in found["values"]]
    if found["self_check"] is not None:
        lines.append(f"self-check: {_check_line(found['self_check'])}")
    lines += [f"at n = {at['n']}, T = {at['T']}: {score_line(at)}" for at in found["depths"]]
    lines += [f"what that says: {found['reading']}"] if found["reading"] else []
    lines += [f"{name}: {state_line(use)}" for name, use in found["states"].items()]
    if found["assumed"]:
        lines.append(
            "Assumed values are the public code's defaults: force others if the answers are poor "
            "(see trm inspect --help)."
        )
    return {"report": "\n".join(lines)}


def state_line(use: Mapping[str, Any]) -> str:
    """What `trm.inspection.state_use` found of a state, in a sentence."""
    return (
        f"the input token explains {use['variance_by_token']:.1%} of its variance; with one constant for each token in its "
        f"place {use['changed']:.1%} of the answers change, and {use['exact_with_constant']:.1%} instead of {use['exact']:.1%} "
        f"of the puzzles are exact{': INERT, it tells the net little but its input' if use['inert'] else ''}"
    )


def _check_line(check: Mapping[str, Any]) -> str:
    if "puzzles" not in check:
        return check["note"]
    return (
        f"{check['exact']:.1%} of {check['puzzles']} puzzles exact, {check['cell']:.1%} of cells, "
        f"{check['blank_cell']:.1%} of blank cells, loss {check['loss']:.4f} nats "
        f"(after the first step {check['loss_by_step'][0]:.4f}), {check['seconds']:.1f} s. "
        f"{check['note']}"
    )
