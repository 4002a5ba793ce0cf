"""Comparisons of two models on one puzzle set, recorded for the default pairs and otherwise computed on request.

Each model is measured by its own job, so it is not measured again for a comparison with a third model.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.server.models import ModelSource
from app.sidebar.dataset import PuzzleSetChoice
from app.ui.analysis import Analysis, Recorded, read_recorded
from app.ui.estimates import Cost
from probes.comparison.files import Comparison, load_comparison, recorded_path
from trm.config import ModelConfig
from trm.progress import Progress
from trm.tasks import task_of

if TYPE_CHECKING:
    from probes.comparison.cka import NormalisedGrams
    from probes.comparison.result import Measurements
    from trm.model import Model

    Measured = tuple[Measurements, dict[str, NormalisedGrams]]


@dataclass(frozen=True)
class ModelMeasurement(Analysis["Measured"]):
    """What a comparison measures of one model, at the depth it was trained with."""

    source: ModelSource
    puzzles: PuzzleSetChoice

    def cost(self, config: ModelConfig) -> Cost:
        return Cost.of_runs("compare", config, (1 if self.puzzles.store else 2) * self.puzzles.count)

    def run(self, model: "Model", progress: Progress) -> "Measured":
        from probes.comparison.measure import measure

        task = task_of(model.config)
        if self.puzzles.store:
            store = self.puzzles.open_store(model)
            return measure(model, task, store.puzzles, depth=store.depth, recorded=store, progress=progress)
        return measure(model, task, self.puzzles.load(task), progress=progress)


@dataclass(frozen=True)
class ModelComparison(Analysis[Comparison]):
    """The comparison of two models, made from the measurements of both."""

    measurements: tuple[ModelMeasurement, ModelMeasurement]
    source: None = None

    @property
    def needs(self) -> tuple[ModelMeasurement, ModelMeasurement]:
        return self.measurements

    def run(self, model: None, progress: Progress, one: "Measured", other: "Measured") -> Comparison:
        from probes.comparison.files import make_comparison

        return make_comparison(one, other)


def recorded(one: ModelSource, other: ModelSource) -> Recorded[Comparison] | None:
    """Return the recorded comparison of two bundled models; None if it does not exist or cannot be read."""
    if not (one.is_bundled and other.is_bundled) or one.forced or other.forced:
        return None
    comparison = read_recorded(recorded_path(one.name, other.name), load_comparison)
    if comparison is None:
        return None
    fingerprints = (measured.provenance.fingerprint for measured in comparison.models)
    return Recorded(comparison, dict(zip((one, other), fingerprints, strict=True)))
