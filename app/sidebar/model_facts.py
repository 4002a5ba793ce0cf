"""Facts about the model in the sidebar: architecture, assumed values, accuracy, depth and device."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from app.server import shared
from app.server.checks import Check
from app.server.http.feeds import Progress
from app.server.models import ModelSource
from app.sidebar import model_controls
from app.sidebar.model_controls import Opened
from app.ui import progress
from app.ui.text import plain
from trm import registry
from trm.config import KINDS, ModelConfig, halting_words
from trm.coordinates import Depth
from trm.engine import ENGINES
from trm.errors import CheckpointError

TABLE_HELP = (
    "D is the hidden size. The prefix consists of positions in front of the cells, for the puzzle embedding and the halting head; "
    "positions are prefix plus cells. n is the number of f_L calls per cycle, T the number of cycles per supervision step, and N_sup the "
    "maximum number of supervision steps."
)


def show(opened: Opened) -> None:
    """Draw a box with the architecture and the overrides, and below it the assumed values and the accuracy."""
    config = opened.config
    with st.expander(title(config)):
        st.markdown(_table(opened), help=TABLE_HELP)
        model_controls.force_controls(opened)
    if config.unknown:
        st.caption(
            f":orange[Settings not understood: {plain(', '.join(config.unknown))}. Results may differ from the original model.]"
        )
    if config.assumed:
        st.caption(_assumed_sentence(opened))
    _, config_in_use, depth = model_controls.forced(opened)
    _score(opened, depth, config_in_use)
    show_inert_states(opened)


def show_inert_states(opened: Opened) -> None:
    """Warn about each state of the model that carries little more than its input."""
    warn_of_inert_states(opened.source.name, states_of(opened))


def warn_of_inert_states(model: str, states: Mapping[str, Mapping[str, Any]]) -> None:
    """Draw a warning for each state in `states` that is marked as inert."""
    for name, use in states.items():
        if use["inert"]:
            st.warning(inert_sentence(model, name, use), icon=":material/warning:")


def states_of(opened: Opened) -> Mapping[str, Mapping[str, Any]]:
    """Return how much the model uses y and z, by state.

    For bundled models, this was measured in advance; for other models, the self-check measures it.
    """
    if opened.source.is_bundled:
        return registry.measured_states(opened.source.name)
    check = _check(opened)
    return (check and check.states) or {}


def inert_sentence(model: str, state: str, use: Mapping[str, Any]) -> str:
    """Return the warning about an inert state, with its measurements."""
    return (
        f"{plain(model)}'s {state} is inert: the input token explains {use['variance_by_token']:.1%} of its variance, and replacing "
        f"{state} with one constant per token changes {use['changed']:.1%} of the answers. Whatever is decoded from {state} comes from the input."
    )


def show_depth(opened: Opened) -> None:
    """Draw the depth and the device in use."""
    source, _, depth = model_controls.forced(opened)
    st.caption(_depth_sentence(opened.config, depth))
    st.caption(_device_sentence(source))


def _assumed_sentence(opened: Opened) -> str:
    """Return the assumed values, grouped by the reason given for them."""
    by_default: dict[str, list[str]] = {}
    for name in opened.config.assumed:
        where = opened.sources.get(name, "assumed")
        by_default.setdefault(where, []).append(f"{name} = {getattr(opened.config, name)}")
    return " ".join(f":orange[{', '.join(values)} ({where}).]" for where, values in by_default.items())


def title(config: ModelConfig) -> str:
    """Return the model type, the task and the grid size."""
    rows, columns = config.grid
    return f"{KINDS[config.kind].title}, {config.task} {rows}x{columns}"


def _table(opened: Opened) -> str:
    """Return the config values as lines of text, with their origin where it matters."""
    config = opened.config
    layers = f"{config.layers}" + (f" in f_L, {config.H_layers} in f_H" if config.H_layers else "")
    rows = [("D", "hidden_size", config.hidden_size), ("layers", "layers", layers)]
    if config.mixing == "attention":
        rows += [("heads", "heads", config.heads), ("positions", "positions", config.positions)]
    else:
        rows += [("mixing", "mixing", "MLP")]
    rows += [(name, name, getattr(config, name)) for name in ("n", "T", "N_sup")]
    if config.latents > 1:
        rows += [("z states", "latents", config.latents)]
    if config.prefix_length:
        rows += [("prefix", "prefix_length", config.prefix_length)]
    if config.puzzle_ids:
        rows += [("puzzle ids", "puzzle_ids", f"{config.puzzle_ids:,}")]
    lines = [f"{name} = **{value}**{_origin(opened, field)}" for name, field, value in rows]
    lines.append(halting_words(config.halting))
    if "weights" in opened.sources:
        lines.append(f"weights: {plain(opened.sources['weights'])}")
    lines += [f":orange[{plain(note)}]" for note in opened.notes]
    return "  \n".join(lines)


def _origin(opened: Opened, field: str) -> str:
    """Return the origin of a value that is neither in the tensors nor in our config.json; "" otherwise."""
    where = opened.sources.get(field, "")
    if field in opened.config.assumed:
        return f" :orange[({where or 'assumed'})]"
    return f" :gray[({where})]" if where not in ("", "tensors", "config.json") else ""


def _score(opened: Opened, depth: Depth, config_in_use: ModelConfig) -> None:
    """Draw the measured accuracy of a bundled model at its trained depth, and the self-check in all other cases."""
    source, config = opened.source, opened.config
    changed = (depth.n, depth.T, config_in_use.heads) != (config.n, config.T, config.heads)
    if source.is_bundled and not changed:
        accuracy = _accuracy(source.name, source.stamp)
        if accuracy:
            st.caption(
                f"Accuracy: {accuracy['exact']:.1%} of {accuracy['count']:,} puzzles in {accuracy['data']} are solved exactly."
            )
        return
    check = _check(opened)
    result = check and check.result
    st.caption(f"Self-check: {'running...' if result is None else plain(check_sentence(result))}")
    if check is None or check.states is None:
        _follow_check(source, depth)


def _follow_check(source: ModelSource, depth: Depth) -> None:
    """Rerun the page when the model is loaded, and whenever its self-check has a new result."""
    models, checks = shared.models(), shared.checks()

    def read() -> Progress:
        model = models.ask(source).model if models.ready(source) else None
        if model is None:
            return Progress("loading")
        check = checks.ask(source, model, depth)
        return Progress(f"{check.result is not None} {check.states is not None}")

    progress.follow(("check", source, depth), read, key="self_check")


@st.cache_data(ttl=shared.EVERY_FEW_SECONDS, max_entries=64, show_spinner=False)
def _accuracy(model_name: str, stamp: tuple[int, ...]) -> dict[str, Any] | None:
    """Return a bundled model's accuracy from `trm eval`; None if it was not measured or the weights cannot be read."""
    try:
        return registry.model_card(model_name)["accuracy"]
    except CheckpointError:
        return None


