"""Probes: what can be read linearly from z and y, and when? One model, many puzzles; then the reading of one puzzle."""

import streamlit as st

from app.screens.probes import causal, figures, grid, texts, uploads  # fmt: skip
from app.screens.probes import source as sources
from app.screens.probes.source import Shown, spoken
from app.server.options import server_options
from app.sidebar import sidebar
from app.sidebar.model_controls import Opened
from app.sidebar.puzzles import first_puzzle
from app.state import links
from app.state.links import IN_ADDRESS
from app.ui import charts, downloads, status
from app.ui.text import plain
from probes.linear.directions import directions_at, plane_of
from probes.linear.experiment import views as study_views
from probes.linear.experiment.files import score_table
from probes.linear.experiment.verdicts import sentences
from trm.errors import PuzzleError, UserError
from trm.tasks import task_of

VIEWS = (
    "Over the steps", "All targets", "Cell by cell", "Mistaken for", "In a puzzle", "Is it used?", "Directions",
)  # fmt: skip
WITHOUT_SCORES = VIEWS[4:]  # what probes from files can be asked
WIDTHS = (2.3, 1)  # of the figure, and of what is said beside it


def page() -> None:
    found = sidebar.model_sidebar(server_options())
    if found is None:
        return
    st.markdown("### What can be read from z and y?")
    known, opened = sources.recorded(found), uploads.shown(found)
    with st.container():
        made = sources.computed(found)
    shown = opened or made or known
    if shown is not None and not shown.is_of_these_weights:
        st.warning(texts.OUTDATED, icon=":material/sync_problem:")
    said, files, change = st.columns((2.4, 1, 1), vertical_alignment="center")
    with files.popover("Open saved probes", icon=":material/folder_open:", width="stretch"):
        uploads.controls()
    if shown is None:
        said.info(texts.nothing(found.source.name), icon=":material/hourglass_empty:")
        sources.controls(found)
        return
    if opened:
        mark = sources.fingerprint(found)
        said.caption(texts.opened_source(shown.summary, found.source.name, mark))
    else:
        said.caption(texts.source(shown.summary, recorded=shown.recorded))
    with change.popover(
        "Fit others", icon=":material/tune:", width="stretch", key=sources.OPEN, on_change="rerun"
    ):
        sources.controls(found)
        if made is not None and known is not None:
            st.button("Back to what was recorded", key="probes_back", on_click=sources.back)
    view(found, shown)


def view(found: Opened, shown: Shown) -> None:
    """The choice of a target and of a view, and that view."""
    sources.forget_strangers(probes_target=list(shown.targets), probes_state=shown.states)
    left, right = st.columns((1, 3.2), vertical_alignment="bottom")
    views = VIEWS if shown.summary["findings"] else WITHOUT_SCORES
    sources.forget_strangers(probes_view=views)
    chosen = right.segmented_control(
        "View",
        views,
        default=views[0],
        key="probes_view",
        **IN_ADDRESS,
        required=True,
        label_visibility="collapsed",
    )
    target = left.selectbox(
        "Target",
        list(shown.targets),
        key="probes_target",
        **IN_ADDRESS,
        format_func=spoken,
        disabled=chosen == VIEWS[1],
    )
    if chosen == VIEWS[4]:
        in_a_puzzle(found, shown, target)
    elif chosen == VIEWS[5]:
        causal.view(found, shown, target)
    elif chosen == VIEWS[6]:
        directions(shown, target)
    else:
        {VIEWS[1]: all_targets, VIEWS[2]: cell_by_cell, VIEWS[3]: mistaken}.get(chosen, over_steps)(
            shown, target
        )


# ---- the views


