"""Distinguishes the user's choices from old values that an outdated page sends again.

A browser sends all widget values with each message. A component of this app that reruns the page by itself, for example
when a job ends, may do so before the browser has received the server's response to the user's last action. The message
then contains the old values of widgets that the server has changed, and Streamlit takes these values for new choices.
Components therefore send the number of server changes that their page has received.
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
    """Return whether a component of an outdated page has caused this rerun by itself."""
    messages = (value.get("news") for value in st.session_state.values() if isinstance(value, Mapping))
    return any(isinstance(message, dict) and message.get("edits") != count() for message in messages)
