"""Write a trace as a table with one row per call, or as NumPy arrays."""

import csv
import io
import json
from dataclasses import fields
from pathlib import Path

import numpy as np

from trm.coordinates import F_H
from trm.export.run import ExportedRun
from trm.results import as_json
from trm.trace import Trace

COLUMNS = (
    "supervision_step", "cycle", "call", "kind", "halt_probability", "cells_right", "cells_changed", "mean_entropy",
    "residual_y", "residual_z", "solved", "answer",
)  # fmt: skip


def csv_text(run: ExportedRun) -> str:
    """Return CSV text with a header and one row per call. Supervision steps, cycles, and calls are counted from 1.

    Every row has `kind` (f_L or f_H) and `residual_z`. Only the last call in a supervision step has `halt_probability`.
    Only f_H calls have `cells_right` (if the solution is known), `cells_changed` (from the second answer), `mean_entropy`
    (in bits, over the cells that are not given), `residual_y`, `solved` (1 or 0; empty if neither the rules nor a
    solution determine it), and `answer` as text. All other values are empty.
    """
    trace, grade = run.trace, run.grade
    is_gradable = run.task.checkable_by_rules or trace.labels is not None
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    for number, at in enumerate(run.calls()):
        row = {
            "supervision_step": at.supervision_step, "cycle": at.cycle, "call": at.call, "kind": at.kind,
            "residual_z": _exact(trace.residual_z[number]),
        }  # fmt: skip
        if at.kind == F_H:
            answer = run.answer_after(at)
            row |= {
                "cells_right": "" if grade.right is None else int(grade.right[answer]),
                "cells_changed": int(run.changed(answer).sum()) if answer else "",
                "mean_entropy": _exact(trace.entropy[answer]),
                "residual_y": _exact(trace.residual_y[answer]),
                "solved": int(grade.solved[answer]) if is_gradable else "",
                "answer": run.task.format(trace.answers[answer]),
            }
            if at.cycle == trace.depth.T:
                row["halt_probability"] = _exact(trace.halt_probability[at.supervision_step - 1])
        writer.writerow(row)
    return text.getvalue()


def _exact(number: np.float32) -> str:
    """The shortest text that parses to exactly this number."""
    return str(number)


def save_arrays(path: Path, run: ExportedRun) -> None:
    """Write an .npz file with all arrays of the trace by name.

    The entry `metadata` is JSON with the provenance, recursion depths, grid size, and symbols.
    `numpy.load(path, allow_pickle=False)` reads the file.
    """
    trace = run.trace
    facts = {name: as_json(getattr(trace, name)) for name in ("provenance", "depth", "trained")}
    task = run.task
    facts |= {
        "rows": task.rows,
        "columns": task.columns,
        "symbols": task.symbols,
        "symbol_names": task.symbol_names,
    }
    arrays = {
        field.name: array
        for field in fields(Trace)
        if isinstance(array := getattr(trace, field.name), np.ndarray)
    }
    with path.open("wb") as file:
        np.savez_compressed(file, metadata=np.array(json.dumps(facts)), **arrays)
