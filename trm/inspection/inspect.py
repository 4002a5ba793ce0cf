"""Inspect a checkpoint: every value with its source, and scores on a few puzzles, which can show that a value is wrong.

A checkpoint with a wrong n, T, or number of heads loads without an error and only gives worse answers. Values that are
only defaults are therefore listed as assumed, and two measurements can reveal a mistake: exact accuracy, and the loss
after each supervision step, which changes even if no answer is exact.
"""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import UInt8

from trm.batch import BatchStep, run_batches
from trm.checkpoint import model_from_checkpoint, read_checkpoint
from trm.config import KINDS, ConfigError, ModelConfig
from trm.coordinates import Depth
from trm.errors import DataError, PuzzleError
from trm.inspection import flops
from trm.inspection.expectation import interpret_scores, score_line
from trm.inspection.state_use import measure_state_use
from trm.model import Model
from trm.progress import Progress, no_progress
from trm.public.format import OTHER_NAMES, PUBLIC_NAMES
from trm.public.formats.base import ASSUMED
from trm.public.public_checkpoints import find_public_checkpoint
from trm.recursion import Hook, unchanged
from trm.tasks import TASKS, task_of
from trm.tasks.base import Difficulty, Task

MAX_PUZZLES = 32
BUDGET = (
    5e11  # operations in a self-check: ten seconds at 50 GFLOP/s, which small matrices reach on two cores
)
USUAL_CALLS = 16 * 3 * 7  # calls in a full run; fixed, so that scores at any n and T use the same puzzles
SOFTMAX = 64  # measured cost of an entry in an attention map, in operations, without the matrix products
STATE_PUZZLES = 16  # maximum number of puzzles for `check_states`
BATCH = 8
SEED = 0
LARGE_MAZE = 24  # minimum side of mazes whose paths can be as long as in the public Maze-Hard set
LONG_PATH = 110  # minimum length of the shortest paths in these mazes, in steps


def inspect_model(
    spec: str,
    *,
    force: Mapping[str, Any] | None = None,
    self_check: bool = True,
    progress: Progress = no_progress,
) -> dict[str, Any]:
    """Inspect a model given by name, path or address on the hub. The result can be written as JSON.

    Returns a dictionary with

    - `name`, `path`, `task`, `kind`, `parameters`, `grid`, `fingerprint`
    - `values`: a list of dictionaries with `name, public_name, value, source, assumed`
    - `assumed`: the names of assumed values
    - `unknown`: settings that are not understood, as "key = value"
    - `known`: `repo, published, exact, caution, licence` for a listed public checkpoint, or None
    - `weights`: whether the weights are averaged or as trained
    - `notes`: further remarks, one sentence each
    - `self_check`: result of `run_self_check`, or None if the argument `self_check` is false
    - `depths`: result of `check_depths`: scores with n and T changed by one
    - `reading`: an interpretation of these scores in a few sentences
    - `states`: result of `check_states`, empty if the argument `self_check` is false

    Raises CheckpointError.
    """
    model, facts = read_facts(spec, force=force)
    return facts | (measure(model, facts, progress=progress) if self_check else {})


def read_facts(spec: str, *, force: Mapping[str, Any] | None = None) -> tuple[Model, dict[str, Any]]:
    """Open a model, and return it with the result of `inspect_model` without measurements. Raises CheckpointError."""
    checkpoint = read_checkpoint(spec, force=force, accept_unknown=True)
    model = model_from_checkpoint(checkpoint)
    config, sources = checkpoint.config, checkpoint.sources
    listed = find_public_checkpoint(checkpoint.path, kind=config.kind, vocab_size=config.vocab_size)
    return model, {
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
        "known": listed.to_dict() if listed else None,
        "self_check": None,
        "depths": [],
        "reading": "",
        "states": {},
    }


def measure(model: Model, facts: Mapping[str, Any], *, progress: Progress = no_progress) -> dict[str, Any]:
    """Return the entries of `inspect_model` that need runs of the model: `self_check, depths, reading, states`."""
    config = model.config
    listed = find_public_checkpoint(Path(facts["path"]), kind=config.kind, vocab_size=config.vocab_size)
    check = run_self_check(model, progress=progress)
    depths = check_depths(model, progress=progress) if "puzzles" in check else []
    return {
        "self_check": check,
        "depths": depths,
        "reading": interpret_scores(check, depths, listed),
        "states": check_states(model, progress=progress),
    }


