"""The step player: one component in the browser, and the payload that it is sent.

Streamlit is imported only where the component is asked for: the player's text and its payload are also used without it.
"""

from typing import Any

__all__ = ["player"]


def __getattr__(name: str) -> Any:
    if name == "player":
        from app.player.component import player

        return player
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
