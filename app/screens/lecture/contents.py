"""The lecture as sent to the browser: filled-in texts, outline of the scenes, code and runs. Does not use Streamlit."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from functools import cache, cached_property
from typing import Any

from app.screens.lecture.code_view import source
from app.screens.lecture.language import Language, fill_in, languages, paragraphs, read_language
from app.screens.lecture.quizzes import NO_FACTS, Quiz, quiz_of
from app.screens.lecture.runs import SceneRun, facts_of, read_run, runs_for, start_in
from app.screens.lecture.scenes import LectureError, Scene, read_scenes
from trm.coordinates import Coordinates
from trm.export.run_facts import Facts


class Lecture:
    """All scenes with their runs. Raises LectureError if the data files and the runs do not fit together."""

    def __init__(self, replacements: Mapping[str, SceneRun] | None = None) -> None:
        """Read scenes and runs. `replacements` maps names of recorded runs to the runs that replace them."""
        self.scenes = read_scenes()
        names = dict.fromkeys(name for scene in self.scenes for name in scene.runs)
        self.recorded = {name: read_run(name) for name in names}
        runs = self.recorded | dict(replacements or {})
        self.scene_runs = {scene.id: runs_for(scene, runs) for scene in self.scenes}
        self.quizzes: dict[str, Quiz | None] = {
            scene.id: quiz_of(scene, self.scene_runs[scene.id][-1], self.start_of(scene))
            for scene in self.scenes
        }
        self.facts = {scene.id: self._facts(scene) for scene in self.scenes}
        # Texts by language. Filling in takes a while, and a whole class requests the texts at once.
        self._texts: dict[str, dict[str, Any]] = {}

    def _facts(self, scene: Scene) -> Facts:
        quiz = self.quizzes[scene.id]
        return facts_of(scene, self.scene_runs[scene.id]) | NO_FACTS | (quiz.facts if quiz else {})

    def has(self, scene: str) -> bool:
        return scene in self.scene_runs

    def start_of(self, scene: Scene) -> Coordinates:
        """Return the call at which a scene starts."""
        return start_in(scene, self.scene_runs[scene.id][-1])

    @cached_property
    def languages(self) -> dict[str, str]:
        """Names of the languages by code. Raises LectureError if a language file is not valid."""
        return {code: read_language(code).name for code in languages()}

    @cached_property
    def outline(self) -> list[dict[str, Any]]:
        """Runs, start and view of each scene, in scene order; identical in all languages."""
        return [self._outline(scene) for scene in self.scenes]

    def _outline(self, scene: Scene) -> dict[str, Any]:
        runs, start = self.scene_runs[scene.id], self.start_of(scene)
        quiz = self.quizzes[scene.id]
        # The player moves to each start once. The scene's id distinguishes two equal starts.
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
            "quiz": quiz and {"right": quiz.right, "reveal": quiz.reveal},
        }

    def texts(self, code: str) -> dict[str, Any]:
        """Return all texts in a language, cached. Raises LectureError if the language or a fact is unknown."""
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
            "choices": self._choices(scene, language),
            "run_captions": run_captions,
        }

    def _choices(self, scene: Scene, language: Language) -> list[str]:
        """Return the choices of the question of a scene. Raises LectureError if the right one is missing."""
        quiz = self.quizzes[scene.id]
        if quiz is None:
            return []
        if quiz.choices:
            word = f"choice_{scene.quiz}"
            return [
                language.words["choice_never"]
                if None in values.values()
                else fill_in(language.words[word], values)
                for values in quiz.choices
            ]
        choices = list(language.scenes[scene.id].get("choices", []))
        if not 0 <= quiz.right < len(choices):
            raise LectureError(f"{language.code}.toml: scene {scene.id} has no choice {quiz.right + 1}.")
        return choices

    def payloads(self, scenes: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Return the player payloads of these scenes, by run name."""
        runs: dict[str, SceneRun] = {run.name: run for scene in scenes for run in self.scene_runs[scene]}
        return {name: run.payload for name, run in runs.items()}


@cache
def code() -> list[dict[str, Any]]:
    """Return the source lines of the recursion. They are read once per process."""
    return source()


@cache
def bundled_lecture() -> Lecture:
    """Return the lecture with the recorded runs. It is built once per process."""
    return Lecture()
