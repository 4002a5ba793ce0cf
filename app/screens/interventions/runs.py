"""Runs with interventions, computed behind the page: the run that is left alone is kept, and what branches from it is shared."""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from app.screens.interventions.controls import OWN, Asked
from app.server import choice_runs, shared
from app.server.jobs import Work
from app.server.opening import torch_threads
from app.sidebar import puzzles
from app.state.choice import Choice
from probes.interventions.recorded import RECORDED, USUAL
from trm.progress import Progress
from trm.trace import Trace, TraceError, load_trace

if TYPE_CHECKING:
    from trm.model import Model

RUNS_KEPT = 6  # with their states, up to 96 MiB each


@dataclass(frozen=True, eq=False)
class Both:
    """The run that was left alone and the changed one."""

    plain: Trace
    changed: Trace


def recorded(choice: Choice, asked: Asked) -> Both | None:
    """The bundled pair, where exactly this is asked for; imports no torch."""
    if not (choice.source.is_bundled and choice.is_as_trained and asked == Asked(USUAL, asked.step)):
        return None
    mark = shared.weights_fingerprint(choice.source.name, choice.source.stamp)
    plain = choice_runs.recorded(choice)
    changed = _recorded_branch(
        RECORDED / choice.source.name / f"{USUAL}-{asked.step}.safetensors", mark, choice.puzzle
    )
    return None if plain is None or changed is None else Both(plain, changed)


@st.cache_data(max_entries=8, show_spinner=False)
def _recorded_branch(path: Path, fingerprint: str, puzzle: str) -> Trace | None:
    try:
        trace = load_trace(path)
    except TraceError:
        return None
    from trm.registry import model_config
    from trm.tasks import task_of

    same = task_of(model_config(path.parent.name)).format(trace.inputs) == puzzle
    return trace if same and trace.provenance.fingerprint == fingerprint else None


def job(choice: Choice, asked: Asked, model: "Model") -> tuple[Hashable, Work]:
    """Key and work of the job that makes both runs."""
    key = ("branch", model.fingerprint, choice.run, asked)
    return key, lambda progress: branch(choice, asked, model, progress)


def branch(choice: Choice, asked: Asked, model: "Model", progress: Progress) -> Both:
    """Raises UserError."""
    from probes.interventions.fork import followed
    from probes.interventions.preset_runs import planned
    from probes.interventions.spec import parse_all

    with torch_threads(model):
        kept = cached_run(choice, model, progress)
        if asked.experiment == OWN:
            run, changes = kept, parse_all(asked.text)
        else:
            run, changes = planned(kept, asked.experiment, asked.step)
        return Both(
            kept.trace, followed(run.branch(changes), run.depth, progress, "running with the intervention")
        )


def cached_run(choice: Choice, model: "Model", progress: Progress) -> "CachedRun":
    """The run that is left alone, with its states. Only inside a job: those take turns. Raises UserError."""
    from probes.interventions.fork import cache_run

    choice_runs.check_depth(choice.config, choice.depth)
    kept = _cached_runs()
    key: Hashable = (model.fingerprint, choice.run)
    if key not in kept:
        kept[key] = cache_run(
            model,
            choice.task,
            puzzles.read(choice.task, choice.puzzle),
            depth=choice.depth,
            puzzle_id=choice.puzzle_id,
            labels=choice.label_tokens,
            progress=progress,
        )
    kept.move_to_end(key)
    while len(kept) > RUNS_KEPT:
        kept.popitem(last=False)
    return kept[key]


@st.cache_resource(show_spinner=False)
def _cached_runs() -> "OrderedDict[Hashable, CachedRun]":
    return OrderedDict()
