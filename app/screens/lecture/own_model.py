"""The lecture with another model: a background job runs it on the puzzles of the scenes."""

from collections.abc import Mapping
from dataclasses import fields, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from app.screens.lecture.contents import Lecture, bundled_lecture
from app.screens.lecture.language import Language, fill_in
from app.screens.lecture.runs import SceneRun
from app.screens.lecture.scenes import LectureError
from app.server import shared
from app.server.models import ModelSource, source_of
from app.server.options import Options
from app.server.slices import in_slices
from app.ui import status
from app.ui.progress import Words, result_of
from app.ui.status import LoadingWords
from trm.progress import Progress
from trm.registry import models_folder

if TYPE_CHECKING:
    from trm.model import Model


def lecture_with(name: str, options: Options, language: Language) -> Lecture | None:
    """The lecture with this model in place of the bundled TRM of its task; None while it loads or runs.

    Raises UserError if the model cannot be loaded, or if no scene shows puzzles of its task and size.
    """
    source = source_of(name, options)
    recorded = bundled_lecture().recorded.values()
    if any(run.model == name and run.config.kind == "trm" and run.is_current for run in recorded):
        return bundled_lecture()  # the bundled lecture has this model's runs
    model = _loaded(source, texts_of(LoadingWords, "model", language))
    if model is None:
        return None
    replaced = {key: run for key, run in bundled_lecture().recorded.items() if _replaces(run, model)}
    if not replaced:
        rows, columns = model.config.grid
        raise LectureError(
            f"{name} solves {model.config.task} puzzles of {rows}x{columns}, which no scene shows. Choose a model for 9x9 "
            "Sudokus or 15x15 mazes."
        )
    key = ("lecture", model.fingerprint, model.compute_dtype, tuple(replaced))
    work = partial(_run_scenes, model, name, replaced, language)
    return result_of(key, work, words=texts_of(Words, "job", language))


def texts_of(kind: type, prefix: str, language: Language) -> Any:
    """The texts of type `kind` in the language: `words.{prefix}_{field}` in its file."""
    return kind(**{field.name: language.words[f"{prefix}_{field.name}"] for field in fields(kind)})


def _replaces(run: SceneRun, model: "Model") -> bool:
    """Whether the model replaces the model of a recorded run: a bundled TRM with the same task, size and tokens."""
    old = (run.config.task, run.config.sequence_length, run.config.vocab_size)
    new = (model.config.task, model.config.sequence_length, model.config.vocab_size)
    return run.config.kind == "trm" and old == new


def _loaded(source: ModelSource, words: LoadingWords) -> "Model | None":
    opening = shared.models().ask(source)
    if opening.error:
        raise opening.error
    if opening.model is None:
        status.show_opening(opening, words)
    return opening.model


def _run_scenes(
    model: "Model", name: str, replaced: Mapping[str, SceneRun], language: Language, progress: Progress
) -> Lecture:
    """The background job: one run per puzzle. Reports its progress in the language of the user who started it."""
    from trm.models import parameter_count

    card = {"parameters": parameter_count(model), "accuracy": None}
    runs = {}
    for place, (key, run) in enumerate(replaced.items()):
        facts = {"model": name, "puzzle": language.puzzles.get(run.puzzle, run.title)}
        text = fill_in(language.words["own_model_runs"], facts)
        progress(place / len(replaced), text)
        for trace in in_slices(model, run.task, run.trace.inputs, labels=run.trace.labels):
            progress((place + trace.steps / trace.depth.N_sup) / len(replaced), text)
        runs[key] = replace(
            run,
            name=f"{model.fingerprint}/{run.puzzle}",
            model=name,
            config=model.config,
            card=card,
            trace=trace,
        )
    return Lecture(runs)


def model_select(options: Options, selected: str | None, words: Mapping[str, str]) -> None:
    """Draw the model menu. The session key `lecture_model` holds the name, or None for the recorded runs."""
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
