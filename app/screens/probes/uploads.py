"""Probes from files that a person hands over, and what they read in the model that is experiment. Read here and kept nowhere."""

import tempfile
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import streamlit as st

from app.screens.probes import texts
from app.screens.probes.source import LoadedExperiment
from app.sidebar.model_controls import Opened
from app.ui import status
from probes.linear.apply import SavedProbe, open_probe, summary_of_probes
from probes.linear.files import ProbeFileError
from trm.tasks import task_of

MOST = 64  # files
LARGEST = 16  # MiB of one
KEY = "probes_files"


def controls() -> None:
    """The place where files are given."""
    st.caption(texts.UPLOAD)
    st.file_uploader(
        "Probe files",
        type=["safetensors"],
        accept_multiple_files=True,
        key=KEY,
        max_upload_size=LARGEST,
        label_visibility="collapsed",
    )


def from_files(found: Opened) -> LoadedExperiment | None:
    """The probes that were given, for this model; None where there are none, or they cannot be used, which is said."""
    files = st.session_state.get(KEY) or []
    if not files:
        return None
    try:
        if len(files) > MOST:
            raise ProbeFileError(f"{len(files)} files are too many. Open at most {MOST}.")
        given = [(file.name, file.getvalue()) for file in files]
        probes = {(probe.target, probe.state): probe for probe in (read(*one) for one in given)}
        summary = summary_of_probes([read(*one) for one in given], task_of(found.config))
    except ProbeFileError as mistake:
        status.problem(str(mistake))
        return None

    def of(targets: Sequence[str], state: str) -> list[SavedProbe]:
        return [probes[target, state] for target in targets]

    marks = tuple(sha256(content).hexdigest() for _, content in given)
    return LoadedExperiment(("opened", marks), summary, of, "", recorded=False)


def read(name: str, content: bytes) -> SavedProbe:
    """A probe from the bytes of a file. Raises ProbeFileError, which names the file as the person does."""
    with tempfile.TemporaryDirectory(prefix="recursion-lens-") as folder:
        path = Path(folder) / "probe.safetensors"
        path.write_bytes(content)
        try:
            return open_probe(path)
        except ProbeFileError as error:
            raise ProbeFileError(str(error).replace(str(path), name)) from None
