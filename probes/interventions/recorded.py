"""Results of sweeps and preset experiments. The Interventions page opens with those that were recorded, a file each:

assets/recorded/interventions/<model>/<name>.safetensors
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recursion_lens import ASSETS
from trm.errors import UserError
from trm.provenance import Provenance
from trm.registry import model_names
from trm.results import as_json, load, save

RECORDED = ASSETS / "recorded" / "interventions"
SUFFIX = ".safetensors"
DEFAULT_EXPERIMENT = "without-y"  # the experiment that the page opens with
PRESETS = "experiments"  # name of the recorded preset experiments

Column = list[float | int | str | None]


@dataclass(frozen=True)
class SweepResult:
    """The result of a sweep over many puzzles, or of patching in one puzzle."""

    provenance: Provenance
    sweep: str
    settings: dict[str, float | int | str]  # those that the sweep uses
    table: dict[str, Column]  # equally long columns
    recovery: dict[str, int | None] | None = None  # ablation: steps until the ablated state has recovered
    summary: dict[str, float | int] | None = None  # seeds: proportions and means over the puzzles
    effects: dict[str, Any] | None = None  # peers: `probes.interventions.attribution.peers.PeerEffects`

    def __post_init__(self) -> None:
        if len({len(column) for column in self.table.values()}) != 1:
            raise ValueError("not the columns of a table")


@dataclass(frozen=True)
class PresetOutcome:
    """The outcome of one preset experiment: means over the puzzles. None if no puzzle allows the experiment."""

    solved: float | None  # fraction of puzzles solved at the last step
    low: float | None = None  # its 95 % confidence interval
    high: float | None = None
    retained: float | None = None  # fraction solved of the puzzles that the clean run solves
    cells_right: list[float] | None = None  # accuracy on the blank cells after every step
    givens_right: list[float] | None = None  # accuracy on the givens after every step
    decoded: float | None = (
        None  # fraction of an answer written into y that the output head decodes correctly
    )
    begins_at: int = 1  # first supervision step of the intervention


@dataclass(frozen=True)
class PresetResults:
    """The outcomes of preset experiments on a puzzle set."""

    provenance: Provenance
    z_by_token: float  # fraction of the variance of the final z that a cell's own input token explains
    experiments: dict[str, PresetOutcome]  # by name; "plain" is the clean run


Recorded = SweepResult | PresetResults


def described(result: Recorded) -> dict[str, Any]:
    """Return a result as JSON-compatible data, with the entries of its provenance first."""
    values = as_json(result)
    return values.pop("provenance") | values


def record(name: str, result: Recorded) -> Path:
    """Record a result under a name, and return the path. Raises UserError if its model is not bundled."""
    model = result.provenance.model
    if model not in model_names():
        raise UserError(f"{model} is not a bundled model. Use --out instead of --record.")
    path = RECORDED / model / f"{name}{SUFFIX}"
    save(path, result)
    return path


def recorded(model_name: str, name: str) -> Any:
    """Return a model's recorded result, or None if the file does not exist or is invalid.

    The result is a PresetResults under the name PRESETS, and a SweepResult under all other names.
    """
    kind = PresetResults if name == PRESETS else SweepResult
    path = RECORDED / model_name / f"{name}{SUFFIX}"
    try:
        return load(path, kind, refusal=UserError, thing="recorded result")
    except UserError:
        return None
