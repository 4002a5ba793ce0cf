"""Experiments on disk: a JSON file with all results, a Parquet table with one row per score, and the probes.

The Probes page uses the same JSON format, for new and for recorded experiments.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import astuple
from pathlib import Path
from typing import TYPE_CHECKING, Any

from probes.linear.files import save_probe
from trm.coordinates import Coordinates
from trm.errors import UserError
from trm.files import atomic_file, reading, strict_json
from trm.registry import ASSETS

if TYPE_CHECKING:
    from probes.linear.experiment.results import ProbingExperiment, TargetResult

RECORDED = ASSETS / "recorded" / "probes"
SUFFIX = ".safetensors"
STATES = ("z", "y")
BOUNDS = ("value", "low", "high")  # a score and the bounds of its band
LARGEST_JSON = 64 << 20  # bytes


class ExperimentFileError(UserError):
    """The file is damaged, or is not an experiment."""


def write_experiment(
    path: Path, experiment: "ProbingExperiment", *, probes: Path | None = None
) -> list[Path]:
    """Write `path` as JSON, the table next to it as Parquet, and one file per z or y probe into the folder `probes`.

    Returns the paths of the files. Raises OutputError if a file cannot be written.
    """
    summary = experiment.summary()
    with atomic_file(path) as temporary:
        temporary.write_text(json.dumps(summary, separators=(",", ":")), "utf-8")
    table = path.with_suffix(".parquet")
    with atomic_file(table) as temporary:
        write_table(temporary, score_table(summary))
    return [path, table, *(save_probes(probes, experiment) if probes else ())]


def save_probes(folder: Path, experiment: "ProbingExperiment") -> list[Path]:
    """Write one file per target and state, `target.state.safetensors`. Returns the paths."""
    written = []
    for result, about in probe_metadata(experiment):
        for probe in result.probes:
            path = folder / f"{probe.name}.{result.source}{SUFFIX}"
            save_probe(path, probe, about=about)
            written.append(path)
    return written


def probe_metadata(experiment: "ProbingExperiment") -> Iterator[tuple["TargetResult", dict[str, str]]]:
    """The results of z and y, each with the metadata that is stored with its probes."""
    time_points = [[at.supervision_step, at.cycle, at.call, at.kind] for at in experiment.time_points]
    for result in experiment.results:
        if result.source in STATES:
            yield (
                result,
                {
                    "model": experiment.about["model"],
                    "fingerprint": experiment.about["fingerprint"],
                    "task": experiment.about["task"],
                    "state": result.source,
                    "moments": json.dumps(time_points),
                    "steps_run": str(experiment.about["depth"]["N_sup"]),
                },
            )


def load_experiment(path: Path) -> dict[str, Any]:
    """Load the JSON that `write_experiment` wrote. Raises ExperimentFileError."""
    with reading(
        path,
        ExperimentFileError,
        "experiment of this version",
        "Give the file of `probes fit`.",
        most=LARGEST_JSON,
    ):
        summary = strict_json(path.read_bytes())
        if not {"about", "moments", "targets", "findings"} <= summary.keys():
            raise ValueError("not the parts of an experiment")
        if not all(isinstance(summary["about"][name], str) for name in ("model", "fingerprint", "task")):
            raise TypeError("names must be text")
        for time_point in summary["moments"]:
            if any(type(number) is not int for number in astuple(Coordinates(**time_point))[:3]):
                raise TypeError("steps, cycles and calls must be integers")
        for result in summary["findings"]:
            _check_result(result, len(summary["moments"]))
        return summary


def _check_result(result: Mapping[str, Any], count: int) -> None:
    """Check that a result has a score at each of its time points (indices below `count`). Raises ValueError, TypeError
    or KeyError.
    """
    if not all(isinstance(result[name], str) for name in ("target", "source")):
        raise TypeError("names must be text")
    time_points = result["moments"]
    if not all(type(time_point) is int and 0 <= time_point < count for time_point in time_points):
        raise ValueError("time points out of range")
    for score in result["scores"].values():
        numbers = [score[bound] for bound in BOUNDS]
        if any(not isinstance(listed, list) or len(listed) != len(time_points) for listed in numbers):
            raise ValueError("a score is missing at a time point")
        if not all(number is None or type(number) in (int, float) for listed in numbers for number in listed):
            raise TypeError("scores must be numbers")


def recorded_experiment(model: str) -> dict[str, Any] | None:
    """The recorded experiment of a bundled model, or None. Raises ExperimentFileError."""
    path = RECORDED / model / "study.json"
    return load_experiment(path) if path.is_file() else None


def recorded_causal_tests(model: str) -> dict[str, Any] | None:
    """The causal tests that `probes use --record` recorded for a bundled model, or None.

    Raises ExperimentFileError.
    """
    path = RECORDED / model / "use.json"
    if not path.is_file():
        return None
    with reading(path, ExperimentFileError, "record of `probes use`", "Record it again.", most=LARGEST_JSON):
        return strict_json(path.read_bytes())


def score_table(summary: Mapping[str, Any]) -> dict[str, list]:
    """A table with one row per score of each target, source and time point, as columns of equal length."""
    rows = []
    for result in summary["findings"]:
        for name, score in result["scores"].items():
            for place, time_point in enumerate(result["moments"]):
                at = summary["moments"][time_point]
                rows.append(
                    {
                        "model": summary["about"]["model"],
                        "target": result["target"],
                        "source": result["source"],
                        "supervision_step": at["supervision_step"],
                        "cycle": at["cycle"],
                        "call": at["call"],
                        "score": name,
                        **{bound: score[bound][place] for bound in BOUNDS},
                    }
                )
    return {name: [row[name] for row in rows] for name in (rows[0] if rows else ())}


def write_table(path: Path, table: Mapping[str, list]) -> None:
    """Write a table to a Parquet file."""
    import pyarrow
    from pyarrow.parquet import write_table as write

    write(pyarrow.table(dict(table)), path)
