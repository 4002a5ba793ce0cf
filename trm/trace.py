"""A trace: the decoded record of one run, with everything that the player shows, but without the latent states.

A trace consists of NumPy arrays, so a recorded trace can be drawn before torch is imported. On disk, a trace is a
single safetensors file, whose metadata names the model, dtype and version that made the trace.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

from trm.coordinates import Depth
from trm.errors import UserError
from trm.provenance import Provenance
from trm.results import load, maybe_undefined, save

MAX_TRACE = 64 << 20  # maximum size of a trace file in bytes


class TraceError(UserError):
    """Raised for a file that is damaged or is not a trace."""


@dataclass(frozen=True)
class Trace:
    """The decoded record of one run. Axis `f_H` has T entries per supervision step; axis `calls` has T (n + 1)."""

    provenance: Provenance
    depth: Depth  # depth of the run
    trained: Depth  # depth that the model was trained with
    inputs: UInt8[np.ndarray, "cells"]
    answers: UInt8[np.ndarray, "f_H cells"]  # argmax of the LM head's logits for y
    probabilities: UInt8[np.ndarray, "f_H cells vocab"]  # each row sums to 255
    entropy: Float[np.ndarray, "f_H"]  # bits, mean over the blank cells
    z_answers: UInt8[np.ndarray, "calls cells"]  # argmax of the LM head's logits for z
    z_confidence: UInt8[np.ndarray, "calls cells"]  # probability of this token, times 255
    halt_probability: Float[np.ndarray, "steps"]
    residual_y: Float[np.ndarray, "f_H"] = maybe_undefined()  # ||y - previous y|| / ||y||
    residual_z: Float[np.ndarray, "calls"] = maybe_undefined()  # ||z - previous z|| / ||z||
    labels: UInt8[np.ndarray, "cells"] | None = None  # the solution, if it is unique
    # Argmax of the reverse embedding (`Model.reverse_embed`). None in older traces.
    z_reverse: UInt8[np.ndarray, "calls cells"] | None = None
    y_reverse: UInt8[np.ndarray, "f_H cells"] | None = None

    def __post_init__(self):
        lengths = (len(self.answers), len(self.z_answers))
        if (
            not 1 <= self.steps <= self.depth.N_sup
            or lengths != (self.steps * self.depth.T, self.steps * self.depth.calls_per_step)
            or (self.z_reverse is None) != (self.y_reverse is None)
        ):
            raise ValueError(f"{lengths} answers of y and z do not fit {self.steps} steps at {self.depth}")

    @property
    def steps(self) -> int:
        """Number of supervision steps recorded."""
        return len(self.halt_probability)

    @property
    def nbytes(self) -> int:
        """Total size of the arrays in bytes."""
        return sum(array.nbytes for array in vars(self).values() if isinstance(array, np.ndarray))

    @property
    def halt_step(self) -> int | None:
        """The first step, from 1, after which the model would halt (halting probability above 0.5), or None."""
        halts = np.flatnonzero(self.halt_probability > 0.5)
        return int(halts[0]) + 1 if halts.size else None


def quantised(probabilities: Float[np.ndarray, "*batch vocab"]) -> UInt8[np.ndarray, "*batch vocab"]:
    """Convert probabilities to integers that sum to 255: round down, then add 1 where the remainders are largest."""
    scaled = probabilities.astype(np.float64) * 255
    whole = np.floor(scaled)
    missing = (255 - whole.sum(-1, keepdims=True)).astype(int)
    rank = np.argsort(np.argsort(whole - scaled, axis=-1, kind="stable"), axis=-1, kind="stable")
    return (whole + (rank < missing)).astype(np.uint8)


def save_trace(path: Path, trace: Trace) -> None:
    """Write a trace to a safetensors file, atomically. Raises OutputError if writing fails."""
    save(path, trace)


def load_trace(path: Path) -> Trace:
    """Read a trace from a file. Raises TraceError if the file is not a trace or is damaged."""
    return load(
        path,
        Trace,
        refusal=TraceError,
        thing="trace of this version",
        remedy="Record it again.",
        most=MAX_TRACE,
    )