def run_self_check(
    model: Model,
    *,
    depth: Depth | None = None,
    after_call: Hook = unchanged,
    progress: Progress = no_progress,
    most: int = MAX_PUZZLES,
) -> dict[str, Any]:
    """Score a model on a few fixed puzzles of its task, through all supervision steps.

    `depth` defaults to the model's own. The hook `after_call` can pause the work, or stop it by raising an exception.
    The number of puzzles, from 1 to `most`, is chosen so that the check takes about ten seconds on two cores.

    Returns a dictionary with `puzzles` (their number), `exact`, `cell` and `blank_cell` (accuracy after the last step),
    `loss` (mean cross-entropy of the labels in nats, after the last step), `loss_by_step`, `seconds` and `note`. If no
    puzzles are available, the dictionary contains only a `note` with the reason.
    """
    config = model.config.with_depth(**vars(depth or model.config.depth))
    if config.task == "arc":
        return {
            "note": "ARC puzzles need the puzzle id they were trained with: with the blank id every answer is wrong, "
            "so there are no puzzles to check with."
        }
    if config.task not in TASKS:
        return {"note": f"No task has {config.vocab_size} tokens, so there are no puzzles to check with."}
    count = min(most, affordable_puzzles(config))
    started = time.perf_counter()
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
        "seconds": round(time.perf_counter() - started, 2),
        "note": note,
    }


