"""What a person sees of a computation that goes on: how far it is, how long it takes yet, and a button that stops it."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import streamlit as st

from app.server import shared
from app.server.jobs import Job, Work
from app.state import session
from app.ui.text import plain

LOOK_EVERY = 0.4  # seconds
AT_ONCE = 0.3  # seconds that a job gets before its bar is shown at all


@dataclass(frozen=True)
class Words:
    """What is said around a job; a page in another language has its own."""

    waits: str = "waiting for another computation"
    left: str = "about {seconds} s left"
    cancel: str = "Cancel"
    discards: str = "Discards what is done so far."
    cancelled: str = "Cancelled. Start again whenever you like."
    cancelled_at: str = "Cancelled at {share}; that part is discarded. Start again whenever you like."
    again: str = "Start again"


ENGLISH = Words()


def started(key: Hashable, work: Work, *, restart: bool = False) -> Job:
    """The job of this key, begun if there is none. One that was cancelled or failed stays so, unless it is to begin `anew`."""
    job = shared.jobs().find(key)
    return ask(key, work) if job is None or restart else job


def ask(key: Hashable, work: Work) -> Job:
    """The job of this key for this person, begun if there is none, or if the last one was cancelled or failed."""
    return shared.jobs().ask(key, work, asker=session.watcher())


def given_up(job: Job) -> bool:
    """Cancelled by this person, or failed: there will be no result for them."""
    return job.given_up_by(session.watcher())


def cancel(job: Job) -> None:
    """Give a job up. Others who asked for the same keep theirs."""
    shared.jobs().leave(job, asker=session.watcher())


def result_of(
    key: Hashable, work: Work, *, restart: bool = False, saved: str = "", words: Words = ENGLISH
) -> Any | None:
    """As `watch`, for what a page asks for by being shown, time and again: a job that was cancelled or failed is begun anew
    only when a person says so, by the button here, or by one of the page that makes it `anew`. `kept` says what of it outlives a
    cancel.
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
    """The result of a job; None while it goes on and where it was cancelled or failed, which is said here.

    Reruns the page when the job ends.
    """
    if not job.done:
        shared.jobs().wait(job, AT_ONCE)
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
    """What is lost, and what is not."""
    lost = words.cancelled_at.format(share=f"{job.share:.0%}") if job.share >= 0.01 else words.cancelled
    return f"{lost} {saved}".rstrip()


@st.fragment(run_every=LOOK_EVERY)
def _bar(job: Job, words: Words) -> None:
    if job.done or job.cancelled_by(session.watcher()):
        st.rerun()
    shared.jobs().look(job, asker=session.watcher())
    bar, button = st.columns([5, 1], vertical_alignment="center")
    bar.progress(job.share, text=plain(_how_far(job, words)))
    button.button(
        words.cancel,
        key=f"cancel-{hash(job.key)}",
        on_click=cancel,
        args=(job,),
        width="stretch",
        help=words.discards,
    )


def _how_far(job: Job, words: Words) -> str:
    """A sentence on a job that goes on, or on the one that it waits for."""
    before = shared.jobs().before(job)
    said = job.words if before is None else words.waits
    left = (before or job).seconds_left
    time_left = "" if left is None else f", {words.left.format(seconds=f'{max(left, 1):.0f}')}"
    return f"{said[:1].upper()}{said[1:]}{time_left}"
