"""Measure whether a model uses its states y and z, by replacing each with a constant per input token.

A state can be plotted, projected, and probed even if it carries no computation: if it is the same vector for every cell
with the same input token, it only repeats the input. Two measurements show this: the fraction of the state's variance
over cells and puzzles that the input token explains, and the fraction of answers that change if the state is replaced.
The replacement, which every latent recursion then reads, is the mean state at the same call over all cells with the
same token. A state that can be replaced in this way is inert.
"""

import threading
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int, Integer, UInt8
from torch import Tensor

from trm.batch import BatchStep, RowHook, Rows, run_batches
from trm.coordinates import F_H, F_L, Coordinates, Depth
from trm.progress import Progress, no_progress, part_of
from trm.recursion import Hook, State, unchanged

INERT_BELOW = 0.05  # maximum fraction of answers that change if the state is inert


@dataclass(frozen=True)
class StateUse:
    """The effect of replacing a state with one constant per input token."""

    variance_by_token: float  # fraction of variance that the token explains when the state is read last
    changed: float  # fraction of blank cells whose final answer changes
    exact: float  # exact accuracy with the state unchanged
    exact_with_constant: float  # exact accuracy with the constants

    @property
    def inert(self) -> bool:
        """Whether the fraction of answers that change is below INERT_BELOW."""
        return self.changed < INERT_BELOW

    def to_dict(self) -> dict[str, Any]:
        return asdict(self) | {"inert": self.inert}


def measure_state_use(
    model,
    inputs: UInt8[np.ndarray, "puzzles cells"],
    labels: UInt8[np.ndarray, "puzzles cells"],
    blank: np.ndarray,
    *,
    depth: Depth | None = None,
    after_call: Hook = unchanged,
    batch: int = 8,
    progress: Progress = no_progress,
) -> dict[str, StateUse]:
    """Measure the use of y and z, or of z alone if they are a single state. `blank` marks the cells to be filled in.

    Each state is replaced by its mean over the cells of these puzzles with the same input token. The measurement takes
    one full run, and one more for each state. The `after_call` hook is applied in every run. Returns the results, keyed
    by the name of the state.
    """
    depth = depth or model.config.depth
    states = ("y", "z") if model.config.latents else ("z",)
    runs = 1 + len(states)

    def run(number: int, message: str, before_call: RowHook) -> np.ndarray:
        answers = np.zeros_like(inputs)

        def capture(step: BatchStep) -> None:
            answers[step.rows] = step.heads.logits.argmax(-1).cpu().numpy()

        run_batches(
            model, inputs, depth, capture=capture, before_call=before_call, batch=batch, message=message,
            after_call=lambda rows, at, state: after_call(at, state),
            progress=part_of(progress, number / runs, (number + 1) / runs),
        )  # fmt: skip
        return answers

    means = _TokenMeans(model, depth, inputs)
    clean = run(0, "running the model for its mean states", means.collect)
    exact = float((clean == labels).all(-1).mean())
    uses = {}
    for number, name in enumerate(states):
        answers = run(number + 1, f"running the model with {name} constant per token", means.replacing(name))
        uses[name] = StateUse(
            variance_by_token=means.explained(name),
            changed=float((answers != clean)[blank].mean()),
            exact=exact,
            exact_with_constant=float((answers == labels).all(-1).mean()),
        )
    return uses


def explained_by(groups: Integer[np.ndarray, "point"], points: Float[np.ndarray, "point dim"]) -> float:
    """Fraction of the points' variance that group means explain: 1 if all points in a group are equal.

    The fraction is 0 if all points are equal.
    """
    points = points.astype(np.float64)
    points = points - points.mean(0)
    _, place, counts = np.unique(groups, return_inverse=True, return_counts=True)
    sums = np.zeros((len(counts), points.shape[1]))
    np.add.at(sums, place, points)
    total = (points**2).sum()
    return float((sums**2 / counts[:, None]).sum() / total) if total else 0.0


class _TokenMeans:
    """Sums of the states that latent recursions read, by call and input token. Each prefix position is a token."""

    def __init__(self, model, depth: Depth, inputs: UInt8[np.ndarray, "puzzles cells"]):
        self.tokens = torch.from_numpy(inputs.astype(np.int64)).to(model.device)
        self.guard = threading.Lock()  # batches run in parallel
        self.prefix, self.vocab = model.config.prefix_length, model.config.vocab_size
        self.depth = depth
        self.read_at = {
            "y": (F_L, 1),
            "z": (F_H, depth.n + 1),
        }  # the call before which each state is replaced
        self.counts: dict[Coordinates, Tensor] = {}
        self.sums: dict[Coordinates, Tensor] = {}
        self.last: dict[
            str, list[tuple[Tensor, Tensor]]
        ] = {}  # tokens and states of cells at the last f_L call and at the last f_H call

    def collect(self, rows: Rows, at: Coordinates, state: State) -> State:
        """A `before_call` hook that sums the states."""
        for name, call in self.read_at.items():
            if call == (at.kind, at.call):
                with self.guard:
                    self._add(at, getattr(state, name), self._groups(rows))
        return state

    def _add(self, at: Coordinates, state: Tensor, groups: Tensor) -> None:
        rows = _by_position(state).double()  # (batch x positions, K x dim)
        if at not in self.sums:
            kinds = self.vocab + self.prefix
            self.sums[at] = rows.new_zeros(kinds, rows.shape[1])
            self.counts[at] = rows.new_zeros(kinds)
        self.sums[at].index_add_(0, groups.flatten(), rows)
        self.counts[at] += torch.bincount(groups.flatten(), minlength=len(self.counts[at]))
        if (at.supervision_step, at.cycle) == (self.depth.N_sup, self.depth.T):
            cells = groups.flatten() < self.vocab
            self.last.setdefault(at.kind, []).append((groups.flatten()[cells], rows[cells]))

    def replacing(self, name: str) -> RowHook:
        """A `before_call` hook that replaces a state with its means."""

        def before_call(rows: Rows, at: Coordinates, state: State) -> State:
            if self.read_at[name] != (at.kind, at.call):
                return state
            old = getattr(state, name)
            means = (self.sums[at] / self.counts[at].clamp(min=1)[:, None]).to(old.dtype)
            return state._replace(**{name: _as_state(means[self._groups(rows)], old)})

        return before_call

    def explained(self, name: str) -> float:
        """Fraction of a state's variance over cells that the token explains, at the last call that reads the state."""
        tokens, states = (
            torch.cat(parts).cpu().numpy() for parts in zip(*self.last[self.read_at[name][0]], strict=True)
        )
        return explained_by(tokens, states)

    def _groups(self, rows: Rows) -> Int[Tensor, "batch position"]:
        tokens = self.tokens[rows]
        prefix = self.vocab + torch.arange(self.prefix, device=tokens.device)
        return torch.cat((prefix.expand(len(tokens), -1), tokens), dim=1)


def _by_position(state: Tensor) -> Float[Tensor, "rows width"]:
    """Reshape a state to one row per puzzle and position. The K latents in a multi-z model are concatenated."""
    if state.ndim == 4:  # (B, K, P, D)
        state = state.transpose(1, 2).flatten(2)
    return state.flatten(0, 1)


def _as_state(rows: Float[Tensor, "batch position width"], like: Tensor) -> Tensor:
    if like.ndim == 4:
        return rows.unflatten(2, (like.shape[1], like.shape[3])).transpose(1, 2)
    return rows
