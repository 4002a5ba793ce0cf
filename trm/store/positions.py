"""Select positions in a state by name: cells, prefix, all, single cells such as r1c1, or the mean over all cells."""

import re
from dataclasses import dataclass

from trm.config import ModelConfig
from trm.errors import UserError


@dataclass(frozen=True)
class Positions:
    """Selected positions in a state, in this order: single positions (prefix first), then the mean over all cells."""

    single: tuple[int, ...]  # indices into the net's P positions
    mean: bool
    names: tuple[str, ...]  # one per position: p1 (prefix), r1c1 (a cell), mean

    @classmethod
    def of(cls, text: str, config: ModelConfig) -> "Positions":
        """Parse the setting `--positions`. Raises UserError, naming the invalid part."""
        prefix, cells, columns = config.prefix_length, config.sequence_length, config.grid[1]
        chosen: set[int] = set()
        mean = False
        for part in text.replace(" ", "").split(","):
            cell = re.fullmatch(r"r(\d{1,5})c(\d{1,5})", part)
            if part in ("prefix", "all"):
                if part == "prefix" and not prefix:
                    raise UserError("This model has no prefix positions. Choose --positions cells or mean.")
                chosen.update(range(config.length if part == "all" else prefix))
            elif part == "cells":
                chosen.update(range(prefix, config.length))
            elif part == "mean":
                mean = True
            elif cell:
                row, column = int(cell[1]) - 1, int(cell[2]) - 1
                if not (0 <= column < columns and 0 <= row < cells // columns):
                    raise UserError(f"There is no cell {part}: the grid is {cells // columns}x{columns}.")
                chosen.add(prefix + row * columns + column)
            else:
                raise UserError(
                    f"{part!r} is not a position. Choose cells, mean, prefix, all, or cells such as r1c1,r5c5."
                )
        single = tuple(sorted(chosen))
        names = [
            f"p{place + 1}"
            if place < prefix
            else f"r{(place - prefix) // columns + 1}c{(place - prefix) % columns + 1}"
            for place in single
        ]
        return cls(single, mean, (*names, "mean") if mean else tuple(names))
