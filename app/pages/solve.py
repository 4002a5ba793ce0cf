"""Solve: how does the answer come about? One model, one puzzle, the player."""

import streamlit as st

from app import inputs, notes, session
from app.player import player
from app.player.payload import payload
from trm.errors import UserError
from trm.tasks import get_task

PAGE_FIRST = 1.5  # seconds the browser gets before torch is imported behind it


def page() -> None:
    choice = inputs.sidebar()
    if choice is None:
        notes.no_models()
        return
    task = get_task(choice.config.task)
    notes.puzzle(choice, task)
    try:
        trace = session.trace(choice)
    except UserError as error:
        notes.problem(error)
        return
    if trace is None:
        notes.loading(choice.model)
        return
    show(payload(trace, task, start=inputs.opening_view()))
    if trace.provenance.recorded and not session.loader().ready(choice.model):
        session.loader().ask(choice.model, after=PAGE_FIRST)
        take_over(choice.model)


@st.fragment
def show(data: dict) -> None:
    """The player. A fragment, so that reporting a view reruns nothing else."""
    view = player(data, key="player")
    if view:
        inputs.remember_view(view)


@st.fragment(run_every=1.0)
def take_over(model_name: str) -> None:
    """Waits for the model to be loaded; then the page shows its own run."""
    if session.loader().ready(model_name):
        st.rerun()


page()
