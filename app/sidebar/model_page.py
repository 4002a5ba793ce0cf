"""The sidebar of pages about a model on many puzzles: the model, and nothing of a single puzzle."""

import streamlit as st

from app.server.opening import Opening
from app.server.options import Options
from app.sidebar import model_controls, model_facts
from app.state import links, session
from app.ui import status
from trm.registry import models_folder


def sidebar(options: Options) -> model_controls.Opened | None:
    """The controls of a page about a model on many puzzles: the model alone. None while there is none, which is said.

    What was chosen stays when the person goes to another page.
    """
    names = session.model_names(models_folder(), options)
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
    links.write({"model": found.source.name})
    return found
