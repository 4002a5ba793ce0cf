"""The player as a widget (anywidget): it reports the call and the selected cell to Python.

    widget = run.widget()
    widget.observe(lambda change: print(widget.at, widget.cell), names="view")

The widget draws with the same modules as the app and the offline page.
"""

from pathlib import Path
from typing import Any

from trm.coordinates import Coordinates
from trm.errors import UserError
from trm.export.page import SIDES
from trm.export.payload import pair_payload, payload
from trm.export.run import ExportedRun
from trm.player.bundle import bundle, player_css

try:
    import anywidget
    import traitlets
except ImportError:
    raise UserError(
        "The widget needs anywidget. Install it: pip install 'recursion-lens[notebook]'."
    ) from None


class PlayerWidget(anywidget.AnyWidget):
    """A player, or two synchronised players."""

    _esm = bundle(Path(__file__).parent / "widget.js")
    data = traitlets.Dict(help="payload of the run").tag(sync=True)
    style = traitlets.Unicode(player_css()).tag(sync=True)
    view = traitlets.Dict(
        help="what the player shows: supervision_step, cycle, call, kind, cell and mode"
    ).tag(sync=True)

    @property
    def at(self) -> Coordinates | None:
        """Coordinates of the call that the player shows, from 1. None before the player is on screen."""
        names = ("supervision_step", "cycle", "call", "kind")
        return Coordinates(*(self.view[name] for name in names)) if self.view else None

    @property
    def cell(self) -> tuple[int, int] | None:
        """Row and column of the selected cell, from 0. None if no cell is selected."""
        return tuple(self.view["cell"]) if self.view.get("cell") else None


def new_widget(run: ExportedRun, compare_with: ExportedRun | None = None) -> PlayerWidget:
    """Create a widget of a run, or of two. `run` is then on the right."""
    players = [payload(each.trace, each.task) for each in (compare_with, run) if each]
    data: dict[str, Any] = players[0]
    if compare_with:
        data = pair_payload(players, names=SIDES, titles=[compare_with.title, run.title])
    return PlayerWidget(data=data)
