"""The runs of the scenes. Runs of the bundled models are recorded, so they need no computation."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from app.screens.lecture.scenes import LectureError, Scene
from trm import registry
from trm.config import KINDS, ModelConfig
from trm.coordinates import Coordinates
from trm.data.presets import load_presets
from trm.export.payload import payload
from trm.export.run_facts import Facts, model_facts, reading_facts, run_facts
from trm.tasks import task_of
from trm.tasks.base import Task
from trm.trace import Trace, load_trace


@dataclass(frozen=True)
class SceneRun:
    """A run of a model on a puzzle, with the facts that scene texts use."""

    name: str  # model/puzzle
    model: str
    puzzle: str  # key of the puzzle's preset
    title: str  # title of the puzzle
    config: ModelConfig
    card: Mapping[str, Any]
    is_current: bool  # whether the run was made with the current weights
    trace: Trace

    @property
    def task(self) -> Task:
        return task_of(self.config)

    @cached_property
    def facts(self) -> Facts:
        """The facts that a text may use, by name."""
        accuracy = self.card["accuracy"]
        scores = {"exact": None, "score_count": None}
        if accuracy:
            scores = {"exact": f"{100 * accuracy['exact']:.1f}", "score_count": accuracy["count"]}
        return (
            model_facts(self.config, self.trace.depth)
            | run_facts(self.trace, self.task)
            | {"model": self.model, "parameters": self.card["parameters"], "scored": accuracy is not None}
            | scores
        )

    @cached_property
    def payload(self) -> dict[str, Any]:
        """The run as data for the player."""
        return payload(self.trace, self.task) | {"rules": None}  # the lecture has no room for *Why?*

    @property
    def sizes(self) -> dict[str, Any]:
        """The model's sizes, for the diagram and the code view."""
        config, facts = self.config, self.facts
        state = [1, config.length, config.hidden_size]
        kind = KINDS[config.kind]
        return {
            **{name: facts[name] for name in ("n", "T", "N_sup", "shared", "depth", "gradient_calls")},
            "layers_L": facts["layers"],
            "layers_H": facts["H_layers"],
            "x": state,
            "y": state,
            "z": [1, config.latents, *state[1:]] if kind.latents.stop > 2 else state,
            "one_state": not config.latents,
        }


def read_run(name: str) -> SceneRun:
    """Read a recorded run, named model/puzzle. Raises LectureError if it does not exist, TraceError if it is damaged."""
    model, _, puzzle = name.partition("/")
    if model not in registry.model_names():
        raise LectureError(
            f"The lecture shows a run of {model}, which is not a bundled model. See `trm models`."
        )
    config, card = registry.model_config(model), registry.model_card(model)
    titles = {preset.key: preset.title for preset in load_presets(config.task)}
    for path in registry.trace_paths(model):
        if path.stem.partition("-")[2] == puzzle and puzzle in titles:
            trace = load_trace(path)
            fingerprint = registry.fingerprint(registry.models_folder() / model / "model.safetensors")
            is_current = trace.provenance.fingerprint == fingerprint
            return SceneRun(name, model, puzzle, titles[puzzle], config, card, is_current, trace)
    raise LectureError(
        f"No run {name} is recorded. Record the bundled runs again: `python -m trm.training.bundle`."
    )


def runs_for(scene: Scene, runs: Mapping[str, SceneRun]) -> tuple[SceneRun, ...]:
    """Return the runs that a scene shows: both runs of a pair, otherwise the run that `pick` selects."""
    named = tuple(runs[name] for name in scene.runs)
    if scene.pair:
        return named
    solved = [run for run in named if run.facts["solved"]]
    fitting = {
        "solved": solved,
        "unsolved": [run for run in named if not run.facts["solved"]],
        "late": sorted(solved, key=lambda run: -run.facts["solved_answer"]),
    }
    return (*fitting.get(scene.pick, []), *named)[:1]


def start_in(scene: Scene, run: SceneRun) -> Coordinates:
    """Return the call of a run at which a scene starts."""
    return scene.start(run.trace.depth, halt=run.facts["halt_step"], solved=run.facts["solved_step"])


def facts_of(scene: Scene, runs: tuple[SceneRun, ...]) -> Facts:
    """Return the facts for a scene's texts: the facts of its last run and, for a pair, also left.* and right.*."""
    main = runs[-1]
    facts = main.facts | reading_facts(main.trace, main.task, start_in(scene, main))
    if len(runs) == 2:
        for side, run in zip(("left", "right"), runs, strict=True):
            facts |= {f"{side}.{name}": value for name, value in run.facts.items()}
    return facts
