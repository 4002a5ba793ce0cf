"""Take away what the player shows: a popover under it, with the run's files and the command that makes each.

Files follow the player: its call, its view, and the page's light or dark. Small ones are made by the click that saves them;
films by a job, since they take seconds.
"""

from collections.abc import Hashable
from typing import Any

import streamlit as st

from app.screens.solve import pin
from app.screens.solve.export_files import (
    FILMS,
    PICTURES,
    TIME_POINTS,
    ExportRequest,
    RunToExport,
    command,
    file_name,
    frames,
    make,
    page_bytes,
    place_in,
)
from app.screens.solve.pin import Pinned
from app.server import shared
from app.sidebar import puzzles
from app.state import links
from app.state.choice import Choice
from app.ui.progress import ask, given_up, watch
from app.ui.text import plain
from trm.coordinates import Coordinates
from trm.errors import UserError
from trm.export.outputs import FORMATS
from trm.export.payload import trace_id
from trm.grading import caveat
from trm.progress import Progress
from trm.trace import Trace

KEY = "export"
IN_SESSION: dict[str, Any] = {"persist_state": "session"}  # while the panel is closed
MOST_FRAMES = 600  # of a film made here: its frames are held together, about half a megabyte each
LARGE = 10e6  # bytes of a page that a browser takes a while to open
MIME = {
    "html": "text/html", "png": "image/png", "svg": "image/svg+xml", "gif": "image/gif", "mp4": "video/mp4",
    "csv": "text/csv", "npz": "application/octet-stream",
}  # fmt: skip
SENTENCES = {
    "html": "The player itself in one file: opens from the disk with no network, and works with the keys.",
    "png": "A picture of this moment, large enough for a slide.",
    "svg": "A drawing of this moment, sharp at any size, its text as text.",
    "gif": "The run as a film that plays anywhere.",
    "mp4": "The run as a film for slides and video players.",
    "csv": "A table with one line per call: halting probability, cells right and changed, entropy, residuals, answers.",
    "npz": "Every array of the run, for NumPy.",
}
VIEWS = {
    "answer": "Answer", "probabilities": "Probabilities", "confidence": "Confidence", "change": "Change",
    "z": "z, head", "reverse": "z, embedding",
}  # fmt: skip
EVERY = {"answer": "every f_H call", "call": "every call", "step": "every supervision step"}


def offer(choice: Choice, trace: Trace, view: dict[str, Any] | None, *, grows: bool) -> None:
    """Draw the popover; what is in it only while it is open. `view`: the player's, None before it told one; `grows`: more of the
    run is on its way.
    """
    with st.container(key=KEY if pin.pinned() is None else f"{KEY}_below"):
        popover = st.popover("Take away", icon=":material/download:", key=f"{KEY}_open", on_change="rerun")
    if not popover.open:
        return
    with popover:
        if grows:
            st.info(
                f"Step {trace.steps} of {choice.depth.N_sup} has arrived. The files are here when the run is complete; "
                "*Stop* above the player ends it, and then they hold what there is.",
                icon=":material/hourglass:",
            )
            return
        view = view or links.opening_view(choice.run)
        at = place_in(view, trace.depth, trace.steps)
        mode = (view or {}).get("mode", "answer")
        if (
            mode == "reverse" and trace.z_reverse is None
        ):  # as the player does where a run is older than this view
            mode = "z"
        _files(choice, trace, at, mode)


def _files(choice: Choice, trace: Trace, at: Coordinates, mode: str) -> None:
    format = st.segmented_control(
        "Take away as",
        FORMATS,
        format_func=str.upper,
        default="html",
        required=True,
        key=f"{KEY}_format",
        **IN_SESSION,
    )
    ghost = pin.pinned()
    both = ghost if ghost and ghost.trace and format == "html" else None
    request = _request(format, at, mode if mode in VIEWS else "answer")
    run = _run_to_export(choice, trace)
    st.markdown(f"{SENTENCES[format]} {_what(request, trace, both, pinned=ghost is not None)}")
    if size := _size(request, run, both):
        st.caption(size)
    name = file_name(choice.source.name, run.puzzle, request)
    if format in FILMS:
        _film(choice, run, request, name)
    else:
        st.download_button(
            f"Save {format.upper()}",
            lambda: make(run, request, compare_with=both and _run_to_export(both.choice, both.trace)),
            file_name=name,
            mime=MIME[format],
            key=f"{KEY}_save",
            on_click="ignore",
            type="primary",
            icon=":material/download:",
        )
    _command(choice, trace, request, name, both)


def _request(format: str, at: Coordinates, mode: str) -> ExportRequest:
    """What there is to choose: the colours of pictures, the frames of films."""
    marks, theme, every = False, "light", "answer"
    if format in PICTURES:
        page = st.context.theme.type or "light"
        left, right = st.columns([2, 3], vertical_alignment="center")
        theme = (
            "dark"
            if left.toggle("Dark", page == "dark", key=f"{KEY}_dark_on_{page}", **IN_SESSION)
            else "light"
        )
        marks = right.toggle("Mark what stayed right", key=f"{KEY}_marks", **IN_SESSION)
    if format in FILMS:
        every = st.selectbox(
            "A frame for", list(EVERY), format_func=EVERY.get, key=f"{KEY}_every", **IN_SESSION
        )
    return ExportRequest(format, at, mode, marks, theme, every)


