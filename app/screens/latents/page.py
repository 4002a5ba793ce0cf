"""Latents: how does z travel? The states of many puzzles on a map, played over the steps, and their dynamics."""

import numpy as np
import streamlit as st

from app.screens.latents import plot, point_selection, source, texts
from app.screens.latents.points import Look, meanings, models
from app.server.options import server_options
from app.sidebar import sidebar
from app.state.links import IN_ADDRESS
from app.ui import charts, downloads, status
from probes.latents.files import columns_of, summary
from probes.latents.projection import MODEL, Curve, Scene, places_in_run, spread
from trm.errors import UserError

TITLE = "### How do the states travel?"
WIDTHS = (3, 1)  # of the cloud, and of what is said beside it
VIEWS = ("step by step", "all at once")
MAPS = {"pca": "PCA", "umap": "UMAP"}
FIRST_WAYS = 2  # of solved puzzles, and of unsolved ones, that are drawn before anybody chose
MOST_WAYS = 12
LISTED = 60  # numbers of puzzles in a sentence
SMALL = 260  # pixels of a curve's height


def page() -> None:
    options = server_options()
    opened = sidebar.model_sidebar(options)
    if opened is None:
        return
    with st.sidebar:
        other = source.second(opened, options)
        asked = source.controls(opened, other)
    st.markdown(TITLE)
    made, kept = None, source.recorded(opened, other)
    with st.container():
        try:
            made = source.computed(opened, asked, options) if asked else None
        except UserError as mistake:
            status.problem(str(mistake))
    scene = made or kept
    if scene is None:
        if not asked:
            st.info(texts.nothing(opened.source.name, other), icon=":material/scatter_plot:")
        return
    if made is None and not source.is_of_these_weights(scene, opened, options, other):
        st.warning(texts.outdated(scene), icon=":material/sync_problem:")
    if st.session_state.get("latents_scene") is not scene:
        st.session_state.latents_scene = scene
        point_selection.forget()
        if scene.partner:
            st.session_state.latents_colour = MODEL  # until another is chosen
        if made is scene:
            st.session_state.latents_method = scene.maps[-1].method  # UMAP where that was asked for
    point_selection.go(scene)
    show(scene)


def show(scene: Scene) -> None:
    st.caption(texts.source(scene))
    look = controls(scene)
    figure = plot.figure(scene, look)
    picture, beside = st.columns(WIDTHS, gap="medium")
    with picture:
        options = {"on_select": point_selection.take} if look.axes == 2 else {}
        charts.show(figure, key=point_selection.CHART, config={"displayModeBar": True}, **options)
    with beside:
        st.markdown("\n\n".join(texts.worth(scene, look.method, look.axes)))
        st.caption(texts.IN_PLANE if look.axes == 2 else texts.IN_SPACE)
        downloads.offer(
            f"latents-{scene.about.model}-{scene.about.state}",
            figure=figure,
            table=columns_of(scene),
            data=summary(scene),
            command=scene.about.command,
        )
    chosen = point_selection.chosen(scene)
    selection(scene, chosen)
    finding(scene)
    dynamics(scene, chosen)


def controls(scene: Scene) -> Look:
    """How it is drawn: nothing here computes anew."""
    row = st.container(horizontal=True, vertical_alignment="top", key="latents_look")
    methods = [found.method for found in scene.maps]
    method = methods[0]
    if len(methods) > 1:
        method = row.segmented_control(
            "Map",
            methods,
            default=methods[0],
            format_func=MAPS.get,
            key="latents_method",
            **IN_ADDRESS,
            required=True,
        )
    axes = scene.map(method).axes
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
    first = {MODEL: scene.field(MODEL).title} if scene.partner else {}
    titles = first | {field.name: field.title for field in scene.fields}
    if st.session_state.get("latents_colour") not in titles:  # of another scene
        st.session_state.latents_colour = next(iter(titles))
    colour = row.selectbox(
        "Colour", list(titles), format_func=titles.get, key="latents_colour", **IN_ADDRESS, width=220
    )
    names = {row_number: name_of(scene, row_number) for row_number in range(scene.puzzle_count)}
    ways = row.multiselect(
        "Ways of",
        list(names),
        default=first_ways(scene),
        format_func=names.get,
        key=f"latents_ways_{scene.about.model}_{len(scene)}_{scene.about.data}",
        **IN_ADDRESS,
        max_selections=MOST_WAYS,
        placeholder="puzzles whose way is drawn",
        width=540,
    )
    return Look(method, axes, colour, view == VIEWS[0], tuple(ways))


