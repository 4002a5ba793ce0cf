"""Activation patching (Vig et al. 2020; Meng et al. 2022): measure the effect of each cell's state on a target cell.

At the end of a supervision step, the state of one cell in run A is replaced by the state of the same cell in run B, and
run A continues. The effect of the patch is the change in the log odds of run A's final answer in the target cell.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float

from probes.interventions.fork import CachedRun, last_of
from probes.interventions.sites import InterventionError
from trm.batch import BatchStep, Rows, run_batches
from trm.coordinates import Coordinates
from trm.progress import Progress, no_progress, part_of
from trm.recursion import State


@dataclass(frozen=True, eq=False)
class PatchMap:
    """Effect of patching each cell at the end of each selected supervision step."""

    state: str
    target: int  # index of the cell whose answer is measured
    token: int  # token whose log odds are measured: the final answer of the unpatched run
    steps: tuple[int, ...]
    after: int  # number of supervision steps from the patch to the measurement
    unpatched: Float[np.ndarray, "step"]  # log odds without a patch, in nats
    effect: Float[np.ndarray, "step cells"]  # change in the log odds, in nats

    def columns(self) -> dict[str, list]:
        """Return the effects as table columns, with one row per step and cell."""
        steps, cells = self.effect.shape
        return {
            "step": np.repeat(self.steps, cells).tolist(),
            "cell": np.tile(np.arange(cells), steps).tolist(),
            "effect": self.effect.ravel().round(5).tolist(),
        }


def patch_map(
    run: CachedRun,
    other: CachedRun,
    target: int,
    *,
    state: str = "z",
    steps: Sequence[int] | None = None,
    after: int = 1,
    progress: Progress = no_progress,
) -> PatchMap:
    """Patch each cell separately with its state in the other run at the end of the same supervision step.

    The effect is the change in the log odds of the unpatched run's final answer in the target cell. It is measured
    `after` supervision steps after the patch, or at the last step if the run ends earlier. By default, `steps` are all
    steps except the last. Raises InterventionError.
    """
    depth = run.depth
    patched_steps = tuple(range(1, depth.N_sup)) if steps is None else tuple(steps)
    cells = len(run.inputs)
    if not 0 <= target < cells:
        raise InterventionError(f"There is no cell {target + 1}: the grid has {cells}.")
    if (other.depth.n, other.depth.T) != (depth.n, depth.T) or other.depth.N_sup < depth.N_sup:
        raise InterventionError(
            "The other run has a different depth. Run it with the same n, T and supervision steps."
        )
    if not patched_steps or min(patched_steps) < 1 or max(patched_steps) >= depth.N_sup:
        raise InterventionError(f"A patch needs a step after it. Choose steps from 1 to {depth.N_sup - 1}.")
    if state not in ("y", "z", "yz"):
        raise InterventionError(f"There is no state {state!r} to patch. Choose y, z, or yz for both.")
    token = int(run.trace.answers[-1][target])
    effect, unpatched = np.zeros((len(patched_steps), cells)), np.zeros(len(patched_steps))
    for number, step in enumerate(patched_steps):
        at = last_of(step, depth)

        own_progress = part_of(progress, number / len(patched_steps), (number + 1) / len(patched_steps))
        odds = _log_odds_after_patches(run, other, at, state, target, token, after, own_progress)
        unpatched[number] = odds[0]
        effect[number] = odds[1:] - odds[0]
    return PatchMap(state, target, token, patched_steps, after, unpatched, effect)


def _log_odds_after_patches(
    run: CachedRun,
    other: CachedRun,
    at: Coordinates,
    state: str,
    target: int,
    token: int,
    after: int,
    progress: Progress,
) -> Float[np.ndarray, "rows"]:
    """Return the log odds of the token in the target cell, first without a patch, then with each cell patched."""
    depth, model, cells = run.depth, run.model, len(run.inputs)
    own, theirs, prefix = run.state_after(at), other.state_after(at), model.config.prefix_length
    rows = {
        name: getattr(own, name).repeat(cells + 1, *[1] * (getattr(own, name).dim() - 1))
        for name in own._fields
    }
    index, positions = torch.arange(cells) + 1, torch.arange(cells) + prefix
    for name in state:
        source = getattr(theirs, name)[0, ..., positions, :]  # (cell, D), or (K, cell, D)
        if source.dim() == 2:
            rows[name][index, positions] = source
        else:
            rows[name][index, :, positions] = source.transpose(0, 1)
    state = State(**rows)
    last = min(at.supervision_step + after, depth.N_sup)
    odds = np.zeros(cells + 1)

    def start(rows: Rows, initial: State) -> State:
        return State(state.y[rows], state.z[rows])

    def capture(step: BatchStep) -> None:
        odds[step.rows] = log_odds(step.heads.logits[:, target], token).cpu().numpy()

    run_batches(
        model, np.repeat(run.inputs[None], cells + 1, axis=0), replace(depth, N_sup=last),
        puzzle_ids=np.full(cells + 1, run.puzzle_id), start=start, first_step=at.supervision_step + 1,
        capture=capture, progress=progress, message=f"patching step {at.supervision_step}",
    )  # fmt: skip
    return odds


def log_odds(logits: Float[torch.Tensor, "row vocab"], token: int) -> Float[torch.Tensor, "row"]:
    """Log odds of a token, log p - log (1 - p), in nats, for each row of logits."""
    others = torch.cat((logits[:, :token], logits[:, token + 1 :]), dim=1)
    return logits[:, token] - others.logsumexp(1)
