"""A trace as a table, one line per call, and as arrays."""

import csv
import io
import json
from dataclasses import asdict, fields
from pathlib import Path

import numpy as np

from trm.coordinates import F_H
from trm.export.run import ExportedRun
from trm.trace import Trace

COLUMNS = (
    "supervision_step", "cycle", "call", "kind", "halt_probability", "cells_right", "cells_changed", "mean_entropy",
    "residual_y", "residual_z", "solved", "answer",
)  # fmt: skip


def csv_text(run: ExportedRun) -> str:
    """A header, then one line per call in the order of the run, counted from 1.

    What a call does not have is empty: the halting probability is that after the last call of a supervision step; how many
    cells are right (where the solution is known) or changed (from the second answer on), the entropy (bits, mean over the
    cells that are not given), y's residual, `solved` (1 or 0; empty where no rules tell and the solution is not known) and
    the answer (text) stand after f_H calls.
    """
    trace, grade = run.trace, run.grade
    judged = run.task.checkable_by_rules or trace.labels is not None
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
                "solved": int(grade.solved[answer]) if judged else "",
                "answer": run.task.format(trace.answers[answer]),
            }
            if at.cycle == trace.depth.T:
                row["halt_probability"] = _exact(trace.halt_probability[at.supervision_step - 1])
        writer.writerow(row)
    return text.getvalue()


def _exact(number: np.float32) -> str:
    """As many digits as it takes to read the same number back."""
    return str(number)


def save_arrays(path: Path, run: ExportedRun) -> None:
    """Write every array of the trace under its name, and `metadata`: JSON of what made it, its depths and its symbols.

    `numpy.load(path, allow_pickle=False)` reads it.
    """
    trace = run.trace
    facts = {name: asdict(getattr(trace, name)) for name in ("provenance", "depth", "trained")}
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
