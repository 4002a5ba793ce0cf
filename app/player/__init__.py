"""The step player: one component in the browser, and the payload that it is sent."""

from app.player.player import player

__all__ = ["player"]
