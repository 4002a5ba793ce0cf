"""Hooks of the recursion that apply interventions.

An operation without effect, such as noise of scale 0 or a patch with the current state, leaves the state bit-identical.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from probes.answer_code import AnswerCode
from probes.interventions.sites import InterventionError, one_call
from probes.interventions.spec import Intervention
from probes.interventions.steering import direction_of, vector_of
from trm.coordinates import F_L, Coordinates, Depth
from trm.errors import UserError
from trm.model import Model
from trm.recursion import State
from trm.store.positions import Positions
from trm.tasks.base import Task

SEED_STEP = 1_000_003  # generator seeds per user seed, so that user seeds do not share noise


@dataclass
class InterventionHooks:
    """The hooks `before_call`, `after_call` and `skips`, which apply interventions to one run or to a batch of runs.

    `reused` maps calls to their states in an earlier run. These calls are not executed again. Raises InterventionError
    if an intervention does not apply to this model, task or depth, and PuzzleError if a puzzle or answer is invalid.
    """

    interventions: Sequence[Intervention]
    model: Model
    task: Task
    run_depth: Depth  # depth of the clean run
    state_after: Callable[[Coordinates, str], State]  # maps a call and a puzzle to a state for patches
    givens: Bool[np.ndarray, "cell"]  # whether each cell of the puzzle is given
    code: AnswerCode  # how the clean run encodes its answer in y
    start: State  # initial state of the clean run
    reused: dict[Coordinates, State] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.depths = self._depths_by_step()
        self.depth = Depth(
            n=max(n for n, _ in self.depths), T=max(T for _, T in self.depths), N_sup=len(self.depths)
        )
        self._frozen: dict[int, State] = {}  # index of the intervention -> state that `freeze` restores
        self._actions = []
        for intervention in self.interventions:
            if intervention.operation != "depth":
                intervention.site.first(self.depth)
            self._actions.append(self._apply(intervention))

    @property
    def first_change(self) -> tuple[Coordinates, bool]:
        """The first call with an intervention, and whether this intervention acts before the call."""
        firsts = []
        for intervention in self.interventions:
            before = intervention.before or intervention.operation in ("freeze", "skip", "depth")
            step = min(intervention.site.steps[0], self.depth.N_sup)
            at = (
                Coordinates(step, 1, 1, "f_L")
                if intervention.operation == "depth"
                else intervention.site.first(self.depth)
            )
            firsts.append((at, not before))
        at, after = min(firsts)
        return at, not after

    def skips(self, at: Coordinates) -> bool:
        """Whether a call is not executed: it is skipped, it exceeds the depth of its step, or its state is reused."""
        n, T = self.depths[at.supervision_step - 1]
        beyond = at.cycle > T or (at.kind == F_L and at.call > n)
        return (
            beyond
            or at in self.reused
            or any(each.operation == "skip" and at in each.site for each in self.interventions)
        )

    def before_call(self, at: Coordinates, state: State) -> State:
        """Apply the interventions before a call, and return the state that the call reads."""
        for number, (intervention, action) in enumerate(zip(self.interventions, self._actions, strict=True)):
            if at not in intervention.site:
                continue
            if intervention.operation == "freeze":
                self._frozen.setdefault(number, state)
            elif intervention.before:
                state = action(state, at)
        return state

    def after_call(self, at: Coordinates, state: State) -> State:
        """Apply the interventions after a call to its state, or to the reused state, and return the changed state."""
        state = self.reused.get(at, state)
        for number, (intervention, action) in enumerate(zip(self.interventions, self._actions, strict=True)):
            if at not in intervention.site:
                continue
            if intervention.operation == "freeze":
                if number in self._frozen:
                    state = action(state, at, self._frozen[number])
            elif not intervention.before:
                state = action(state, at)
        return state

    def _depths_by_step(self) -> list[tuple[int, int]]:
        """Return (n, T) for every supervision step, in order."""
        total = self.run_depth.N_sup
        changes = [change for change in self.interventions if change.operation == "depth"]
        for change in changes:
            total = change.N_sup or total
        depths = []
        for step in range(1, total + 1):
            n, T = self.run_depth.n, self.run_depth.T
            for change in changes:
                if step >= change.site.steps[0]:
                    n, T = change.n or n, change.T or T
            depths.append((n, T))
        return depths

    def _apply(self, change: Intervention) -> Callable[..., State]:
        """Return a function that applies the intervention to a state."""
        positions = self._positions(
            change.positions or ("cells" if change.operation == "answer" else "all"), change
        )
        if change.operation == "swap":
            if self.start.y.shape != self.start.z.shape:
                raise InterventionError(
                    "A model with several z cannot swap them with its one y. Patch one instead."
                )
            return lambda state, at: State(
                with_positions(state.y, positions, state.z), with_positions(state.z, positions, state.y)
            )
        if change.operation in ("skip", "depth"):
            return lambda state, at: state
        make = getattr(self, f"_{change.operation}")(change, positions)

        def action(state: State, at: Coordinates, frozen: State | None = None) -> State:
            y, z = state
            if "y" in change.state or change.operation == "answer":
                y = make(y, at, "y", frozen)
            if "z" in change.state:
                z = make(z, at, "z", frozen)
            return State(y, z)

        return action

    def _positions(self, text: str, change: Intervention) -> Tensor:
        try:
            positions = Positions.of(text, self.model.config)
        except UserError as error:
            raise InterventionError(f"{change}: {str(error).replace('--positions ', '')}") from None
        if positions.mean:
            raise InterventionError(f"{change}: a mean over cells cannot be changed. Name cells, or all.")
        return torch.tensor(positions.single, device=self.model.device)

    # ---- one method per operation; each returns a function that maps the old tensor to the new tensor

    def _zero(self, change: Intervention, positions: Tensor) -> Callable[..., Tensor]:
        return lambda old, at, name, frozen: with_positions(old, positions, torch.zeros_like(old))

    def _set(self, change: Intervention, positions: Tensor) -> Callable[..., Tensor]:
        if change.value == "initial":
            return lambda old, at, name, frozen: with_positions(
                old, positions, getattr(self.start, name).expand_as(old)
            )
        vector = vector_of(change.value, self.model, what=str(change))
        return lambda old, at, name, frozen: with_positions(
            old, positions, vector.to(old.dtype).expand_as(old)
        )

    def _noise(self, change: Intervention, positions: Tensor) -> Callable[..., Tensor]:
        def make(old: Tensor, at: Coordinates, name: str, frozen: State | None) -> Tensor:
            seed = change.seed * SEED_STEP + _number(at, self.depth) * 2 + (name == "z")
            sizes = torch.full((len(old),), change.size, device=old.device)
            return with_positions(
                old, positions, add_noise(old, sizes, [seed + row for row in range(len(old))])
            )

        return make

    def _freeze(self, change: Intervention, positions: Tensor) -> Callable[..., Tensor]:
        return lambda old, at, name, frozen: with_positions(old, positions, getattr(frozen, name))

    def _patch(self, change: Intervention, positions: Tensor) -> Callable[..., Tensor]:
        source = self._positions(change.source_positions, change) if change.source_positions else positions
        if len(source) not in (1, len(positions)):
            raise InterventionError(
                f"{change}: {len(positions)} positions cannot be patched from {len(source)}. "
                "Name the same number of source positions, or one."
            )
        is_same = change.source == "same"
        if is_same and self.depth != self.run_depth:
            raise InterventionError(f"{change}: a run of another depth has no same call. Name one call.")
        source_call = None if is_same else one_call(change.source, self.run_depth)

        def source_state(at: Coordinates) -> State:
            return self.state_after(source_call or at, change.puzzle)

        source_state(change.site.first(self.depth))  # raises for an invalid puzzle

        def make(old: Tensor, at: Coordinates, name: str, frozen: State | None) -> Tensor:
            if not change.size:
                return old
            new = old.clone()
            there = getattr(source_state(at), name).to(old)[..., source, :]
            here = old[..., positions, :]
            new[..., positions, :] = there if change.size == 1 else here + change.size * (there - here)
            return new

        return make

    def _steer(self, change: Intervention, positions: Tensor) -> Callable[..., Tensor]:
        vector = direction_of(change.direction, self.model, self.task, state=change.state, what=str(change))
        unit = vector / vector.norm()

        def make(old: Tensor, at: Coordinates, name: str, frozen: State | None) -> Tensor:
            if not change.size:
                return old
            moved = old + change.size * old.norm(dim=-1, keepdim=True) * unit.to(old)
            return with_positions(old, positions, moved)

        return make

    def _answer(self, change: Intervention, positions: Tensor) -> Callable[..., Tensor]:
        answer = torch.from_numpy(self.task.parse(change.answer, unfinished=True).astype(np.int64))[None]
        answer = answer.to(self.model.device)
        return lambda old, at, name, frozen: with_positions(
            old, positions, self.code.write(old, answer, self.givens[None])
        )


def with_positions(
    old: Float[Tensor, "*batch position dim"],
    positions: Tensor,
    new: Float[Tensor, "*batch position dim"],
) -> Float[Tensor, "*batch position dim"]:
    """Return the old state with the vectors at `positions` replaced by those of the new state."""
    if len(positions) == old.shape[-2]:
        return new
    mixed = old.clone()
    mixed[..., positions, :] = new[..., positions, :]
    return mixed


def add_noise(
    state: Float[Tensor, "batch *positions dim"], sizes: Float[Tensor, "batch"], seeds: Sequence[int]
) -> Float[Tensor, "batch *positions dim"]:
    """Add Gaussian noise with a root-mean-square norm of `sizes` times the norm of each position's own vector.

    `sizes` and `seeds` have one entry for each row. The random numbers of a row depend only on its seed. A row with
    size 0 stays bit-identical.
    """
    drawn = torch.stack(
        [
            torch.randn(state.shape[1:], generator=torch.Generator().manual_seed(seed % (1 << 63)))
            for seed in seeds
        ]
    )
    shape = (len(state), *[1] * (state.dim() - 1))
    lengths = state.float().norm(dim=-1, keepdim=True) / state.shape[-1] ** 0.5
    sizes = sizes.view(shape).to(state.device)
    changed = state + (sizes * lengths * drawn.to(state.device)).to(state.dtype)
    return torch.where(sizes == 0, state, changed)


def _number(at: Coordinates, depth: Depth) -> int:
    """Return the number of calls before a call in the run."""
    return (at.supervision_step - 1) * depth.calls_per_step + (at.cycle - 1) * (depth.n + 1) + at.call - 1
