"""Which cells are brought together, on the page: attention of the player's call, or the weights of MLP mixing, over the grid."""

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
    "Where one call of the run that was left alone looks. Select a cell in the player and step to a call: it follows. What is taken "
    "of a cell is its value, which may be small: a map says where is looked, not what comes of it."
)
MIXING_CAPTION = (
    "What the weights bring together, the same for every puzzle. Drawn is down @ up, the way through the SwiGLU over positions with "
    "its gates held equal. In a run the gates follow the state, and may close a way or turn its sign: a first-order view."
)
TAKES = {"attention": "{cell} attends to", "mixing": "Into {cell}, from"}
GIVES = {"attention": "{cell} is attended to by", "mixing": "From {cell}, into"}


def title(choice: Choice) -> str:
    return "Attention" if choice.config.mixing == "attention" else "Mixing weights"


def show(choice: Choice) -> None:
    is_attention = choice.config.mixing == "attention"
    st.caption(ATTENTION_CAPTION if is_attention else MIXING_CAPTION)
    at_cursor = cursor.current(choice)
    if at_cursor is None or at_cursor.cell is None:
        st.info(SELECT, icon=":material/ads_click:")
        return
    at, cell = call(choice, at_cursor), at_cursor.cell
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
        st.info("The model is being loaded.", icon=":material/hourglass_empty:")
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
    """The call at which the player stands."""
    return Coordinates(at.supervision_step, at.cycle, at.call, F_L if at.call <= choice.depth.n else F_H)


def layers_of(choice: Choice, at: Coordinates) -> list[str]:
    """Of attention the layers that the call passes through; of weights all there are."""
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
    """Two boards, from the cell and to it; below, whether cells that share something are brought together more."""
    st.markdown(f"**{plain(result['of'][:1].upper() + result['of'][1:])}**{summary(result)}")
    task, method = choice.task, result["method"]
    symbols = [task.symbols[token] for token in puzzles.read(task, choice.puzzle)]
    is_attention = method == "attention"
    for place, side, words in zip(st.columns(2), ("takes", "gives"), (TAKES, GIVES), strict=True):
        figure = figures.board(
            result["table"][side], symbols, task.rows, task.columns, cell,
            unit="share" if is_attention else "weight", signed=not is_attention,
        )  # fmt: skip
        with place:
            st.caption(words[method].format(cell=result["cell"]))
            charts.show(figure, key=f"interventions-{method}-{side}")
    figure = None
    if result["relations"]:
        st.caption("Mean over all pairs of cells, by what they share. Bars: 95 % by bootstrap over cells.")
        of = "mean attention" if is_attention else "mean size of the weight"
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
    """The numbers in words."""
    words = ""
    if "prefix" in result:
        words += (
            f". {result['prefix']:.1%} of what {result['cell']} attends to is the prefix, which is no cell"
        )
    if result["relations"]:
        ratio, low, high = list(result["relations"].values())[-1]
        near = next(iter(result["relations"]))
        words += f". {near.capitalize()} to all others: {ratio:.2f} ({low:.2f} to {high:.2f})"
    return words + "."


def command(choice: Choice, result: dict[str, Any]) -> str:
    """What does the same without a browser."""
    words = f"python -m probes attribute --model {choice.source.spec} --method {result['method']} --cell {result['cell']}"
    words += f" --layer {result['layer']}"
    if result["method"] == "attention":
        words += f" --puzzle '{choice.puzzle}' --call {result['call']} --head {result['head']}"
    return words
