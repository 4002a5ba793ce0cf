"""A room: who opened the lecture by the lecturer's code goes from scene to scene with them.

A room is a small file that says at which scene its lecturer is. The browsers of a class read it twice a second (`src/room.js`),
as a file that the server hands out without running anything: forty who wait cost next to nothing. Nothing is known of who follows.
"""

import json
import re
import secrets
import threading
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from trm.files import OutputError, written_whole

FOLDER = Path(__file__).parents[2] / "server" / "static" / "rooms"  # Streamlit hands out static/
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that look alike
CODE_LENGTH = 6
MAX_ROOMS = 500
FILE_BYTES = 128  # of every file, as the server looks up its size before it reads it: a lecturer may have gone on meanwhile


@dataclass(frozen=True)
class Room:
    """Where its lecturer is. `turn` counts the scenes they went to."""

    scene: str
    turn: int


class Rooms:
    """All rooms of a server. Methods may be called from any thread."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._keys: dict[str, str] = {}  # of those who lead, by the code of their room, the oldest first

    def open(self, scene: str) -> str | None:
        """A new room, in place of the oldest where there are too many. Returns its code; None where nothing can be written."""
        with self._lock:
            self._drop_oldest()
            code = "".join(secrets.choice(LETTERS) for _ in range(CODE_LENGTH))
            if not self._write(code, Room(scene, 0)):
                return None
            self._keys[code] = secrets.token_urlsafe()
            return code

    def key(self, code: str) -> str | None:
        """What its lecturer shows to lead a room again; None of a room that is older than this server."""
        return self._keys.get(code)

    def is_led_by(self, code: object, key: object) -> bool:
        """Whether this is the key of the room. Both come from a browser, and may be anything."""
        expected = self._keys.get(code) if isinstance(code, str) else None
        return bool(expected) and secrets.compare_digest(expected.encode(), str(key).encode())

    def move(self, code: str, scene: str) -> None:
        """The lecturer went to a scene; a room that was forgotten is there again."""
        with self._lock:
            before = self.read(code)
            if before is None or before.scene != scene:
                self._write(code, Room(scene, before.turn + 1 if before else 1))

    def read(self, code: str) -> Room | None:
        """Where the lecturer of a room is; None where there is no such room."""
        if not re.fullmatch(f"[{LETTERS}]{{{CODE_LENGTH}}}", code):
            return None
        try:
            return Room(**json.loads(self._file(code).read_text("utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def _file(self, code: str) -> Path:
        return self._folder / f"{code}.json"

    def _write(self, code: str, room: Room) -> bool:
        """Whether it could be written. Where not, the lecture goes on, and nobody follows."""
        with suppress(OutputError), written_whole(self._file(code)) as path:
            path.write_text(json.dumps(asdict(room)).ljust(FILE_BYTES), "utf-8")
            return True
        return False

    def _drop_oldest(self) -> None:
        """Leave room for one more."""
        while len(self._keys) >= MAX_ROOMS:
            del self._keys[next(iter(self._keys))]

        def modified(path: Path) -> float:
            try:
                return path.stat().st_mtime
            except OSError:  # gone meanwhile
                return 0.0

        newest_first = sorted(self._folder.glob("*.json"), key=modified, reverse=True)
        for path in newest_first[MAX_ROOMS - 1 :]:
            path.unlink(missing_ok=True)
