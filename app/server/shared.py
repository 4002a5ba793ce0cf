"""What all users of a server share: open models, runs, jobs, checks, and recent file listings.

Nothing here belongs to one user: everything is looked up by weights, puzzle and depth.
"""

from datetime import timedelta
from pathlib import Path

import streamlit as st

from app.server.checks import Checks
from app.server.jobs import Jobs
from app.server.models import found_models
from app.server.opening import Models
from app.server.options import Options
from app.server.runs import RunScheduler
from trm import registry

EVERY_FEW_SECONDS = timedelta(seconds=10)  # how often folders are listed again


@st.cache_resource(show_spinner=False)
def runs() -> RunScheduler:
    return RunScheduler()


@st.cache_resource(show_spinner=False)
def models() -> Models:
    return Models()


@st.cache_resource(show_spinner=False)
def checks() -> Checks:
    return Checks(runs().give_way)


@st.cache_resource(show_spinner=False)
def jobs() -> Jobs:
    return Jobs(runs().give_way)


@st.cache_data(ttl=EVERY_FEW_SECONDS, max_entries=64, show_spinner=False)
def model_names(bundled: Path, options: Options) -> list[str]:
    """The bundled models (in the folder `bundled`), then those in the server's folders."""
    names = registry.model_names()
    return [
        *names,
        *(name for name in found_models(options.model_dirs, links=options.local) if name not in names),
    ]


@st.cache_data(ttl=EVERY_FEW_SECONDS, max_entries=64, show_spinner=False)
def weights_fingerprint(model_name: str, stamp: tuple[int, ...]) -> str:
    """Content hash of a bundled model's weights."""
    return registry.fingerprint(registry.models_folder() / model_name / "model.safetensors")
