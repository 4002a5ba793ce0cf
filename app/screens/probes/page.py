"""The Probes page: what linear probes decode from z and y, at each step, on many puzzles and on one puzzle."""

from dataclasses import replace

import streamlit as st

from app.screens.probes import causal, controls, figures, grid, steer, texts, uploads
from app.screens.probes import source as sources
from app.screens.probes.controls import target_label
from app.screens.probes.source import LoadedExperiment, ProbePrediction
from app.server.options import server_options
from app.sidebar import sidebar
from app.sidebar.model_controls import Opened
from app.sidebar.puzzles import first_puzzle
from app.state import links
from app.state.links import IN_ADDRESS
from app.ui import charts, downloads, status
from app.ui.analysis import Panel, result_of
from app.ui.text import plain
from probes.linear.directions import directions_at, plane_of
from probes.linear.experiment import views
from probes.linear.experiment.files import score_table
from probes.linear.experiment.verdicts import sentences
from trm.errors import PuzzleError, UserError
from trm.results import as_json
from trm.tasks import task_of

TABS = (
    "Over steps", "All targets", "By cell", "Confusion matrix", "On one puzzle", "Causal test", "Probe directions",
)  # fmt: skip
TABS_WITHOUT_SCORES = TABS[4:]  # for probes from files, which have no scores
WIDTHS = (2.3, 1)  # relative widths of the figure and the text beside it


def page() -> None:
    """Draw the page."""
    model = sidebar.model_sidebar(server_options())
    if model is None:
        return
    st.markdown("### What can be decoded linearly from z and y?")
    panel = Panel(
        "probes",
        models=(model.source,),
        start=texts.no_recording(model.source.name),
        update=texts.UPDATE,
        settings=controls.OPEN,
    )
    recorded, opened = sources.recorded(model), uploads.from_files(model)
    if opened:
        panel.computed()  # shows the progress of a fit
    experiment = opened or panel.result(recorded)
    left, right = st.columns((1.2, 1), vertical_alignment="center")
    buttons = right.container(horizontal=True, key="probes_buttons")
    with buttons.popover("Open saved probes", icon=":material/folder_open:", width="stretch"):
        uploads.controls()
    if experiment is None:
        controls.fit_controls(model, panel)
        return
    if opened:
        weights = sources.fingerprint(model)
        left.caption(texts.opened_source(experiment.summary, model.source.name, weights))
    else:
        left.caption(texts.source(experiment.summary, recorded=experiment.recorded))
    with buttons.popover(
        "Fit new probes", icon=":material/tune:", width="stretch", key=controls.OPEN, on_change="rerun"
    ):
        controls.fit_controls(model, panel)
        panel.back_button(recorded, experiment)
    view(model, experiment)


def view(model: Opened, experiment: LoadedExperiment) -> None:
    """Draw the target selector, the tabs, and the selected tab."""
    controls.drop_invalid_choices(probes_target=list(experiment.targets), probes_state=experiment.states)
    left, right = st.columns((1, 3.2), vertical_alignment="bottom")
    tabs = TABS if experiment.summary.results else TABS_WITHOUT_SCORES
    controls.drop_invalid_choices(probes_view=tabs)
    chosen = charts.choose(tabs, key="probes_view", label="View", place=right)
    target = left.selectbox(
        "Target",
        list(experiment.targets),
        key="probes_target",
        **IN_ADDRESS,
        format_func=target_label,
        help="The property that the probes decode.",
        disabled=chosen == TABS[1],
    )
    if chosen == TABS[4]:
        on_one_puzzle(model, experiment, target)
    elif chosen == TABS[5]:
        causal.view(model, experiment, target)
    elif chosen == TABS[6]:
        directions(experiment, target)
    else:
        {TABS[1]: all_targets, TABS[2]: by_cell, TABS[3]: confusion_matrix}.get(chosen, over_steps)(
            experiment, target
        )


# ---- the tabs


