"""One puzzle of many: chosen in a list or by a click into a figure, told in words, and opened in Solve by a link."""

from typing import Any
from urllib.parse import urlencode

import numpy as np
import streamlit as st

from app.state.links import IN_ADDRESS
from app.ui.text import plain
from probes.halting.rules import OUTCOMES, Outcomes
from probes.halting.runs import HaltingRuns

CHOSEN, SQUARE = "halting_puzzle", "halting_square"  # in the session: a puzzle; a square of the board
NO_PUZZLE = -1


def clear_selection() -> None:
    """Other runs are shown: what was chosen of the old ones means nothing."""
    st.session_state[CHOSEN], st.session_state[SQUARE] = NO_PUZZLE, None


def chosen(runs: HaltingRuns) -> int | None:
    puzzle = st.session_state.get(CHOSEN, NO_PUZZLE)
    return puzzle if 0 <= puzzle < runs.count else None


def clicked(key: str) -> Any | None:
    """What the mark carries that was clicked in the figure of that key; None where a click hit none."""
    points = st.session_state[key].selection.points
    return points[0].get("customdata") if points else None


def select_clicked(key: str) -> None:
    """A callback: the puzzle whose mark was clicked is chosen."""
    found = clicked(key)
    if isinstance(found, list):
        found = found[0] if found else None
    if isinstance(found, int | float):
        st.session_state[CHOSEN] = int(found)


def select_square(key: str) -> None:
    """A callback: the square of the board that was clicked, as places of both axes."""
    found = clicked(key)
    if isinstance(found, list) and len(found) == 2:
        st.session_state[SQUARE], st.session_state[CHOSEN] = tuple(map(int, found)), NO_PUZZLE


def puzzles_in_square(found: Outcomes, square: tuple[int, int] | None, steps: int) -> np.ndarray:
    """Puzzles of a square of the board; all where none is chosen. Place `steps` is that of "never"."""
    if square is None:
        return np.arange(len(found.halts))
    right, halts = ((place + 1) % (steps + 1) for place in square)
    return np.flatnonzero((found.right == right) & (found.halts == halts))


def choose(runs: HaltingRuns, found: Outcomes, puzzles: np.ndarray) -> int | None:
    """The list, for those who do not click. Returns the chosen puzzle, from 0 in these runs."""
    state, names = st.session_state, list(OUTCOMES)
    options = [NO_PUZZLE, *puzzles.tolist()]
    if state.get(CHOSEN, NO_PUZZLE) not in options:
        state[CHOSEN] = NO_PUZZLE

    def label(puzzle: int) -> str:
        if puzzle == NO_PUZZLE:
            return f"none of {len(puzzles):,}"
        hard = f", {runs.difficulty[puzzle]}" if runs.difficulty[puzzle] else ""
        return f"{runs.rows[puzzle] + 1}{hard}: {names[found.outcome[puzzle]].replace('_', ' ')}"

    st.selectbox("Puzzle", options, format_func=label, key=CHOSEN, **IN_ADDRESS)
    return chosen(runs)


def describe(runs: HaltingRuns, found: Outcomes, puzzle: int, *, step: int | None = None) -> None:
    """What became of a puzzle, and the link that opens it in Solve, at the step that matters."""
    halts, right = int(found.halts[puzzle]), int(found.right[puzzle])
    name = list(OUTCOMES)[found.outcome[puzzle]]
    st.markdown(f"**Puzzle {runs.rows[puzzle] + 1}** {plain(OUTCOMES[name])}.")
    words = [
        f"first right after step {right}" if right else f"never right in {runs.steps} steps",
        f"would halt after step {halts}" if halts else "would never halt",
        f"{runs.wrong[-1, puzzle]} of {runs.blanks[puzzle]} blank cells wrong at the end",
    ]
    st.caption("; ".join(words).capitalize() + ".")
    open_in_solve(runs, puzzle, step or halts or right or runs.steps)


def open_in_solve(runs: HaltingRuns, puzzle: int, step: int) -> None:
    st.link_button(
        f"Open in Solve at step {step}",
        solve_link(runs, puzzle, step),
        icon=":material/open_in_new:",
        width="stretch",
    )


def solve_link(runs: HaltingRuns, puzzle: int, step: int) -> str:
    """The address of the Solve page with this puzzle, at the end of a supervision step."""
    about = runs.metadata
    asked = {"model": about.model, "puzzle": runs.puzzles[puzzle], "at": f"{step}.{about.T}.{about.n + 1}"}
    if step > about.N_sup:
        asked["steps"] = str(runs.steps)
    return f"./?{urlencode(asked)}"
