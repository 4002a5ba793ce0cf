"""The lecture's script and style as one text each, the player's in them: for the component and for the offline file."""

from functools import cache
from pathlib import Path

from trm.player.assembled import joined, player_css

FOLDER = Path(__file__).parent


@cache
def lecture_js() -> str:
    """One ES module that exports the lecture's `mount` as default."""
    return joined(FOLDER / "src" / "mount_lecture.js")


def lecture_css() -> str:
    return f"{player_css()}\n{(FOLDER / 'lecture.css').read_text('utf-8')}"