def over_steps(shown: Shown, target: str) -> None:
    facts, labels = shown.targets[target], study_views.labels_of(shown.summary)
    picture, words = st.columns(WIDTHS)
    with words:
        score = facts["score"]
        if facts["classes"]:
            options = (score, "balanced_accuracy", figures.CODE)
            sources.forget_strangers(probes_score=options)
            score = st.segmented_control(
                "Score",
                options,
                default=score,
                key="probes_score",
                **IN_ADDRESS,
                required=True,
                format_func=texts.SCORES.get,
            )
        st.markdown(texts.meaning(facts))
        codes = {state: study_views.code_of(shown.summary, target, state) for state in shown.states}
        is_code = score == figures.CODE
        score = facts["score"] if is_code else score
        if score == facts["score"]:
            st.markdown(plain(sentences(shown.summary, target, list(range(len(labels))))))
        st.markdown(texts.verdict(shown.summary, target, score))
        st.caption(texts.CODE if is_code else texts.WORTH)
        st.caption(texts.balance(shown.summary, target, len(labels) - 1))
    with picture:
        if is_code and not all(codes.values()):
            st.info(texts.NO_CODE, icon=":material/compress:")
            return
        figure = (
            figures.code_length(codes, labels)
            if is_code
            else figures.over_steps(shown.summary, target, score, labels)
        )
        charts.show(figure, key="probes-over-steps")
        table = score_table(
            {
                **shown.summary,
                "findings": [one for one in shown.summary["findings"] if one["target"] == target],
            }
        )
        downloads.offer(
            f"probes-{target}", figure=figure, table=table, data=shown.summary, command=shown.command
        )


def all_targets(shown: Shown, target: str) -> None:
    picture, words = st.columns(WIDTHS)
    with words:
        what = st.selectbox("Colour", study_views.SHOWN, key="probes_colour", **IN_ADDRESS)
        st.caption(texts.SCOREBOARD)
    with picture:
        board = study_views.scoreboard(shown.summary, what)
        figure = figures.all_targets(
            board, study_views.labels_of(shown.summary), height=max(260, 90 + 38 * len(board.names))
        )
        charts.show(figure, key="probes-all-targets")
        downloads.offer(
            "probes-all-targets", figure=figure, table=score_table(shown.summary), command=shown.command
        )


def cell_by_cell(shown: Shown, target: str) -> None:
    time_point = time_point_slider(shown, st.columns(2)[0])
    boards = {state: study_views.cells_at(shown.summary, target, state, time_point) for state in shown.states}
    if not any(boards.values()):
        st.info("This target has one value a puzzle, none a cell.", icon=":material/grid_off:")
        return
    for place, (state, cells) in zip(st.columns(len(boards)), boards.items(), strict=True):
        with place:
            st.markdown(f"**from {state}**")
            figure = figures.board(cells, f"from {state}")
            charts.show(figure, key=f"probes-cells-{state}")
    st.caption(texts.CELLS if shown.targets[target]["classes"] else texts.CELL_ERRORS)


def mistaken(shown: Shown, target: str) -> None:
    time_point = time_point_slider(shown, st.columns(2)[0])
    pairs = {
        state: study_views.confusion_at(shown.summary, target, state, time_point) for state in shown.states
    }
    if not any(pairs.values()):
        st.info("A number has no classes that could be mistaken for others.", icon=":material/grid_off:")
        return
    for place, (state, (shares, counts)) in zip(st.columns(len(pairs)), pairs.items(), strict=True):
        with place:
            st.markdown(f"**from {state}**")
            figure = figures.confusion(shares, counts, shown.targets[target]["classes"])
            charts.show(figure, key=f"probes-confusion-{state}")
    st.caption(texts.CONFUSION)


