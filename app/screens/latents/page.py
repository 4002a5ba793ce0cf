"""Latents: how does z travel? The states of many puzzles on a map, played over the steps, and their dynamics."""

import numpy as np
import streamlit as st

from app.screens.latents import plot, point_selection, source, texts
from app.screens.latents.points import PointStyle, meanings, model_names
from app.server.options import server_options
from app.sidebar import sidebar
from app.state.links import IN_ADDRESS
from app.ui import charts, downloads, status
from probes.latents.files import columns_of, summary
from probes.latents.projection import MODEL_FIELD, Projection, StepCurve, call_times, quartiles
from trm.errors import UserError

TITLE = "### How do the states travel?"
WIDTHS = (3, 1)  # of the cloud, and of what is said beside it
VIEWS = ("step by step", "all at once")
METHODS = {"pca": "PCA", "umap": "UMAP"}
TRACED_BY_DEFAULT = 2  # of solved puzzles, and of unsolved ones, that are drawn before anybody chose
MOST_TRACED = 12
LISTED = 60  # numbers of puzzles in a sentence
SMALL = 260  # pixels of a curve's height


def page() -> None:
    options = server_options()
    opened = sidebar.model_sidebar(options)
    if opened is None:
        return
    with st.sidebar:
        other = source.choose_second_model(opened, options)
        request = source.controls(opened, other)
    st.markdown(TITLE)
    made, kept = None, source.recorded(opened, other)
    with st.container():
        try:
            made = source.computed(opened, request, options) if request else None
        except UserError as mistake:
            status.problem(str(mistake))
    projection = made or kept
    if projection is None:
        if not request:
            st.info(texts.not_recorded(opened.source.name, other), icon=":material/scatter_plot:")
        return
    if made is None and not source.matches_weights(projection, opened, options, other):
        st.warning(texts.outdated(projection), icon=":material/sync_problem:")
    if st.session_state.get("latents_projection_on_page") is not projection:
        st.session_state.latents_projection_on_page = projection
        point_selection.clear()
        if projection.second_model:
            st.session_state.latents_colour = MODEL_FIELD  # until another is chosen
        if made is projection:
            st.session_state.latents_method = projection.embeddings[-1].method  # UMAP where requested
    point_selection.open_clicked(projection)
    show(projection)


def show(projection: Projection) -> None:
    st.caption(texts.caption(projection))
    style = controls(projection)
    figure = plot.figure(projection, style)
    picture, beside = st.columns(WIDTHS, gap="medium")
    with picture:
        options = {"on_select": point_selection.on_select} if style.axes == 2 else {}
        charts.show(figure, key=point_selection.CHART, config={"displayModeBar": True}, **options)
    with beside:
        st.markdown("\n\n".join(texts.quality_notes(projection, style.method, style.axes)))
        st.caption(texts.IN_PLANE if style.axes == 2 else texts.IN_SPACE)
        downloads.offer(
            f"latents-{projection.metadata.model}-{projection.metadata.state}",
            figure=figure,
            table=columns_of(projection),
            data=summary(projection),
            command=projection.metadata.command,
        )
    chosen = point_selection.selected(projection)
    selection(projection, chosen)
    finding(projection)
    dynamics(projection, chosen)


def controls(projection: Projection) -> PointStyle:
    """How it is drawn: nothing here computes anew."""
    row = st.container(horizontal=True, vertical_alignment="top", key="latents_style")
    methods = [found.method for found in projection.embeddings]
    method = methods[0]
    if len(methods) > 1:
        method = row.segmented_control(
            "Map",
            methods,
            default=methods[0],
            format_func=METHODS.get,
            key="latents_method",
            **IN_ADDRESS,
            required=True,
        )
    axes = projection.embedding(method).axes
    if method == "pca":
        axes = row.segmented_control(
            "Axes",
            [2, 3],
            default=2,
            format_func="{}-D".format,
            key="latents_axes",
            **IN_ADDRESS,
            required=True,
        )
    view = row.segmented_control(
        "Show", VIEWS, default=VIEWS[0], key="latents_view", **IN_ADDRESS, required=True
    )
    first = {MODEL_FIELD: projection.field(MODEL_FIELD).title} if projection.second_model else {}
    titles = first | {field.name: field.title for field in projection.fields}
    if st.session_state.get("latents_colour") not in titles:  # of another projection
        st.session_state.latents_colour = next(iter(titles))
    colour = row.selectbox(
        "Colour", list(titles), format_func=titles.get, key="latents_colour", **IN_ADDRESS, width=220
    )
    names = {row_number: name_of(projection, row_number) for row_number in range(projection.puzzle_count)}
    traced = row.multiselect(
        "Ways of",
        list(names),
        default=default_traced(projection),
        format_func=names.get,
        key=f"latents_trajectories_{projection.metadata.model}_{len(projection)}_{projection.metadata.data}",
        **IN_ADDRESS,
        max_selections=MOST_TRACED,
        placeholder="puzzles whose way is drawn",
        width=540,
    )
    return PointStyle(method, axes, colour, view == VIEWS[0], tuple(traced))


