"""The settings of "Steer by hand", and their conversion to and from the text of one intervention.

The address, the command line and the Custom box contain the text; the controls contain the settings.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from app.server.models import ModelSource
from app.state.choice import Choice
from app.ui.analysis import read_recorded
from probes.interventions.sites import InterventionError, Site, one_call
from probes.interventions.spec import Intervention, parse_all
from probes.linear.experiment.files import load_experiment, recorded_path
from probes.linear.experiment.summary import ExperimentSummary
from trm.errors import UserError
from trm.store.positions import Positions

KINDS = {"probe": "Probe class", "puzzle": "Puzzle state", "noise": "Noise", "vector": "Vector"}
SPANS = {"once": "Once", "steps": "Each step", "calls": "Every call"}
STATES = ("y", "z")
ALL_CELLS = "all"
MOST = 2.0  # the largest strength
LAST_SEED = 9999
RECORDED = "recorded:"
NO_PROBES = "No probes were recorded for {}. Choose another direction, or open Probes to fit some."


@dataclass(frozen=True)
class RecordedProbes:
    """The names of a bundled model's recorded probes, without their weights."""

    summary: ExperimentSummary

    @classmethod
    def of(cls, source: ModelSource) -> "RecordedProbes | None":
        """Return the recorded probes of a model; None if there are none."""
        found = read_recorded(recorded_path(source.name), load_experiment) if source.is_bundled else None
        return None if found is None else cls(found)

    @cached_property
    def classes(self) -> dict[str, tuple[str, ...]]:
        """The classes of each target with one value per cell; () for a target that is a number."""
        groups = [group for group in self.summary.targets if group.level == "cell"]
        return {member: tuple(group.classes) for group in groups for member in group.members}

    @cached_property
    def steps(self) -> tuple[int, ...]:
        """The supervision steps after which the probes were fitted."""
        return tuple(at.supervision_step for at in self.summary.time_points)

    def has(self, steering: "SteeringSettings") -> bool:
        """Whether these are the probes of a steering, if it is along a probe. A class of two may be left out."""
        classes = self.classes.get(steering.target)
        if steering.kind != "probe":
            return True
        is_class = classes is not None and steering.class_name in (
            classes if len(classes) > 2 else ("", *classes)
        )
        return is_class and steering.fitted in self.steps

    def nearest(self, step: int) -> int:
        """Return the last fitted step that is not after `step`, or else the first."""
        return max((each for each in self.steps if each <= step), default=self.steps[0])


@dataclass(frozen=True)
class SteeringSettings:
    """A direction, the state, cells and calls that are moved along it, and how far."""

    kind: str = "probe"  # a key of KINDS; each kind uses its own fields below
    target: str = ""  # of the recorded probe
    class_name: str = ""  # "" for a target that is a number
    fitted: int = 1  # the supervision step after which the probe was fitted
    puzzle: str = ""  # whose state at the same call is the direction
    seed: int = 0  # of the noise
    vector: str = ""  # any other direction, as in `probes.interventions.steering`
    state: str = "y"
    cells: str = ALL_CELLS  # or cells such as r1c1,r5c5
    call: str = "1.1.1"
    span: str = "once"  # a key of SPANS
    size: float = 1.0  # relative to the norm of the state; for a puzzle, to the distance of its state

    def intervention(self) -> Intervention:
        """Return the intervention. Raises InterventionError if a setting is not valid."""
        cells = "".join(self.cells.split())
        common = {
            "site": self._site(),
            "state": self.state,
            "positions": "" if cells == ALL_CELLS else cells,
            "size": self.size,
        }
        if self.kind == "puzzle":
            return Intervention("patch", **common, source="same", puzzle=self.puzzle.strip())
        if self.kind == "noise":
            return Intervention("noise", **common, seed=self.seed)
        return Intervention("steer", **common, direction=self.direction)

    @property
    def direction(self) -> str:
        """The direction of a probe or a vector, in the notation of interventions."""
        if self.kind == "vector":
            return "".join(self.vector.split())
        parts = (self.target, str(self.fitted), self.class_name)
        return RECORDED + ":".join(filter(None, parts))

    def _site(self) -> Site:
        site = Site.parse(self.call.strip())
        (step, *_), (cycle, *_), (call, *_) = site.steps, site.cycles, site.calls
        if self.span == "steps":
            return Site((step, None), site.cycles, site.calls)
        return Site.parse(f"{step}.{cycle}.{call}+") if self.span == "calls" else site

    @classmethod
    def of(cls, text: str) -> "SteeringSettings | None":
        """Return the settings for a text; None if it is not one intervention that the controls can show."""
        try:
            (found,) = parse_all(text)
            steering = cls(
                **_direction_of(found),
                state=found.state,
                cells=found.positions or ALL_CELLS,
                call=".".join(
                    str(part[0]) for part in (found.site.steps, found.site.cycles, found.site.calls)
                ),
                span="calls" if found.site.onwards else "once" if found.site.steps[1] else "steps",
                size=found.size,
            )
            same = steering.intervention() == found
        except (UserError, ValueError):
            return None
        shown = found.state in STATES and abs(found.size) <= MOST and 0 <= found.seed <= LAST_SEED
        return steering if same and shown else None

    def check(self, choice: Choice, probes: RecordedProbes | None) -> Intervention:
        """Return the intervention if it fits the model and the puzzle. Raises UserError with one line if it does not."""
        if self.kind == "probe" and probes is None:
            raise InterventionError(NO_PROBES.format(choice.source.name))
        if self.kind == "puzzle":
            choice.task.parse(self.puzzle.strip(), unfinished=True)  # raises for a puzzle of another size
        if self.kind == "vector" and self.direction.startswith("probe:"):
            raise InterventionError("The page opens no probe files on the server. Open them in Probes.")
        one_call(self.call.strip(), choice.depth)
        found = self.intervention()
        try:
            is_mean = Positions.of(found.positions or ALL_CELLS, choice.config).mean
        except UserError as error:
            raise InterventionError(str(error).replace("--positions ", "")) from None
        if is_mean:
            raise InterventionError("A mean over cells cannot be changed. Name cells, or all.")
        return found


def _direction_of(found: Intervention) -> dict[str, str | int]:
    """Return the fields that describe the direction of an intervention. Raises ValueError if the controls have none."""
    if found.operation == "patch":
        return {"kind": "puzzle", "puzzle": found.puzzle}
    if found.operation == "noise":
        return {"kind": "noise", "seed": found.seed}
    if found.operation != "steer":
        raise ValueError(found.operation)
    if not found.direction.startswith(RECORDED):
        return {"kind": "vector", "vector": found.direction}
    target, fitted, *names = found.direction.removeprefix(RECORDED).split(":", 2)
    return {"kind": "probe", "target": target, "fitted": int(fitted), "class_name": "".join(names)}


def as_vector(direction: Sequence[float]) -> str:
    """Write a direction as text with three significant digits, for probes that a link cannot name."""
    return ",".join(f"{number:.3g}" for number in direction)
