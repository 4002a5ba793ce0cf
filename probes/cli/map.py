"""`probes map`: compute the map of states of one run, as the player shows it beside the grid.

`trm export --map FILE` includes the map in an offline page of the same run.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from probes.latents.placement import map_of_run
from trm.cli.options import FLAT, ModelChoice, PuzzleId, PuzzleText, parsed_depth, puzzle_tokens
from trm.errors import UserError
from trm.export.state_map import save_map
from trm.progress import ProgressLine


@FLAT
@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """Which run, and the file to write."""

    puzzle: PuzzleText
    depth: str | None = None
    """run at this depth (n,T,N_sup) instead of the model's own, such as 6,3,24"""
    out: Path
    """JSON file to write"""


def run(*, choice: ModelChoice, what: RunOptions, puzzle_id: PuzzleId = PuzzleId()) -> dict[str, Any]:
    """Write the map of a run, and return what it shows. Raises UserError if an option is not valid."""
    if what.out.suffix != ".json":
        raise UserError("--out must be a file that ends in .json.")
    model, task = choice.load()
    depth = model.config.depth if what.depth is None else parsed_depth(what.depth, model)
    with ProgressLine() as progress:
        state_map = map_of_run(
            model,
            puzzle_tokens(what.puzzle, task),
            depth=depth,
            puzzle_id=puzzle_id.number(model),
            progress=progress,
        )
    save_map(what.out, state_map)
    return {
        "model": model.name,
        "run": state_map.run,
        "states": {
            name: [each.method for each in embeddings] for name, embeddings in state_map.states.items()
        },
        "pool": state_map.pool and state_map.pool.data,
        "out": str(what.out),
        "bytes": what.out.stat().st_size,
    }