def over_steps(experiment: LoadedExperiment, target: str) -> None:
    """Draw scores or code lengths of z, y and the baselines over the steps, with the verdict."""
    facts, labels = experiment.targets[target], views.labels_of(experiment.summary)
    chart, text = st.columns(WIDTHS)
    with text:
        score = facts.score
        if facts.classes:
            options = (score, "balanced_accuracy", figures.CODE)
            controls.drop_invalid_choices(probes_score=options)
            score = st.segmented_control(
                "Score",
                options,
                default=score,
                key="probes_score",
                **IN_ADDRESS,
                required=True,
                format_func=texts.SCORES.get,
                help="“balanced” is the mean recall over the classes; “bits” is the description length per label (MDL).",
            )
        st.markdown(texts.meaning(facts))
        codes = {state: views.code_of(experiment.summary, target, state) for state in experiment.states}
        is_code = score == figures.CODE
        score = facts.score if is_code else score
        if score == facts.score:
            st.markdown(plain(sentences(experiment.summary, target, list(range(len(labels))))))
        st.markdown(texts.scores(experiment.summary, target, score))
        st.caption(texts.CODE if is_code else texts.CAVEATS)
        st.caption(texts.balance(experiment.summary, target, len(labels) - 1))
    with chart:
        if is_code and not all(codes.values()):
            st.info(texts.NO_CODE, icon=":material/compress:")
            return
        figure = (
            figures.code_length(codes, labels)
            if is_code
            else figures.over_steps(experiment.summary, target, score, labels)
        )
        charts.show(figure, key="probes-over-steps")
        results = tuple(one for one in experiment.summary.results if one.target == target)
        table = score_table(replace(experiment.summary, results=results))
        downloads.offer(
            f"probes-{target}",
            figure=figure,
            table=table,
            data=as_json(experiment.summary),
            command=experiment.command,
        )


def all_targets(experiment: LoadedExperiment, target: str) -> None:
    """Draw a heat map of the main score of every target over the steps."""
    chart, text = st.columns(WIDTHS)
    with text:
        what = st.selectbox(
            "Show",
            views.SCOREBOARD_VALUES,
            key="probes_colour",
            **IN_ADDRESS,
            help="The score of a state, or its difference from another state or the best baseline.",
        )
        st.caption(texts.SCOREBOARD)
    with chart:
        board = views.scoreboard(experiment.summary, what)
        figure = figures.all_targets(
            board, views.labels_of(experiment.summary), height=max(260, 90 + 38 * len(board.names))
        )
        charts.show(figure, key="probes-all-targets")
        downloads.offer(
            "probes-all-targets",
            figure=figure,
            table=score_table(experiment.summary),
            command=experiment.command,
        )


def by_cell(experiment: LoadedExperiment, target: str) -> None:
    """Draw the scores of the grid's cells at one step."""
    time_point = controls.choose_time_point(experiment, st.columns(2)[0])
    boards = {
        state: views.cells_at(experiment.summary, target, state, time_point) for state in experiment.states
    }
    if not any(boards.values()):
        st.info(
            "This target has one value per puzzle, so there are no scores per cell.",
            icon=":material/grid_off:",
        )
        return
    for place, (state, cells) in zip(st.columns(len(boards)), boards.items(), strict=True):
        with place:
            st.markdown(f"**Probes of {state}**")
            figure = figures.board(cells, f"probes of {state}")
            charts.show(figure, key=f"probes-cells-{state}")
    st.caption(texts.CELLS if experiment.targets[target].classes else texts.CELL_ERRORS)


def confusion_matrix(experiment: LoadedExperiment, target: str) -> None:
    """Draw the confusion matrices of the z and y probes at one step."""
    time_point = controls.choose_time_point(experiment, st.columns(2)[0])
    pairs = {
        state: views.confusion_at(experiment.summary, target, state, time_point)
        for state in experiment.states
    }
    if not any(pairs.values()):
        st.info(
            "This target is a number. Only targets with classes have a confusion matrix.",
            icon=":material/grid_off:",
        )
        return
    for place, (state, (shares, counts)) in zip(st.columns(len(pairs)), pairs.items(), strict=True):
        with place:
            st.markdown(f"**Probes of {state}**")
            figure = figures.confusion(shares, counts, experiment.targets[target].classes)
            charts.show(figure, key=f"probes-confusion-{state}")
    st.caption(texts.CONFUSION)