def name_of(scene: Scene, row: int) -> str:
    """A puzzle and how it ends, by each of two models."""
    rows = [row, *([row + scene.puzzle_count] if scene.partner else [])]
    ends = ["solved" if scene.field("solved").values[each, -1] == 1 else "unsolved" for each in rows]
    return f"{scene.numbers[row] + 1} ({', '.join(ends)})"


def first_ways(scene: Scene) -> list[int]:
    """A few solved puzzles, and a few unsolved ones."""
    solved = scene.field("solved").values[: scene.puzzle_count, -1]
    return sorted(int(row) for end in (1, 0) for row in np.flatnonzero(solved == end)[:FIRST_WAYS])


def selection(scene: Scene, chosen: point_selection.Chosen | None) -> None:
    """The puzzles that were picked, each with its way to Solve."""
    if chosen is None:
        return
    count = len(chosen.rows)
    head, button = st.columns([5, 1], vertical_alignment="center")
    of = models(scene) if scene.partner else ()
    numbers = ", ".join(
        f"{scene.numbers[row] + 1}{f' by {of[scene.owner[row]]}' if of else ''}"
        for row in chosen.rows[:LISTED]
    )
    more = f" and {count - LISTED} more" if count > LISTED else ""
    noun = "run" if scene.partner else "puzzle"
    head.markdown(f"**{count} {noun}{'' if count == 1 else 's'} selected**: {numbers}{more}")
    button.button("All again", key="latents_all", on_click=point_selection.forget, width="stretch")
    st.dataframe(
        point_selection.table(scene, chosen.rows, chosen.time_points),
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


def finding(scene: Scene) -> None:
    """How solved and unsolved puzzles differ, or two models, in words that were computed."""
    title = "One model against the other" if scene.partner else "Solved against unsolved"
    with st.container(border=True, key="latents_finding"):
        st.markdown(f"**{title}**: " + " ".join(scene.finding))


def dynamics(scene: Scene, chosen: point_selection.Chosen | None) -> None:
    """How much the states move, and how far they are from their end: small multiples of the chosen puzzles, or all."""
    picked = np.zeros(len(scene), bool)
    picked[list(chosen.rows) if chosen else slice(None)] = True
    noun = "runs" if scene.partner else "puzzles"
    of = f"the {picked.sum()} selected {noun}" if chosen else f"all {len(scene)} {noun}"
    st.markdown(f"#### Dynamics of {of}")
    lines = "each model's runs" if scene.partner else "the puzzles that end solved and unsolved"
    st.caption(f"Lines: medians of {lines}. Bands: their middle half.")
    columns = st.columns(2, gap="medium")
    for number, curve in enumerate(scene.curves):
        with columns[number % 2]:
            charts.show(curve_figure(scene, curve, picked), key=f"latents_{curve.name}")


def curve_figure(scene: Scene, curve: Curve, picked: np.ndarray):
    made = charts.new(x="supervision step", y=curve.title, height=SMALL)
    x = places_in_run(curve.calls)
    for name, meaning, rows in groups(scene):
        found = spread(curve, rows & picked)
        if found is None:
            continue
        name = f"{name} ({(rows & picked).sum()})"
        made.add_trace(charts.band(x, found.low, found.high, meaning, of=name))
        made.add_trace(charts.line(name, x, found.median, meaning))
    if curve.logarithmic:
        made.update_yaxes(type="log", exponentformat="power")
    return made


def groups(scene: Scene) -> list[tuple[str, str, np.ndarray]]:
    """The runs that a curve has a line each for: name, meaning of the colour, which rows."""
    if scene.partner:
        return [
            (name, meaning, scene.owner == number)
            for number, (name, meaning) in enumerate(zip(models(scene), meanings(scene), strict=True))
        ]
    solved = scene.field("solved").values[:, -1] == 1
    return [("solved", "solved", solved), ("unsolved", "unsolved", ~solved)]


page()
