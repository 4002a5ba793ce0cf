"""Reads and writes experiments: recorded summaries and probes, and exports as JSON and as a Parquet table of scores."""

from pathlib import Path
from typing import TYPE_CHECKING

from probes.linear.experiment.summary import CausalTests, ExperimentSummary
from recursion_lens import ASSETS
from trm.errors import UserError
from trm.results import as_json, load, save, write_json, write_parquet

if TYPE_CHECKING:
    from probes.linear.experiment.results import ProbingExperiment

RECORDED = ASSETS / "recorded" / "probes"
SUFFIX = ".safetensors"
BOUNDS = ("value", "low", "high")  # a score and the bounds of its confidence interval


class ExperimentFileError(UserError):
    """A file is damaged or does not contain an experiment."""


def write_experiment(
    path: Path, experiment: "ProbingExperiment", *, probes: Path | None = None
) -> list[Path]:
    """Write the summary to `path` as JSON and the table of scores next to it as Parquet.

    If `probes` is a folder, also write each probe of z and y into it. Returns the paths of all files. Raises
    OutputError if a file cannot be written.
    """
    summary = experiment.summary()
    write_json(path, as_json(summary))
    table = path.with_suffix(".parquet")
    write_parquet(table, score_table(summary))
    return [path, table, *(save_probes(probes, experiment) if probes else ())]


def save_probes(folder: Path, experiment: "ProbingExperiment") -> list[Path]:
    """Write one file for each target and state, named `target.state.safetensors`. Returns the paths of the files.

    Raises OutputError if a file cannot be written.
    """
    written = []
    for probe in experiment.saved_probes():
        path = folder / f"{probe.target}.{probe.state}{SUFFIX}"
        save(path, probe)
        written.append(path)
    return written


def record_experiment(model: str, experiment: "ProbingExperiment") -> Path:
    """Record an experiment of a bundled model with its probes. Returns the path. Raises OutputError."""
    path = recorded_path(model)
    save(path, experiment.summary())
    save_probes(path.parent, experiment)
    return path


def recorded_path(model: str) -> Path:
    """Return the file of the recorded experiment of a bundled model."""
    return RECORDED / model / f"experiment{SUFFIX}"


def load_experiment(path: Path) -> ExperimentSummary:
    """Load a recorded experiment. Raises ExperimentFileError if the file is not valid."""
    return load(
        path,
        ExperimentSummary,
        refusal=ExperimentFileError,
        thing="experiment of this version",
        remedy="Record it again with `probes fit --record`.",
    )


def recorded_experiment(model: str) -> ExperimentSummary | None:
    """Load the recorded experiment of a bundled model; None if it has no recorded experiment.

    Raises ExperimentFileError if the file is not valid.
    """
    path = recorded_path(model)
    return load_experiment(path) if path.is_file() else None


def causal_tests_path(model: str) -> Path:
    """Return the path of the file with a bundled model's recorded causal tests."""
    return RECORDED / model / f"causal{SUFFIX}"


def recorded_causal_tests(model: str) -> CausalTests | None:
    """Load the causal tests that `probes use --record` recorded for a bundled model; None if there is no file.

    Raises ExperimentFileError if the file is not valid.
    """
    path = causal_tests_path(model)
    if not path.is_file():
        return None
    return load(path, CausalTests, refusal=ExperimentFileError, thing="record of `probes use`")


def score_table(summary: ExperimentSummary) -> dict[str, list]:
    """Return a table with one row per target, source, score and time point, as a dictionary of equally long columns."""
    rows = []
    for result in summary.results:
        for name, score in result.scores.items():
            for place, time_point in enumerate(result.time_points):
                at = summary.time_points[time_point]
                rows.append(
                    {
                        "model": summary.provenance.model,
                        "target": result.target,
                        "source": result.source,
                        "supervision_step": at.supervision_step,
                        "cycle": at.cycle,
                        "call": at.call,
                        "score": name,
                        **{bound: getattr(score, bound)[place] for bound in BOUNDS},
                    }
                )
    return {name: [row[name] for row in rows] for name in (rows[0] if rows else ())}
