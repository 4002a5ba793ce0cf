"""A single puzzle, chosen from a list or by clicking a figure, described in words, with a link to Solve."""

from typing import Any
from urllib.parse import urlencode

import numpy as np
import streamlit as st

from app.state.links import IN_ADDRESS
from app.ui.text import plain
from probes.halting.rules import OUTCOME_LABELS, OUTCOMES, Outcomes
from probes.halting.runs import HaltingRuns

CHOSEN, SQUARE = "halting_puzzle", "halting_square"  # session keys: a puzzle; a square of the timing figure
NO_PUZZLE = -1


def clear_selection() -> None:
    """Callback: clear the selected puzzle and square, which belong to the previous runs."""
    st.session_state[CHOSEN], st.session_state[SQUARE] = NO_PUZZLE, None


def chosen(runs: HaltingRuns) -> int | None:
    puzzle = st.session_state.get(CHOSEN, NO_PUZZLE)
    return puzzle if 0 <= puzzle < runs.count else None


def clicked(key: str) -> Any | None:
    """Custom data of the mark that was clicked in the figure with this key; None if the click hit none."""
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
    """Callback: select the clicked square of the timing figure, by its index on both axes."""
    data = clicked(key)
    if isinstance(data, list) and len(data) == 2:
        st.session_state[SQUARE], st.session_state[CHOSEN] = tuple(map(int, data)), NO_PUZZLE


def puzzles_in_square(outcomes: Outcomes, square: tuple[int, int] | None, steps: int) -> np.ndarray:
    """Puzzles in a square of the timing figure; all puzzles if `square` is None. Index `steps` means "never"."""
    if square is None:
        return np.arange(len(outcomes.halts))
    right, halts = ((index + 1) % (steps + 1) for index in square)
    return np.flatnonzero((outcomes.right == right) & (outcomes.halts == halts))


def choose(runs: HaltingRuns, outcomes: Outcomes, puzzles: np.ndarray) -> int | None:
    """Draw a list of puzzles, as an alternative to clicking. Returns the index of the chosen one in these runs."""
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
        f"{runs.wrong[-1, puzzle]} of {runs.blanks[puzzle]} blank cells wrong at the end",
    ]
    st.caption("; ".join(facts).capitalize() + ".")
    open_in_solve(runs, puzzle, step or halts or right or runs.steps)


def open_in_solve(runs: HaltingRuns, puzzle: int, step: int) -> None:
    st.link_button(
        f"Open in Solve at step {step}",
        solve_link(runs, puzzle, step),
        icon=":material/open_in_new:",
        width="stretch",
    )


def solve_link(runs: HaltingRuns, puzzle: int, step: int) -> str:
    """Address of the Solve page with this puzzle, at the end of a supervision step."""
    metadata = runs.metadata
    query = {
        "model": metadata.model,
        "puzzle": runs.puzzles[puzzle],
        "at": f"{step}.{metadata.T}.{metadata.n + 1}",
    }
    if step > metadata.N_sup:
        query["steps"] = str(runs.steps)
    return f"./?{urlencode(query)}"
