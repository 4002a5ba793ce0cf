"""Progress of a job on screen: a bar, the time left, and a Cancel button."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import streamlit as st

from app.server import shared
from app.server.jobs import Job, Work
from app.state import session
from app.ui.text import plain

POLL_EVERY = 0.4  # seconds
BAR_AFTER = 0.3  # seconds that a job may take before its bar appears


@dataclass(frozen=True)
class Words:
    """Texts shown with a job; a page in another language passes its own."""

    waits: str = "queued behind another job"
    left: str = "about {seconds} s left"
    cancel: str = "Cancel"
    discards: str = "Discards the work done so far."
    cancelled: str = "Cancelled."
    cancelled_at: str = "Cancelled at {share}; that work was discarded."
    again: str = "Start again"


ENGLISH = Words()


def started(key: Hashable, work: Work, *, restart: bool = False) -> Job:
    """The job with this key, started if there is none. A cancelled or failed job is started again only with `restart`."""
    job = shared.jobs().find(key)
    return ask(key, work) if job is None or restart else job


def ask(key: Hashable, work: Work) -> Job:
    """The job with this key for this session, started if there is none or if the last one was cancelled or failed."""
    return shared.jobs().ask(key, work, asker=session.watcher())


def given_up(job: Job) -> bool:
    """Whether the job failed or this session cancelled it, so that it will have no result here."""
    return job.given_up_by(session.watcher())


def cancel(job: Job) -> None:
    """Cancel a job for this session; it continues for other sessions that requested it."""
    shared.jobs().leave(job, asker=session.watcher())


def result_of(
    key: Hashable, work: Work, *, restart: bool = False, saved: str = "", words: Words = ENGLISH
) -> Any | None:
    """As `watch`, for a page that requests its job each time it is drawn. A cancelled or failed job is started again
    only by the button drawn here, or with `restart`. `saved` is a sentence on what is kept of a cancelled job.
    """
    job = started(key, work, restart=restart)
    result = watch(job, saved=saved, words=words)
    if given_up(job):
        st.button(
            words.again,
            key=f"again-{hash(key)}",
            icon=":material/refresh:",
            on_click=started,
            args=(key, work),
            kwargs={"restart": True},
        )
    return result


def watch(job: Job, *, saved: str = "", words: Words = ENGLISH) -> Any | None:
    """The result of a job. None, with a progress bar, while it runs; None, with a message, if it was cancelled or
    failed.

    Reruns the page when the job ends.
    """
    if not job.done:
        shared.jobs().wait(job, BAR_AFTER)
    if job.error is not None:
        st.error(plain(str(job.error)), icon=":material/error:")
        return None
    is_cancelled = job.cancelled_by(session.watcher())
    if job.done and not is_cancelled:
        return job.result
    if is_cancelled:
        st.info(_cancelled(job, saved, words), icon=":material/cancel:")
        return None
    _bar(job, words)
    return None


def _cancelled(job: Job, saved: str, words: Words) -> str:
    """A sentence on what was discarded and what was saved."""
    lost = words.cancelled_at.format(share=f"{job.share:.0%}") if job.share >= 0.01 else words.cancelled
    return f"{lost} {saved}".rstrip()


@st.fragment(run_every=POLL_EVERY)
def _bar(job: Job, words: Words) -> None:
    if job.done or job.cancelled_by(session.watcher()):
        st.rerun()
    shared.jobs().look(job, asker=session.watcher())
    bar, button = st.columns([5, 1], vertical_alignment="center")
    bar.progress(job.share, text=plain(_progress_text(job, words)))
    button.button(
        words.cancel,
        key=f"cancel-{hash(job.key)}",
        on_click=cancel,
        args=(job,),
        width="stretch",
        help=words.discards,
    )


def _progress_text(job: Job, words: Words) -> str:
    """What the job is doing and the time left; for a queued job, the time left for the job before it."""
    before = shared.jobs().before(job)
    text = job.words if before is None else words.waits
    left = (before or job).seconds_left
    time_left = "" if left is None else f", {words.left.format(seconds=f'{max(left, 1):.0f}')}"
    return f"{text[:1].upper()}{text[1:]}{time_left}"
