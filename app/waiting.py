"""What a person sees of a computation that goes on: how far it is, how long it takes yet, and a button that stops it."""

from typing import Any

import streamlit as st

from app.jobs import Job
from app.text import plain

LOOK_EVERY = 0.4  # seconds
AT_ONCE = 0.3  # seconds that a job gets before its bar is shown at all


def watch(job: Job) -> Any | None:
    """The result of a job; None while it goes on and where it was cancelled or failed, which is said here.

    Reruns the page when the job ends.
    """
    from app import session

    if not job.done:
        session.jobs().wait(job, AT_ONCE)
    if job.error is not None:
        st.error(plain(str(job.error)), icon=":material/error:")
        return None
    if job.done and not job.cancelled:
        return job.result
    if job.done or job.cancelled:
        st.info("Cancelled. Nothing was kept; start again whenever you like.", icon=":material/cancel:")
        return None
    _bar(job)
    return None


@st.fragment(run_every=LOOK_EVERY)
def _bar(job: Job) -> None:
    if job.done or job.cancelled:
        st.rerun()
    left = job.seconds_left
    time_left = f", about {left:.0f} s left" if left is not None else ""
    bar, button = st.columns([5, 1], vertical_alignment="center")
    bar.progress(job.share, text=plain(f"{job.words[:1].upper()}{job.words[1:]}{time_left}"))
    button.button("Cancel", key=f"cancel-{hash(job.key)}", on_click=job.cancel, width="stretch")
