"""Build the data that the browser receives for a trace. Arrays of bytes are base64-encoded.

The payload contains only built-in Python types, because Streamlit silently converts NumPy scalars in dictionaries to
strings.
"""

import base64
import hashlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from jaxtyping import UInt8

from trm.config import KINDS, NEVER
from trm.coordinates import Depth
from trm.engine import ENGINES
from trm.grading import Grade, most_changed_cell
from trm.provenance import Provenance
from trm.tasks.base import Task
from trm.trace import Trace

VERSION = 1  # payload version; player.js rejects other versions
LONGEST_NAME = 100  # maximum number of characters of a name in a sentence


def payload(trace: Trace, task: Task, *, start: dict[str, Any] | None = None) -> dict[str, Any]:
    """Build the player's payload for a trace. `start` is the initial view: call coordinates, cell, and mode."""
    grade = Grade.of(trace, task)
    return {
        **run_facts(task, trace.provenance, trace.depth, trace.trained),
        "trace_id": trace_id(trace),
        "steps": trace.steps,
        "inputs": _bytes(trace.inputs),
        "givens": _bytes(grade.givens),
        "labels": None if trace.labels is None else _bytes(trace.labels),
        "input_conflicts": _bytes(grade.input_conflicts),
        "answers": _bytes(trace.answers),
        "conflicts": _bytes(grade.conflicts),
        "probabilities": _bytes(trace.probabilities),
        "z_answers": _bytes(trace.z_answers),
        "z_confidence": _bytes(trace.z_confidence),
        "z_reverse": None if trace.z_reverse is None else _bytes(trace.z_reverse),
        "y_reverse": None if trace.y_reverse is None else _bytes(trace.y_reverse),
        "halt_probability": _numbers(trace.halt_probability),
        "halt_step": trace.halt_step,
        "entropy": _numbers(trace.entropy),
        "residual_y": _numbers(trace.residual_y),
        "residual_z": _numbers(trace.residual_z),
        "cells_right": None if grade.right is None else grade.right.tolist(),
        "cells_total": int(grade.counted.sum()),
        "solved": grade.solved.tolist(),
        "most_changed_cell": most_changed_cell(trace, task),
        "crops": _crops(trace, task),
        "rules": _rules(task, trace.inputs.tobytes()),
        "label": provenance_line(trace),
        "start": start,
    }


def run_facts(task: Task, provenance: Provenance, depth: Depth, trained: Depth) -> dict[str, Any]:
    """The fields that all runs of a model at one depth share. `trained` is the depth that it was trained with."""
    return {
        "version": VERSION,
        "task": task.name,
        "kind": provenance.kind,
        "rows": task.rows,
        "columns": task.columns,
        "box_rows": getattr(task, "box_rows", 0),
        "box_columns": getattr(task, "box_columns", 0),
        "symbols": list(task.symbols),
        "symbol_names": list(task.symbol_names),
        "looks": list(task.looks),
        "n": depth.n,
        "T": depth.T,
        "N_sup": depth.N_sup,
        "trained": {"n": trained.n, "T": trained.T, "N_sup": trained.N_sup},
        "halt_rule": halting_rule(provenance),
        "halts": provenance.halting != NEVER,
        "scored": task.scored_cells,
    }


def halting_rule(provenance: Provenance) -> str:
    """The halting rule of the model that recorded the trace; "" for a kind that this version does not know."""
    return provenance.halting or (KINDS[provenance.kind].halting if provenance.kind in KINDS else "")


def _crops(trace: Trace, task: Task) -> dict[str, list] | None:
    """Rows and columns of the scored part of the input, solution, answers, and decoded z; None without crops."""

    def sizes(tokens: np.ndarray) -> list:
        return np.stack(task.crop(tokens), -1).tolist()

    if task.crop(trace.inputs) is None:
        return None
    grids = {
        "input": trace.inputs,
        "solution": trace.labels,
        "answers": trace.answers,
        "z": trace.z_answers,
        "z_reverse": trace.z_reverse,
    }
    return {name: None if tokens is None else sizes(tokens) for name, tokens in grids.items()}


@lru_cache(maxsize=64)
def _rules(task: Task, inputs: bytes) -> list | None:
    """The deduction of each cell as [rule, place, token, round, cells, techniques]; None for cells without one."""
    found = task.deductions(np.frombuffer(inputs, np.uint8))
    return found and [
        each and [each.rule, each.place, each.token, each.round, list(each.cells), list(each.techniques)]
        for each in found
    ]


def trace_id(trace: Trace) -> str:
    """Return a 16-digit hexadecimal id of the model, dtype, recursion depth, puzzle, and interventions of a trace.

    The id does not depend on the number of steps computed so far.
    """
    provenance = trace.provenance
    return run_id(
        provenance.fingerprint, provenance.dtype, trace.depth, trace.inputs, changes=provenance.changes
    )


def run_id(
    fingerprint: str,
    dtype: str,
    depth: Depth,
    inputs: UInt8[np.ndarray, "cells"],
    *,
    changes: str | None = None,
) -> str:
    """Return the `trace_id` of the run of a model on a puzzle."""
    facts = (fingerprint, dtype, depth, inputs.tobytes(), *([changes] if changes else []))
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]


def provenance_line(trace: Trace) -> str:
    """One line with the model, dtype, device, engine unless it is torch, date, version, unknown settings, and interventions of a trace."""
    provenance = trace.provenance
    model, dtype, device, recorded, version = map(
        shortened,
        (provenance.model, provenance.dtype, provenance.device, provenance.recorded, provenance.version),
    )
    engine = provenance.engine or "torch"
    computed = "" if engine == "torch" else f" with {shortened(ENGINES.get(engine, engine))}"
    when = f"recorded on {recorded}" if recorded else "computed live"
    unknown = f"; settings not understood: {provenance.unknown}" if provenance.unknown else ""
    changed = f"; interventions: {provenance.changes}" if provenance.changes else ""
    return (
        f"{model} ({provenance.fingerprint[:8]}), {dtype} on {device.upper()}{computed}, {when} with version "
        f"{version}{unknown}{changed}"
    )


def shortened(name: str) -> str:
    """Truncate a name to at most LONGEST_NAME characters."""
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"


def _bytes(array: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(array, np.uint8).tobytes()).decode()


def _numbers(array: np.ndarray) -> list[float]:
    """Convert to floats with six significant digits. A curve shows fewer digits, and the JSON is half as long."""
    return [float(f"{number:.6g}") for number in array.tolist()]


def pair_payload(
    players: Sequence[dict[str, Any]],
    *,
    names: Sequence[str],
    titles: Sequence[str],
    start: dict[str, Any] | None = None,
    hint: str = "",
) -> dict[str, Any]:
    """Build the payload of two synchronised players. The first player is on the left.

    `players` are two payloads, which may contain only the steps computed so far. `names` are short names for sentences
    ("Pinned: ended after step 8"), and `titles` identify the runs unambiguously. `start` is the initial view, with
    coordinates, cell and mode as for one player. In addition, `align` is "step" or "call", and `lead` is "left" if the
    coordinates belong to the left run. `hint` is shown while both players show the same run. Raises ValueError unless
    there are exactly two players, names and titles.
    """
    if not len(players) == len(names) == len(titles) == 2:
        raise ValueError("A pair needs exactly two players, names and titles.")
    return {
        "players": list(players),
        "names": list(names),
        "titles": list(titles),
        "start": start,
        "hint": hint,
    }
