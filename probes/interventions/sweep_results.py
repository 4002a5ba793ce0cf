"""Settings of sweeps, and the sweeps by name, for the command line and the page."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from probes.interventions.recorded import SweepResult
from probes.interventions.sites import InterventionError
from trm.provenance import Provenance
from trm.terminal import as_command

if TYPE_CHECKING:
    from collections.abc import Callable

    from probes.states import StateSource
    from trm.data import PuzzleSet
    from trm.model import Model
    from trm.tasks.base import Task

ABLATION, MULTI_RUN = "removal", "rollouts"  # names of these sweeps in commands and recorded files
SWEEPS = ("noise", ABLATION, "seeds", MULTI_RUN, "peers")  # all sweeps, each over a set of puzzles
FROM_STORE = ("noise", ABLATION)  # sweeps whose clean runs may come from a store
LIMITS = {"noise": 100, ABLATION: 100, "seeds": 32, MULTI_RUN: 48, "peers": 40}  # default number of puzzles
SIZES = "0,0.5,1,2,3,6"
SOURCES = ("noise", "symmetry", "seed")


@dataclass(frozen=True)
class SweepSettings:
    """Settings of all sweeps. SETTINGS_OF lists the settings that each sweep uses. Raises InterventionError."""

    state: str = "yz"
    """noise: y, z, or yz for both; patching: y or z (default)"""
    step: int | None = None
    """noise, removal, peers: apply the intervention at the beginning of this supervision step (default: 1; removal: 4)"""
    seed: int = 0
    """random seed"""
    sizes: str = SIZES
    """noise: comma-separated sizes, in units of the state's own norm"""
    how: Annotated[str, Parameter(choices=("zero", "initial"))] = "zero"
    """removal: replacement for the state"""
    runs: int = 8
    """seeds, rollouts: runs per puzzle"""
    source: Annotated[str, Parameter(choices=SOURCES)] = "noise"
    """rollouts: how the runs differ"""
    size: float = 0.3
    """rollouts with noise: its size"""

    def __post_init__(self) -> None:
        if self.state not in ("y", "z", "yz"):
            raise InterventionError(f"The state must be y, z or yz, not {self.state!r}.")
        self.noise_sizes  # noqa: B018 (raises)

    @property
    def noise_sizes(self) -> list[float]:
        """The noise scales as numbers. Raises InterventionError if one is invalid."""
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


def settings_for(what: str, given: SweepSettings = SweepSettings()) -> SweepSettings:
    """Return the settings of a sweep, with the usual step of the sweep if none is given."""
    return replace(given, step=given.step or (4 if what == ABLATION else 1))


def run_sweep(
    what: str,
    model: "Model",
    task: "Task",
    puzzles: "PuzzleSet",
    settings: SweepSettings,
    progress: "Callable[[float, str], None]",
    *,
    command: str | None = None,
    recorded: "StateSource | None" = None,
) -> SweepResult:
    """Run the sweep `what`, one of SWEEPS. `command` is the command line that repeats it.

    `recorded` holds the clean runs on these puzzles, from which a sweep in FROM_STORE starts; the model then runs in its
    own dtype, as it did there. Other sweeps of many runs use the fastest dtype, which the result names. Raises UserError.
    """
    from probes.interventions.batched import fast_copy

    if not recorded and what != "peers":
        model = fast_copy(model)
    chosen = {name: value for name, value in asdict(settings).items() if name in SETTINGS_OF[what]}
    depth = recorded.depth if recorded else model.config.depth
    options = {"recorded": recorded, "depth": depth} if recorded else {}
    facts, table = _RUNNERS[what](model, task, puzzles, settings, progress, **options)
    provenance = Provenance.of(model, recorded=date.today(), puzzles=puzzles, depth=depth, command=command)
    return SweepResult(provenance, what, chosen, table, **facts)


def _noise(model, task, puzzles, settings, progress, **recorded):
    from probes.interventions.sweeps import noise_sweep

    results = noise_sweep(
        model, task, puzzles, sizes=settings.noise_sizes, state=settings.state, step=settings.step,
        seed=settings.seed, progress=progress, **recorded,
    )  # fmt: skip
    return {}, results.columns()


def _ablation(model, task, puzzles, settings, progress, **recorded):
    from probes.interventions.sweeps import ablation_sweep

    results = ablation_sweep(
        model, task, puzzles, step=settings.step, how=settings.how, progress=progress, **recorded
    )
    return {"recovery": results.recovery}, results.columns()


def _seeds(model, task, puzzles, settings, progress):
    from probes.interventions.multi_run import fixed_points, multiple_runs

    results = multiple_runs(
        model, task, puzzles, source="seed", runs=settings.runs, seed=settings.seed, progress=progress
    )
    ends = fixed_points(results)
    return {"summary": ends.summary()}, ends.columns()


def _multiple_runs(model, task, puzzles, settings, progress):
    from probes.interventions.multi_run import multiple_runs, selection

    results = multiple_runs(
        model, task, puzzles, source=settings.source, runs=settings.runs, size=settings.size,
        seed=settings.seed, progress=progress,
    )  # fmt: skip
    return {}, selection(results).columns()


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


def command_for(what: str, puzzles: Mapping[str, Any], settings: SweepSettings) -> str:
    """Return the command that reproduces a sweep. Settings with their default value are left out.

    `puzzles` are the options that name the model and the puzzles.
    """
    defaults = asdict(settings_for(what))
    changed = {
        name: value
        for name, value in asdict(settings).items()
        if name in SETTINGS_OF[what] and value != defaults[name]
    }
    return as_command(f"python -m probes sweep {what}", puzzles, changed)
