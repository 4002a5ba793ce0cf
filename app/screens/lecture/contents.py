"""The lecture as sent to the browser: filled-in texts, what each scene shows, code and runs. Does not use Streamlit."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from functools import cache, cached_property
from typing import Any

from app.screens.lecture.code_view import source
from app.screens.lecture.language import Language, fill_in, languages, paragraphs, read_language
from app.screens.lecture.runs import SceneRun, facts_of, read_run, runs_for, start_in
from app.screens.lecture.scenes import Scene, read_scenes
from trm.coordinates import Coordinates


class Lecture:
    """All scenes with their runs. Raises LectureError if the data files and the runs do not fit together."""

    def __init__(self, replacements: Mapping[str, SceneRun] | None = None) -> None:
        """`replacements` maps the names of recorded runs to another model's runs that replace them."""
        self.scenes = read_scenes()
        names = dict.fromkeys(name for scene in self.scenes for name in scene.runs)
        self.recorded = {name: read_run(name) for name in names}
        runs = self.recorded | dict(replacements or {})
        self.scene_runs = {scene.id: runs_for(scene, runs) for scene in self.scenes}
        self.facts = {scene.id: facts_of(scene, self.scene_runs[scene.id]) for scene in self.scenes}
        # By language. Filling them in takes a while, and a whole class requests them at once.
        self._texts: dict[str, dict[str, Any]] = {}

    def has(self, scene: str) -> bool:
        return scene in self.scene_runs

    def start_of(self, scene: Scene) -> Coordinates:
        """The call at which a scene starts."""
        return start_in(scene, self.scene_runs[scene.id][-1])

    @cached_property
    def languages(self) -> dict[str, str]:
        """The languages' names by code. Raises LectureError."""
        return {code: read_language(code).name for code in languages()}

    @cached_property
    def outline(self) -> list[dict[str, Any]]:
        """What each scene shows, in scene order; the same in all languages."""
        return [self._outline(scene) for scene in self.scenes]

    def _outline(self, scene: Scene) -> dict[str, Any]:
        runs, start = self.scene_runs[scene.id], self.start_of(scene)
        # The player goes to each start once; the scene's id distinguishes two equal starts.
        view = {**asdict(start), "mode": scene.mode, "cell": None, "scene": scene.id}
        return {
            "id": scene.id,
            "runs": [run.name for run in runs],
            "names": [run.model for run in runs] if scene.pair else None,
            "start": view,
            "strips": list(scene.strips),
            "point": list(scene.point),
            "sizes": [run.sizes for run in runs],
            "current": all(run.is_current for run in runs),
        }

    def texts(self, code: str) -> dict[str, Any]:
        """All texts in a language, cached. Raises LectureError."""
        if code not in self._texts:
            self._texts[code] = self._texts_in(read_language(code))
        return self._texts[code]

    def _texts_in(self, language: Language) -> dict[str, Any]:
        return {
            "name": language.name,
            "words": dict(language.words),
            "player": dict(language.player),
            "scenes": {scene.id: self._scene_texts(scene, language) for scene in self.scenes},
        }

    def _scene_texts(self, scene: Scene, language: Language) -> dict[str, Any]:
        parts, runs = language.scenes[scene.id], self.scene_runs[scene.id]
        titles = [language.puzzles.get(run.puzzle, run.title) for run in runs]
        facts = self.facts[scene.id] | {"puzzle": titles[-1]}
        run_captions = [
            fill_in(language.words["run_caption"], {"model": run.model, "puzzle": title})
            for run, title in zip(runs, titles, strict=True)
        ]
        return {
            "title": fill_in(parts["title"], facts),
            "text": paragraphs(parts["text"], facts),
            "question": fill_in(parts["question"], facts),
            "answer": " ".join(paragraphs(parts["answer"], facts)),
            "notes": paragraphs(parts["notes"], facts),
            "run_captions": run_captions,
        }

    def payloads(self, scenes: Iterable[str]) -> dict[str, dict[str, Any]]:
        """The player payloads of these scenes, by run name."""
        runs: dict[str, SceneRun] = {run.name: run for scene in scenes for run in self.scene_runs[scene]}
        return {name: run.payload for name, run in runs.items()}


@cache
def code() -> list[dict[str, Any]]:
    """The source lines of the recursion. Read once per process."""
    return source()


@cache
def bundled_lecture() -> Lecture:
    """The lecture with the recorded runs. Read once per process."""
    return Lecture()
