"""The scenes of the lecture (assets/lecture/scenes.toml), and the call of a run at which each scene starts."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from recursion_lens import ASSETS
from trm.coordinates import F_H, F_L, Coordinates, Depth
from trm.errors import UserError
from trm.export.call_view import MODES

FOLDER = ASSETS / "lecture"
STRIPS = ("halting", "right", "changed", "entropy", "residual-y", "residual-z", "cell")
POINTS = ("x", "y", "z", "net", "loop_L", "loop_T", "loop_N", "heads", "gradient", "detach", "depth")
PICKS = ("", "solved", "unsolved", "late")
QUIZZES = ("", "text", "halt", "cell", "depth")
START = re.compile(r"(\w+)\.(\w+)\.(\w+)")


class LectureError(UserError):
    """A scene or a text of the lecture is not valid."""


@dataclass(frozen=True)
class Scene:
    """One scene. The fields are explained in scenes.toml."""

    id: str
    runs: tuple[str, ...]
    at: str
    mode: str = "answer"
    strips: tuple[str, ...] = ()
    point: tuple[str, ...] = ()
    pick: str = ""
    pair: bool = False
    quiz: str = ""
    right: int = 0  # number of the right choice, from 1, of a quiz "text"

    def start(self, depth: Depth, *, halt: int | None, solved: int | None) -> Coordinates:
        """Return the call at which the scene starts in a run of this depth, clipped to the run.

        `halt` and `solved` are the steps of the halt and of the first solution; None means the last step.
        """
        named = {"n": depth.n, "T": depth.T, "N": depth.N_sup, "H": depth.n + 1} | {
            name: depth.N_sup if step is None else step for name, step in (("halt", halt), ("solved", solved))
        }
        step, cycle, call = (
            int(part) if part.isdecimal() else named.get(part, 0)
            for part in START.fullmatch(self.at).groups()
        )
        tops = (depth.N_sup, depth.T, depth.n + 1)
        step, cycle, call = (min(number, top) for number, top in zip((step, cycle, call), tops, strict=True))
        return Coordinates(step, cycle, call, F_H if call == depth.n + 1 else F_L)


def read_scenes(path: Path = FOLDER / "scenes.toml") -> tuple[Scene, ...]:
    """Read all scenes in order. Raises LectureError, which names the first mistake."""
    entries = read_toml(path).get("scene", [])
    scenes = tuple(_scene(entry, number, path) for number, entry in enumerate(entries, 1))
    if not scenes or len({scene.id for scene in scenes}) != len(scenes):
        raise LectureError(f"{path} has no scenes, or two with the same id. Give each [[scene]] its own id.")
    return scenes


def _scene(entry: Mapping[str, Any], number: int, path: Path) -> Scene:
    where = f"{path}, scene {number} ({entry.get('id', 'without id')})"
    allowed_fields = {field.name: field for field in fields(Scene)}
    for name, value in entry.items():
        if name not in allowed_fields:
            raise LectureError(f"{where}: unknown field {name!r}. Allowed: {', '.join(allowed_fields)}.")
        expected = {"pair": bool, "runs": list, "strips": list, "point": list, "right": int}.get(name, str)
        if type(value) is not expected:
            raise LectureError(f"{where}: {name} must be a {expected.__name__}, not {value!r}.")
    if missing := [name for name in ("id", "runs", "at") if not entry.get(name)]:
        raise LectureError(f"{where}: {missing[0]} is missing.")
    scene = Scene(
        **{name: tuple(value) if isinstance(value, list) else value for name, value in entry.items()}
    )
    choices = [
        ("mode", (scene.mode,), MODES),
        ("pick", (scene.pick,), PICKS),
        ("quiz", (scene.quiz,), QUIZZES),
    ]
    for name, values, allowed in [*choices, ("strips", scene.strips, STRIPS), ("point", scene.point, POINTS)]:
        if wrong := [value for value in values if value not in allowed]:
            raise LectureError(f"{where}: {name} cannot be {wrong[0]!r}. Allowed: {', '.join(allowed)}.")
    match = START.fullmatch(scene.at)
    if not match or not all(
        (part.isdecimal() and int(part)) or part in ("n", "T", "N", "H", "halt", "solved")
        for part in match.groups()
    ):
        raise LectureError(f"{where}: at is {scene.at!r}. Write step.cycle.call, for example 1.T.H.")
    if (scene.quiz == "text") != (scene.right > 0):
        raise LectureError(
            f'{where}: a "text" quiz needs right, the number of the right choice; other scenes must not have it.'
        )
    if scene.pair and len(scene.runs) != 2:
        raise LectureError(f"{where}: a pair needs two runs, not {len(scene.runs)}.")
    return scene


def read_toml(path: Path) -> dict[str, Any]:
    """Read a data file of the lecture. Raises LectureError if it cannot be read or is not valid TOML."""
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise LectureError(f"{path} cannot be read: {error.strerror or error}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise LectureError(f"{path} is not valid TOML: {error}.") from None