def _what(request: ExportRequest, trace: Trace, both: Pinned | None, *, pinned: bool) -> str:
    """Which call, view and run the file shows."""
    at, said = request.at, []
    if request.format in TIME_POINTS:
        kind = "f_H" if at.call == trace.depth.n + 1 else f"f_L {at.call}"
        place = f"supervision step {at.supervision_step}, cycle {at.cycle}, {plain(kind)}"
        said.append(f"{'Opens at' if request.format == 'html' else 'Shows'} {place}")
    if request.format in FILMS:
        said.append(f"{frames(request, trace.depth, trace.steps):,} frames")
    if request.format in PICTURES or request.format == "html":
        said.append(f"view: {VIEWS[request.mode]}")
    text = f"{', '.join(said)}." if said else ""
    if pinned and request.format == "html":
        return f"{text} {'Holds both runs.' if both else 'The pinned run is still on its way: this holds the other one.'}"
    return f"{text} The pinned run is not in it." if pinned else text


def _size(request: ExportRequest, run: RunToExport, both: Pinned | None) -> str:
    """About how large the file is, where that is known before it is made."""
    if request.format == "html":
        size = page_bytes(run.trace, *([both.trace] if both else []))
        slow = " Browsers take some seconds to open it." if size > LARGE else ""
        return f"About {size / 1e6:,.1f} MB.{slow}"
    if request.format == "npz":
        return f"Less than {max(run.trace.nbytes / 1e6, 0.1):,.1f} MB."
    return ""


def _film(choice: Choice, run: RunToExport, request: ExportRequest, name: str) -> None:
    """Made by a job with progress, then offered to be saved."""
    problem = _no_film(request, run.trace)
    if problem:
        st.warning(plain(problem), icon=":material/movie:")
        return
    trace = run.trace
    key = (
        "film",
        choice.run,
        trace_id(trace),
        trace.provenance,
        trace.steps,
        _film_of(request),
        run.puzzle,
    )

    def work(progress: Progress) -> bytes:
        return make(
            run, request, progress=lambda done, of: progress(done / of, f"drawing frame {done} of {of}")
        )

    job = shared.jobs().find(key)
    if job is None or given_up(job):
        st.button(
            f"Make {request.format.upper()}",
            key=f"{KEY}_make",
            on_click=ask,
            args=(key, work),
            type="primary",
            icon=":material/movie:",
        )
    with st.container(key=f"{KEY}_film"):
        film = watch(job) if job else None
    if film is not None:
        st.download_button(
            f"Save {request.format.upper()}, {len(film) / 1e6:,.1f} MB",
            film,
            file_name=name,
            mime=MIME[request.format],
            key=f"{KEY}_save",
            on_click="ignore",
            type="primary",
            icon=":material/download:",
        )


def _no_film(request: ExportRequest, trace: Trace) -> str | None:
    """Why there is no such film, and what to do instead; None where there is one."""
    if request.format == "mp4":
        from trm.export.pictures.film import ffmpeg

        try:
            ffmpeg()
        except UserError:
            return (
                "MP4 is made by the program ffmpeg, which is not installed where this app runs. Take GIF, which needs "
                "nothing, or install ffmpeg there."
            )
    count = frames(request, trace.depth, trace.steps)
    if count > MOST_FRAMES:
        return f"That is {count:,} frames, and a film made here has at most {MOST_FRAMES}. Take fewer, or the command."
    return None


def _film_of(request: ExportRequest) -> tuple[Hashable, ...]:
    """All of it that a film depends on: not on the call."""
    return request.format, request.mode, request.marks, request.theme, request.every


def _command(choice: Choice, trace: Trace, request: ExportRequest, name: str, both: Pinned | None) -> None:
    """The command, and where it makes something else."""
    said = "The same without the app:"
    if both and (both.choice.puzzle, both.choice.puzzle_id) != (choice.puzzle, choice.puzzle_id):
        said = "The command takes one puzzle, and these runs are of two: it makes the page of the run on the right."
    elif both and both.choice.depth != both.choice.config.depth:
        said = "The command runs the pinned model at its own depth. All else is the same:"
    elif trace.steps < choice.depth.N_sup:
        said = f"The same for all {choice.depth.N_sup} supervision steps of the run:"
    elif choice.labels is not None:
        said = "The same, but for the marks of what is wrong: the command does not know the published answer."
    same_puzzle = both and both.choice.puzzle == choice.puzzle and both.choice.puzzle_id == choice.puzzle_id
    st.caption(said)
    st.code(
        command(choice, request, name, compare_with=both.choice.source if same_puzzle else None),
        language="bash",
        wrap_lines=True,
    )


def _run_to_export(choice: Choice, trace: Trace) -> RunToExport:
    return RunToExport(trace, choice.task, _puzzle(choice), caveat(choice.task, choice.puzzle_id))


def _puzzle(choice: Choice) -> str:
    """What the puzzle is called; "" for one that a person made up."""
    return "" if choice.title == puzzles.YOURS else choice.title
