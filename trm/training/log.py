"""The log of a training run: loss and accuracy over training, and whether the run is still being trained.

`trm train` writes log.jsonl; a bundled model comes with the metrics of its log as curve.csv. Reading needs no torch.
"""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from trm.errors import UserError
from trm.files import atomic_file, reading, strict_json

LOG, CURVE, LOCK = "log.jsonl", "curve.csv", ".lock"
LARGEST = 64 << 20  # bytes of a log; a line of 150 bytes every ten seconds makes 1.3 MB a day
COLUMNS = (
    "minutes", "update", "loss", "cells", "exact_in_flight", "held_out_exact_1", "held_out_exact", "n", "T", "grid_cells",
)  # fmt: skip
"""Metrics in a log. A line may lack some of them."""

Line = dict[str, Any]


def read_log(run: Path) -> list[Line]:
    """Read the log of a run as one dictionary per line, without a last line that is still being written.

    Raises `UserError` if the log is missing or damaged.
    """
    path = run / LOG
    with reading(path, UserError, "log of a training run", "Give the --out folder of one.", most=LARGEST):
        *whole, _unfinished = path.read_text("utf-8").split("\n")
        return _checked([strict_json(line) for line in whole])


def _checked(lines: list[Line]) -> list[Line]:
    for line in lines:
        numbers = [line["update"], line["minutes"], *(line.get(name, 0) for name in COLUMNS)]
        if not all(
            type(number) in (int, float) for number in numbers + line.get("held_out_exact_by_step", [])
        ):
            raise TypeError("figures must be numbers")
    return lines


def metrics(log: Sequence[Line]) -> list[Line]:
    """Return the metrics in a log, one dictionary per line with metrics, in the order of the updates.

    `held_out_exact_1` and `held_out_exact` are the exact accuracy on held-out puzzles after the first supervision step
    and after the last.
    """
    rows: list[Line] = []
    for line in log:
        if "machine" in line:  # started or resumed; a killed run repeats the updates after its last save
            rows = [row for row in rows if row["update"] <= line["update"]]
            continue
        by_step = line.get("held_out_exact_by_step")
        values = line | ({"held_out_exact_1": by_step[0], "held_out_exact": by_step[-1]} if by_step else {})
        row = {name: values[name] for name in COLUMNS if name in values}
        if row.keys() - {"minutes", "update"}:
            rows.append(row)
    return rows


def machine_of(log: Sequence[Line]) -> str:
    """Return the hardware on which a run was last started or resumed."""
    machines = [line["machine"] for line in log if "machine" in line]
    return machines[-1] if machines else "an unrecorded machine"


def write_curve(path: Path, log: Sequence[Line]) -> None:
    """Write the metrics in a log as CSV, with five decimals."""
    with atomic_file(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        for row in metrics(log):
            writer.writerow(
                {name: round(value, 5) if isinstance(value, float) else value for name, value in row.items()}
            )


def read_curve(folder: Path) -> list[Line]:
    """Read what `write_curve` wrote to the folder of a bundled model. Raises `UserError` if it is damaged."""
    path = folder / CURVE
    with (
        reading(path, UserError, "training curve", "Restore it.", most=LARGEST),
        path.open(newline="", encoding="utf-8") as file,
    ):
        rows = csv.DictReader(file)
        return _checked([{name: json.loads(value) for name, value in row.items() if value} for row in rows])


def is_training(run: Path) -> bool:
    """Return whether a process of this machine is training into the folder of a run.

    The lock that this function takes for an instant is shared, so that several readers do not see each other.
    """
    lock = run / LOCK
    try:
        import fcntl

        if lock.is_file():
            with lock.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except (OSError, ImportError):  # not readable, or Windows, which cannot tell
        pass
    return False
