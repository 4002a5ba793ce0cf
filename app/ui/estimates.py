"""Estimates the duration of a job before it starts, as its number of operations times the pace of similar jobs.

The pace is the time of the last job of the same type on this server, in seconds per 10^12 floating-point operations
(`trm.inspection.flops`). Types of jobs differ in pace, because some jobs record all states.
"""

import time
from dataclasses import dataclass
from typing import Any

import streamlit as st

from app.server.work import Work
from trm.config import ModelConfig
from trm.inspection import flops
from trm.progress import Progress

MINUTE = 60
PACES = {"latents": 80.0, "probes": 130.0, "use": 130.0, "halting": 60.0, "compare": 80.0, "sweep": 100.0}
"""Paces measured on two cores without a GPU. They are used until a job of the same type has finished on this server."""


@dataclass(frozen=True)
class Cost:
    """The cost of a job."""

    kind: str  # type of the job, a key of `PACES`
    operations: float  # number of floating-point operations, in 10^12

    @classmethod
    def of_runs(cls, kind: str, config: ModelConfig, runs: float) -> "Cost":
        """Return the cost of `runs` runs of a model at the depth in `config`."""
        return cls(kind, runs * flops.run(config) / 1e12)

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.kind, self.operations + other.operations)

    def timed(self, work: Work) -> Work:
        """Wrap the function of a job so that later estimates for this type of job use its measured pace."""
        measured = _measured()

        def work_and_measure(progress: Progress) -> Any:
            began = time.monotonic()
            result = work(progress)
            measured[self.kind] = (time.monotonic() - began) / max(self.operations, 1e-9)
            return result

        return work_and_measure

    def estimate(self) -> str:
        """Return the estimated duration as a sentence."""
        seconds = self.operations * _measured().get(self.kind, PACES[self.kind])
        by = (
            ", based on the last such job on this server"
            if self.kind in _measured()
            else " on two cores without a GPU"
        )
        return f"This takes {rounded_time(seconds)}{by}."


def rounded_time(seconds: float) -> str:
    """Format a duration in seconds as text, rounded to the precision of an estimate."""
    if seconds < 5:
        return "a few seconds"
    if seconds < 1.5 * MINUTE:
        return f"about {5 * round(seconds / 5)} s"
    step = 1 if seconds < 20 * MINUTE else 5
    return f"about {step * round(seconds / MINUTE / step)} min"


@st.cache_resource(show_spinner=False)
def _measured() -> dict[str, float]:
    """Return the measured paces by type of job, which all sessions of this server share."""
    return {}
