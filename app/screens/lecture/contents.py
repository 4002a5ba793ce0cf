"""The lecture as the browser is sent it: texts with their numbers, what each scene shows, the code, the runs. No Streamlit."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from functools import cache, cached_property
from typing import Any

from app.screens.lecture import language
from app.screens.lecture.code_view import source
from app.screens.lecture.language import Language, filled, paragraphs
from app.screens.lecture.runs import Shown, chosen, facts_of, place_in, read_run
from app.screens.lecture.scenes import Scene, read_scenes
from trm.coordinates import Coordinates


class Lecture:
    """All scenes with their runs, read once. Raises LectureError where data files and runs do not fit."""

    def __init__(self, own: Mapping[str, Shown] | None = None) -> None:
        """`own` are runs of another model that take the places of recorded ones, by those names."""
        self.scenes = read_scenes()
        names = dict.fromkeys(name for scene in self.scenes for name in scene.runs)
        self.recorded = {name: read_run(name) for name in names}
        runs = self.recorded | dict(own or {})
        self.shown = {scene.id: chosen(scene, runs) for scene in self.scenes}
        self.facts = {scene.id: facts_of(scene, self.shown[scene.id]) for scene in self.scenes}
        self._texts: dict[
            str, dict[str, Any]
        ] = {}  # as they were told, which takes a while, and a class asks at once

    def has(self, scene: str) -> bool:
        return scene in self.shown

    def place(self, scene: Scene) -> Coordinates:
        """The call that a scene begins with."""
        return place_in(scene, self.shown[scene.id][-1])

    @cached_property
    def languages(self) -> dict[str, str]:
        """Names of the languages by their codes. Raises LectureError."""
        return {code: language.read_language(code).name for code in language.languages()}

    @cached_property
    def outline(self) -> list[dict[str, Any]]:
        """What each scene shows, the same in all languages."""
        return [self._outline(scene) for scene in self.scenes]

    def _outline(self, scene: Scene) -> dict[str, Any]:
        shown, at = self.shown[scene.id], self.place(scene)
        # The scene's name makes it a start of its own: the player goes to each once.
        start = {**asdict(at), "mode": scene.mode, "cell": None, "scene": scene.id}
        return {
            "id": scene.id,
            "runs": [run.name for run in shown],
            "names": [run.model for run in shown] if scene.pair else None,
            "start": start,
            "strips": list(scene.strips),
            "point": list(scene.point),
            "sizes": [run.sizes for run in shown],
            "current": all(run.is_current for run in shown),
        }

    def texts(self, code: str) -> dict[str, Any]:
        """All that is said, in a language; read once. Raises LectureError."""
        if code not in self._texts:
            self._texts[code] = self._told(language.read_language(code))
        return self._texts[code]

    def _told(self, spoken: Language) -> dict[str, Any]:
        return {
            "name": spoken.name,
            "words": dict(spoken.words),
            "player": dict(spoken.player),
            "scenes": {scene.id: self._spoken(scene, spoken) for scene in self.scenes},
        }

    def _spoken(self, scene: Scene, spoken: Language) -> dict[str, Any]:
        parts, shown = spoken.scenes[scene.id], self.shown[scene.id]
        titles = [spoken.puzzles.get(run.puzzle, run.title) for run in shown]
        facts = self.facts[scene.id] | {"puzzle": titles[-1]}
        made_by = [
            filled(spoken.words["made_by"], {"model": run.model, "puzzle": title})
            for run, title in zip(shown, titles, strict=True)
        ]
        return {
            "title": filled(parts["title"], facts),
            "text": paragraphs(parts["text"], facts),
            "question": filled(parts["question"], facts),
            "answer": " ".join(paragraphs(parts["answer"], facts)),
            "notes": paragraphs(parts["notes"], facts),
            "made_by": made_by,
        }

    def runs(self, scenes: Iterable[str]) -> dict[str, dict[str, Any]]:
        """The players' payloads that these scenes need, by the runs' names."""
        needed: dict[str, Shown] = {run.name: run for scene in scenes for run in self.shown[scene]}
        return {name: run.payload for name, run in needed.items()}


@cache
def code() -> list[dict[str, Any]]:
    """The lines of the recursion as they are now. Read once per process."""
    return source()


@cache
def lecture() -> Lecture:
    """Read once per process."""
    return Lecture()
