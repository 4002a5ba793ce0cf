"""Reads and writes probes as safetensors files. Reading a file never executes code from it."""

from dataclasses import dataclass
from pathlib import Path

from probes.linear.probe import ProbeResult
from trm.coordinates import Coordinates
from trm.errors import UserError
from trm.provenance import Provenance
from trm.results import load


class ProbeFileError(UserError):
    """A file is not a valid probe, or a probe does not fit the model or the other probes."""


@dataclass(frozen=True, eq=False)
class SavedProbe:
    """A fitted probe, with the model and the runs that it was fitted on.

    Raises ValueError if it is not a probe of z or y, or has no weights for some of its time points.
    """

    provenance: Provenance
    state: str  # z or y
    time_points: tuple[Coordinates, ...]
    result: ProbeResult

    def __post_init__(self) -> None:
        if self.state not in ("z", "y") or self.result.time_points != len(self.time_points):
            raise ValueError("not a probe of z or y at these time points")

    @property
    def target(self) -> str:
        """The name of the target."""
        return self.result.name


def open_probe(path: Path) -> SavedProbe:
    """Open a file written by `probes fit --save`. Raises ProbeFileError if it is not a valid probe of z or y."""
    return load(
        path, SavedProbe, refusal=ProbeFileError, thing="probe of this version", remedy="Fit it again."
    )
