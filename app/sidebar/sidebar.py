"""The sidebar: model, puzzle and depth, set by its controls or by the link, and validated here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import streamlit as st

from app.server import shared
from app.server.opening import Opening
from app.server.options import Options
from app.sidebar import arc_puzzles, model_controls, model_facts, puzzles, variants
from app.site.address import MODELS, gallery_address, run_address
from app.state import links
from app.state.choice import Choice
from app.ui import status
from trm.registry import models_folder
from trm.tasks import task_of
from trm.tasks.base import Task


@dataclass(frozen=True)
class Selection:
    """State of the sidebar: a choice, an opening while the model loads, or neither if there is no model."""

    choice: Choice | None = None
    opening: Opening | None = None
    mistakes: tuple[str, ...] = ()


def sidebar(
    options: Options,
    *,
    below_model: Callable[[model_controls.Opened], None] | None = None,
    first: str = model_controls.DEFAULT_MODEL,
) -> Selection:
    """Draw the controls and return the selection.

    `below_model` draws the page's own controls for the open model. `first` is the model of a session that starts on
    this page.
    """
    names = shared.model_names(models_folder(), options)
    link = links.opened_with()
    with st.sidebar:
        st.markdown("### :material/motion_blur: Recursion Lens")
        opened, mistakes = variants.choose(names, options, link, first)
        if not isinstance(opened, model_controls.Opened):
            return Selection(opening=opened, mistakes=tuple(mistakes))
        task = task_of(opened.config)
        if task.needs_puzzle_id:
            arc_puzzles.open_link(task, options, link)
        puzzles.init_state(task, link)
        model_controls.init_depth(opened, link)
        model_facts.show(opened)
        if below_model is not None:
            below_model(opened)
        own_controls = None
        if task.needs_puzzle_id:
            arc_puzzles.init_state(task, opened.config, options, opened.folder, link)
            own_controls = partial(
                arc_puzzles.controls,
                task,
                opened.config,
                options,
                opened.folder,
                set_puzzle=puzzles.set_puzzle,
            )
        puzzles.controls(task, own_controls)
        model_controls.steps_control()
        model_facts.show_depth(opened)
    choice = _choice(opened, task, options)
    with st.sidebar:
        site_link(options, choice)
    return Selection(choice, mistakes=tuple(mistakes))


def site_link(options: Options, choice: Choice | None = None) -> None:
    """Draw a link to the published site, if the server knows one.

    It leads to the choice if its model runs there, and otherwise to the recorded runs.
    """
    if options.site is None:
        return
    if choice is not None and choice.source.is_bundled and choice.source.name in MODELS:
        label = "Run this puzzle without a server"
        address = run_address(options.site, choice.source.name, choice.puzzle)
        explanation = (
            "Opens this model and puzzle on a page where the model runs in the browser, without Python."
        )
    else:
        label, address = "Recorded runs without a server", gallery_address(options.site)
        explanation = "Opens a page with runs of the bundled models, which needs no Python."
    st.page_link(address, label=label, icon=":material/open_in_new:", help=explanation)


def _choice(opened: model_controls.Opened, task: Task, options: Options) -> Choice:
    source, config, depth = model_controls.forced(opened)
    puzzle, title, sentence, mistake = puzzles.chosen(task)
    arc, labels, puzzle_id = None, None, 0
    if task.needs_puzzle_id:
        arc, labels = arc_puzzles.published(task, options, puzzle)
        puzzle_id = st.session_state.get("puzzle_id", 0)
        title = arc_puzzles.title_of(arc) if arc else title
    links.write(
        model_controls.link_of(opened, depth)
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
    """Draw the errors and return the choice. Returns None, with a message, if there is no model yet."""
    with st.container():
        for mistake in (*selection.mistakes, *mistakes):
            status.problem(mistake)
    if selection.choice is None:
        status.no_model_yet(selection.opening)
    return selection.choice


def model_sidebar(options: Options) -> model_controls.Opened | None:
    """Draw the sidebar of a page about one model on many puzzles. The choice of model persists across pages.

    Returns None, with a message, until the model is open.
    """
    names = shared.model_names(models_folder(), options)
    link = links.opened_with()
    with st.sidebar:
        st.markdown("### :material/motion_blur: Recursion Lens")
        opened, mistakes = variants.choose(names, options, link)
    for mistake in mistakes:
        status.problem(mistake)
    if opened is None or isinstance(opened, Opening):
        status.no_model_yet(opened)
        return None
    with st.sidebar:
        model_controls.init_depth(opened, link)  # of the self-check
        st.caption(model_facts.title(opened.config))
        model_facts.show_inert_states(opened)
        site_link(options)
    links.write({"model": opened.source.name})
    return opened
