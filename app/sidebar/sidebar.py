"""What a person asks for: model, puzzle and depth, from the sidebar and from the link. Checked here, once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import streamlit as st

from app.server import shared
from app.server.opening import Opening
from app.server.options import Options
from app.sidebar import arc_puzzles, model_controls, model_facts, puzzles
from app.state import links
from app.state.choice import Choice
from app.ui import status
from trm.registry import models_folder
from trm.tasks import task_of
from trm.tasks.base import Task


@dataclass(frozen=True)
class Selection:
    """All that the sidebar says: a choice; or an opening that goes on; or neither, where there is no model."""

    choice: Choice | None = None
    opening: Opening | None = None
    mistakes: tuple[str, ...] = ()


def sidebar(
    options: Options,
    *,
    below_model: Callable[[model_controls.Opened], None] | None = None,
    first: str = model_controls.DEFAULT_MODEL,
) -> Selection:
    """Draw the controls; returns what was asked for. `below_model` draws a page's own ones about the model that is open; `first`
    is the model of a session that begins here.
    """
    names = shared.model_names(models_folder(), options)
    link = links.opened_with()
    with st.sidebar:
        st.markdown("### :material/motion_blur: Recursion Lens")
        found, mistakes = model_controls.choose(names, options, link, first)
        if not isinstance(found, model_controls.Opened):
            return Selection(opening=found, mistakes=tuple(mistakes))
        task = task_of(found.config)
        if task.needs_puzzle_id:
            arc_puzzles.open_link(task, options, link)
        puzzles.settle(task, link)
        model_controls.settle_depth(found, link)
        model_facts.show(found)
        if below_model is not None:
            below_model(found)
        own_controls = None
        if task.needs_puzzle_id:
            arc_puzzles.settle(task, found.config, options, found.folder, link)
            own_controls = partial(
                arc_puzzles.controls, task, found.config, options, found.folder, take=puzzles.take
            )
        puzzles.controls(task, own_controls)
        model_controls.steps_control()
        model_facts.show_depth(found)
    return Selection(_choice(found, task, options), mistakes=tuple(mistakes))


def _choice(found: model_controls.Opened, task: Task, options: Options) -> Choice:
    source, config, depth = model_controls.forced(found)
    puzzle, title, sentence, mistake = puzzles.chosen(task)
    arc, labels, puzzle_id = None, None, 0
    if task.needs_puzzle_id:
        arc, labels = arc_puzzles.published(task, options, puzzle)
        puzzle_id = st.session_state.get("puzzle_id", 0)
        title = arc_puzzles.title_of(arc) if arc else title
    links.write(
        model_controls.link_of(found, depth)
        | {"puzzle": puzzle, "id": str(puzzle_id) if puzzle_id else None, "arc": arc}
    )
    return Choice(
        source,
        config,
        depth,
        puzzle,
        title,
        sentence,
        puzzle_id,
        None if labels is None else labels.tobytes(),
        mistake,
        arc,
    )


def chosen(selection: Selection, mistakes: Sequence[str] = ()) -> Choice | None:
    """What the page is of; None where it is not known yet, and what is waited for or missing is said. Mistakes are said first."""
    with st.container():
        for mistake in (*selection.mistakes, *mistakes):
            status.problem(mistake)
    if selection.choice is None:
        status.no_model_yet(selection.opening)
    return selection.choice


def model_sidebar(options: Options) -> model_controls.Opened | None:
    """The controls of a page about a model on many puzzles: the model alone. None while there is none, which is said.

    What was chosen stays when the person goes to another page.
    """
    names = shared.model_names(models_folder(), options)
    with st.sidebar:
        st.markdown("### :material/motion_blur: Recursion Lens")
        found, mistakes = model_controls.choose(names, options, links.opened_with())
    for mistake in mistakes:
        status.problem(mistake)
    if found is None or isinstance(found, Opening):
        status.no_model_yet(found)
        return None
    with st.sidebar:
        st.caption(model_facts.title(found.config))
        model_facts.show_inert_states(found)
    links.write({"model": found.source.name})
    return found
