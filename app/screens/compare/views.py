"""The figures below the players on the Compare page: one view per question, with a caption and an export."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import streamlit as st

from app.screens.compare import figures
from app.state.links import IN_ADDRESS
from app.ui import charts, downloads
from app.ui.text import percent, plain
from probes.comparison.confounds import caution
from probes.comparison.files import Comparison, cka_table, curves_table
from probes.comparison.result import MIN_DECODED, Z_REPEATS_X
from probes.stats import BANDS

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from probes.comparison.result import BandCurve

Commands = Callable[[str], str]  # maps the name of a command to the command line that computes the figure


def solved(comparison: Comparison, command: Commands) -> None:
    """Draw the fraction of puzzles solved by supervision step."""
    curves = [each.solved for each in comparison.models]
    figure = figures.curves(comparison, curves, x=figures.STEPS, y="puzzles solved")
    _show("solved", figure, comparison, command)
    st.caption(
        f"The graph shows the fraction of {_count(comparison)} puzzles in which every cell is correct. Shaded areas are {BANDS}. "
        "The cost of a step differs between the models: see the table above."
    )


def residuals(comparison: Comparison, command: Commands) -> None:
    """Draw the residuals of y and z by step, and a table of the residuals over the last step."""
    for column, state in zip(st.columns(2), ("y", "z"), strict=True):
        with column:
            figure = figures.curves(
                comparison,
                [each.residual[state] for each in comparison.models],
                x=figures.PASSED,
                y=f"residual ‖Δ{state}‖ / ‖{state}‖",
                percent=False,
                log=True,
            )
            _show(f"residual-{state}", figure, comparison, command)
    st.caption(
        "The graphs show how much each call changes the state, relative to its norm: y at f_H calls, z at f_L calls. Lines are medians "
        "over puzzles; shaded areas are interquartile ranges. A falling line means that the state is converging. The z curve is a "
        "sawtooth because each update of y changes z again."
    )
    st.table(_last_step_residuals(comparison), border="horizontal")


def similarity(comparison: Comparison, command: Commands) -> None:
    """Draw the CKA between the time points of two selected states."""
    labels = {None: "all states of both models"} | figures.block_names(comparison)
    rows, columns = (
        column.selectbox(
            label,
            list(labels),
            format_func=labels.get,
            key=f"cka-{label.lower()}",
            **IN_ADDRESS,
            help=f"The states shown along the {label.lower()}.",
        )
        for column, label in zip(st.columns(2), ("Rows", "Columns"), strict=True)
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
        "Each square shows the debiased linear CKA between two states after f_H calls, computed over the cells (without the prefix) of "
        f"{_count(comparison)} puzzles. A CKA of 1 means that both states arrange the puzzles in the same way; 0 means that they have "
        "nothing in common. CKA is invariant to rotation and scaling, so models of different widths can be compared. It does not "
        "show what the model uses the states for."
    )


def dimensionality(comparison: Comparison, command: Commands) -> None:
    """Draw the participation ratio by step and the spectrum of each state."""
    left, right = st.columns(2)
    with left:
        figure = figures.by_state(comparison, "ratio", x=figures.STEPS, y="participation ratio")
        _show("participation", figure, comparison, command)
    with right:
        figure = figures.by_state(
            comparison, "spectrum", x="principal component", y="fraction of variance", log_x=True, log_y=True
        )
        _show("spectrum", figure, comparison, command)
    ratios = [
        f"{plain(name)} y {each.pooled_ratio['y']:.1f}, z {each.pooled_ratio['z']:.1f} (maximum {each.width})"
        for name, each in zip(figures.names(comparison), comparison.models, strict=True)
    ]
    st.markdown(f"Participation ratio over all steps: {'; '.join(ratios)}.")
    st.caption(
        "The participation ratio measures in how many dimensions the states of single cells vary: it is 1 if they all lie on a line, and "
        "D if they vary equally in all directions. The HRM paper reports 89.95 for z_H (y here) and 30.22 for z_L (z here), with D = 512, "
        "and interprets the difference as a dimensionality hierarchy."
    )


def solution_retention(comparison: Comparison, command: Commands) -> None:
    """Draw how long a given solution, and a model's own solution, stays solved."""
    left, right = st.columns(2)
    with left:
        st.markdown("**Starting from the solution**")
        curves = [each.retention for each in comparison.models]
        figure = figures.curves(comparison, curves, x="supervision steps since the start", y="puzzles solved")
        _show("retention", figure, comparison, command)
    with right:
        st.markdown("**After the model's own solution**")
        curves = [_if_defined(each.own_retention) for each in comparison.models]
        figure = figures.curves(
            comparison, curves, x="supervision steps since first solved", y="puzzles still solved"
        )
        _show("retention-own", figure, comparison, command)
    st.caption(
        "Left: y starts as the solution in the model's own encoding (for each symbol, separately for givens and other cells, the mean y of "
        "the cells that decode to this symbol at the end of solved runs), and z starts as usual. Cells of this y that the output head "
        f"decodes correctly: {_decoded(comparison)}. Right: the model starts as usual, and the graph shows which fraction of the "
        f"puzzles that it solves are still solved a given number of steps later. Shaded areas are {BANDS}."
    )


