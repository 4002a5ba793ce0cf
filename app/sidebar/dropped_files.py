"""Checkpoint files dropped onto the page. They are accepted only by a local server and deleted when the session ends."""

import tempfile
from pathlib import Path, PurePath

import streamlit as st

KEY = "model_files"


def controls() -> None:
    """Draw the drop area. The folder with the dropped files becomes the model path."""
    st.file_uploader(
        "or drop the files here",
        accept_multiple_files=True,
        key=KEY,
        on_change=_save,
        help="The weights file and, if there is one, its config file.",
    )


def _save() -> None:
    """Callback: write the files into a folder of this session."""
    state = st.session_state
    if not state[KEY]:
        return
    folder = tempfile.TemporaryDirectory(prefix="recursion-lens-")
    for file in state[KEY]:
        (Path(folder.name) / PurePath(file.name).name).write_bytes(file.getvalue())
    state.dropped_folder = folder  # deletes the previous folder
    state.model_path = folder.name
