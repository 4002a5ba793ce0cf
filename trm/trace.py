"""A trace: the decoded record of one run, with everything that the player shows, but without the latent states.

A trace is plain NumPy, so a recorded one can be drawn before torch is imported. On disk it is a single safetensors file
whose metadata names the model, dtype and version that made it.
"""

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8
from safetensors import safe_open
from safetensors.numpy import save_file

from trm.coordinates import Depth
from trm.errors import UserError
from trm.files import atomic_file, reading, strict_json

MAX_TRACE = 64 << 20  # bytes


class TraceError(UserError):
    """A file that is not a trace, or is damaged."""


@dataclass(frozen=True)
class Provenance:
    """What made a trace."""

    model: str
    fingerprint: str  # of the weights
    kind: str
    task: str
    device: str
    dtype: str
    version: str  # of this library
    recorded: str  # date, ISO 8601; empty for a live run
    changes: str = ""  # the interventions (`probes.interventions.spec`); empty for a clean run
    halting: str = ""  # the halting rule; empty in older traces, when each kind had only one
    unknown: str = ""  # settings of the checkpoint that were not understood


@dataclass(frozen=True)
class Trace:
    """One run, decoded. Axes: `f_H` counts the T f_H calls of each supervision step, `calls` all its T (n + 1) calls."""

    provenance: Provenance
    depth: Depth  # as run
    trained: Depth  # depth that the model was trained with
    inputs: UInt8[np.ndarray, "cells"]
    labels: UInt8[np.ndarray, "cells"] | None  # the solution, if it is unique
    answers: UInt8[np.ndarray, "f_H cells"]  # argmax of the head's logits for y
    probabilities: UInt8[np.ndarray, "f_H cells vocab"]  # each row sums to 255
    entropy: Float[np.ndarray, "f_H"]  # bits, mean over the blank cells
    z_answers: UInt8[np.ndarray, "calls cells"]  # argmax of the head's logits for z
    z_confidence: UInt8[np.ndarray, "calls cells"]  # the probability of that token, in 255ths
    halt_probability: Float[np.ndarray, "steps"]
    residual_y: Float[np.ndarray, "f_H"]  # ||y - previous y|| / ||y||
    residual_z: Float[np.ndarray, "calls"]  # ||z - previous z|| / ||z||
    # Argmax of the reverse embedding (`Model.reverse_embed`). None in older traces.
    z_reverse: UInt8[np.ndarray, "calls cells"] | None = None
    y_reverse: UInt8[np.ndarray, "f_H cells"] | None = None

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
    """Probabilities as integers in 255ths that sum to 255: rounded down, with the rest to the largest remainders."""
    scaled = probabilities.astype(np.float64) * 255
    whole = np.floor(scaled)
    missing = (255 - whole.sum(-1, keepdims=True)).astype(int)
    rank = np.argsort(np.argsort(whole - scaled, axis=-1, kind="stable"), axis=-1, kind="stable")
    return (whole + (rank < missing)).astype(np.uint8)


_ARRAYS = tuple(field.name for field in fields(Trace) if field.name not in ("provenance", "depth", "trained"))


_LATER = {"z_reverse", "y_reverse"}
"""Arrays that older traces lack."""


def save_trace(path: Path, trace: Trace) -> None:
    """Write a trace to a safetensors file, atomically. Raises OutputError."""
    arrays = {
        name: np.ascontiguousarray(array) for name in _ARRAYS if (array := getattr(trace, name)) is not None
    }
    facts = {name: json.dumps(asdict(getattr(trace, name))) for name in ("provenance", "depth", "trained")}
    with atomic_file(path) as temporary:
        save_file(arrays, temporary, metadata=facts)


def load_trace(path: Path) -> Trace:
    """Read a trace from a file. Raises TraceError."""
    with reading(path, TraceError, "trace of this version", "Record it again.", most=MAX_TRACE):
        with safe_open(path, "numpy") as file:
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
            facts = {name: strict_json(text) for name, text in (file.metadata() or {}).items()}
        depth, trained = (Depth(**facts[name]) for name in ("depth", "trained"))
        if not {type(number) for each in (depth, trained) for number in vars(each).values()} <= {int}:
            raise TypeError("depths must be integers")
        _check_arrays(arrays, depth)
        provenance = Provenance(**facts["provenance"])
        if not all(isinstance(fact, str) for fact in vars(provenance).values()):
            raise TypeError("provenance must be text")
        return Trace(
            provenance=provenance,
            depth=depth,
            trained=trained,
            **dict.fromkeys(("labels", *_LATER)) | arrays,
        )


def _check_arrays(arrays: dict[str, np.ndarray], depth: Depth) -> None:
    """Raises ValueError unless the arrays have the dtypes and shapes of a run at this depth."""
    steps, cells, vocab = (
        len(arrays["halt_probability"]),
        len(arrays["inputs"]),
        arrays["probabilities"].shape[-1],
    )
    f_H, calls = steps * depth.T, steps * depth.calls_per_step
    expected = {
        "inputs": (np.uint8, (cells,)),
        "labels": (np.uint8, (cells,)),
        "answers": (np.uint8, (f_H, cells)),
        "probabilities": (np.uint8, (f_H, cells, vocab)),
        "entropy": (np.float32, (f_H,)),
        "z_answers": (np.uint8, (calls, cells)),
        "z_confidence": (np.uint8, (calls, cells)),
        "halt_probability": (np.float32, (steps,)),
        "residual_y": (np.float32, (f_H,)),
        "residual_z": (np.float32, (calls,)),
        "z_reverse": (np.uint8, (calls, cells)),
        "y_reverse": (np.uint8, (f_H, cells)),
    }
    lacking = set(expected) - set(arrays) - {"labels"}
    if not 1 <= steps <= depth.N_sup or set(arrays) - set(expected) or lacking not in (set(), _LATER):
        raise ValueError("not the arrays of a trace")
    for name, array in arrays.items():
        if (array.dtype, array.shape) != expected[name]:
            raise ValueError(f"{name} is {array.dtype} of shape {array.shape}")
