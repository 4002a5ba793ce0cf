"""A room: who opened the lecture by the lecturer's code goes from scene to scene with them.

A room is a short code on this server and the scene that its lecturer is at. Nothing is known of who follows; a follower looks
once a second. Rooms live in memory, those asked for longest ago are forgotten.
"""

import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass

LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that look alike
LENGTH = 6
KEPT = 500


@dataclass(frozen=True)
class Room:
    """Where its lecturer is. `turn` counts the scenes they went to."""

    scene: str
    turn: int


class Rooms:
    """All rooms of a server. Methods may be called from any thread."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._rooms: OrderedDict[str, Room] = OrderedDict()

    def open(self, scene: str) -> str:
        """A new room. Returns its code."""
        with self._guard:
            code = "".join(secrets.choice(LETTERS) for _ in range(LENGTH))
            self._rooms[code] = Room(scene, 0)
            while len(self._rooms) > KEPT:
                self._rooms.popitem(last=False)
            return code

    def move(self, code: str, scene: str) -> None:
        """The lecturer went to a scene; a room that was forgotten is there again."""
        with self._guard:
            before = self._rooms.get(code)
            if before is None or before.scene != scene:
                self._rooms[code] = Room(scene, before.turn + 1 if before else 1)
            self._rooms.move_to_end(code)

    def look(self, code: str) -> Room | None:
        """Where the lecturer of a room is; None where there is no such room."""
        with self._guard:
            if code in self._rooms:
                self._rooms.move_to_end(code)
            return self._rooms.get(code)
