"""Tells choices by the user from values that an outdated page repeats.

A browser sends all widget values with each message. A component of this app that makes the page rerun by itself, for
example when a job ends, may do so before the browser has received what the server made of the user's last action: the
message then contains the old values of widgets that the server has changed, and Streamlit takes them for new choices.
Components therefore send the number of changes by the server that their page knows of.
"""

from collections.abc import Mapping

import streamlit as st


def count() -> int:
    """Return the number of times that the server has changed a widget in this session."""
    return st.session_state.get("edits", 0)


def note() -> None:
    """Record that the server changes a widget."""
    st.session_state.edits = count() + 1


def is_outdated() -> bool:
    """Return whether a component has caused this rerun by itself, on a page that is not up to date."""
    messages = (value.get("news") for value in st.session_state.values() if isinstance(value, Mapping))
    return any(isinstance(message, dict) and message.get("edits") != count() for message in messages)
