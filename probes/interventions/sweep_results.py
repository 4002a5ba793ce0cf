"""Sweep results, as printed by the command line and drawn by the page: facts as JSON, and a table of columns."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from probes.interventions.sites import InterventionError

if TYPE_CHECKING:
    from collections.abc import Callable

    from trm.data import PuzzleSet
    from trm.model import Model
    from trm.tasks.base import Task

ABLATION, MULTI_RUN = "removal", "rollouts"  # names of these sweeps in commands and recorded files
SWEEPS = ("noise", ABLATION, "seeds", MULTI_RUN, "peers")  # over sets of puzzles
LIMITS = {"noise": 100, ABLATION: 100, "seeds": 32, MULTI_RUN: 48, "peers": 40}  # default number of puzzles
SIZES = "0,0.5,1,2,3,6"
SOURCES = ("noise", "symmetry", "seed")


@dataclass(frozen=True)
class SweepSettings:
    """Settings of sweeps; each sweep uses some of them (SETTINGS_OF)."""

    state: str = "yz"  # noise: y, z, or yz for both
    step: int = 1  # noise, ablation, peers: the supervision step
    seed: int = 0
    sizes: str = SIZES  # noise: comma-separated, in units of the state's own norm
    how: str = "zero"  # ablation: zero or initial
    runs: int = 8  # seeds, multiple runs: per puzzle
    source: str = "noise"  # multiple runs: how the runs differ
    size: float = 0.3  # multiple runs with noise: scale of the noise

    def __post_init__(self) -> None:
        if self.state not in ("y", "z", "yz"):
            raise InterventionError(f"The state must be y, z or yz, not {self.state!r}.")
        self.noise_sizes  # noqa: B018 (raises)

    @property
    def noise_sizes(self) -> list[float]:
        """The sizes as numbers. Raises InterventionError."""
        try:
            sizes = [float(part) for part in self.sizes.split(",")]
        except ValueError:
            sizes = [-1.0]
        if not all(0 <= size <= 1e6 for size in sizes) or len(sizes) > 100:
            raise InterventionError(
                f"Sizes must be comma-separated numbers from 0, such as 0,0.5,1, not {self.sizes[:40]!r}."
            )
        return sizes


SETTINGS_OF = {
    "noise": ("state", "step", "seed", "sizes"),
    ABLATION: ("step", "how"),
    "seeds": ("runs", "seed"),
    MULTI_RUN: ("runs", "source", "size", "seed"),
    "peers": ("step", "seed"),
}


def settings_for(what: str, **chosen: Any) -> SweepSettings:
    """The default settings of a sweep, overridden by `chosen`. Raises InterventionError."""
    defaults = {"step": 4} if what == ABLATION else {}
    return SweepSettings(**defaults | chosen)


def run_sweep(
    what: str,
    model: "Model",
    task: "Task",
    puzzles: "PuzzleSet",
    settings: SweepSettings,
    progress: "Callable[[float, str], None]",
) -> dict[str, Any]:
    """Run a sweep. Returns its settings, facts and `table` as JSON-compatible data. Raises UserError."""
    chosen = {name: value for name, value in asdict(settings).items() if name in SETTINGS_OF[what]}
    facts, table = _RUNNERS[what](model, task, puzzles, settings, progress)
    provenance = {"sweep": what, "model": model.name, "fingerprint": model.fingerprint, "data": puzzles.name}
    return provenance | {"puzzles": len(puzzles), "settings": chosen, **facts, "table": table}


def _noise(model, task, puzzles, settings, progress):
    from probes.interventions.sweeps import noise_sweep

    results = noise_sweep(
        model, task, puzzles, sizes=settings.noise_sizes, state=settings.state, step=settings.step,
        seed=settings.seed, progress=progress,
    )  # fmt: skip
    return {"dtype": results.dtype}, results.columns()


def _ablation(model, task, puzzles, settings, progress):
    from probes.interventions.sweeps import ablation_sweep

    results = ablation_sweep(model, task, puzzles, step=settings.step, how=settings.how, progress=progress)
    return {"dtype": results.dtype, "recovery": results.recovery}, results.columns()


def _seeds(model, task, puzzles, settings, progress):
    from probes.interventions.multi_run import fixed_points, multiple_runs

    results = multiple_runs(
        model, task, puzzles, source="seed", runs=settings.runs, seed=settings.seed, progress=progress
    )
    ends = fixed_points(results)
    return {"dtype": results.dtype, "summary": ends.summary()}, ends.columns()


def _multiple_runs(model, task, puzzles, settings, progress):
    from probes.interventions.multi_run import multiple_runs, selection

    results = multiple_runs(
        model, task, puzzles, source=settings.source, runs=settings.runs, size=settings.size,
        seed=settings.seed, progress=progress,
    )  # fmt: skip
    return {"dtype": results.dtype}, selection(results).columns()


def _peers(model, task, puzzles, settings, progress):
    from probes.interventions.attribution.mixing import layer_names, mixing
    from probes.interventions.attribution.peers import peer_effects

    effects = peer_effects(
        model, task, puzzles, step=settings.step, seed=settings.seed, progress=progress
    ).facts()
    if model.config.mixing == "mlp":
        layers = [mixing(model, task, layer) for layer in layer_names(model.config)]
        effects["weights"] = {
            layer.layer: {name: share.rounded() for name, share in layer.by_relation.items()}
            for layer in layers
        }
    names = ("peers", "others")
    table = {
        "from": list(names),
        "effect": [effects[name] for name in names],
        "low": [effects["bands"][name][0] for name in names],
        "high": [effects["bands"][name][1] for name in names],
    }
    return {"effects": effects}, table


_RUNNERS = {
    "noise": _noise,
    ABLATION: _ablation,
    "seeds": _seeds,
    MULTI_RUN: _multiple_runs,
    "peers": _peers,
}


def command_for(what: str, model: str, data: str, limit: int | None, settings: SweepSettings) -> str:
    """The command that reproduces a sweep; default settings are left out."""
    words = ["python -m probes sweep", what, "--model", model, "--data", data]
    words += ["--limit", str(limit)] if limit is not None else []
    defaults = asdict(settings_for(what))
    for name, value in asdict(settings).items():
        if name in SETTINGS_OF[what] and value != defaults[name]:
            words += [f"--{name}", str(value)]
    return " ".join(words)
