"""Rooms: users who open the lecture with the lecturer's QR code follow the lecturer from scene to scene and call to call.

A room is the lecturer's current scene and view under an unguessable code. It is in memory only. The lecturer's browser has a
token for its room, signed with a secret on disk, and asks for the room just as followers do (`/rooms/CODE`): after a
restart of the server it opens the same room again, and the class goes on. Where the secret cannot be stored, rooms end
with the server. No data about the followers is stored; `audience.py` counts them.
"""

import os
import re
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from itsdangerous import BadData, URLSafeTimedSerializer

LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # characters that are not easily confused
CODE_LENGTH = 8
CODE = re.compile(f"[{LETTERS}]{{{CODE_LENGTH}}}")
MAX_ROOMS = 2000  # about 300 bytes each
DESERTED = (
    600.0  # seconds without a request of a lecturer or follower after which another room may take the place
)
EXPIRY = 12 * 3600.0  # seconds without a request after which a room ends
LEADS_FOR = 7 * 24 * 3600  # seconds for which a lecturer may open the same room again
SECRET_BYTES = 32
VIEW = re.compile(r"\d{1,4}\.\d{1,3}\.\d{1,3};(\d{1,3},\d{1,3})?;[a-z]{1,20}")
WRITTEN_WITHIN = 10  # tenths of a second until a file that another process writes is taken for damaged


@dataclass(frozen=True)
class Room:
    """The lecturer's current scene and view: call, cell and mode of the player, "" for those that the scene starts with.

    `turn` grows with each change, also across restarts.
    """

    scene: str
    turn: int
    view: str = ""  # as VIEW, such as "3.1.7;4,5;answer"


def secret_file() -> Path:
    """Return the file of the secret with which the tokens of rooms are signed."""
    folder = os.environ.get("XDG_STATE_HOME") or Path("~/.local/state").expanduser()
    return Path(folder) / "recursion-lens" / "rooms.key"


class Rooms:
    """All rooms of a server. The class is thread-safe.

    The secret is read from a file, or made and written there. If that fails, `survives_restart` is false.
    """

    def __init__(
        self,
        file: Path | None = None,
        *,
        most: int = MAX_ROOMS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most, self._clock = most, clock
        self._lock = threading.Lock()
        self._rooms: OrderedDict[str, tuple[Room, float]] = (
            OrderedDict()
        )  # with the last request, earliest first
        secret, self.survives_restart = _secret(file or secret_file())
        self._tokens = URLSafeTimedSerializer(secret, salt="lecture room")

    def open(self, scene: str) -> str | None:
        """Open a room and return its code, or None if all places are taken by rooms in use."""
        code = "".join(secrets.choice(LETTERS) for _ in range(CODE_LENGTH))
        return code if self.move(code, scene) else None

    def token(self, code: str) -> str:
        """Return a token with which a lecturer leads the room, and opens it again after a restart."""
        return self._tokens.dumps(code)

    def is_led_by(self, code: object, token: object) -> bool:
        """Return whether the token leads the room. Both arguments come from a browser and may have any value."""
        try:
            return isinstance(token, str) and self._tokens.loads(token, max_age=LEADS_FOR) == code
        except BadData:
            return False

    def move(self, code: str, scene: str, view: str | None = None) -> bool:
        """Move a room to a scene and a view, and open it if there is no such room. Returns False if no place is free.

        Without a `view`, or with one that is not of the form VIEW, a new scene starts with its own.
        """
        if view is not None and VIEW.fullmatch(view) is None:
            view = None
        with self._lock:
            before = self._touch(code)
            if before is None and not self._has_place():
                return False
            if view is None:
                view = before.view if before and before.scene == scene else ""
            if before is None or (before.scene, before.view) != (scene, view):
                turn = max(int(time.time() * 1000), before.turn + 1 if before else 0)
                self._rooms[code] = (Room(scene, turn, view), self._clock())
            return True

    def read(self, code: str) -> Room | None:
        """Return the room with this code, or None if it does not exist. The room then counts as used."""
        with self._lock:
            return self._touch(code)

    def _touch(self, code: str) -> Room | None:
        room, _ = self._rooms.pop(code, (None, 0.0))
        if room is not None:
            self._rooms[code] = (room, self._clock())
        return room

    def _has_place(self) -> bool:
        """Drop expired rooms and, if there are too many, one deserted room. Returns whether there is space for another."""
        now = self._clock()
        while self._rooms:
            code, (_, used) = next(iter(self._rooms.items()))
            if now - used < (DESERTED if len(self._rooms) >= self._most else EXPIRY):
                break
            del self._rooms[code]
        return len(self._rooms) < self._most


def is_code(text: object) -> bool:
    """Return whether a text has the form of a room's code."""
    return isinstance(text, str) and CODE.fullmatch(text) is not None


def rooms() -> Rooms:
    """Return the rooms of this server."""
    with _opening:
        return _rooms()


@cache
def _rooms() -> Rooms:
    return Rooms()


_opening = threading.Lock()


def _secret(file: Path) -> tuple[bytes, bool]:
    """Return the secret, and whether it is on disk. It is made if there is none, or a damaged one. Only the owner may read the file."""
    secret = secrets.token_bytes(SECRET_BYTES)
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        if not (stored := _stored(file, secret)):
            file.unlink()  # damaged
            stored = _stored(file, secret)
        if stored:
            return stored, True
    return secret, False


def _stored(file: Path, secret: bytes) -> bytes:
    """Return the secret in the file, which is `secret` if there was no file; b"" if the file is damaged."""
    with suppress(FileExistsError):
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as new:
            new.write(secret)
    for _ in range(WRITTEN_WITHIN):
        stored = file.read_bytes()
        if len(stored) == SECRET_BYTES:
            return stored
        time.sleep(0.1)  # another process is writing it
    return b""