def in_a_puzzle(found: Opened, shown: Shown, target: str) -> None:
    """The puzzle last shown in Solve, or another; over each cell what the probes read there."""
    task = task_of(found.config)
    if shown.targets[target]["level"] != "cell":
        st.info("This target has one value a puzzle. Choose one of cells.", icon=":material/grid_off:")
        return
    picture, words = st.columns((1.5, 1))
    with words:
        puzzle = asked_puzzle(task)
        reading = sources.reading(found, shown, target, puzzle)
    if reading is None:
        return
    with words:
        state = st.segmented_control(
            "Read from",
            shown.states,
            default=shown.states[0],
            key="probes_state",
            **IN_ADDRESS,
            required=True,
        )
        time_point = time_point_slider(shown)
        st.markdown(texts.reading(reading, state, time_point))
        st.markdown(texts.meaning(shown.targets[target]))
        st.caption(texts.CANDIDATES if len(shown.targets[target]["members"]) > 1 else texts.READING)
        at = shown.summary["moments"][time_point]
        if st.button("This step in Solve", key="probes_solve", icon=":material/grid_on:"):
            place = (at["supervision_step"], at["cycle"], at["call"])
            links.follow(links.place(model=found.source.name, puzzle=puzzle, at=place))
        downloads.offer(
            f"probe-reading-{target}",
            data=reading,
            command=texts.apply_command(shown, target, puzzle),
        )
    with picture:
        inputs = task.parse(puzzle)
        grid.draw(
            reading,
            state,
            time_point,
            given=task.givens(inputs).tolist(),
            symbols=[task.symbols[token] for token in inputs],
            picture=any(task.looks),
        )


def directions(shown: Shown, target: str) -> None:
    """Where the probes of a target point, in the plane that holds most of it."""
    members, labels = shown.targets[target]["members"], study_views.labels_of(shown.summary)
    picture, words = st.columns(WIDTHS)
    with words:
        state = st.segmented_control(
            "Of", shown.states, default=shown.states[0], key="probes_state", **IN_ADDRESS, required=True
        )
        several = len(members) > 1 or len(shown.targets[target]["classes"]) > 2
        time_point = time_point_slider(shown) if several else 0
    try:
        names, found = directions_at(shown.probes(members, state), time_point, labels)
        seen = plane_of(names, found)
    except UserError as mistake:
        status.problem(str(mistake))
        return
    with words:
        of = f"{state} after step {labels[time_point]}" if several else f"{state}, one for each step"
        st.markdown(texts.plane(seen.share, len(names), of=of))
        st.markdown(texts.meaning(shown.targets[target]))
        st.caption(texts.PLANE)
    with picture:
        figure = figures.plane(seen, state)
        charts.show(figure, key="probes-directions")
        with words:
            downloads.offer(
                f"probe-directions-{target}-{state}",
                figure=figure,
                table={
                    "direction": names,
                    "first": seen.places[:, 0].tolist(),
                    "second": seen.places[:, 1].tolist(),
                },
                data={"directions": names, "share": seen.share, "cosines": seen.cosines.tolist()},
                command=shown.command,
            )


def asked_puzzle(task) -> str:
    """The text typed, where it is a puzzle; else the one before, and what is wrong is said. At first that of the link, or of Solve."""
    state = st.session_state
    if state.get("probes_puzzle_of") != (task.name, task.cells):
        state.probes_puzzle_of = (task.name, task.cells)
        before = (links.opened_with().get("puzzle", ""), state.get("current_puzzle", ""))
        state.probes_last = next(filter(None, (parsed(task, text) for text in before)), first_puzzle(task))
        state.probes_puzzle = state.probes_last
    text = st.text_area(
        "Puzzle", key="probes_puzzle", persist_state="session", height=92, help="Ctrl+Enter reads it."
    )
    try:
        state.probes_last = task.format(task.parse(text))
    except PuzzleError as error:
        status.problem(str(error))
    links.write({"puzzle": None if state.probes_last == first_puzzle(task) else state.probes_last})
    return state.probes_last


def parsed(task, text: str) -> str | None:
    try:
        return task.format(task.parse(text)) if text else None
    except UserError:
        return None


def time_point_slider(shown: Shown, place=st) -> int:
    """Which of the study's moments, from 0; drawn in that place."""
    labels = study_views.labels_of(shown.summary)
    if len(labels) == 1:
        return 0
    sources.forget_strangers(probes_time_point=labels)
    chosen = place.select_slider(
        figures.time_point_title(labels).capitalize(), labels, labels[-1], key="probes_moment", **IN_ADDRESS
    )
    return labels.index(chosen)


page()
