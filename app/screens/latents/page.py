"""Latents page: projections of the states of many puzzles, animated over the steps, with residuals and convergence."""

import numpy as np
import streamlit as st

from app.screens.latents import plot, point_selection, source, texts
from app.screens.latents.points import PointStyle, meanings, model_names
from app.server.options import server_options
from app.sidebar import sidebar
from app.state.links import IN_ADDRESS
from app.ui import charts, downloads, status
from app.ui.analysis import Panel
from probes.latents.files import columns_of, summary
from probes.latents.projection import MODEL_FIELD, Projection, StepCurve, call_times, quartiles
from trm.errors import UserError

TITLE = "### How do latent states move?"
WIDTHS = (3, 1)  # relative widths of the plot and the notes beside it
VIEWS = ("Animate", "Show all")
METHODS = {"pca": "PCA", "umap": "UMAP"}
TRACED_BY_DEFAULT = 2  # number of solved puzzles, and number of unsolved puzzles
MOST_TRACED = 12
LISTED = 60  # at most this number of puzzles is listed in one sentence
CURVE_HEIGHT = 260  # pixels


def page() -> None:
    """Draw the page."""
    options = server_options()
    opened = sidebar.model_sidebar(options)
    if opened is None:
        return
    with st.sidebar:
        try:
            other = source.choose_second_model(opened, options)
        except UserError as error:
            status.problem(str(error))
            return
        models = (opened.source, other) if other else (opened.source,)
        panel = Panel("latents", models, start=texts.not_recorded(*models), update=texts.UPDATE)
        source.controls(opened, other, panel)
    st.markdown(TITLE)
    recorded = source.recorded(*models)
    projection = panel.result(recorded)
    if projection is None:
        return
    if st.session_state.get("latents_current") is not projection:
        st.session_state.latents_current = projection
        point_selection.clear()
        if projection.second_model:
            st.session_state.latents_colour = MODEL_FIELD  # a default that can be changed
        if recorded is None or projection is not recorded.result:
            st.session_state.latents_method = projection.embeddings[-1].method  # UMAP if it was requested
    point_selection.open_clicked(projection)
    show(projection)


def show(projection: Projection) -> None:
    """Draw the projection with its controls, the selected puzzles, and the charts of the dynamics."""
    st.caption(texts.caption(projection))
    style = style_controls(projection)
    figure = plot.figure(projection, style)
    chart, notes = st.columns(WIDTHS, gap="medium")
    with chart:
        options = {"on_select": point_selection.on_select} if style.axes == 2 else {}
        charts.show(figure, key=point_selection.CHART, config={"displayModeBar": True}, **options)
    with notes:
        st.markdown("\n\n".join(texts.quality_notes(projection, style.method, style.axes)))
        st.caption(texts.IN_PLANE if style.axes == 2 else texts.IN_SPACE)
        downloads.offer(
            f"latents-{projection.provenance.model}-{projection.state}",
            figure=figure,
            table=columns_of(projection),
            data=summary(projection),
            command=projection.provenance.command,
        )
    selection = point_selection.selected(projection)
    selected_puzzles(projection, selection)
    summary_box(projection)
    dynamics(projection, selection)


def style_controls(projection: Projection) -> PointStyle:
    """Draw the controls of the plot. They do not trigger a new computation."""
    row = st.container(horizontal=True, vertical_alignment="top", key="latents_style")
    methods = [embedding.method for embedding in projection.embeddings]
    method = methods[0]
    if len(methods) > 1:
        method = row.segmented_control(
            "Method",
            methods,
            default=methods[0],
            format_func=METHODS.get,
            key="latents_method",
            **IN_ADDRESS,
            required=True,
            help="PCA is an orthogonal projection. UMAP preserves neighbourhoods, not distances.",
        )
    axes = projection.embedding(method).axes
    if method == "pca":
        axes = row.segmented_control(
            "Dimensions",
            [2, 3],
            default=2,
            format_func="{}-D".format,
            key="latents_axes",
            **IN_ADDRESS,
            required=True,
            help="The number of principal components drawn.",
        )
    view = row.segmented_control(
        "Points",
        VIEWS,
        default=VIEWS[0],
        key="latents_view",
        **IN_ADDRESS,
        required=True,
        help="“Animate” shows one point per puzzle and moves it from step to step. “Show all” shows the points of all steps at once.",
    )
    first = {MODEL_FIELD: projection.field(MODEL_FIELD).title} if projection.second_model else {}
    titles = first | {field.name: field.title for field in projection.fields}
    if st.session_state.get("latents_colour") not in titles:  # a field of a different projection
        st.session_state.latents_colour = next(iter(titles))
    colour = row.selectbox(
        "Colour by",
        list(titles),
        format_func=titles.get,
        key="latents_colour",
        **IN_ADDRESS,
        width=220,
        help="The value that sets the colour of a point.",
    )
    names = {number: puzzle_name(projection, number) for number in range(projection.puzzle_count)}
    traced = row.multiselect(
        "Trajectories",
        list(names),
        default=default_traced(projection),
        format_func=names.get,
        key=f"latents_trajectories_{projection.provenance.model}_{len(projection)}_{projection.provenance.data}",
        **IN_ADDRESS,
        max_selections=MOST_TRACED,
        placeholder="puzzles to trace",
        width=540,
        help=f"The puzzles whose trajectories are drawn (at most {MOST_TRACED}).",
    )
    return PointStyle(method, axes, colour, view == VIEWS[0], tuple(traced))


