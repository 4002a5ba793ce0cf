"""The followers of lecture rooms: how many there are, and how they answered the questions of the lecture.

A follower is a random number that a page makes when it is opened. No name, address or other data about a person is stored,
and everything is in memory only: it ends with the server, and the oldest rooms are forgotten when there are too many
entries.
"""

import re
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

FOLLOWER = re.compile(r"[a-z0-9]{8,16}")
QUESTION = re.compile(r"[a-z0-9-]{1,40}")
MOST_CHOICES = 6
MOST_FOLLOWERS = 1000  # of one room
MOST_QUESTIONS = 60  # of one room
MOST_ENTRIES = 100_000  # followers and answers of all rooms, about 150 bytes each
PRESENT = 40.0  # seconds after the last request of a follower; a request waits up to 25 seconds


@dataclass
class Attendance:
    """One room: when each follower was last there, and the choice of each follower by question."""

    seen: dict[str, float] = field(default_factory=dict)
    choices: dict[str, dict[str, int]] = field(default_factory=dict)
    changes: int = 0

    @property
    def entries(self) -> int:
        return len(self.seen) + sum(map(len, self.choices.values()))


@dataclass(frozen=True)
class RoomAudience:
    """What the lecturer sees: the number of followers, and for each question how many made each choice."""

    followers: int
    answers: dict[str, list[int]]
    tag: str  # differs for different content


class Audiences:
    """The followers of all rooms of a server. The class is thread-safe."""

    def __init__(self, *, most: int = MOST_ENTRIES, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._clock = most, clock
        self._lock = threading.Lock()
        self._rooms: OrderedDict[str, Attendance] = OrderedDict()  # least recently used first

    def see(self, code: str, follower: str | None) -> None:
        """Record that a follower is in a room. Ignores invalid numbers, and followers beyond the limit."""
        if follower is None or FOLLOWER.fullmatch(follower) is None:
            return
        with self._lock:
            room = self._room(code)
            now = self._clock()
            if follower not in room.seen and len(room.seen) >= MOST_FOLLOWERS:
                room.seen = {name: then for name, then in room.seen.items() if now - then < PRESENT}
            is_new = follower not in room.seen
            if not is_new or len(room.seen) < MOST_FOLLOWERS:
                room.seen[follower] = now
            if is_new:
                self._drop_oldest()

    def answer(self, code: str, follower: str, question: str, choice: str) -> bool:
        """Record the choice of a follower, in place of an earlier one. Returns whether it counts."""
        valid = FOLLOWER.fullmatch(follower) and QUESTION.fullmatch(question)
        if not valid or choice not in map(str, range(MOST_CHOICES)):
            return False
        with self._lock:
            room = self._room(code)
            if question not in room.choices and len(room.choices) >= MOST_QUESTIONS:
                return False
            choices = room.choices.setdefault(question, {})
            if follower not in choices and len(choices) >= MOST_FOLLOWERS:
                return False
            choices[follower] = int(choice)
            room.changes += 1
            self._drop_oldest()
            return True

    def read(self, code: str) -> RoomAudience:
        """Return what the lecturer of a room sees."""
        with self._lock:
            room, now = self._rooms.get(code) or Attendance(), self._clock()
            followers = sum(now - then < PRESENT for then in room.seen.values())
            answers = {question: _counts(choices) for question, choices in room.choices.items()}
            return RoomAudience(followers, answers, f"{followers}.{room.changes}")

    def _room(self, code: str) -> Attendance:
        room = self._rooms.setdefault(code, Attendance())
        self._rooms.move_to_end(code)
        return room

    def _drop_oldest(self) -> None:
        """Forget the least recently used rooms while there are too many entries; never the room in use."""
        while len(self._rooms) > 1 and sum(room.entries for room in self._rooms.values()) > self._most:
            self._rooms.popitem(last=False)


def _counts(choices: dict[str, int]) -> list[int]:
    counts = Counter(choices.values())
    return [counts[choice] for choice in range(MOST_CHOICES)]


AUDIENCES = Audiences()
