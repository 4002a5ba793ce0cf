"""Rooms: users who open the lecture with the lecturer's QR code follow the lecturer from scene to scene.

A room is a small file that names the lecturer's current scene. The browsers of a class read it twice a second
(`src/room.js`) as a static file, so forty waiting followers cost the server almost nothing. Nothing about the followers
is stored.
"""

import json
import re
import secrets
import threading
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from trm.files import OutputError, atomic_file

FOLDER = Path(__file__).parents[2] / "server" / "static" / "rooms"  # Streamlit serves static/
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # without easily confused characters
CODE_LENGTH = 6
MAX_ROOMS = 500
# All files have the same size: the server checks the size before it reads, and the lecturer may write in between.
FILE_BYTES = 128


@dataclass(frozen=True)
class Room:
    """The lecturer's current scene. `turn` counts the scene changes."""

    scene: str
    turn: int


class Rooms:
    """All rooms of a server. Thread-safe."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._keys: dict[str, str] = {}  # the lecturers' keys by room code, oldest first

    def open(self, scene: str) -> str | None:
        """Open a room, dropping the oldest if there are too many. Returns its code, or None if no file can be written."""
        with self._lock:
            self._drop_oldest()
            code = "".join(secrets.choice(LETTERS) for _ in range(CODE_LENGTH))
            if not self._write(code, Room(scene, 0)):
                return None
            self._keys[code] = secrets.token_urlsafe()
            return code

    def key(self, code: str) -> str | None:
        """The key with which a lecturer resumes leading the room; None if the room is older than this server
        process.
        """
        return self._keys.get(code)

    def is_led_by(self, code: object, key: object) -> bool:
        """Whether `key` is the key of the room. Both come from a browser and may have any value."""
        expected = self._keys.get(code) if isinstance(code, str) else None
        return bool(expected) and secrets.compare_digest(expected.encode(), str(key).encode())

    def move(self, code: str, scene: str) -> None:
        """Move a room to a scene. A room that was dropped is recreated."""
        with self._lock:
            before = self.read(code)
            if before is None or before.scene != scene:
                self._write(code, Room(scene, before.turn + 1 if before else 1))

    def read(self, code: str) -> Room | None:
        """The room with this code, or None."""
        if not re.fullmatch(f"[{LETTERS}]{{{CODE_LENGTH}}}", code):
            return None
        try:
            return Room(**json.loads(self._file(code).read_text("utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def _file(self, code: str) -> Path:
        return self._folder / f"{code}.json"

    def _write(self, code: str, room: Room) -> bool:
        """Write a room's file. Returns whether that succeeded; if not, the lecture continues without followers."""
        with suppress(OutputError), atomic_file(self._file(code)) as path:
            path.write_text(json.dumps(asdict(room)).ljust(FILE_BYTES), "utf-8")
            return True
        return False

    def _drop_oldest(self) -> None:
        """Drop the oldest rooms until there is space for one more."""
        while len(self._keys) >= MAX_ROOMS:
            del self._keys[next(iter(self._keys))]

        def modified(path: Path) -> float:
            try:
                return path.stat().st_mtime
            except OSError:  # deleted in the meantime
                return 0.0

        newest_first = sorted(self._folder.glob("*.json"), key=modified, reverse=True)
        for path in newest_first[MAX_ROOMS - 1 :]:
            path.unlink(missing_ok=True)
