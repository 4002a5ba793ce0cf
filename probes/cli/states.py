"""`probes states`: test whether a model uses y and z, and how much noise a probe of each state tolerates."""

from dataclasses import asdict, dataclass
from typing import Any

from probes.robustness import probe_under_noise
from probes.states import StateSource, last_call
from trm.cli.options import FLAT, ModelChoice, TestPuzzles
from trm.inspection.state_use import measure_state_use
from trm.progress import ProgressLine


@FLAT
@dataclass(frozen=True, kw_only=True)
class SomePuzzles(TestPuzzles):
    """Which puzzles, by default 64 of the test set."""

    limit: int | None = 64
    """number of puzzles, evenly spread over the set"""


def run(*, choice: ModelChoice, puzzles: SomePuzzles = SomePuzzles()) -> dict[str, Any]:
    """Return the results of `trm.inspection.state_use` and `probes.robustness` for y and z."""
    model, task = choice.load()
    chosen = puzzles.load(model, task)
    depth = model.config.depth
    blank = ~task.givens(chosen.inputs)
    with ProgressLine() as progress:
        used = measure_state_use(model, chosen.inputs, chosen.labels, blank, progress=progress)
    last = last_call(depth, depth.N_sup)
    with ProgressLine() as progress:
        source = StateSource.compute(
            model, task, chosen, time_points=(last,), states=tuple(used), progress=progress
        )
    noise = probe_under_noise({name: source.states(name, last) for name in used}, source.answers(last), blank)
    return {
        "model": model.name,
        "puzzles": len(chosen),
        "data": chosen.name,
        "states": {
            name: use.to_dict() | {"noise": asdict(noise[name]) | {"dies_at": noise[name].dies_at}}
            for name, use in used.items()
        },
    }
