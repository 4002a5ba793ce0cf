"""Activation patching (Vig et al. 2020; Meng et al. 2022): which cell's state, at which step, matters to a target cell?

At the end of one supervision step, the state of one cell of run A is replaced by the state of run B at the same place,
and run A continues. The effect of the patch is the change in the log odds of A's own answer in the target cell.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from probes.interventions.fork import CachedRun, last_of
from probes.interventions.sites import InterventionError
from trm.coordinates import Coordinates
from trm.progress import Progress, ShareProgress, no_progress
from trm.record import one_puzzle
from trm.recursion import State
from trm.resume import ResumePoint, resumed_supervision


@dataclass(frozen=True, eq=False)
class PatchMap:
    """Effect of patching each cell at the end of each of several supervision steps."""

    state: str
    target: int  # the cell whose answer is measured
    token: int  # the answer whose log odds are measured
    steps: tuple[int, ...]
    after: int  # supervision steps run after the patch
    unpatched: Float[np.ndarray, "step"]  # log odds without a patch
    effect: Float[np.ndarray, "step cells"]  # change in the log odds, in nats

    def columns(self) -> dict[str, list]:
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
    """Patch every cell, one at a time, with the state of the other run at the end of the same step.

    The log odds are those of the unpatched run's final answer in the target cell, `after` supervision steps after the
    patch (fewer if the run ends). `steps` None patches every step but the last. Raises InterventionError.
    """
    depth = run.depth
    patched_steps = tuple(range(1, depth.N_sup)) if steps is None else tuple(steps)
    cells = len(run.inputs)
    if not 0 <= target < cells:
        raise InterventionError(f"There is no cell {target + 1}: the grid has {cells}.")
    if (other.depth.n, other.depth.T) != (depth.n, depth.T) or other.depth.N_sup < depth.N_sup:
        raise InterventionError(
            "The other run has another depth. Run it with the same n, T and supervision steps."
        )
    if not patched_steps or min(patched_steps) < 1 or max(patched_steps) >= depth.N_sup:
        raise InterventionError(f"A patch needs a step after it. Choose steps from 1 to {depth.N_sup - 1}.")
    if state not in ("y", "z", "yz"):
        raise InterventionError(f"There is no state {state!r} to patch. Choose y, z, or yz for both.")
    token = int(run.trace.answers[-1][target])
    effect, unpatched = np.zeros((len(patched_steps), cells)), np.zeros(len(patched_steps))
    for number, step in enumerate(patched_steps):
        at = last_of(step, depth)

        def step_progress(share: float, number: int = number, step: int = step) -> None:
            progress((number + share) / len(patched_steps), f"patching step {step}")

        odds = _log_odds_after_patches(run, other, at, state, target, token, after, step_progress)
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
    progress: ShareProgress,
) -> Float[np.ndarray, "rows"]:
    """Log odds of the token in the target cell: first without a patch, then with each cell patched."""
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
    tokens, ids = one_puzzle(model, run.inputs, run.puzzle_id)
    last = min(at.supervision_step + after, depth.N_sup)

    def after_call(here: Coordinates, now: State) -> State:
        done = (here.supervision_step - at.supervision_step - 1) * depth.calls_per_step
        progress((done + (here.cycle - 1) * (depth.n + 1) + here.call) / depth.calls_per_step / after)
        return now

    steps = resumed_supervision(
        model,
        tokens.expand(cells + 1, -1),
        ids.expand(cells + 1),
        ResumePoint(State(**rows), after=at),
        depth=depth,
        after_call=after_call,
    )
    for step in steps:
        if step.number == last:
            steps.close()
            return log_odds(step.heads.logits[:, target], token).cpu().numpy()
    raise ValueError("the run has no such step")


def log_odds(logits: Float[torch.Tensor, "row vocab"], token: int) -> Float[torch.Tensor, "row"]:
    """log p - log (1 - p) of a token, in nats."""
    others = torch.cat((logits[:, :token], logits[:, token + 1 :]), dim=1)
    return logits[:, token] - others.logsumexp(1)