def puzzle_name(projection: Projection, row: int) -> str:
    """Return the number of a puzzle and its outcome; in a joint projection, one outcome per model."""
    rows = [row, *([row + projection.puzzle_count] if projection.second_model else [])]
    solved = projection.field("solved").values
    ends = ["solved" if solved[each, -1] == 1 else "unsolved" for each in rows]
    return f"{projection.puzzle_numbers[row] + 1} ({', '.join(ends)})"


def default_traced(projection: Projection) -> list[int]:
    """Return the rows of the first few solved puzzles and the first few unsolved puzzles."""
    solved = projection.field("solved").values[: projection.puzzle_count, -1]
    return sorted(int(row) for end in (1, 0) for row in np.flatnonzero(solved == end)[:TRACED_BY_DEFAULT])


def selected_puzzles(projection: Projection, selection: point_selection.PuzzleSelection | None) -> None:
    """List the selected puzzles, each with a link to Solve."""
    if selection is None:
        return
    count = len(selection.rows)
    head, button = st.columns([5, 1], vertical_alignment="center")
    models = model_names(projection) if projection.second_model else ()
    numbers = ", ".join(
        f"{projection.puzzle_numbers[row] + 1}{f' by {models[projection.model_index[row]]}' if models else ''}"
        for row in selection.rows[:LISTED]
    )
    more = f" and {count - LISTED} more" if count > LISTED else ""
    noun = "run" if projection.second_model else "puzzle"
    head.markdown(f"**{count} {noun}{'' if count == 1 else 's'} selected**: {numbers}{more}")
    button.button("Clear selection", key="latents_clear", on_click=point_selection.clear, width="stretch")
    st.dataframe(
        point_selection.table(projection, selection.rows, selection.time_points),
        hide_index=True,
        height=min(36 * (count + 1) + 2, 300),
        key="latents_table",
        column_config={
            "open in Solve": st.column_config.LinkColumn(
                display_text="open",
                help="Opens the puzzle at the selected step in a new tab.",
            )
        },
    )


def summary_box(projection: Projection) -> None:
    """Draw sentences on how solved and unsolved puzzles differ, or on how well two models align."""
    title = "Alignment of the two models" if projection.second_model else "Solved vs unsolved"
    with st.container(border=True, key="latents_summary"):
        st.markdown(f"**{title}**: " + " ".join(projection.sentences))


def dynamics(projection: Projection, selection: point_selection.PuzzleSelection | None) -> None:
    """Draw small charts of residuals and distances to the final state, for the selected puzzles or for all puzzles."""
    is_selected = np.zeros(len(projection), bool)
    is_selected[list(selection.rows) if selection else slice(None)] = True
    noun = "runs" if projection.second_model else "puzzles"
    which = f"the {is_selected.sum()} selected {noun}" if selection else f"all {len(projection)} {noun}"
    st.markdown(f"#### Dynamics of {which}")
    lines = "each model's runs" if projection.second_model else "solved and unsolved puzzles"
    st.caption(f"Lines are medians over {lines}; shaded areas are interquartile ranges.")
    columns = st.columns(2, gap="medium")
    for number, curve in enumerate(projection.curves):
        with columns[number % 2]:
            charts.show(curve_figure(projection, curve, is_selected), key=f"latents_{curve.name}")


def curve_figure(projection: Projection, curve: StepCurve, is_selected: np.ndarray):
    """Draw the medians and interquartile ranges of a curve, by group of runs."""
    figure = charts.new(x="supervision step", y=curve.title, height=CURVE_HEIGHT)
    x = call_times(curve.calls)
    for name, meaning, rows in groups(projection):
        band = quartiles(curve, rows & is_selected)
        if band is None:
            continue
        name = f"{name} ({(rows & is_selected).sum()})"
        figure.add_trace(charts.band(x, band.low, band.high, meaning, of=name))
        figure.add_trace(charts.line(name, x, band.median, meaning))
    if curve.logarithmic:
        # On a tall chart, plotly would also label 2 and 5 times each power.
        figure.update_yaxes(type="log", exponentformat="power", nticks=4)
    return figure


def groups(projection: Projection) -> list[tuple[str, str, np.ndarray]]:
    """Return the groups of runs that are drawn as one line each, with name, colour meaning and a mask of rows."""
    if projection.second_model:
        return [
            (name, meaning, projection.model_index == index)
            for index, (name, meaning) in enumerate(
                zip(model_names(projection), meanings(projection), strict=True)
            )
        ]
    solved = projection.field("solved").values[:, -1] == 1
    return [("solved", "solved", solved), ("unsolved", "unsolved", ~solved)]


page()
