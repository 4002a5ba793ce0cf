"""Probes from uploaded files, applied to the selected model. The files are not stored."""

import tempfile
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import streamlit as st

from app.screens.probes import texts
from app.screens.probes.source import LoadedExperiment
from app.sidebar.model_controls import Opened
from app.ui import status
from probes.linear.apply import summary_of_probes
from probes.linear.files import ProbeFileError, SavedProbe, open_probe
from trm.tasks import task_of

MOST = 64  # maximum number of files
LARGEST = 16  # maximum MiB per file
KEY = "probes_files"


def controls() -> None:
    """Draw the file uploader."""
    st.caption(texts.UPLOAD)
    st.file_uploader(
        "Probe files",
        type=["safetensors"],
        accept_multiple_files=True,
        key=KEY,
        max_upload_size=LARGEST,
        label_visibility="collapsed",
    )


def from_files(model: Opened) -> LoadedExperiment | None:
    """Return the experiment of the uploaded probes, for this model.

    Returns None without files, or, with a message on the page, if a file is not valid.
    """
    files = st.session_state.get(KEY) or []
    if not files:
        return None
    try:
        if len(files) > MOST:
            raise ProbeFileError(f"{len(files)} files are too many. Open at most {MOST}.")
        contents = [(file.name, file.getvalue()) for file in files]
        probes = {(probe.target, probe.state): probe for probe in (read_upload(*one) for one in contents)}
        summary = summary_of_probes([read_upload(*one) for one in contents], task_of(model.config))
    except ProbeFileError as mistake:
        status.problem(str(mistake))
        return None

    def of(targets: Sequence[str], state: str) -> list[SavedProbe]:
        return [probes[target, state] for target in targets]

    hashes = tuple(sha256(content).hexdigest() for _, content in contents)
    return LoadedExperiment(("opened", hashes), summary, of, "", recorded=False)


def read_upload(name: str, content: bytes) -> SavedProbe:
    """Read a probe from the bytes of a file. Raises ProbeFileError, which names the uploaded file."""
    with tempfile.TemporaryDirectory(prefix="recursion-lens-") as folder:
        path = Path(folder) / "probe.safetensors"
        path.write_bytes(content)
        try:
            return open_probe(path)
        except ProbeFileError as error:
            raise ProbeFileError(str(error).replace(str(path), name)) from None
