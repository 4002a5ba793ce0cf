"""The model's controls: which one, what was found in it, and the values that may be forced upon it."""

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
ANOTHER = "Another: path or hub name"
ACCEPT = "Open it all the same"
MOST_STEPS = 64
MOST_CYCLES = 64  # of n and of T


@dataclass(frozen=True)
class Opened:
    """A model whose configuration is known, though perhaps not its weights yet."""

    source: ModelSource
    config: ModelConfig
    sources: Mapping[str, str]  # field of config -> where its value is from; empty for bundled ones
    folder: Path | None = None  # of the checkpoint
    notes: tuple[str, ...] = ()  # what else was noticed when it was opened


def choose(
    names: list[str], options: Options, link: dict[str, str], first: str = DEFAULT_MODEL
) -> tuple[Opened | Opening | None, list[str]]:
    """Draw the choice of a model. Returns the model, or its opening while that goes on; and what went wrong.

    Where the model asked for cannot be opened, the one that was shown before stays, at first the page's `first` one.
    """
    state = st.session_state
    if "model" not in state:  # a session's first page
        _settle(names, options, link.pop("model", None) or state.get("opened"), first)
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
            "Path or hub name",
            key="model_path",
            persist_state="session",
            max_chars=links.LONGEST_NAME,
            placeholder="hf://owner/repo, or runs/step_1000" if options.hub else "runs/step_1000",
            help=_what_may_be_opened(options),
        )
        if options.local:
            dropped_files.controls()
    named = state.model_path.strip() if state.model == ANOTHER else state.model
    mistakes = [state.refused] if "refused" in state else []
    for name in dict.fromkeys([named, state.get("opened", ""), _default(names, first)]):
        try:
            opened = open_model(name, options) if name else None
        except UnknownSettingsError as error:
            mistakes.append(
                f"{name}: not understood: {', '.join(error.settings)}. The model may compute something else than is shown "
                f'here. Press "{ACCEPT}" to open it, or choose another.'
            )
            st.button(ACCEPT, key="accept_unknown", icon=":material/warning:", on_click=_accept, args=(name,))
            continue
        except UserError as error:
            mistakes.append(str(error))
            continue
        if isinstance(opened, Opened):
            state.opened = name
        if opened is not None:
            return opened, mistakes
    return None, mistakes


def _settle(names: list[str], options: Options, named: str | None, first: str) -> None:
    """The model of a page that has none yet: the one asked for, if it may be opened."""
    state = st.session_state
    state.model, state.model_path = _default(names, first) or ANOTHER, ""
    if named is None or named in names:
        state.model = named or state.model
        return
    try:
        source_of(named[: links.LONGEST_NAME], options)
    except CheckpointError as error:
        state.refused = str(error)
    else:
        state.model, state.model_path = ANOTHER, named


def _default(names: list[str], first: str) -> str:
    return first if first in names else next(iter(names), "")


def _what_may_be_opened(options: Options) -> str:
    hub = "A model of the hub as hf://owner/repo or hf://owner/repo/file. " if options.hub else ""
    if options.local:
        return hub + "A path on this machine: a file of weights, or the folder that holds it."
    return hub + (
        "A path inside the folders of this server."
        if options.model_dirs
        else f"For paths, start the app with {HOW_TO_START}."
    )


def open_model(name: str, options: Options) -> Opened | Opening:
    """The model that a name means, or its opening while that goes on. Raises UserError when that cannot be."""
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


def _accept(name: str) -> None:
    """Open a model though not all its settings are understood, for this session. A callback."""
    st.session_state.accepted = {*st.session_state.get("accepted", ()), name}


def give_up(opening: Opening) -> None:
    """Cancel an opening and go back to the model before. A callback: widgets can be changed only there."""
    shared.models().cancel(opening)
    st.session_state.model_path = st.session_state.get("opened", "")


# ---- depth, and what is forced


def settle_depth(opened: Opened, link: dict[str, str]) -> None:
    """Before the widgets are drawn: the model's own values, or on a session's first page those of the link."""
    state, config = st.session_state, opened.config
    if state.get("depth_of") == opened.source.name and "supervision_steps" in state:
        return
    state.depth_of = opened.source.name
    state.supervision_steps = links.number(
        link.pop("steps", ""), most=MOST_STEPS, otherwise=min(config.N_sup, MOST_STEPS)
    )
    for name in ("n", "T"):
        own = getattr(config, name)
        named = links.number(link.pop(name, ""), most=max(MOST_CYCLES, own), otherwise=own)
        state[f"force_{name}"] = own if name == "n" and KINDS[config.kind].layer_calls else named
    heads = links.number(link.pop("heads", ""), most=config.hidden_size, otherwise=config.heads or 1)
    state.force_heads = heads if heads in possible_heads(config) else config.heads


def steps_control() -> None:
    st.slider(
        "Supervision steps",
        1,
        MOST_STEPS,
        key="supervision_steps",
        persist_state="session",
        help="How often the model improves its answer. It was trained with at most the number named below.",
    )


def possible_heads(config: ModelConfig) -> list[int]:
    """Numbers of heads that the weights can be read with."""
    found = []
    for heads in range(1, config.hidden_size + 1 if config.mixing == "attention" else 1):
        if config.hidden_size % heads:
            continue
        try:
            replace(config, heads=heads)
        except ConfigError:
            continue
        found.append(heads)
    return found


def force_controls(opened: Opened) -> None:
    """n and T of any model, the heads of one whose checkpoint does not tell them."""
    config = opened.config
    for place, name, what in zip(
        st.columns(2), ("n", "T"), ("calls of f_L in a cycle", "cycles in a supervision step"), strict=True
    ):
        own, kind = getattr(config, name), KINDS[config.kind]
        place.number_input(
            name,
            kind.fewest_n if name == "n" else 1,
            max(MOST_CYCLES, own),
            disabled=name == "n" and kind.layer_calls,
            key=f"force_{name}",
            persist_state="session",
            help=f"{what.capitalize()}. Trained with {own}.",
        )
    if "heads" in config.assumed and config.heads:
        st.selectbox(
            "Heads",
            possible_heads(config),
            key="force_heads",
            persist_state="session",
            help=f"Taken to be {config.heads}.",
        )


def forced(opened: Opened) -> tuple[ModelSource, ModelConfig, Depth]:
    """The model with the values that were asked for."""
    state, config, source = st.session_state, opened.config, opened.source
    if state.force_heads != config.heads:
        source, config = replace(source, heads=state.force_heads), replace(config, heads=state.force_heads)
    return source, config, Depth(n=state.force_n, T=state.force_T, N_sup=state.supervision_steps)


def link_of(opened: Opened, depth: Depth) -> dict[str, str | None]:
    """What the address says of model and depth: only what is not the model's own."""
    config = opened.config
    values = {"n": (depth.n, config.n), "T": (depth.T, config.T), "steps": (depth.N_sup, config.N_sup)}
    values["heads"] = (st.session_state.force_heads, config.heads)
    changed: dict[str, Any] = {name: str(now) if now != own else None for name, (now, own) in values.items()}
    return {"model": opened.source.name} | changed
