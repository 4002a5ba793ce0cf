"""Draws the progress of jobs and other computations: a progress bar, the remaining time, and a Cancel button.

The browser fetches the progress from the server, and the page is rerun only when a computation comes to another stage.
"""

from collections.abc import Callable, Hashable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from app.server import shared
from app.server.http import feeds
from app.server.http.feeds import Progress
from app.server.work import Job, Work
from app.state import edits, session
from app.ui.text import plain
from trm.player.bundle import bundle

NAME = "recursion_lens_progress"
SCRIPT = Path(__file__).with_suffix(".js")
HTML = """<div class="progress-bar" role="progressbar" data-testid="progress" hidden>
  <p></p>
  <div class="track"><div></div></div>
</div>
"""
BAR_AFTER = 0.3  # seconds until the progress bar appears


@dataclass(frozen=True)
class Words:
    """The texts shown with a job or a model that loads. A page in another language passes its own texts."""

    waits: str = "queued behind another job"
    left: str = "about {seconds} s left"
    cancel: str = "Cancel"
    discards: str = "Discards the work done so far."
    cancelled: str = "Cancelled."
    cancelled_at: str = "Cancelled at {share}; that work was discarded."
    again: str = "Start again"
    loading: str = "Loading {model}. This takes a few seconds, the first time only."
    size: str = "{model} is a {size} MB download."
    download: str = "Download {size} MB"
    downloading: str = "Downloading {model}"
    downloaded: str = "Downloading {model}: {done} of {total} MB"


ENGLISH = Words()


def ask(key: Hashable, work: Work) -> Job:
    """Request a job for this session. It is started if it is new, or if it has failed or been cancelled before."""
    return shared.jobs().ask(key, work, asker=session.watcher())


def given_up(job: Job) -> bool:
    """Whether the job failed or was cancelled, so that this session will get no result."""
    return job.given_up_by(session.watcher())


def cancel(job: Job) -> None:
    """Cancel a job for this session. The job continues if other sessions have requested it."""
    shared.jobs().leave(job, asker=session.watcher())


def watch(job: Job, *, saved: str = "", words: Words = ENGLISH) -> Any | None:
    """Return the result of a job, or draw its state and return None.

    While the job is queued or running, a progress bar is drawn, and the page is rerun when the job ends. If the job
    failed or was cancelled, a message is drawn, which ends with the sentence `saved` about results that remain.
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
    """Return the message for a cancelled job: how much of the work was discarded, and the sentence `saved`."""
    lost = words.cancelled_at.format(share=f"{job.share:.0%}") if job.share >= 0.01 else words.cancelled
    return f"{lost} {saved}".rstrip()


def follow(
    about: Hashable,
    read: Callable[[], Progress | None],
    *,
    key: str,
    hidden: bool = False,
    reruns: bool = True,
    only_visible: bool = False,
) -> None:
    """Draw the progress of a computation, and rerun this page or fragment when its stage changes.

    `about` identifies the computation. The browser gets the progress by `read`, which is called outside of the session
    and returns None once nothing is being computed. A progress that is `hidden` or has no text is not drawn. With
    `only_visible`, a page in a hidden tab asks for no more progress after a change and is rerun when it is visible.
    """
    now = read() or Progress("")

    def news() -> Progress | None:
        latest = read()
        return Progress(latest.stage) if hidden and latest else latest

    watched = (about, session.watcher(), hidden)
    shown = Progress(now.stage) if hidden else now
    draw(shown, key=key, feed=feeds.publish(watched, news), reruns=reruns, only_visible=only_visible)


def draw(
    progress: Progress,
    *,
    key: str,
    feed: str | None = None,
    reruns: bool = False,
    only_visible: bool = False,
) -> None:
    """Draw a progress bar. With the address of a `feed`, the browser updates it."""
    data = asdict(progress) | {
        "tag": feeds.tag(progress),
        "feed": feed,
        "reruns": reruns,
        "only_visible": only_visible,
        "edits": edits.count(),
    }
    _component()(data=data, key=key, on_news_change=lambda: None)


@cache
def _component() -> Callable[..., Any]:
    return st.components.v2.component(
        NAME, html=HTML, css=SCRIPT.with_suffix(".css").read_text("utf-8"), js=bundle(SCRIPT)
    )


def follow_job(job: Job, words: Words = ENGLISH, *, hidden: bool = False) -> None:
    """Draw the progress of a job, and rerun the page when the job ends."""
    jobs, key, asker = shared.jobs(), job.key, session.watcher()

    def read() -> Progress | None:
        job = jobs.find(key)
        if job is None:
            return None
        jobs.look(job, asker=asker)
        stage = "ended" if job.done or job.cancelled_by(asker) else "running"
        return Progress(stage, job.share, _progress_text(job, words))

    follow((key, words), read, key=f"progress-{hash(key)}", hidden=hidden)


def _bar(job: Job, words: Words) -> None:
    bar, button = st.columns([5, 1], vertical_alignment="center")
    with bar:
        follow_job(job, words)
    button.button(
        words.cancel,
        key=f"cancel-{hash(job.key)}",
        on_click=cancel,
        args=(job,),
        width="stretch",
        help=words.discards,
    )


def _progress_text(job: Job, words: Words) -> str:
    """Describe the job's stage and remaining time. For a queued job, the time is that of the job ahead of it."""
    before = shared.jobs().before(job)
    text = job.words if before is None else words.waits
    left = (before or job).seconds_left
    time_left = "" if left is None else f", {words.left.format(seconds=f'{max(left, 1):.0f}')}"
    return f"{text[:1].upper()}{text[1:]}{time_left}"
