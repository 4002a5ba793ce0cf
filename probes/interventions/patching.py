"""Which part of a state carries what: the state of one cell is taken from another run, and a chosen cell is watched.

Activation patching (Vig et al. 2020; Meng et al. 2022): run A is given, at one supervision step and one cell, the state that
run B had there, and goes on. How the log odds of A's own answer in the chosen cell move says what the patched state meant to it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from probes.interventions.fork import CachedRun, last_of
from probes.interventions.sites import InterventionError
from trm.coordinates import Coordinates
from trm.progress import Progress, no_progress
from trm.record import one_puzzle
from trm.recursion import State
from trm.resume import ResumePoint, resumed_supervision


@dataclass(frozen=True, eq=False)
class PatchMap:
    """Effect of patching each cell at the end of each of some supervision steps."""

    state: str
    target: int  # the cell watched
    token: int  # the answer whose log odds are followed
    steps: tuple[int, ...]
    after: int  # supervision steps that were run after the patch
    unpatched: Float[np.ndarray, "step"]  # log odds without a patch
    effect: Float[
        np.ndarray, "step cells"
    ]  # change of the log odds, in nats; below 0: the patch speaks against the answer

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

    The answer followed is the one that the unpatched run gives the target in the end. `after` supervision steps are run on
    (fewer where the run ends). Raises InterventionError.
    """
    depth = run.depth
    chosen = tuple(range(1, depth.N_sup)) if steps is None else tuple(steps)
    cells = len(run.inputs)
    if not 0 <= target < cells:
        raise InterventionError(f"There is no cell {target + 1}: the grid has {cells}.")
    if (other.depth.n, other.depth.T) != (depth.n, depth.T) or other.depth.N_sup < depth.N_sup:
        raise InterventionError(
            "The other run is not of the same depth. Run it with the same n, T and steps."
        )
    if not chosen or min(chosen) < 1 or max(chosen) >= depth.N_sup:
        raise InterventionError(f"A patch needs a step after it. Choose steps from 1 to {depth.N_sup - 1}.")
    if state not in ("y", "z", "yz"):
        raise InterventionError(f"There is no state {state!r} to patch. Choose y, z, or yz for both.")
    token = int(run.trace.answers[-1][target])
    effect, unpatched = np.zeros((len(chosen), cells)), np.zeros(len(chosen))
    for number, step in enumerate(chosen):
        at = last_of(step, depth)

        def told(share: float, number: int = number, step: int = step) -> None:
            progress((number + share) / len(chosen), f"patching step {step}")

        odds = _after_patches(run, other, at, state, target, token, after, told)
        unpatched[number] = odds[0]
        effect[number] = odds[1:] - odds[0]
    return PatchMap(state, target, token, chosen, after, unpatched, effect)


def _after_patches(
    run: CachedRun,
    other: CachedRun,
    at: Coordinates,
    state: str,
    target: int,
    token: int,
    after: int,
    told,
) -> Float[np.ndarray, "rows"]:
    """Log odds of the token in the target, first without a patch, then with each cell patched."""
    depth, model, cells = run.depth, run.model, len(run.inputs)
    own, theirs, prefix = run.state_after(at), other.state_after(at), model.config.prefix_length
    rows = {
        name: getattr(own, name).repeat(cells + 1, *[1] * (getattr(own, name).dim() - 1))
        for name in own._fields
    }
    index, spots = torch.arange(cells) + 1, torch.arange(cells) + prefix
    for name in state:
        source = getattr(theirs, name)[0, ..., spots, :]  # (cell, D), or (K, cell, D)
        if source.dim() == 2:
            rows[name][index, spots] = source
        else:
            rows[name][index, :, spots] = source.transpose(0, 1)
    tokens, ids = one_puzzle(model, run.inputs, run.puzzle_id)
    last = min(at.supervision_step + after, depth.N_sup)

    def after_call(here: Coordinates, now: State) -> State:
        done = (here.supervision_step - at.supervision_step - 1) * depth.calls_per_step
        told((done + (here.cycle - 1) * (depth.n + 1) + here.call) / depth.calls_per_step / after)
        return now

    steps = resumed_supervision(
        model,
        tokens.expand(cells + 1, -1),
        ids.expand(cells + 1),
        ResumePoint(State(**rows), after=at),
        depth=depth,
        after_call=after_call,
    )
    for found in steps:
        if found.number == last:
            steps.close()
            return log_odds(found.heads.logits[:, target], token).cpu().numpy()
    raise ValueError("the run has no such step")


def log_odds(logits: Float[torch.Tensor, "row vocab"], token: int) -> Float[torch.Tensor, "row"]:
    """log p - log (1 - p) of a token, in nats."""
    others = torch.cat((logits[:, :token], logits[:, token + 1 :]), dim=1)
    return logits[:, token] - others.logsumexp(1)
