"""The export popover below the player: the files of the run, and the equivalent command for each file.

Files show the player's call and view, and the page's light or dark theme. Most files are made when the user clicks
Save. Films take seconds, so a job makes them.
"""

from collections.abc import Hashable
from typing import Any

import streamlit as st

from app.player import state_map
from app.screens.solve import pin
from app.screens.solve.export_files import (
    FILMS,
    PICTURES,
    TIME_POINTS,
    ExportRequest,
    RunToExport,
    call_in_view,
    command,
    file_name,
    frame_count,
    make,
    page_bytes,
)
from app.screens.solve.pin import Pinned
from app.server import shared
from app.sidebar import puzzles
from app.state import links, session
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
IN_SESSION: dict[str, Any] = {"persist_state": "session"}  # values remain when the panel is closed
MOST_FRAMES = 600  # limit for a film in the app: all frames are in memory, about 0.5 MB per frame
LARGE = 10e6  # bytes; browsers are slow to open larger pages
MIME = {
    "html": "text/html", "png": "image/png", "svg": "image/svg+xml", "pdf": "application/pdf", "gif": "image/gif", "mp4": "video/mp4",
    "csv": "text/csv", "npz": "application/octet-stream",
}  # fmt: skip
DESCRIPTIONS = {
    "html": "The interactive player in one file that works offline.",
    "png": "A picture of the current call, large enough for a slide.",
    "svg": "A vector drawing of the current call; its text stays editable.",
    "pdf": "A figure of the current call for a paper, one column wide; the command can set another width.",
    "gif": "The run as an animated GIF.",
    "mp4": "The run as a video, for slides and video players.",
    "csv": "A table with one row per call: halting probability, correct and changed cells, entropy, residuals, answers.",
    "npz": "All arrays of the run, for NumPy.",
}
VIEWS = {
    "answer": "Answer", "probabilities": "Probabilities", "confidence": "Confidence", "change": "Change",
    "z": "z (output head)", "reverse": "z (nearest embedding)",
}  # fmt: skip
EVERY = {"answer": "f_H call", "call": "call", "step": "supervision step"}


def is_open() -> bool:
    """Whether the popover is open, so that the page depends on the player's view."""
    return bool(st.session_state.get(f"{KEY}_open"))


def offer(choice: Choice, trace: Trace, *, player: str, reports: bool, growing: bool) -> None:
    """Draw the popover, and its contents only while it is open.

    `player` is the key of the player, and `reports` whether it was drawn so that it reports its view. `growing` means
    that the run is not complete yet.
    """
    with st.container(key=KEY if pin.pinned() is None else f"{KEY}_below"):
        popover = st.popover("Export", icon=":material/download:", key=f"{KEY}_open", on_change="rerun")
    if not popover.open:
        return
    if not reports:
        session.rerun()  # the player must report its view
    with popover:
        if growing:
            st.info(
                f"The run is computed up to step {trace.steps} of {choice.depth.N_sup}. It can be exported when it is complete. To "
                "export the steps computed so far, press *Stop* above the player.",
                icon=":material/hourglass:",
            )
            return
        view = links.current_view(player) or links.opening_view()
        at = call_in_view(view, trace.depth, trace.steps)
        mode = (view or {}).get("mode", "answer")
        if mode == "reverse" and trace.z_reverse is None:  # an older recording, which the player shows as z
            mode = "z"
        _files(choice, trace, at, mode)


def _files(choice: Choice, trace: Trace, at: Coordinates, mode: str) -> None:
    format = st.segmented_control(
        "Format",
        FORMATS,
        format_func=str.upper,
        default="html",
        required=True,
        key=f"{KEY}_format",
        **IN_SESSION,
    )
    pinned_run = pin.pinned()
    second = pinned_run if pinned_run and pinned_run.trace and format == "html" else None
    request = _request(format, at, mode if mode in VIEWS else "answer")
    run = _run_to_export(choice, trace)
    st.markdown(f"{DESCRIPTIONS[format]} {_contents(request, trace, second, pinned=pinned_run is not None)}")
    if size := _size(request, run, second):
        st.caption(size)
    name = file_name(choice.source.name, run.puzzle, request)
    if format in FILMS:
        _film(choice, run, request, name)
    else:
        st.download_button(
            f"Save {format.upper()}",
            lambda: make(run, request, compare_with=second and _run_to_export(second.choice, second.trace)),
            file_name=name,
            mime=MIME[format],
            key=f"{KEY}_save",
            on_click="ignore",
            type="primary",
            icon=":material/download:",
        )
    _command(choice, trace, request, name, second)