def near_complete(comparison: Comparison, command: Commands) -> None:
    """Draw the accuracy on near-complete puzzles, separately for blank cells and givens."""
    if not all(each.near for each in comparison.models):
        st.info("Near-complete puzzles exist for Sudoku only.", icon=":material/grid_on:")
        return
    left, right = st.columns(2)
    with left:
        st.markdown("**Blank cells**")
        _show("near-blanks", figures.near_complete(comparison, "near_blanks"), comparison, command)
    with right:
        st.markdown("**Givens**")
        _show("near-givens", figures.near_complete(comparison, "near_givens"), comparison, command)
    st.caption(
        f"One to five cells were removed from solutions, which gives {comparison.models[0].near_count} puzzles for each number. The graphs "
        f"show the accuracy after the last step, on the removed cells and on the givens. Solved puzzles with one blank cell: {_one_blank(comparison)}. A model can "
        "fill in the blank cell correctly and still change a given. Neither model was trained on puzzles with so few blank cells."
    )


def cost(comparison: Comparison) -> None:
    """Draw the size and compute of each model and the confounds of the comparison, above all views."""
    st.table(figures.costs(comparison), border="horizontal")
    st.caption(plain(caution(*comparison.models)))
    for name, each in zip(figures.names(comparison), comparison.models, strict=True):
        if each.by_token["z"] >= Z_REPEATS_X:
            st.warning(
                f"The cell's own input token explains {each.by_token['z']:.2%} of the variance of {plain(name)}'s z: z carries nothing "
                "but the input and plays no part in the reasoning. The graphs of this z below describe only the input tokens.",
                icon=":material/warning:",
            )


VIEWS: dict[str, Callable[[Comparison, Commands], None]] = {
    "Solved by step": solved,
    "Residuals": residuals,
    "Similarity (CKA)": similarity,
    "Dimensionality": dimensionality,
    "Solution retention": solution_retention,
    "Near-complete puzzles": near_complete,
}


def _show(name: str, figure: "Figure", comparison: Comparison, command: Commands) -> None:
    charts.show(figure, key=name)
    downloads.offer(name, figure=figure, table=curves_table(comparison), command=command("compare"))


def _decoded(comparison: Comparison) -> str:
    """Return, for each model, the fraction of cells that the LM head decodes correctly from solutions written into y."""
    shares = [
        f"{plain(name)} {percent(each.solution_decoded)}"
        + (" (too few for a valid test)" if each.solution_decoded < MIN_DECODED else "")
        for name, each in zip(figures.names(comparison), comparison.models, strict=True)
    ]
    return "; ".join(shares)


def _one_blank(comparison: Comparison) -> str:
    return "; ".join(
        f"{plain(name)} {percent(each.near['1'].middle[-1])}"
        for name, each in zip(figures.names(comparison), comparison.models, strict=True)
    )


def _count(comparison: Comparison) -> str:
    return f"{comparison.models[0].provenance.count:,}"


def _if_defined(curve: "BandCurve") -> "BandCurve | None":
    """Return the curve, or None if the model solved no puzzle on its own."""
    return curve if any(value is not None for value in curve.middle) else None


def _last_step_residuals(comparison: Comparison) -> dict[str, list]:
    """Return the median residuals of y and z over the last supervision step, for solved and unsolved puzzles."""
    columns: dict[str, list] = {"median residual over the last step": list(figures.names(comparison))}
    for state in ("y", "z"):
        for group in ("solved", "unsolved"):
            values = [each.settled[state][group] for each in comparison.models]
            columns[f"{state}, {group}"] = ["none" if value is None else f"{value:.2g}" for value in values]
    return columns
