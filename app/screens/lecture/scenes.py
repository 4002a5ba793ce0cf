"""The scenes of the lecture, as assets/lecture/scenes.toml lists them, and the place in a run where each begins."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from trm.coordinates import F_H, F_L, Coordinates, Depth
from trm.errors import UserError
from trm.export.call_view import MODES
from trm.registry import ASSETS

FOLDER = ASSETS / "lecture"
STRIPS = ("halting", "right", "changed", "entropy", "residual-y", "residual-z", "cell")
POINTS = ("x", "y", "z", "net", "loop_L", "loop_T", "loop_N", "heads", "gradient", "detach", "depth")
PICKS = ("", "solved", "unsolved", "late")
PLACE = re.compile(r"(\w+)\.(\w+)\.(\w+)")


class LectureError(UserError):
    """A scene or a text of the lecture that says something that means nothing."""


@dataclass(frozen=True)
class Scene:
    """What one scene shows; scenes.toml says what the fields mean."""

    id: str
    runs: tuple[str, ...]
    at: str
    mode: str = "answer"
    strips: tuple[str, ...] = ()
    point: tuple[str, ...] = ()
    pick: str = ""
    pair: bool = False

    def place(self, depth: Depth, *, halt: int | None, solved: int | None) -> Coordinates:
        """Where it begins in a run of this depth; steps that the run has not are its last. Raises LectureError."""
        named = {"n": depth.n, "T": depth.T, "N": depth.N_sup, "H": depth.n + 1} | {
            name: depth.N_sup if step is None else step for name, step in (("halt", halt), ("solved", solved))
        }
        step, cycle, call = (
            int(part) if part.isdecimal() else named.get(part, 0)
            for part in PLACE.fullmatch(self.at).groups()
        )
        tops = (depth.N_sup, depth.T, depth.n + 1)
        step, cycle, call = (min(number, top) for number, top in zip((step, cycle, call), tops, strict=True))
        return Coordinates(step, cycle, call, F_H if call == depth.n + 1 else F_L)


def read_scenes(path: Path = FOLDER / "scenes.toml") -> tuple[Scene, ...]:
    """All scenes in their order. Raises LectureError naming the first thing that does not fit."""
    listed = read_toml(path).get("scene", [])
    scenes = tuple(_scene(entry, number, path) for number, entry in enumerate(listed, 1))
    if not scenes or len({scene.id for scene in scenes}) != len(scenes):
        raise LectureError(f"{path} has no scenes, or two of one id. Give each [[scene]] an id of its own.")
    return scenes


def _scene(entry: Mapping[str, Any], number: int, path: Path) -> Scene:
    where = f"{path}, scene {number} ({entry.get('id', 'without id')})"
    known = {field.name: field for field in fields(Scene)}
    for name, value in entry.items():
        if name not in known:
            raise LectureError(f"{where}: {name!r} is not known. Known: {', '.join(known)}.")
        wanted = {"pair": bool, "runs": list, "strips": list, "point": list}.get(name, str)
        if type(value) is not wanted:
            raise LectureError(f"{where}: {name} must be a {wanted.__name__}, not {value!r}.")
    if missing := [name for name in ("id", "runs", "at") if not entry.get(name)]:
        raise LectureError(f"{where} lacks {missing[0]}.")
    scene = Scene(
        **{name: tuple(value) if isinstance(value, list) else value for name, value in entry.items()}
    )
    choices = [("mode", (scene.mode,), MODES), ("pick", (scene.pick,), PICKS)]
    for name, given, allowed in [*choices, ("strips", scene.strips, STRIPS), ("point", scene.point, POINTS)]:
        if wrong := [value for value in given if value not in allowed]:
            raise LectureError(f"{where}: {name} knows no {wrong[0]!r}. Choose of: {', '.join(allowed)}.")
    words = PLACE.fullmatch(scene.at)
    if not words or not all(
        (part.isdecimal() and int(part)) or part in ("n", "T", "N", "H", "halt", "solved")
        for part in words.groups()
    ):
        raise LectureError(f"{where}: at is {scene.at!r}. Write step.cycle.call, such as 1.T.H.")
    if scene.pair and len(scene.runs) != 2:
        raise LectureError(f"{where}: a pair is of two runs, not of {len(scene.runs)}.")
    return scene


def read_toml(path: Path) -> dict[str, Any]:
    """A data file of the lecture. Raises LectureError."""
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise LectureError(f"{path} cannot be read: {error.strerror or error}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise LectureError(f"{path} is not TOML: {error}.") from None
