"""Effect of a cell's peers on its answer, compared with the effect of all other cells.

The peers of a Sudoku cell share its row, column or box. The peers of a maze cell are its neighbours. The effect is the
absolute change in the logit of a cell's answer when a given is removed, averaged over many cells. If peers have the
larger effect, the model uses the structure of the task. `probes.interventions.attribution.mixing` compares the mixing
weights instead.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float

from probes.interventions.attribution.gradients import AT_ONCE, AttributedOutput, blanked, single_givens
from probes.interventions.attribution.mixing import boxes, peers_of
from probes.interventions.fork import CachedRun, cache_run
from probes.interventions.sweeps import labelled_puzzles
from probes.stats import BY_PUZZLE, ratio
from trm.data import PuzzleSet
from trm.model import Model
from trm.progress import Progress, no_progress
from trm.tasks.base import Task


@dataclass(frozen=True, eq=False)
class PeerEffects:
    """Mean absolute effect of a given on the logit of a blank cell's answer, for peers and for all other cells."""

    step: int
    cells: int  # number of blank cells, over all puzzles
    puzzles: int
    peers: float
    others: float
    ratio: float  # peers / others
    bands: dict[str, tuple[float, float]]  # 95 % confidence intervals of peers, others and ratio
    by_distance: dict[str, float]  # mean effect in a Sudoku by "row or column", "box only", "no unit"

    def facts(self) -> dict:
        return {
            name: round(value, 5) if isinstance(value, float) else value for name, value in vars(self).items()
        }


def peer_effects(
    model: Model,
    task: Task,
    puzzles: PuzzleSet,
    *,
    step: int = 1,
    cells_each: int = 5,
    seed: int = 0,
    progress: Progress = no_progress,
) -> PeerEffects:
    """Remove each given separately, and measure the change in the logits of the answers in some blank cells.

    The effect is measured over one supervision step, from the state at its start. `cells_each` is the number of
    randomly chosen blank cells per puzzle. Raises UserError.
    """
    puzzles, _ = labelled_puzzles(model, task, puzzles, None, step=step)
    peers, random = peers_of(task), np.random.default_rng(seed)
    sums = np.zeros((len(puzzles), 4))  # sum of effects and count for peers, then for others
    cell_count = 0
    shared: dict[str, list[float]] = {"row or column": [], "box only": [], "no unit": []}
    for number in range(len(puzzles)):
        progress(number / len(puzzles), f"removing the givens of puzzle {number + 1} of {len(puzzles)}")
        inputs = puzzles.inputs[number]
        depth = replace(model.config.depth, N_sup=step)
        clean = cache_run(
            model, task, inputs, depth=depth, puzzle_id=int(puzzles.puzzle_identifiers[number]),
            labels=puzzles.labels[number],
        )  # fmt: skip
        blank = np.flatnonzero(~task.givens(inputs))
        chosen = random.permutation(blank)[:cells_each]
        effects = effects_of_givens(clean, step)  # (given, cells)
        givens = np.flatnonzero(task.givens(inputs))
        for cell in chosen:
            near = peers[cell, givens]
            here = np.abs(effects[:, cell])
            sums[number] += here[near].sum(), near.sum(), here[~near].sum(), (~near).sum()
            _add_by_relation(task, int(cell), givens, here, shared)
            cell_count += 1
    draws = BY_PUZZLE.sums(sums)
    near, far = ratio(draws[:, 0], draws[:, 1]), ratio(draws[:, 2], draws[:, 3])
    total = sums.sum(0)
    values = {"peers": total[0] / total[1], "others": total[2] / total[3]}
    values["ratio"] = float(ratio(np.array(values["peers"]), np.array(values["others"])))
    bands = {
        name: tuple(round(float(end), 5) for end in BY_PUZZLE.band(drawn))
        for name, drawn in (("peers", near), ("others", far), ("ratio", ratio(near, far)))
    }
    return PeerEffects(
        step=step,
        cells=cell_count,
        puzzles=len(puzzles),
        bands=bands,
        by_distance={name: round(float(np.mean(effects)), 5) for name, effects in shared.items() if effects},
        **{name: float(value) for name, value in values.items()},
    )


def effects_of_givens(clean: CachedRun, step: int) -> Float[np.ndarray, "given cells"]:
    """Return the decrease in the logit of each cell's answer when each given is removed during the step."""
    output = AttributedOutput(clean, step, cell=0, span="step")
    groups = single_givens(clean.task, clean.inputs)
    puzzles = [clean.inputs, *(blanked(clean.task, clean.inputs, cells) for _, cells in groups)]
    logits = []
    with torch.no_grad():
        for begin in range(0, len(puzzles), 4 * AT_ONCE):
            batch = torch.cat([output.embed(tokens) for tokens in puzzles[begin : begin + 4 * AT_ONCE]])
            logits.append(output.heads(batch).logits)
    all_logits = torch.cat(logits)
    answer = all_logits[0].argmax(-1)
    own = all_logits.gather(2, answer.expand(len(all_logits), -1)[..., None])[..., 0]  # (1 + given, cells)
    return (own[:1] - own[1:]).cpu().numpy()


def _add_by_relation(
    task: Task, cell: int, givens: np.ndarray, effects: np.ndarray, shared: dict[str, list[float]]
) -> None:
    """Append the effects on a cell to the lists of the relations between the cell and each given."""
    if not hasattr(task, "box_rows"):
        return
    row, column = np.divmod(np.arange(task.cells), task.columns)
    line = (row[givens] == row[cell]) | (column[givens] == column[cell])
    box = boxes(task)[givens] == boxes(task)[cell]
    shared["row or column"] += effects[line].tolist()
    shared["box only"] += effects[box & ~line].tolist()
    shared["no unit"] += effects[~line & ~box].tolist()
