"""Sweeps as the command line prints them and the page draws them: facts in JSON, and a table of columns."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from probes.interventions.sites import InterventionError

if TYPE_CHECKING:
    from collections.abc import Callable

    from trm.data import PuzzleSet
    from trm.model import Model
    from trm.tasks.base import Task

SWEEPS = ("noise", "removal", "seeds", "rollouts", "peers")  # over sets of puzzles
LIMITS = {"noise": 100, "removal": 100, "seeds": 32, "rollouts": 48, "peers": 40}
SIZES = "0,0.5,1,2,3,6"
SOURCES = ("noise", "symmetry", "seed")


@dataclass(frozen=True)
class SweepSettings:
    """What may be chosen; each sweep looks at some of it."""

    state: str = "yz"  # noise: y, z, or yz for both
    step: int = 1  # noise, removal: at the beginning of which supervision step
    seed: int = 0
    sizes: str = SIZES  # noise: with commas between, in units of the state's own norm
    how: str = "zero"  # removal: zero or initial
    runs: int = 8  # seeds, rollouts: of each puzzle
    source: str = "noise"  # rollouts: how the runs differ
    size: float = 0.3  # rollouts by noise

    def __post_init__(self) -> None:
        if self.state not in ("y", "z", "yz"):
            raise InterventionError(f"The state must be y, z or yz, not {self.state!r}.")
        self.noise_sizes  # noqa: B018 (raises)

    @property
    def noise_sizes(self) -> list[float]:
        """Raises InterventionError."""
        try:
            found = [float(part) for part in self.sizes.split(",")]
        except ValueError:
            found = [-1.0]
        if not all(0 <= number <= 1e6 for number in found) or len(found) > 100:
            raise InterventionError(
                f"Sizes must be numbers from 0 with commas between, such as 0,0.5,1, not {self.sizes[:40]!r}."
            )
        return found


DEFAULTS = SweepSettings()
SETTINGS_OF = {
    "noise": ("state", "step", "seed", "sizes"),
    "removal": ("step", "how"),
    "seeds": ("runs", "seed"),
    "rollouts": ("runs", "source", "size", "seed"),
    "peers": ("step", "seed"),
}


def settings_for(what: str, **chosen: Any) -> SweepSettings:
    """The usual settings of a sweep, with what was chosen. Raises InterventionError."""
    usual = {"step": 4} if what == "removal" else {}
    return SweepSettings(**usual | chosen)


def run_sweep(
    what: str,
    model: "Model",
    task: "Task",
    puzzles: "PuzzleSet",
    settings: SweepSettings,
    progress: "Callable[[float, str], None]",
) -> dict[str, Any]:
    """Make a sweep: its settings and facts, and `table`. Raises UserError."""
    chosen = {name: value for name, value in asdict(settings).items() if name in SETTINGS_OF[what]}
    facts, table = _MAKERS[what](model, task, puzzles, settings, progress)
    about = {"sweep": what, "model": model.name, "fingerprint": model.fingerprint, "data": puzzles.name}
    return about | {"puzzles": len(puzzles), "settings": chosen, **facts, "table": table}


def _noise(model, task, puzzles, settings, progress):
    from probes.interventions.sweeps import noise_sweep

    found = noise_sweep(
        model, task, puzzles, sizes=settings.noise_sizes, state=settings.state, step=settings.step,
        seed=settings.seed, progress=progress,
    )  # fmt: skip
    return {"dtype": found.dtype}, found.columns()


def _ablation(model, task, puzzles, settings, progress):
    from probes.interventions.sweeps import ablation_sweep

    found = ablation_sweep(model, task, puzzles, step=settings.step, how=settings.how, progress=progress)
    return {"dtype": found.dtype, "recovery": found.recovery}, found.columns()


def _seeds(model, task, puzzles, settings, progress):
    from probes.interventions.multi_run import fixed_points, multiple_runs

    found = multiple_runs(
        model, task, puzzles, source="seed", runs=settings.runs, seed=settings.seed, progress=progress
    )
    ends = fixed_points(found)
    return {"dtype": found.dtype, "summary": ends.summary()}, ends.columns()


def _multiple_runs(model, task, puzzles, settings, progress):
    from probes.interventions.multi_run import multiple_runs, selection

    found = multiple_runs(
        model, task, puzzles, source=settings.source, runs=settings.runs, size=settings.size,
        seed=settings.seed, progress=progress,
    )  # fmt: skip
    return {"dtype": found.dtype}, selection(found).columns()


def _peers(model, task, puzzles, settings, progress):
    from probes.interventions.attribution.mixing import layer_names, mixing
    from probes.interventions.attribution.peers import peer_effects

    found = peer_effects(
        model, task, puzzles, step=settings.step, seed=settings.seed, progress=progress
    ).facts()
    if model.config.mixing == "mlp":
        layers = [mixing(model, task, layer) for layer in layer_names(model.config)]
        found["weights"] = {
            layer.layer: {name: share.rounded() for name, share in layer.by_relation.items()}
            for layer in layers
        }
    names = ("peers", "others")
    table = {
        "from": list(names),
        "effect": [found[name] for name in names],
        "low": [found["bands"][name][0] for name in names],
        "high": [found["bands"][name][1] for name in names],
    }
    return {"effects": found}, table


_MAKERS = {
    "noise": _noise,
    "removal": _ablation,
    "seeds": _seeds,
    "rollouts": _multiple_runs,
    "peers": _peers,
}


def command_for(what: str, model: str, data: str, limit: int | None, settings: SweepSettings) -> str:
    """The command that makes a sweep, as far as it is not usual."""
    words = ["python -m probes sweep", what, "--model", model, "--data", data]
    words += ["--limit", str(limit)] if limit is not None else []
    usual = asdict(settings_for(what))
    for name, value in asdict(settings).items():
        if name in SETTINGS_OF[what] and value != usual[name]:
            words += [f"--{name}", str(value)]
    return " ".join(words)
