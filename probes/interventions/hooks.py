"""Interventions carried out: the two hooks of the recursion for a list of them.

An operation that amounts to nothing (noise of size 0, a patch with itself) returns the very same numbers.
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

SEED_STEP = 1_000_003  # between the seeds of one intervention's calls


@dataclass
class InterventionHooks:
    """The hooks for one run, or a batch of runs that are all changed alike.

    `given` are states that are known already: their calls are not made. Raises InterventionError where one of the
    interventions means nothing for this model, task or depth.
    """

    interventions: Sequence[Intervention]
    model: Model
    task: Task
    own: Depth  # of the run that is changed
    state_after: Callable[[Coordinates, str], State]  # where patches come from: of a call, of a puzzle
    givens: Bool[np.ndarray, "cell"]  # of the puzzle
    code: AnswerCode  # how the run that is left alone writes its answer into y
    start: State  # of the run, before any change
    given: dict[Coordinates, State] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.depths = self._depths_by_step()
        self.depth = Depth(
            n=max(n for n, _ in self.depths), T=max(T for _, T in self.depths), N_sup=len(self.depths)
        )
        self._held: dict[int, State] = {}  # by number of the intervention: what `freeze` keeps
        self._acts = []
        for intervention in self.interventions:
            if intervention.operation != "depth":
                intervention.site.first(self.depth)
            self._acts.append(self._act(intervention))

    @property
    def begin(self) -> tuple[Coordinates, bool]:
        """The first call that anything is done at, and whether that is before it."""
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
        """Whether a call is not made: skipped, beyond the depth of its step, or known already."""
        n, T = self.depths[at.supervision_step - 1]
        beyond = at.cycle > T or (at.kind == F_L and at.call > n)
        return (
            beyond
            or at in self.given
            or any(each.operation == "skip" and at in each.site for each in self.interventions)
        )

    def before_call(self, at: Coordinates, state: State) -> State:
        """The state that a call reads."""
        for number, (intervention, act) in enumerate(zip(self.interventions, self._acts, strict=True)):
            if at not in intervention.site:
                continue
            if intervention.operation == "freeze":
                self._held.setdefault(number, state)
            elif intervention.before:
                state = act(state, at)
        return state

    def after_call(self, at: Coordinates, state: State) -> State:
        """The state that replaces the one a call left."""
        state = self.given.get(at, state)
        for number, (intervention, act) in enumerate(zip(self.interventions, self._acts, strict=True)):
            if at not in intervention.site:
                continue
            if intervention.operation == "freeze":
                if number in self._held:
                    state = act(state, at, self._held[number])
            elif not intervention.before:
                state = act(state, at)
        return state

    def _depths_by_step(self) -> list[tuple[int, int]]:
        """n and T of every supervision step."""
        total = self.own.N_sup
        changes = [change for change in self.interventions if change.operation == "depth"]
        for change in changes:
            total = change.N_sup or total
        found = []
        for step in range(1, total + 1):
            n, T = self.own.n, self.own.T
            for change in changes:
                if step >= change.site.steps[0]:
                    n, T = change.n or n, change.T or T
            found.append((n, T))
        return found

    def _act(self, change: Intervention) -> Callable[..., State]:
        """What the intervention makes of a state: the tensors it changes, at the positions it names."""
        spots = self._positions(
            change.positions or ("cells" if change.operation == "answer" else "all"), change
        )
        if change.operation == "swap":
            if self.start.y.shape != self.start.z.shape:
                raise InterventionError(
                    "A model with several z cannot swap them with its one y. Patch one instead."
                )
            return lambda state, at: State(
                with_positions(state.y, spots, state.z), with_positions(state.z, spots, state.y)
            )
        if change.operation in ("skip", "depth"):
            return lambda state, at: state
        makes = getattr(self, f"_{change.operation}")(change, spots)

        def act(state: State, at: Coordinates, held: State | None = None) -> State:
            y, z = state
            if "y" in change.state or change.operation == "answer":
                y = makes(y, at, "y", held)
            if "z" in change.state:
                z = makes(z, at, "z", held)
            return State(y, z)

        return act

    def _positions(self, text: str, change: Intervention) -> Tensor:
        try:
            found = Positions.of(text, self.model.config)
        except UserError as error:
            raise InterventionError(f"{change}: {str(error).replace('--positions ', '')}") from None
        if found.mean:
            raise InterventionError(f"{change}: a mean over cells cannot be changed. Name cells, or all.")
        return torch.tensor(found.single, device=self.model.device)

    # ---- one method an operation: each returns what makes a new tensor of the old one

    def _zero(self, change: Intervention, spots: Tensor) -> Callable[..., Tensor]:
        return lambda old, at, name, held: with_positions(old, spots, torch.zeros_like(old))

    def _set(self, change: Intervention, spots: Tensor) -> Callable[..., Tensor]:
        if change.value == "initial":
            return lambda old, at, name, held: with_positions(
                old, spots, getattr(self.start, name).expand_as(old)
            )
        vector = vector_of(change.value, self.model, what=str(change))
        return lambda old, at, name, held: with_positions(old, spots, vector.to(old.dtype).expand_as(old))

    def _noise(self, change: Intervention, spots: Tensor) -> Callable[..., Tensor]:
        def make(old: Tensor, at: Coordinates, name: str, held: State | None) -> Tensor:
            seed = change.seed * SEED_STEP + _number(at, self.depth) * 2 + (name == "z")
            sizes = torch.full((len(old),), change.size, device=old.device)
            return with_positions(old, spots, add_noise(old, sizes, [seed + row for row in range(len(old))]))

        return make

    def _freeze(self, change: Intervention, spots: Tensor) -> Callable[..., Tensor]:
        return lambda old, at, name, held: with_positions(old, spots, getattr(held, name))

    def _patch(self, change: Intervention, spots: Tensor) -> Callable[..., Tensor]:
        source = self._positions(change.source_positions, change) if change.source_positions else spots
        if len(source) not in (1, len(spots)):
            raise InterventionError(
                f"{change}: {len(spots)} positions cannot be patched from {len(source)}. Name as many, or one."
            )
        taken = self.state_after(one_call(change.source, self.own), change.puzzle)

        def make(old: Tensor, at: Coordinates, name: str, held: State | None) -> Tensor:
            new = old.clone()
            new[..., spots, :] = getattr(taken, name).to(old)[..., source, :]
            return new

        return make

    def _move(self, change: Intervention, spots: Tensor) -> Callable[..., Tensor]:
        vector = direction_of(change.direction, self.model, self.task, what=str(change))
        unit = vector / vector.norm()

        def make(old: Tensor, at: Coordinates, name: str, held: State | None) -> Tensor:
            if not change.size:
                return old
            moved = old + change.size * old.norm(dim=-1, keepdim=True) * unit.to(old)
            return with_positions(old, spots, moved)

        return make

    def _answer(self, change: Intervention, spots: Tensor) -> Callable[..., Tensor]:
        answer = torch.from_numpy(self.task.parse(change.answer, unfinished=True).astype(np.int64))[None]
        answer = answer.to(self.model.device)
        return lambda old, at, name, held: with_positions(
            old, spots, self.code.written(old, answer, self.givens[None])
        )


def with_positions(
    old: Float[Tensor, "*batch position dim"],
    spots: Tensor,
    new: Float[Tensor, "*batch position dim"],
) -> Float[Tensor, "*batch position dim"]:
    """The old state with the positions `spots` of the new one."""
    if len(spots) == old.shape[-2]:
        return new
    mixed = old.clone()
    mixed[..., spots, :] = new[..., spots, :]
    return mixed


def add_noise(
    state: Float[Tensor, "batch *positions dim"], sizes: Float[Tensor, "batch"], seeds: Sequence[int]
) -> Float[Tensor, "batch *positions dim"]:
    """Each row with Gaussian noise whose length is, in the mean, `sizes` times that of each position's own vector.

    A row's noise depends on its seed alone. Size 0 hands on the same numbers.
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
    """Calls before this one."""
    return (at.supervision_step - 1) * depth.calls_per_step + (at.cycle - 1) * (depth.n + 1) + at.call - 1
