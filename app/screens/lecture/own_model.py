"""The lecture with another model: a background job runs the model on the puzzles of the scenes."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING

import streamlit as st

from app.screens.lecture.contents import Lecture, bundled_lecture
from app.screens.lecture.language import Language, fill_in
from app.screens.lecture.runs import SceneRun
from app.screens.lecture.scenes import LectureError
from app.server import shared
from app.server.models import ModelSource, source_of
from app.server.options import Options
from app.ui import status
from app.ui.analysis import Analysis, result_of
from app.ui.progress import Words
from trm.progress import Progress
from trm.registry import models_folder

if TYPE_CHECKING:
    from trm.model import Model


def lecture_with(name: str, options: Options, language: Language) -> Lecture | None:
    """Return the lecture with this model in place of the bundled TRM of its task; None while the model loads or runs.

    Raises UserError if the model cannot be loaded, or if no scene shows puzzles of its task and size.
    """
    source = source_of(name, options)
    recorded = bundled_lecture().recorded.values()
    if any(run.model == name and run.config.kind == "trm" and run.is_current for run in recorded):
        return bundled_lecture()  # the bundled lecture has this model's runs
    words = words_of(language)
    model = _loaded(source, words)
    if model is None:
        return None
    replaced = {key: run for key, run in bundled_lecture().recorded.items() if _replaces(run, model)}
    if not replaced:
        rows, columns = model.config.grid
        raise LectureError(
            f"{name} solves {model.config.task} puzzles of {rows}x{columns}, which no scene shows. Choose a model for 9x9 "
            "Sudokus or 15x15 mazes."
        )
    return result_of(LectureRuns(source, tuple(replaced), language), words=words)


def words_of(language: Language) -> Words:
    """Return the texts of jobs and loading models, from the words `job_...` in the file of the language."""
    return Words(**{field.name: language.words[f"job_{field.name}"] for field in fields(Words)})


@dataclass(frozen=True)
class LectureRuns(Analysis[Lecture]):
    """A lecture with the runs of a model on the puzzles of the replaced runs.

    Reports its progress in the language of the user who started it.
    """

    source: ModelSource
    replaced: tuple[str, ...]  # keys of runs of the bundled lecture
    language: Language = field(compare=False)

    def run(self, model: "Model", progress: Progress) -> Lecture:
        from trm.models import parameter_count
        from trm.record import growing_trace

        name, words = self.source.name, self.language.words["own_model_runs"]
        card = {"parameters": parameter_count(model), "accuracy": None}
        runs = {}
        for place, key in enumerate(self.replaced):
            run = bundled_lecture().recorded[key]
            title = self.language.puzzles.get(run.puzzle, run.title)
            text = fill_in(words, {"model": name, "puzzle": title})
            progress(place / len(self.replaced), text)
            for trace in growing_trace(model, run.task, run.trace.inputs, labels=run.trace.labels):
                progress((place + trace.steps / trace.depth.N_sup) / len(self.replaced), text)
            runs[key] = replace(
                run,
                name=f"{model.fingerprint}/{run.puzzle}",
                model=name,
                config=model.config,
                card=card,
                trace=trace,
            )
        return Lecture(runs)


def _replaces(run: SceneRun, model: "Model") -> bool:
    """Return whether the model replaces a recorded run, which must be of a TRM with the same task, size and tokens."""
    old = (run.config.task, run.config.sequence_length, run.config.vocab_size)
    new = (model.config.task, model.config.sequence_length, model.config.vocab_size)
    return run.config.kind == "trm" and old == new


def _loaded(source: ModelSource, words: Words) -> "Model | None":
    opening = shared.models().ask(source)
    if opening.error:
        raise opening.error
    if opening.model is None:
        status.show_opening(opening, words)
    return opening.model


def model_select(options: Options, selected: str | None, words: Mapping[str, str]) -> None:
    """Draw the model menu. The session key `lecture_model` contains the name, or None for the recorded runs."""
    names = shared.model_names(models_folder(), options)
    if selected and selected not in names:
        names = [selected, *names]
    st.selectbox(
        words["own_model"],
        names,
        index=None,
        key="lecture_model",
        placeholder=words["as_recorded"],
        help=words["own_model_hint"],
    )