def _check(opened: Opened) -> Check | None:
    source, _, depth = model_controls.forced(opened)
    models = shared.models()
    model = models.ask(source).model if models.ready(source) else None
    return None if model is None else shared.checks().ask(source, model, depth)


def check_sentence(result: Mapping[str, Any]) -> str:
    """Return the result of a self-check as a sentence."""
    if "puzzles" not in result:
        return result["note"]
    exact = round(result["exact"] * result["puzzles"])
    return (
        f"{result['puzzles']} puzzle{'s' if result['puzzles'] != 1 else ''}, {exact} solved exactly; "
        f"{result['blank_cell']:.0%} of blank cells are correct, and the loss is {result['loss']:.3g} nats."
    )


def _depth_sentence(config: ModelConfig, depth: Depth) -> str:
    """Return n, T and N_sup in use, and the trained values where they differ."""

    def trained(name: str) -> str:
        own = getattr(config, name)
        return "" if getattr(depth, name) == own else f" (trained with {own})"

    return (
        f"**n = {depth.n}**{trained('n')} f_L calls, then one f_H call; **T = {depth.T}**{trained('T')} such cycles "
        f"per step; **N_sup = {depth.N_sup}** steps{trained('N_sup')}. "
        f"Total: {depth.calls_per_step * depth.N_sup} network calls."
    )


def _device_sentence(source: ModelSource) -> str:
    """Return the device, dtype and engine of live runs, once the model is loaded."""
    model = shared.models().ask(source).model if shared.models().ready(source) else None
    if model is None:
        return "The model is not loaded yet; the player shows a recorded run."
    from trm.engine.choice import choose

    return (
        f"The model runs in {str(model.compute_dtype).removeprefix('torch.')} on {model.device.type.upper()}; live runs use "
        f"{ENGINES[choose(model).engine]}."
    )
