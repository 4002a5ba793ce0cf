"""Attention maps of the player's call, or the weights of MLP mixing, over the grid: which cells exchange information."""

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

import streamlit as st

from app.screens.interventions import cursor, figures, runs
from app.screens.interventions.attribution import SELECT
from app.server import shared
from app.server.jobs import Work
from app.server.opening import torch_threads
from app.sidebar import puzzles
from app.state.choice import Choice
from app.state.links import IN_ADDRESS
from app.ui import charts, progress
from app.ui.downloads import offer
from app.ui.text import plain
from probes.interventions.attribution.mixing import layer_names
from probes.interventions.attribution.results import MEAN, attended, mixed
from trm.coordinates import F_H, F_L, Coordinates

if TYPE_CHECKING:
    from trm.model import Model

ATTENTION_CAPTION = (
    "Attention in one call of the clean run. Select a cell in the player and step to a call; the maps update. A map shows "
    "where a cell attends, not with what effect: the value read there may be small."
)
MIXING_CAPTION = (
    "Mixing weights between cells, the same for every puzzle: down @ up of the SwiGLU over positions with its gates fixed. "
    "In a run the gates depend on the state and may close a path or flip its sign, so this is a first-order view."
)
RECEIVES = {"attention": "{cell} attends to", "mixing": "To {cell}, from"}
SENDS = {"attention": "{cell} is attended to by", "mixing": "From {cell}, to"}


def title(choice: Choice) -> str:
    return "Attention" if choice.config.mixing == "attention" else "Mixing weights"


def show(choice: Choice) -> None:
    is_attention = choice.config.mixing == "attention"
    st.caption(ATTENTION_CAPTION if is_attention else MIXING_CAPTION)
    selected = cursor.current(choice)
    if selected is None or selected.cell is None:
        st.info(SELECT, icon=":material/ads_click:")
        return
    at, cell = call(choice, selected), selected.cell
    row = st.container(horizontal=True, vertical_alignment="bottom")
    layers = layers_of(choice, at)
    layer = row.segmented_control(
        "Layer", layers, key=f"mixing_layer-{len(layers)}", default=layers[0], **IN_ADDRESS, required=True
    )
    head = MEAN
    if is_attention:
        heads = [MEAN, *(str(number + 1) for number in range(choice.config.heads))]
        head = row.segmented_control(
            "Head", heads, key="mixing_head", default=MEAN, **IN_ADDRESS, required=True
        )
    opening = shared.models().ask(choice.source)
    if opening.model is None:
        st.info("Loading the model.", icon=":material/hourglass_empty:")
        return
    model = opening.model
    job = (
        attention_job(choice, model, at, cell, layer, head)
        if is_attention
        else mixing_job(choice, model, cell, layer)
    )
    result = progress.result_of(*job)
    if result is not None:
        draw(choice, result, cell)


def call(choice: Choice, at: cursor.Cursor) -> Coordinates:
    """The call shown in the player."""
    return Coordinates(at.supervision_step, at.cycle, at.call, F_L if at.call <= choice.depth.n else F_H)


def layers_of(choice: Choice, at: Coordinates) -> list[str]:
    """For attention, the layers of the call's net; for mixing weights, all layers."""
    config = choice.config
    if config.mixing == "attention":
        return [str(number + 1) for number in range(config.layers_per_call[at.kind])]
    return list(layer_names(config))


def attention_job(
    choice: Choice, model: "Model", at: Coordinates, cell: int, layer: str, head: str
) -> tuple[Hashable, Work]:
    def work(progress: Any) -> dict[str, Any]:
        with torch_threads(model):
            run = runs.cached_run(choice, model, progress)
            return attended(run, at=at, cell=cell, layer=layer, head=head)

    return ("attention", model.fingerprint, choice.run, at, cell, layer, head), work


def mixing_job(choice: Choice, model: "Model", cell: int, layer: str) -> tuple[Hashable, Work]:
    return (
        ("mixing", model.fingerprint, cell, layer),
        lambda progress: mixed(model, choice.task, cell=cell, layer=layer),
    )


def draw(choice: Choice, result: dict[str, Any], cell: int) -> None:
    """Draw two grids, from the cell and to it, and below them the mean over all pairs of cells by relation."""
    st.markdown(f"**{plain(result['of'][:1].upper() + result['of'][1:])}**{summary(result)}")
    task, method = choice.task, result["method"]
    symbols = [task.symbols[token] for token in puzzles.read(task, choice.puzzle)]
    is_attention = method == "attention"
    for column, side, captions in zip(st.columns(2), ("receives", "sends"), (RECEIVES, SENDS), strict=True):
        figure = figures.board(
            result["table"][side], symbols, task.rows, task.columns, cell,
            unit="share" if is_attention else "weight", signed=not is_attention,
        )  # fmt: skip
        with column:
            st.caption(captions[method].format(cell=result["cell"]))
            charts.show(figure, key=f"interventions-{method}-{side}")
    figure = None
    if result["relations"]:
        st.caption("Mean over all pairs of cells, by relation. Bars: 95 % bootstrap intervals over cells.")
        of = "mean attention" if is_attention else "mean absolute weight"
        figure = figures.relations(result, of=of)
        charts.show(figure, key=f"interventions-{method}-relations")
    offer(
        f"{method}-{result['cell']}",
        figure=figure,
        table=result["table"],
        data=result,
        command=command(choice, result),
    )


def summary(result: dict[str, Any]) -> str:
    """A sentence with the main numbers."""
    text = ""
    if "prefix" in result:
        text += f". {result['prefix']:.1%} of the attention of {result['cell']} is on the prefix, which is not a cell"
    if result["relations"]:
        ratio, low, high = list(result["relations"].values())[-1]
        relation = next(iter(result["relations"]))
        text += f". {relation.capitalize()} / all others: {ratio:.2f} ({low:.2f} to {high:.2f})"
    return text + "."


def command(choice: Choice, result: dict[str, Any]) -> str:
    """The equivalent command."""
    words = f"python -m probes attribute --model {choice.source.spec} --method {result['method']} --cell {result['cell']}"
    words += f" --layer {result['layer']}"
    if result["method"] == "attention":
        words += f" --puzzle '{choice.puzzle}' --call {result['call']} --head {result['head']}"
    return words