def _request(format: str, at: Coordinates, mode: str) -> ExportRequest:
    """Draw the options (theme and marks of pictures, frames of films) and return the request."""
    marks, theme, every = False, "light", "answer"
    if format in PICTURES:
        page = st.context.theme.type or "light"
        left, right = st.columns([2, 3], vertical_alignment="center")
        theme = (
            "dark"
            if left.toggle("Dark", page == "dark", key=f"{KEY}_dark_on_{page}", **IN_SESSION)
            else "light"
        )
        marks = right.toggle(
            "Mark stable cells",
            key=f"{KEY}_marks",
            help="Mark cells that became correct and stayed correct to the end.",
            **IN_SESSION,
        )
    if format in FILMS:
        every = st.selectbox(
            "One frame per", list(EVERY), format_func=EVERY.get, key=f"{KEY}_every", **IN_SESSION
        )
    return ExportRequest(format, at, mode, marks, theme, every)


def _contents(request: ExportRequest, trace: Trace, second: Pinned | None, *, pinned: bool) -> str:
    """Describe which call, view and runs the file shows."""
    at, parts = request.at, []
    if request.format in TIME_POINTS:
        kind = "f_H" if at.call == trace.depth.n + 1 else f"f_L {at.call}"
        place = f"supervision step {at.supervision_step}, cycle {at.cycle}, {plain(kind)}"
        parts.append(f"{'Opens at' if request.format == 'html' else 'Shows'} {place}")
    if request.format in FILMS:
        parts.append(f"{frame_count(request, trace.depth, trace.steps):,} frames")
    if request.format in PICTURES or request.format == "html":
        parts.append(f"view: {VIEWS[request.mode]}")
    text = f"{', '.join(parts)}." if parts else ""
    if pinned and request.format == "html":
        return f"{text} {'The file contains both runs.' if second else 'The pinned run is not complete yet, so it is not included.'}"
    return f"{text} The pinned run is not included." if pinned else text


def _size(request: ExportRequest, run: RunToExport, second: Pinned | None) -> str:
    """Describe the approximate file size; "" if it is not known in advance."""
    if request.format == "html":
        size = page_bytes(run.trace, *([second.trace] if second else []))
        slow = " Browsers need a few seconds to open it." if size > LARGE else ""
        return f"The file is about {size / 1e6:,.1f} MB.{slow}"
    if request.format == "npz":
        return f"The file is under {max(run.trace.nbytes / 1e6, 0.1):,.1f} MB."
    return ""


def _film(choice: Choice, run: RunToExport, request: ExportRequest, name: str) -> None:
    """Draw the button that makes the film, its progress, then the button that saves it."""
    problem = _film_problem(request, run.trace)
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
        _film_key(request),
        run.puzzle,
    )

    def work(progress: Progress) -> bytes:
        return make(run, request, progress=progress)

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


def _film_problem(request: ExportRequest, trace: Trace) -> str | None:
    """Return why the film cannot be made, and what to do instead; None if it can be made."""
    if request.format == "mp4":
        from trm.export.pictures.film import ffmpeg

        try:
            ffmpeg()
        except UserError:
            return "MP4 needs ffmpeg, which is not installed on the machine that runs this app. Use GIF, or install ffmpeg."
    count = frame_count(request, trace.depth, trace.steps)
    if count > MOST_FRAMES:
        return f"This film would have {count:,} frames; the limit in the app is {MOST_FRAMES}. Choose fewer frames, or use the command."
    return None


def _film_key(request: ExportRequest) -> tuple[Hashable, ...]:
    """Return the fields on which a film depends: all fields except the call."""
    return request.format, request.mode, request.marks, request.theme, request.every


def _command(choice: Choice, trace: Trace, request: ExportRequest, name: str, second: Pinned | None) -> None:
    """Show the command and, if its file differs from this file, how it differs."""
    caption = "Equivalent command:"
    if second and (second.choice.puzzle, second.choice.puzzle_id) != (choice.puzzle, choice.puzzle_id):
        caption = "The two runs have different puzzles, but the command takes only one: it exports the run on the right."
    elif second and second.choice.depth != second.choice.config.depth:
        caption = "Equivalent command, except that it runs the pinned model at its trained depth:"
    elif trace.steps < choice.depth.N_sup:
        caption = f"Equivalent command, for all {choice.depth.N_sup} supervision steps:"
    elif choice.labels is not None:
        caption = (
            "Equivalent command. It does not know the published answer, so it does not mark wrong cells."
        )
    elif request.format == "html" and state_map.known(choice):
        caption = "Equivalent command, without the map of states, which `python -m probes map` computes:"
    same_puzzle = (
        second and second.choice.puzzle == choice.puzzle and second.choice.puzzle_id == choice.puzzle_id
    )
    st.caption(caption)
    st.code(
        command(choice, request, name, compare_with=second.choice.source if same_puzzle else None),
        language="bash",
        wrap_lines=True,
    )


def _run_to_export(choice: Choice, trace: Trace) -> RunToExport:
    return RunToExport(
        trace,
        choice.task,
        _puzzle_name(choice),
        caveat(choice.task, choice.puzzle_id),
        state_map.known(choice),
    )


def _puzzle_name(choice: Choice) -> str:
    """Return the name of the puzzle; "" for a custom puzzle."""
    return "" if choice.title == puzzles.YOURS else choice.title
