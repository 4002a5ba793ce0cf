"""What the Compare page says under the players: one view a question, each a figure, what it is worth, and a way to take it away."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import streamlit as st

from app.screens.compare import figures
from app.state.links import IN_ADDRESS
from app.ui import charts, downloads
from app.ui.text import percent, plain
from probes.comparison.files import Comparison, cka_table, curves_table
from probes.comparison.matching import caution
from probes.comparison.result import IS_ITS_INPUT, READ
from probes.stats import BANDS

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from probes.comparison.result import Curve

Commands = Callable[[str], str]  # of a command's name, the line that repeats the figure


def solved(comparison: Comparison, command: Commands) -> None:
    figure = figures.curves(
        comparison, [each.solved for each in comparison.models], x=figures.STEPS, y="exactly right"
    )
    _show("solved", figure, comparison, command)
    st.caption(
        f"Share of {_count(comparison)} puzzles whose every cell is right. Bands: {BANDS}. "
        "A step of one model is not a step of the other: see what each costs."
    )


def residuals(comparison: Comparison, command: Commands) -> None:
    for place, state in zip(st.columns(2), ("y", "z"), strict=True):
        with place:
            figure = figures.curves(
                comparison,
                [each.residual[state] for each in comparison.models],
                x=figures.PASSED,
                y=f"residual of {state}",
                percent=False,
                log=True,
            )
            _show(f"residual-{state}", figure, comparison, command)
    st.caption(
        "How far a call moves the state, |s - s before| / |s|: y at calls of f_H, z at calls of f_L; the median over puzzles, "
        "bands from quartile to quartile. A line that falls is a state that settles; teeth of z are its starts after every new y."
    )
    st.table(_settled(comparison), border="horizontal")


def similarity(comparison: Comparison, command: Commands) -> None:
    clouds = figures.cloud_names(comparison)
    whole = {None: "all states of both"}
    row = st.columns(2)
    rows, columns = (
        place.selectbox(
            label, [None, *clouds], format_func=(whole | clouds).get, key=f"cka-{label.lower()}", **IN_ADDRESS
        )
        for place, label in zip(row, ("Rows", "Columns"), strict=True)
    )
    figure = figures.heat_map(comparison, rows, columns)
    charts.show(figure, key="cka")
    downloads.offer(
        "cka",
        figure=figure,
        table=cka_table(comparison.time_points, comparison.cka),
        command=command("similarity"),
    )
    st.caption(
        f"Linear CKA, debiased, between the states of all cells (the prefix position is left out) after every call of f_H, on "
        f"{_count(comparison)} puzzles: 1 where two "
        "moments tell the same puzzles apart in the same way, 0 where they have nothing in common. Turning and scaling "
        "a space change nothing, so models of other widths can be compared. It says nothing of what the states are for."
    )


def spread(comparison: Comparison, command: Commands) -> None:
    left, right = st.columns(2)
    with left:
        figure = figures.by_state(comparison, "ratio", x=figures.STEPS, y="participation ratio")
        _show("participation", figure, comparison, command)
    with right:
        figure = figures.by_state(
            comparison, "spectrum", x="direction", y="share of variance", log_x=True, log_y=True
        )
        _show("spectrum", figure, comparison, command)
    ratios = [
        f"{plain(name)} y {each.pooled_ratio['y']:.1f}, z {each.pooled_ratio['z']:.1f} of {each.width}"
        for name, each in zip(figures.names(comparison), comparison.models, strict=True)
    ]
    st.markdown(f"All steps together: {'; '.join(ratios)}.")
    st.caption(
        "In how many directions the states of single cells spread: 1 on a line, the width of the state in a ball. "
        "The HRM paper reports 89.95 for its z_H (our y) and 30.22 for z_L (our z), of 512, and reads it as a hierarchy."
    )


def kept(comparison: Comparison, command: Commands) -> None:
    left, right = st.columns(2)
    with left:
        st.markdown("**Handed the solution**")
        figure = figures.curves(
            comparison, [each.kept for each in comparison.models], x="steps from the start", y="right"
        )
        _show("kept", figure, comparison, command)
    with right:
        st.markdown("**Found by itself**")
        figure = figures.curves(
            comparison,
            [_from_one(each.kept_own) for each in comparison.models],
            x="steps since first right",
            y="still right",
        )
        _show("kept-own", figure, comparison, command)
    st.caption(
        "Left: y begins as the solution in the model's own code (for every symbol, in a given cell or in another, the mean y of "
        f"the cells that say it at the end of solved puzzles), z as always. Of the cells handed, the output head reads right: {_read(comparison)}. "
        "Right: the share of the puzzles that a model solved itself which are still right that many steps later. "
        f"Bands: {BANDS}."
    )


def nearly_solved(comparison: Comparison, command: Commands) -> None:
    if not all(each.near for each in comparison.models):
        st.info("Puzzles with a few blanks are made of Sudoku solutions only.", icon=":material/grid_on:")
        return
    left, right = st.columns(2)
    with left:
        st.markdown("**Blank cells**")
        _show("near-blanks", figures.near(comparison, "near_blanks"), comparison, command)
    with right:
        st.markdown("**Givens**")
        _show("near-givens", figures.near(comparison, "near_givens"), comparison, command)
    st.caption(
        f"Solutions with one to five cells taken out, {comparison.models[0].near_count} puzzles each: the share of those cells, and "
        f"of the cells that are given, that is right after the last step. Whole grids with one blank right: {_one_blank(comparison)}. "
        "A model can fill the blank in and break a given. Neither model was trained on puzzles so full."
    )


def cost(comparison: Comparison) -> None:
    """What a step of each costs, and what else the two differ in; above all views."""
    st.table(figures.costs(comparison), border="horizontal")
    st.caption(plain(caution(*comparison.models)))
    for name, each in zip(figures.names(comparison), comparison.models, strict=True):
        if each.by_token["z"] >= IS_ITS_INPUT:
            st.warning(
                f"{each.by_token['z']:.2%} of the variance of z of {plain(name)} is explained by the cell's own input token: its z is "
                "x once more and holds nothing of the reasoning. Figures of its z below are those of a table of tokens.",
                icon=":material/warning:",
            )


VIEWS: dict[str, Callable[[Comparison, Commands], None]] = {
    "Solved by step": solved,
    "Movement": residuals,
    "Similarity (CKA)": similarity,
    "Spread": spread,
    "Keeping a solution": kept,
    "Almost solved": nearly_solved,
}


def _show(name: str, figure: "Figure", comparison: Comparison, command: Commands) -> None:
    charts.show(figure, key=name)
    downloads.offer(name, figure=figure, table=curves_table(comparison), command=command("compare"))


def _read(comparison: Comparison) -> str:
    """What the head reads of the solutions that were handed, by model."""
    read = [
        f"{plain(name)} {percent(each.kept_read)}" + (", which is no test" if each.kept_read < READ else "")
        for name, each in zip(figures.names(comparison), comparison.models, strict=True)
    ]
    return "; ".join(read)


def _one_blank(comparison: Comparison) -> str:
    return "; ".join(
        f"{plain(name)} {percent(each.near['1'].middle[-1])}"
        for name, each in zip(figures.names(comparison), comparison.models, strict=True)
    )


def _count(comparison: Comparison) -> str:
    return f"{comparison.models[0].about.count:,}"


def _from_one(curve: "Curve") -> "Curve | None":
    """None where a model never solved anything by itself."""
    return curve if any(value is not None for value in curve.middle) else None


def _settled(comparison: Comparison) -> dict[str, list]:
    """How far the last supervision step still moves y and z, of solved and unsolved puzzles."""
    columns: dict[str, list] = {"moved by the last step, median": list(figures.names(comparison))}
    for state in ("y", "z"):
        for group in ("solved", "unsolved"):
            values = [each.settled[state][group] for each in comparison.models]
            columns[f"{state}, {group}"] = ["none" if value is None else f"{value:.2g}" for value in values]
    return columns