def name_of(projection: Projection, row: int) -> str:
    """A puzzle and how it ends, by each of two models."""
    rows = [row, *([row + projection.puzzle_count] if projection.second_model else [])]
    ends = ["solved" if projection.field("solved").values[each, -1] == 1 else "unsolved" for each in rows]
    return f"{projection.puzzle_numbers[row] + 1} ({', '.join(ends)})"


def default_traced(projection: Projection) -> list[int]:
    """A few solved puzzles, and a few unsolved ones."""
    solved = projection.field("solved").values[: projection.puzzle_count, -1]
    return sorted(int(row) for end in (1, 0) for row in np.flatnonzero(solved == end)[:TRACED_BY_DEFAULT])


def selection(projection: Projection, chosen: point_selection.PuzzleSelection | None) -> None:
    """The puzzles that were picked, each with its way to Solve."""
    if chosen is None:
        return
    count = len(chosen.rows)
    head, button = st.columns([5, 1], vertical_alignment="center")
    of = model_names(projection) if projection.second_model else ()
    numbers = ", ".join(
        f"{projection.puzzle_numbers[row] + 1}{f' by {of[projection.model_index[row]]}' if of else ''}"
        for row in chosen.rows[:LISTED]
    )
    more = f" and {count - LISTED} more" if count > LISTED else ""
    noun = "run" if projection.second_model else "puzzle"
    head.markdown(f"**{count} {noun}{'' if count == 1 else 's'} selected**: {numbers}{more}")
    button.button("All again", key="latents_all", on_click=point_selection.clear, width="stretch")
    st.dataframe(
        point_selection.table(projection, chosen.rows, chosen.time_points),
        hide_index=True,
        height=min(36 * (count + 1) + 2, 300),
        key="latents_table",
        column_config={
            "open in Solve": st.column_config.LinkColumn(
                display_text="open",
                help="At the step at which it was picked, in a new tab.",
            )
        },
    )


def finding(projection: Projection) -> None:
    """How solved and unsolved puzzles differ, or two models, in words that were computed."""
    title = "One model against the other" if projection.second_model else "Solved against unsolved"
    with st.container(border=True, key="latents_finding"):
        st.markdown(f"**{title}**: " + " ".join(projection.sentences))


def dynamics(projection: Projection, chosen: point_selection.PuzzleSelection | None) -> None:
    """How much the states move, and how far they are from their end: small multiples of the chosen puzzles, or all."""
    picked = np.zeros(len(projection), bool)
    picked[list(chosen.rows) if chosen else slice(None)] = True
    noun = "runs" if projection.second_model else "puzzles"
    of = f"the {picked.sum()} selected {noun}" if chosen else f"all {len(projection)} {noun}"
    st.markdown(f"#### Dynamics of {of}")
    lines = "each model's runs" if projection.second_model else "the puzzles that end solved and unsolved"
    st.caption(f"Lines: medians of {lines}. Bands: their middle half.")
    columns = st.columns(2, gap="medium")
    for number, curve in enumerate(projection.curves):
        with columns[number % 2]:
            charts.show(curve_figure(projection, curve, picked), key=f"latents_{curve.name}")


def curve_figure(projection: Projection, curve: StepCurve, picked: np.ndarray):
    made = charts.new(x="supervision step", y=curve.title, height=SMALL)
    x = call_times(curve.calls)
    for name, meaning, rows in groups(projection):
        found = quartiles(curve, rows & picked)
        if found is None:
            continue
        name = f"{name} ({(rows & picked).sum()})"
        made.add_trace(charts.band(x, found.low, found.high, meaning, of=name))
        made.add_trace(charts.line(name, x, found.median, meaning))
    if curve.logarithmic:
        made.update_yaxes(type="log", exponentformat="power")
    return made


def groups(projection: Projection) -> list[tuple[str, str, np.ndarray]]:
    """The runs that a curve has a line each for: name, meaning of the colour, which rows."""
    if projection.second_model:
        return [
            (name, meaning, projection.model_index == number)
            for number, (name, meaning) in enumerate(
                zip(model_names(projection), meanings(projection), strict=True)
            )
        ]
    solved = projection.field("solved").values[:, -1] == 1
    return [("solved", "solved", solved), ("unsolved", "unsolved", ~solved)]


page()
