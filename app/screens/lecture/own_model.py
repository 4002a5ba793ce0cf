"""The lecture with another model in it: its runs on the puzzles of the scenes, made behind the page."""

from collections.abc import Mapping
from dataclasses import fields, replace
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from app.screens.lecture.contents import Lecture, lecture
from app.screens.lecture.language import Language, filled
from app.screens.lecture.runs import Shown
from app.screens.lecture.scenes import LectureError
from app.server import shared
from app.server.models import ModelSource, source_of
from app.server.options import Options
from app.server.slices import in_slices
from app.ui import status
from app.ui.progress import Words, result_of
from trm.progress import Progress
from trm.registry import models_folder

if TYPE_CHECKING:
    from trm.model import Model


def told_with(name: str, options: Options, spoken: Language) -> Lecture | None:
    """The lecture with this model in the place of the bundled TRM of its task; None while it is on its way, which is said.

    Raises UserError where the model cannot be opened, or no scene shows puzzles that it reads.
    """
    source = source_of(name, options)
    recorded = lecture().recorded.values()
    if any(run.model == name and run.config.kind == "trm" and run.is_current for run in recorded):
        return lecture()  # its runs are those already
    model = _opened(source)
    if model is None:
        return None
    wanted = {key: run for key, run in lecture().recorded.items() if _plays(run, model)}
    if not wanted:
        rows, columns = model.config.grid
        raise LectureError(
            f"{name} reads {model.config.task} of {rows}x{columns}, which no scene shows. Choose a model of 9x9 Sudokus or "
            "15x15 mazes."
        )
    key = ("lecture", model.fingerprint, model.compute_dtype, tuple(wanted))
    said = Words(**{field.name: spoken.words[f"job_{field.name}"] for field in fields(Words)})
    return result_of(key, partial(_lecture, model, name, wanted, spoken), words=said)


def _plays(run: Shown, model: "Model") -> bool:
    """Whether a recorded run is one that the model takes the place of: the bundled TRM's, on a puzzle that it reads."""
    same = (run.config.task, run.config.sequence_length, run.config.vocab_size)
    own = (model.config.task, model.config.sequence_length, model.config.vocab_size)
    return run.config.kind == "trm" and same == own


def _opened(source: ModelSource) -> "Model | None":
    opening = shared.models().ask(source)
    if opening.error:
        raise opening.error
    if opening.model is None:
        status.show_opening(opening)
    return opening.model


def _lecture(
    model: "Model", name: str, wanted: Mapping[str, Shown], spoken: Language, progress: Progress
) -> Lecture:
    """The work behind the page: a run for each puzzle. It says what it does in the language of who began it."""
    from trm.models import parameter_count

    card = {"parameters": parameter_count(model), "accuracy": None}
    own = {}
    for place, (key, run) in enumerate(wanted.items()):
        facts = {"model": name, "puzzle": spoken.puzzles.get(run.puzzle, run.title)}
        words = filled(spoken.words["own_model_runs"], facts)
        progress(place / len(wanted), words)
        for trace in in_slices(model, run.task, run.trace.inputs, labels=run.trace.labels):
            progress((place + trace.steps / trace.depth.N_sup) / len(wanted), words)
        own[key] = replace(
            run,
            name=f"{model.fingerprint}/{run.puzzle}",
            model=name,
            config=model.config,
            card=card,
            trace=trace,
        )
    return Lecture(own)


def choose(options: Options, chosen: str | None, words: Mapping[str, str]) -> None:
    """The control under the lecture; the session's `lecture_model` holds the name, None for the recorded runs."""
    names = shared.model_names(models_folder(), options)
    if chosen and chosen not in names:
        names = [chosen, *names]
    st.selectbox(
        words["own_model"],
        names,
        index=None,
        key="lecture_model",
        placeholder=words["as_recorded"],
        help=words["own_model_hint"],
    )
