"""What a person asks for: model, puzzle and depth, from the sidebar and from the link. Checked here, once."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from app import session
from trm import registry
from trm.config import ModelConfig
from trm.coordinates import Depth
from trm.data import load_presets
from trm.errors import PuzzleError
from trm.tasks import get_task
from trm.tasks.base import Difficulty

MOST_STEPS = 64
DEFAULT_MODEL = "sudoku-trm"


@dataclass(frozen=True)
class Choice:
    """What to show. `puzzle` is the task's one-line form; where the typed text is no puzzle, `mistake` says why."""

    model: str
    config: ModelConfig
    depth: Depth
    puzzle: str
    title: str
    sentence: str
    mistake: str | None = None


def sidebar() -> Choice | None:
    """Draw the controls; returns the choice, None when there is no model to choose."""
    names = registry.model_names()
    if not names:
        return None
    _open_link(names)
    with st.sidebar:
        st.markdown("### :material/motion_blur: Recursion Lens")
        model = st.selectbox("Model", names, key="model")
        config = registry.model_config(model)
        _puzzle_controls(config)
        steps = st.slider(
            "Supervision steps",
            1,
            MOST_STEPS,
            key="supervision_steps",
            help="How often the model improves its answer. It was trained with at most the number named below.",
        )
        depth = Depth(n=config.n, T=config.T, N_sup=steps)
        _facts(model, config, depth)
    return _choice(model, config, depth)


def _open_link(names: list[str]) -> None:
    """On a session's first run, take the view from the URL; what is not there or not valid gets its default."""
    state, link = st.session_state, st.query_params
    if "model" not in state:
        state.model = link.get("model") if link.get("model") in names else _default_model(names)
    config = registry.model_config(state.model)
    if "supervision_steps" not in state:
        (asked,) = _counts(link.get("steps", ""), 1) or (0,)
        state.supervision_steps = min(asked, MOST_STEPS) or config.N_sup
    if "puzzle_text" in state:
        return
    presets = load_presets(config.task)
    state.opening_view = _view_from_link(link.to_dict())
    text = link.get("puzzle", "")
    preset = next((preset for preset in presets if text in ("", preset.puzzle)), None)
    state.puzzle_preset = preset.key if preset else None
    state.puzzle_text = preset.puzzle if preset else text
    state.shown_puzzle = preset.puzzle if preset else presets[0].puzzle


def _default_model(names: list[str]) -> str:
    return DEFAULT_MODEL if DEFAULT_MODEL in names else names[0]


def _puzzle_controls(config: ModelConfig) -> None:
    presets = {preset.key: preset for preset in load_presets(config.task)}
    st.selectbox(
        "Puzzle",
        list(presets),
        format_func=lambda key: presets[key].title,
        key="puzzle_preset",
        index=None,
        placeholder="your own",
        on_change=_take_preset,
        args=(presets,),
    )
    st.text_area(
        "Type or paste one",
        key="puzzle_text",
        height=92,
        on_change=_leave_preset,
        args=(presets,),
        help="81 digits with . or 0 for blanks, in one line or nine, with or without separators. Ctrl+Enter shows it.",
    )
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    left.selectbox("New puzzle", list(Difficulty), key="difficulty", format_func=str.capitalize)
    right.button("Generate", key="new_puzzle", on_click=_take_new, args=(config.task,), width="stretch")


def _take_preset(presets: dict) -> None:
    key = st.session_state.puzzle_preset
    if key is not None:
        st.session_state.puzzle_text = presets[key].puzzle


def _leave_preset(presets: dict) -> None:
    text = "".join(st.session_state.puzzle_text.split())
    st.session_state.puzzle_preset = next(
        (key for key, preset in presets.items() if preset.puzzle == text), None
    )


def _take_new(task_name: str) -> None:
    task = get_task(task_name)
    puzzle = task.generate(np.random.default_rng(), st.session_state.difficulty)
    st.session_state.puzzle_text = task.format(puzzle.inputs)
    st.session_state.puzzle_preset = None


def _facts(model: str, config: ModelConfig, depth: Depth) -> None:
    """Device, dtype and depth in use, beside what the model was trained with."""
    trained = "" if depth == config.depth else f" (trained with {config.N_sup})"
    st.caption(
        f"**n = {depth.n}** calls of f_L, then one of f_H; **T = {depth.T}** such cycles a step; "
        f"**N_sup = {depth.N_sup}** steps{trained}. That is {depth.calls_per_step * depth.N_sup} calls of the net."
    )
    st.caption(session.device_line(model))


def _choice(model: str, config: ModelConfig, depth: Depth) -> Choice:
    state, task = st.session_state, get_task(config.task)
    mistake = None
    try:
        state.shown_puzzle = task.format(task.parse(state.puzzle_text))
    except PuzzleError as error:
        mistake = str(error)
    preset = next(
        (preset for preset in load_presets(config.task) if preset.puzzle == state.shown_puzzle), None
    )
    link = {"model": model, "puzzle": state.shown_puzzle}
    if depth.N_sup != config.N_sup:
        link["steps"] = str(depth.N_sup)
    _set_link(link, drop=("steps",))
    title, sentence = (preset.title, preset.sentence) if preset else ("Your puzzle", "")
    return Choice(model, config, depth, state.shown_puzzle, title, sentence, mistake)


def opening_view() -> dict[str, Any] | None:
    """The view that the link asked for: coordinates, cell and mode."""
    return st.session_state.get("opening_view")


def remember_view(view: dict[str, Any]) -> None:
    """Put the view that the player settled on into the URL."""
    cell = view.get("cell")
    place = ".".join(str(view[name]) for name in ("supervision_step", "cycle", "call"))
    link = {"at": place, "mode": str(view["mode"])}
    if cell:
        link["cell"] = ",".join(map(str, cell))
    _set_link(link, drop=("cell",))


def _set_link(values: dict[str, str], *, drop: tuple[str, ...]) -> None:
    """Change these parameters of the URL, only where they differ: each change is a message to the browser."""
    for name in drop:
        if name not in values and name in st.query_params:
            del st.query_params[name]
    for name, value in values.items():
        if st.query_params.get(name) != value:
            st.query_params[name] = value


def _view_from_link(link: dict[str, str]) -> dict[str, Any] | None:
    """Whole numbers where numbers belong; the player bounds them by the run it shows."""
    place = _counts(link.get("at", ""), 3, separator=".")
    if place is None:
        return None
    step, cycle, call = place
    cell = _counts(link.get("cell", ""), 2)
    mode = link.get("mode", "answer")
    return {"supervision_step": step, "cycle": cycle, "call": call, "cell": cell, "mode": mode}


def _counts(text: str, count: int, *, separator: str = ",") -> list[int] | None:
    """So many whole numbers of up to three digits; None where the text is anything else."""
    parts = text.split(separator)
    if len(parts) != count or not all(part.isdecimal() and len(part) < 4 for part in parts):
        return None
    return [int(part) for part in parts]
