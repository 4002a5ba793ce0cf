"""Figures of results for a paper, as PDF: the options of commands, and the captions."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cyclopts import Group, Parameter

from trm.errors import UserError
from trm.export.outputs import COLUMN, check_paths, check_width
from trm.files import atomic_file
from trm.provenance import Provenance

if TYPE_CHECKING:
    from trm.export.pictures.charts import Chart


@Parameter(name="*", group=Group("A figure for a paper"))
@dataclass(frozen=True, kw_only=True)
class PaperFigure:
    """The PDF to write, if any, and its width."""

    pdf: Path | None = None
    """also draw the result, as a PDF with a caption"""
    width: float = COLUMN
    """width of --pdf in inches (default: one column)"""

    def check(self) -> None:
        """Raise UserError if the figure cannot be written. Call this before long computations."""
        check_width(self.width)
        if self.pdf:
            check_paths({"pdf": self.pdf})

    def save(self, charts: "list[Chart]", about: Provenance, seed: int | None = None) -> None:
        """Write the figure if it was requested. Its caption says what made it."""
        if not self.pdf:
            return
        if not charts:
            raise UserError(f"There is nothing to draw in {self.pdf}.")
        from trm.export.pictures.charts import save_charts

        with atomic_file(self.pdf) as temporary:
            save_charts(temporary, charts, caption(about, seed), inches=self.width)


def caption(about: Provenance, seed: int | None) -> str:
    """Name the model, its depth, the data, the seed, and the version."""
    parts = [f"Model {about.model} ({about.fingerprint[:8]})"]
    parts += [f"n = {about.n}, T = {about.T}, N_sup = {about.N_sup}"] if about.n else []
    parts += [f"{about.count:,} puzzles of {about.data}"] if about.data and about.count else []
    parts += [f"seed\u00a0{seed}"] if seed is not None else []
    return f"{'; '.join(parts)}. Recursion Lens {about.version}."
