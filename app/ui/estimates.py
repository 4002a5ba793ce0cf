"""Estimates how long a job will take before it starts: its operations times the pace of the last job of that type.

A pace is in seconds per 10^12 floating-point operations (`trm.flops`). It differs by type of job, since some jobs
record all states.
"""

import time
from dataclasses import dataclass
from typing import Any

import streamlit as st

from app.server.jobs import Work
from trm import flops
from trm.config import ModelConfig
from trm.progress import Progress

MINUTE = 60
PACES = {"latents": 80.0, "probes": 130.0, "use": 130.0, "halting": 60.0, "compare": 80.0, "sweep": 100.0}
"""Measured on two cores without a GPU. Used until a job of that type has finished on this server."""


@dataclass(frozen=True)
class Cost:
    """Cost of a job: its type and its number of operations, in 10^12."""

    kind: str
    operations: float

    @classmethod
    def of_runs(cls, kind: str, config: ModelConfig, runs: float) -> "Cost":
        """Cost of this many runs of a model at its depth."""
        return cls(kind, runs * flops.run(config) / 1e12)

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.kind, self.operations + other.operations)

    def timed(self, work: Work) -> Work:
        """Wrap the work so that its measured pace is used in later estimates for this type of job."""
        measured = _measured()

        def work_and_measure(progress: Progress) -> Any:
            began = time.monotonic()
            result = work(progress)
            measured[self.kind] = (time.monotonic() - began) / max(self.operations, 1e-9)
            return result

        return work_and_measure

    def estimate(self) -> str:
        """The estimate as a sentence."""
        seconds = self.operations * _measured().get(self.kind, PACES[self.kind])
        by = (
            ", based on the last such job on this server"
            if self.kind in _measured()
            else " on two cores without a GPU"
        )
        return f"Takes {rounded_time(seconds)}{by}."


def rounded_time(seconds: float) -> str:
    """A duration as text, rounded to the precision of an estimate."""
    if seconds < 5:
        return "a few seconds"
    if seconds < 1.5 * MINUTE:
        return f"about {5 * round(seconds / 5)} s"
    step = 1 if seconds < 20 * MINUTE else 5
    return f"about {step * round(seconds / MINUTE / step)} min"


@st.cache_resource(show_spinner=False)
def _measured() -> dict[str, float]:
    """Measured paces by type of job, shared by all sessions of this server."""
    return {}