def check_depths(model: Model, *, progress: Progress = no_progress) -> list[dict[str, Any]]:
    """Scores at the model's own n and T, and with either changed by one, all on the same puzzles.

    Returns a list of dictionaries with `n, T, puzzles, exact, blank_cell, loss`, starting with the model's own depth.
    The list is empty if no puzzles are available. Together, the runs take about as long as a self-check.
    """
    n, T = model.config.n, model.config.T
    pairs = [(n, T), (n - 1, T), (n + 1, T), (n, T - 1), (n, T + 1)]
    count = max(1, affordable_puzzles(model.config) // 4)
    scores = []
    for n, T in pairs:
        try:
            depth = model.config.with_depth(n=n, T=T).depth
        except ConfigError:  # this kind of model does not allow this n, or the run would be too long
            continue
        check = run_self_check(model, depth=depth, progress=progress, most=count)
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
    progress: Progress = no_progress,
) -> dict[str, dict[str, Any]]:
    """Measure whether a model uses y and z (`trm.inspection.state_use`), on at most STATE_PUZZLES self-check puzzles.

    The measurement takes up to three times as long as a self-check. Returns `StateUse.to_dict()` for each state, by
    name; empty if no puzzles are available.
    """
    config = model.config.with_depth(**vars(depth or model.config.depth))
    if config.task not in TASKS or config.task == "arc":
        return {}
    try:
        task = task_of(config)
        inputs, labels, _ = puzzles_of(task, affordable_puzzles(config))
    except (PuzzleError, DataError):
        return {}
    some = slice(None, None, -(-len(inputs) // STATE_PUZZLES))
    inputs, labels = inputs[some], labels[some]
    blank = ~task.givens(inputs)
    uses = measure_state_use(
        model, inputs, labels, blank, depth=config.depth, after_call=after_call, progress=progress
    )
    return {name: use.to_dict() for name, use in uses.items()}


def affordable_puzzles(config: ModelConfig) -> int:
    """Number of puzzles in a self-check. It does not depend on n, T, or N_sup, so that scores are comparable."""
    maps = config.layers * config.heads * config.length**2
    cost = USUAL_CALLS * (flops.f_L_call(config) + SOFTMAX * maps)
    return max(1, min(MAX_PUZZLES, int(BUDGET / cost)))


def puzzles_of(
    task: Task, count: int
) -> tuple[UInt8[np.ndarray, "count cells"], UInt8[np.ndarray, "count cells"], str]:
    """Return puzzles and solutions for checking a model, and a sentence that describes the puzzles.

    Raises PuzzleError or DataError if no puzzles are available.
    """
    if task.name == "sudoku" and task.rows == 9:
        from trm.data import load_puzzles
        from trm.evaluate import evenly

        puzzles = load_puzzles("sudoku/test", task)
        puzzles = puzzles.take(evenly(len(puzzles), count))
        return puzzles.inputs, puzzles.labels, "Puzzles of sudoku/test, spread evenly from easy to hard."
    if task.name == "maze" and task.rows >= LARGE_MAZE:
        puzzles = task.generate_many(count, difficulty=Difficulty.HARD, seed=SEED, min_path=LONG_PATH)
        return *puzzles, f"Generated mazes with shortest paths of at least {LONG_PATH} steps."
    puzzles = task.generate_many(count, difficulty=Difficulty.EASY, seed=SEED)
    return *puzzles, f"Generated easy {task.name} puzzles, {task.rows}x{task.columns}."


def _answered(
    model: Model,
    inputs: UInt8[np.ndarray, "count cells"],
    labels: UInt8[np.ndarray, "count cells"],
    depth: Depth,
    after_call: Hook,
    progress: Progress,
) -> tuple[UInt8[np.ndarray, "count cells"], list[float]]:
    """Answers after the last supervision step, and the mean cross-entropy of the labels after each."""
    answers, losses = np.zeros_like(inputs), np.zeros((depth.N_sup, len(inputs)))
    targets = torch.from_numpy(labels.astype(np.int64))

    def capture(step: BatchStep) -> None:
        logits = step.heads.logits
        cell_losses = F.cross_entropy(
            logits.transpose(1, 2), targets[step.rows].to(logits.device), reduction="none"
        )
        losses[step.index] = cell_losses.mean(-1).cpu().numpy()
        answers[step.rows] = logits.argmax(-1).cpu().numpy()

    run_batches(
        model, inputs, depth, capture=capture, after_call=lambda rows, at, state: after_call(at, state),
        batch=BATCH, progress=progress, message=f"checking the model on {len(inputs)} puzzles",
    )  # fmt: skip
    return answers, losses.mean(1).tolist()


def report(result: Mapping[str, Any]) -> dict[str, str]:
    """Format the result of `inspect_model` as readable text, in a dictionary with the key `report`."""
    return {"report": "\n".join(filter(None, (facts_text(result), measured_text(result))))}


def facts_text(result: Mapping[str, Any]) -> str:
    """Format the facts about a checkpoint, one per line."""
    rows, columns = result["grid"]
    lines = [
        f"{result['name']}: {KINDS[result['kind']].title}, {result['task']} {rows}x{columns}, "
        f"{result['parameters']:,} parameters",
        f"file: {result['path']}",
    ]
    if result["task"] not in TASKS:
        lines.append("task: unknown, no supported task has such a vocabulary, so puzzles cannot be shown")
    if result["unknown"]:
        lines.append(
            f"SETTINGS NOT UNDERSTOOD: {', '.join(result['unknown'])}. The model may compute something else. "
            "Other commands open it only with --accept-unknown."
        )
    if result["known"]:
        facts = [result["known"][part] for part in ("published", "licence") if result["known"][part]]
        lines.append(f"known file: {result['known']['repo']}" + (f" ({', '.join(facts)})" if facts else ""))
    lines.append(f"weights: {result['weights']}")
    lines += [f"note: {note}" for note in result["notes"]]
    lines += [f"{value['public_name']} = {value['value']} ({value['source']})" for value in result["values"]]
    if result["assumed"]:
        lines.append(
            "Assumed values are the defaults of the public code. If the answers are poor, force other values "
            "(see trm inspect --help)."
        )
    return "\n".join(lines)


def measured_text(result: Mapping[str, Any]) -> str:
    """Format what was measured, one measurement per line; empty if nothing was."""
    lines = []
    if result["self_check"] is not None:
        lines.append(f"self-check: {_check_line(result['self_check'])}")
    lines += [f"at n = {at['n']}, T = {at['T']}: {score_line(at)}" for at in result["depths"]]
    lines += [f"interpretation: {result['reading']}"] if result["reading"] else []
    lines += [f"{name}: {state_line(use)}" for name, use in result["states"].items()]
    return "\n".join(lines)


def state_line(use: Mapping[str, Any]) -> str:
    """Describe the use of a state in one sentence."""
    before, after = use["exact"], use["exact_with_constant"]
    exact = f"{after:.1%} instead of {before:.1%} of the puzzles are exact"
    if before == after:
        exact = f"as before, {f'{before:.1%} of the puzzles are' if before else 'no puzzle is'} exact"
    return (
        f"the input token explains {use['variance_by_token']:.1%} of its variance; if one constant per token replaces it, "
        f"{use['changed']:.1%} of the answers change, and {exact}{': INERT, it carries little more than the input' if use['inert'] else ''}"
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
