"""A single puzzle of the Halting page, chosen from a list or by a click, with a description and a link to Solve."""

from typing import Any
from urllib.parse import urlencode

import numpy as np
import streamlit as st

from app.state.links import IN_ADDRESS
from app.ui.text import plain
from probes.halting.rules import OUTCOME_LABELS, OUTCOMES, Outcomes
from probes.halting.runs import HaltingRuns

CHOSEN, SQUARE = "halting_puzzle", "halting_square"  # session keys: puzzle, square of `timing`
NO_PUZZLE = -1


def clear_selection() -> None:
    """Callback: clear the selected puzzle and square, which belong to the previous runs."""
    st.session_state[CHOSEN], st.session_state[SQUARE] = NO_PUZZLE, None


def chosen(runs: HaltingRuns) -> int | None:
    """Return the index of the selected puzzle in these runs; None if no puzzle of these runs is selected."""
    puzzle = st.session_state.get(CHOSEN, NO_PUZZLE)
    return puzzle if 0 <= puzzle < runs.count else None


def clicked(key: str) -> Any | None:
    """Return the custom data of the mark that was clicked in the figure with this key; None if the click hit no mark."""
    points = st.session_state[key].selection.points
    return points[0].get("customdata") if points else None


def select_clicked(key: str) -> None:
    """Callback: select the puzzle whose mark was clicked."""
    data = clicked(key)
    if isinstance(data, list):
        data = data[0] if data else None
    if isinstance(data, int | float):
        st.session_state[CHOSEN] = int(data)


def select_square(key: str) -> None:
    """Callback: store the clicked square of the timing figure, as its indices on the two axes."""
    data = clicked(key)
    if isinstance(data, list) and len(data) == 2:
        st.session_state[SQUARE], st.session_state[CHOSEN] = tuple(map(int, data)), NO_PUZZLE


def puzzles_in_square(outcomes: Outcomes, square: tuple[int, int] | None, steps: int) -> np.ndarray:
    """Return the puzzles in a square of the timing figure, all puzzles if `square` is None. Index `steps` is "never"."""
    if square is None:
        return np.arange(len(outcomes.halts))
    right, halts = ((index + 1) % (steps + 1) for index in square)
    return np.flatnonzero((outcomes.right == right) & (outcomes.halts == halts))


def choose(runs: HaltingRuns, outcomes: Outcomes, puzzles: np.ndarray) -> int | None:
    """Draw a list of puzzles, as an alternative to clicking. Returns the chosen puzzle's index in these runs, or None."""
    state, names = st.session_state, list(OUTCOMES)
    options = [NO_PUZZLE, *puzzles.tolist()]
    if state.get(CHOSEN, NO_PUZZLE) not in options:
        state[CHOSEN] = NO_PUZZLE

    def label(puzzle: int) -> str:
        if puzzle == NO_PUZZLE:
            return f"none selected ({len(puzzles):,} puzzles)"
        difficulty = f", {runs.difficulty[puzzle]}" if runs.difficulty[puzzle] else ""
        return f"{runs.rows[puzzle] + 1}{difficulty}: {OUTCOME_LABELS[names[outcomes.outcome[puzzle]]]}"

    st.selectbox("Puzzle", options, format_func=label, key=CHOSEN, **IN_ADDRESS)
    return chosen(runs)


def describe(runs: HaltingRuns, outcomes: Outcomes, puzzle: int, *, step: int | None = None) -> None:
    """Draw a puzzle's outcome and the link that opens it in Solve at the relevant step."""
    halts, right = int(outcomes.halts[puzzle]), int(outcomes.right[puzzle])
    name = list(OUTCOMES)[outcomes.outcome[puzzle]]
    st.markdown(f"**Puzzle {runs.rows[puzzle] + 1}** {plain(OUTCOMES[name])}.")
    facts = [
        f"first correct after step {right}" if right else f"never correct in {runs.steps} steps",
        f"would halt after step {halts}" if halts else "would never halt",
        f"{runs.wrong[-1, puzzle]} of {runs.blanks[puzzle]} blank cells wrong after the last step",
    ]
    st.caption("; ".join(facts).capitalize() + ".")
    open_in_solve(runs, puzzle, step or halts or right or runs.steps)


def open_in_solve(runs: HaltingRuns, puzzle: int, step: int) -> None:
    """Draw the link that opens a puzzle in Solve at the end of a supervision step."""
    st.link_button(
        f"Open in Solve at step {step}",
        solve_link(runs, puzzle, step),
        icon=":material/open_in_new:",
        width="stretch",
    )


def solve_link(runs: HaltingRuns, puzzle: int, step: int) -> str:
    """Return the address of the Solve page with this puzzle, at the end of a supervision step."""
    provenance = runs.provenance
    query = {
        "model": provenance.model,
        "puzzle": runs.puzzles[puzzle],
        "at": f"{step}.{provenance.T}.{provenance.n + 1}",
    }
    if step > runs.trained_steps:
        query["steps"] = str(runs.steps)
    return f"./?{urlencode(query)}"
