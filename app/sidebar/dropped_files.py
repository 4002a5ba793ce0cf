"""Files of a checkpoint that a person drops into the page, where only they can reach the server. Kept as long as their session."""

import tempfile
from pathlib import Path, PurePath

import streamlit as st

KEY = "model_files"


def controls() -> None:
    """The place to drop them. What is dropped becomes the path that is opened."""
    st.file_uploader(
        "or drop its files here",
        accept_multiple_files=True,
        key=KEY,
        on_change=_save,
        help="The weights and, if they have one, the config beside them.",
    )


def _save() -> None:
    """Lay the files beside each other in a folder of this session. A callback."""
    state = st.session_state
    if not state[KEY]:
        return
    folder = tempfile.TemporaryDirectory(prefix="recursion-lens-")
    for file in state[KEY]:
        (Path(folder.name) / PurePath(file.name).name).write_bytes(file.getvalue())
    state.dropped_folder = folder  # which lets go of the one before
    state.model_path = folder.name