def on_one_puzzle(model: Opened, experiment: LoadedExperiment, target: str) -> None:
    """Draw a grid of what the probes decode in each cell of one puzzle, by default the puzzle last opened in Solve."""
    task = task_of(model.config)
    if experiment.targets[target].level != "cell":
        st.info(
            "This target has one value per puzzle. Choose a target with one value per cell.",
            icon=":material/grid_off:",
        )
        return
    chart, text = st.columns((1.5, 1))
    with text:
        puzzle = typed_puzzle(task)
        decoded = result_of(ProbePrediction(model.source, experiment, target, puzzle))
    if decoded is None:
        return
    with text:
        state = controls.choose_state(experiment)
        time_point = controls.choose_time_point(experiment)
        st.markdown(texts.decoded(decoded, state, time_point))
        st.markdown(texts.meaning(experiment.targets[target]))
        st.caption(texts.CANDIDATES if len(experiment.targets[target].members) > 1 else texts.GRID)
        at = experiment.summary.time_points[time_point]
        if st.button("Open this step in Solve", key="probes_solve", icon=":material/grid_on:"):
            place = (at.supervision_step, at.cycle, at.call)
            links.follow(links.place(model=model.source.name, puzzle=puzzle, at=place))
        steer.row(model, experiment, target, state, time_point, puzzle)
        downloads.offer(
            f"probe-predictions-{target}",
            data=decoded,
            command=texts.apply_command(experiment, target, puzzle),
        )
    with chart:
        inputs = task.parse(puzzle)
        grid.draw(
            decoded,
            state,
            time_point,
            given=task.givens(inputs).tolist(),
            symbols=[task.symbols[token] for token in inputs],
            picture=any(task.looks),
        )


def directions(experiment: LoadedExperiment, target: str) -> None:
    """Draw the directions of a target's probes, projected onto the plane that captures most of their length."""
    members, labels = experiment.targets[target].members, views.labels_of(experiment.summary)
    chart, text = st.columns(WIDTHS)
    with text:
        state = controls.choose_state(experiment)
        per_step = len(members) > 1 or len(experiment.targets[target].classes) > 2
        time_point = controls.choose_time_point(experiment) if per_step else 0
    try:
        names, vectors = directions_at(experiment.probes(members, state), time_point, labels)
        plane = plane_of(names, vectors)
    except UserError as mistake:
        status.problem(str(mistake))
        return
    with text:
        where = f"{state} after step {labels[time_point]}" if per_step else f"{state}, one for each step"
        st.markdown(texts.plane(plane.share, len(names), where=where))
        st.markdown(texts.meaning(experiment.targets[target]))
        st.caption(texts.PLANE)
    with chart:
        figure = figures.plane(plane, state)
        charts.show(figure, key="probes-directions")
        with text:
            downloads.offer(
                f"probe-directions-{target}-{state}",
                figure=figure,
                table={
                    "direction": names,
                    "first": plane.points[:, 0].tolist(),
                    "second": plane.points[:, 1].tolist(),
                },
                data={"directions": names, "share": plane.share, "cosines": plane.cosines.tolist()},
                command=experiment.command,
            )


def typed_puzzle(task) -> str:
    """Return the puzzle in the text box or, with an error message on the page, the last valid puzzle.

    The box starts with the link's puzzle, or else with the puzzle last opened in Solve.
    """
    state = st.session_state
    if state.get("probes_puzzle_of") != (task.name, task.cells):
        state.probes_puzzle_of = (task.name, task.cells)
        initial = (links.opened_with().get("puzzle", ""), state.get("current_puzzle", ""))
        state.probes_last = next(filter(None, (parsed(task, text) for text in initial)), first_puzzle(task))
        state.probes_puzzle = state.probes_last
    text = st.text_area(
        "Puzzle",
        key="probes_puzzle",
        persist_state="session",
        height=92,
        help="Press Ctrl+Enter to run this puzzle.",
    )
    try:
        state.probes_last = task.format(task.parse(text))
    except PuzzleError as error:
        status.problem(str(error))
    links.write({"puzzle": None if state.probes_last == first_puzzle(task) else state.probes_last})
    return state.probes_last


def parsed(task, text: str) -> str | None:
    """Return the puzzle in the task's own format; None if the text is empty or not a puzzle."""
    try:
        return task.format(task.parse(text)) if text else None
    except UserError:
        return None


page()
