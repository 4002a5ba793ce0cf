"""Objects that all users of a server share: open models, runs, jobs, self-checks, and recent file listings.

Nothing in these objects belongs to a single user. Entries are identified by weights, puzzle, depth and settings.
"""

import sys
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

# A job holds Python's interpreter lock only between two operations of torch, but then waits this long if a page is drawn.
# Beside a page that is drawn all the time, 24 runs in a batch took 0.7 times as long as with Python's own 5 ms, and
# about as long as in a process of their own. So jobs are threads of the server.
SWITCH_INTERVAL = 0.001  # seconds

EVERY_FEW_SECONDS = timedelta(seconds=10)  # time until a listing of folders is refreshed


@st.cache_resource(show_spinner=False)
def runs() -> RunScheduler:
    return RunScheduler(jobs())


@st.cache_resource(show_spinner=False)
def models() -> Models:
    return Models(jobs())


@st.cache_resource(show_spinner=False)
def checks() -> Checks:
    return Checks(jobs())


@st.cache_resource(show_spinner=False)
def jobs() -> Jobs:
    sys.setswitchinterval(SWITCH_INTERVAL)
    return Jobs()


@st.cache_data(ttl=EVERY_FEW_SECONDS, max_entries=64, show_spinner=False)
def model_names(bundled: Path, options: Options) -> list[str]:
    """Return the names of the bundled models, followed by those of the models in the server's folders.

    `bundled` is the folder of the bundled models. It is only part of the cache key.
    """
    names = registry.model_names()
    return [
        *names,
        *(name for name in found_models(options.model_dirs, links=options.local) if name not in names),
    ]


@st.cache_data(ttl=EVERY_FEW_SECONDS, max_entries=64, show_spinner=False)
def weights_fingerprint(model_name: str, stamp: tuple[int, ...]) -> str:
    """Return the fingerprint (content hash) of a bundled model's weights. `stamp` is only part of the cache key."""
    return registry.fingerprint(registry.models_folder() / model_name / "model.safetensors")
