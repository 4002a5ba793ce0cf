"""How long a job will take, said before anybody begins it: its operations at the pace of the last one of its kind here.

Paces are in seconds for 10^12 floating-point operations (`trm.flops`). They differ by kind, as some keep every state.
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
"""Measured on two cores without a GPU: what is said until a job of the kind has ended on this server."""


@dataclass(frozen=True)
class Cost:
    """What a job of a kind takes, in 10^12 operations."""

    kind: str
    operations: float

    @classmethod
    def of_runs(cls, kind: str, config: ModelConfig, runs: float) -> "Cost":
        """Of so many runs of a model at its depth."""
        return cls(kind, runs * flops.run(config) / 1e12)

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.kind, self.operations + other.operations)

    def timed(self, work: Work) -> Work:
        """The work, from whose end on estimates of its kind are by its pace."""
        measured = _measured()

        def work_and_measure(progress: Progress) -> Any:
            began = time.monotonic()
            result = work(progress)
            measured[self.kind] = (time.monotonic() - began) / max(self.operations, 1e-9)
            return result

        return work_and_measure

    def estimate(self) -> str:
        """In a sentence."""
        seconds = self.operations * _measured().get(self.kind, PACES[self.kind])
        by = ", to judge by the last one here" if self.kind in _measured() else " on two cores without a GPU"
        return f"Takes {rounded_time(seconds)}{by}."


def rounded_time(seconds: float) -> str:
    """A time as roughly as it is known."""
    if seconds < 5:
        return "a few seconds"
    if seconds < 1.5 * MINUTE:
        return f"about {5 * round(seconds / 5)} s"
    step = 1 if seconds < 20 * MINUTE else 5
    return f"about {step * round(seconds / MINUTE / step)} min"


@st.cache_resource(show_spinner=False)
def _measured() -> dict[str, float]:
    """Paces by kind, shared by everybody on this server."""
    return {}
