"""Controls for the model: which model, at what depth, and values that override its config."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import streamlit as st

from app.server import shared
from app.server.models import ModelSource, source_of
from app.server.opening import Opening
from app.server.options import HOW_TO_START, Options
from app.sidebar import dropped_files
from app.state import links
from trm import registry
from trm.config import KINDS, ConfigError, ModelConfig
from trm.coordinates import Depth
from trm.errors import CheckpointError, UnknownSettingsError, UserError
from trm.tasks import task_of

DEFAULT_MODEL = "sudoku-trm"
ANOTHER = "Other: path or HF repo"
ACCEPT = "Open anyway"
MOST_STEPS = 64
MOST_CYCLES = 64  # maximum of n, and of T


@dataclass(frozen=True)
class Opened:
    """A model whose config is known; its weights may not be loaded yet."""

    source: ModelSource
    config: ModelConfig
    sources: Mapping[str, str]  # origin of each config value, by field; empty for bundled models
    folder: Path | None = None  # folder of the checkpoint
    notes: tuple[str, ...] = ()  # remarks from opening the model


def choose(
    names: list[str], options: Options, link: dict[str, str], first: str = DEFAULT_MODEL
) -> tuple[Opened | Opening | None, list[str]]:
    """Draw the model controls. Returns the model, or its `Opening` while it loads, and a list of error messages.

    If the requested model cannot be opened, the previous model remains, or `first` in a new session.
    """
    state = st.session_state
    if "model" not in state:  # the first page of a session
        _init_model(names, options, link.pop("model", None) or state.get("opened"), first)
    if "model_path" not in state:
        state.model_path = state.get("opened", "") if state.model == ANOTHER else ""
    st.selectbox(
        "Model",
        [*names, *([ANOTHER] if options.opens_others or not names else [])],
        key="model",
        persist_state="session",
        on_change=lambda: state.pop("refused", None),
    )
    if state.model == ANOTHER:
        st.text_input(
            "Path or Hugging Face repo",
            key="model_path",
            persist_state="session",
            max_chars=links.LONGEST_NAME,
            placeholder="hf://owner/repo, or runs/step_1000" if options.hub else "runs/step_1000",
            help=_path_help(options),
        )
        if options.local:
            dropped_files.controls()
    requested = state.model_path.strip() if state.model == ANOTHER else state.model
    mistakes = [state.refused] if "refused" in state else []
    for name in dict.fromkeys([requested, state.get("opened", ""), _default(names, first)]):
        try:
            opened = open_model(name, options) if name else None
        except UnknownSettingsError as error:
            mistakes.append(
                f"{name} has settings that are not understood: {', '.join(error.settings)}. The results shown here may differ from what the "
                f'model really computes. Press "{ACCEPT}", or choose another model.'
            )
            st.button(ACCEPT, key="accept_unknown", icon=":material/warning:", on_click=accept, args=(name,))
            continue
        except UserError as error:
            mistakes.append(str(error))
            continue
        if isinstance(opened, Opened):
            state.opened = name
        if opened is not None:
            return opened, mistakes
    return None, mistakes


def _init_model(names: list[str], options: Options, requested: str | None, first: str) -> None:
    """Set the model of a new session: the requested model if the server may open it, otherwise the default."""
    state = st.session_state
    state.model, state.model_path = _default(names, first) or ANOTHER, ""
    if requested is None or requested in names:
        state.model = requested or state.model
        return
    try:
        source_of(requested[: links.LONGEST_NAME], options)
    except CheckpointError as error:
        state.refused = str(error)
    else:
        state.model, state.model_path = ANOTHER, requested


def _default(names: list[str], first: str) -> str:
    return first if first in names else next(iter(names), "")


def _path_help(options: Options) -> str:
    hub = "A model on the Hugging Face Hub: hf://owner/repo or hf://owner/repo/file. " if options.hub else ""
    if options.local:
        return hub + "A path on this machine: a weights file or its folder."
    return hub + (
        "A path inside the server's model folders."
        if options.model_dirs
        else f"To open paths, start the app with {HOW_TO_START}."
    )


def open_model(name: str, options: Options) -> Opened | Opening:
    """Open a model by name. Returns its `Opening` while it loads. Raises UserError if the model cannot be opened."""
    source = source_of(name, options, accepted=name in st.session_state.get("accepted", ()))
    if source.is_bundled:
        config = registry.model_config(name)
        task_of(config)
        return Opened(source, config, {})
    opening = shared.models().ask(source)
    if opening.error:
        raise opening.error
    if opening.model is None:
        return opening
    return Opened(source, opening.model.config, opening.model.sources, opening.folder, opening.model.notes)


def accept(name: str) -> None:
    """Callback: allow, for this session, a model whose settings are not all understood."""
    st.session_state.accepted = {*st.session_state.get("accepted", ()), name}


def cancel_opening(opening: Opening) -> None:
    """Callback: cancel an opening and return to the previous model.

    Only callbacks may change widgets.
    """
    shared.models().cancel(opening)
    st.session_state.model_path = st.session_state.get("opened", "")


# ---- depth and overrides


def init_depth(opened: Opened, link: dict[str, str]) -> None:
    """Set the values before the widgets are drawn: the model's own values, or in a new session the link's values."""
    state, config = st.session_state, opened.config
    if state.get("depth_of") == opened.source.name and "supervision_steps" in state:
        return
    state.depth_of = opened.source.name
    state.supervision_steps = links.parse_number(
        link.pop("steps", ""), most=MOST_STEPS, otherwise=min(config.N_sup, MOST_STEPS)
    )
    for name in ("n", "T"):
        own = getattr(config, name)
        linked = links.parse_number(link.pop(name, ""), most=max(MOST_CYCLES, own), otherwise=own)
        state[f"force_{name}"] = own if name == "n" and KINDS[config.kind].layer_calls else linked
    heads = links.parse_number(link.pop("heads", ""), most=config.hidden_size, otherwise=config.heads or 1)
    state.force_heads = heads if heads in possible_heads(config) else config.heads


def steps_control() -> None:
    """Draw the slider for the number of supervision steps."""
    st.slider(
        "Supervision steps",
        1,
        MOST_STEPS,
        key="supervision_steps",
        persist_state="session",
        help="How many times the model refines its answer. The caption below gives the maximum it was trained with.",
    )


def possible_heads(config: ModelConfig) -> list[int]:
    """Return the head counts that fit the weights."""
    divisors = []
    for heads in range(1, config.hidden_size + 1 if config.mixing == "attention" else 1):
        if config.hidden_size % heads:
            continue
        try:
            replace(config, heads=heads)
        except ConfigError:
            continue
        divisors.append(heads)
    return divisors


def force_controls(opened: Opened) -> None:
    """Draw inputs for n and T, and for the number of heads if the checkpoint does not contain it."""
    config = opened.config
    for place, name, what in zip(
        st.columns(2), ("n", "T"), ("f_L calls per cycle", "Cycles per supervision step"), strict=True
    ):
        own, kind = getattr(config, name), KINDS[config.kind]
        place.number_input(
            name,
            kind.min_n if name == "n" else 1,
            max(MOST_CYCLES, own),
            disabled=name == "n" and kind.layer_calls,
            key=f"force_{name}",
            persist_state="session",
            help=f"{what}. Trained with {own}.",
        )
    if "heads" in config.assumed and config.heads:
        st.selectbox(
            "Heads",
            possible_heads(config),
            key="force_heads",
            persist_state="session",
            help=f"The checkpoint does not contain this value. The assumed value is {config.heads}.",
        )


def forced(opened: Opened) -> tuple[ModelSource, ModelConfig, Depth]:
    """Return source, config and depth with the overrides applied."""
    state, config, source = st.session_state, opened.config, opened.source
    if state.force_heads != config.heads:
        source, config = replace(source, heads=state.force_heads), replace(config, heads=state.force_heads)
    return source, config, Depth(n=state.force_n, T=state.force_T, N_sup=state.supervision_steps)


def link_of(opened: Opened, depth: Depth) -> dict[str, str | None]:
    """Return the address parameters for model and depth. Values equal to the model's own are None and thus left out."""
    config = opened.config
    values = {"n": (depth.n, config.n), "T": (depth.T, config.T), "steps": (depth.N_sup, config.N_sup)}
    values["heads"] = (st.session_state.force_heads, config.heads)
    changed: dict[str, Any] = {name: str(now) if now != own else None for name, (now, own) in values.items()}
    return {"model": opened.source.name} | changed
