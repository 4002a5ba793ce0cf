"""Attention maps of the player's call, or the weights of MLP mixing, over the grid: which cells exchange information."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from app.screens.interventions import cursor, figures, runs
from app.screens.interventions.attribution import SELECT
from app.screens.interventions.runs import RunAnalysis
from app.server.models import ModelSource
from app.sidebar import puzzles
from app.state.choice import Choice
from app.state.links import IN_ADDRESS
from app.ui import charts
from app.ui.analysis import Analysis, result_of
from app.ui.downloads import offer
from app.ui.text import plain
from probes.interventions.attribution.mixing import layer_names
from probes.interventions.attribution.results import MEAN, CellWeights, attended, mixed
from trm.coordinates import F_H, F_L, Coordinates
from trm.progress import Progress
from trm.results import as_json
from trm.tasks import task_of
from trm.terminal import as_command

if TYPE_CHECKING:
    from trm.model import Model

ATTENTION_CAPTION = (
    "The maps show the attention in one call of the clean run. They follow the cell and the call selected in the player. A map "
    "shows where a cell attends, but not with what effect: the value read there may be small."
)
MIXING_CAPTION = (
    "The maps show the mixing weights between cells, which are the same for every puzzle: the product down @ up of the SwiGLU over "
    "positions, without its gates. In a run, the gates depend on the state and can close a path or flip its sign, so the maps are only "
    "a first-order view."
)
RECEIVES = {"attention": "{cell} attends to", "mixing": "Weights to {cell} from each cell"}
SENDS = {"attention": "{cell} is attended to by", "mixing": "Weights from {cell} to each cell"}


@dataclass(frozen=True)
class CellAttention(RunAnalysis[CellWeights]):
    """The attention from one cell and to this cell, in one call of the clean run."""

    at: Coordinates
    cell: int
    layer: str
    head: str

    def run(self, model: "Model", progress: Progress) -> CellWeights:
        run = runs.cached_run(self.choice, model, progress)
        return attended(run, at=self.at, cell=self.cell, layer=self.layer, head=self.head)


@dataclass(frozen=True)
class MixingWeights(Analysis[CellWeights]):
    """The weights of MLP mixing from one cell and to this cell."""

    source: ModelSource
    cell: int
    layer: str

    def run(self, model: "Model", progress: Progress) -> CellWeights:
        return mixed(model, task_of(model.config), cell=self.cell, layer=self.layer)


def title(choice: Choice) -> str:
    """Return the label of the figure, which depends on how the model mixes positions."""
    return "Attention" if choice.config.mixing == "attention" else "Mixing weights"


def show(choice: Choice) -> None:
    """Draw the controls and the maps of the selected cell."""
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
    maps = (
        CellAttention(choice, at, cell, layer, head)
        if is_attention
        else MixingWeights(choice.source, cell, layer)
    )
    result = result_of(maps)
    if result is not None:
        draw(choice, result, cell)


def call(choice: Choice, at: cursor.Cursor) -> Coordinates:
    """Return the call shown in the player."""
    return Coordinates(at.supervision_step, at.cycle, at.call, F_L if at.call <= choice.depth.n else F_H)


def layers_of(choice: Choice, at: Coordinates) -> list[str]:
    """Return the layers to choose from: for attention, the layers of the call's net; for mixing weights, all layers."""
    config = choice.config
    if config.mixing == "attention":
        return [str(number + 1) for number in range(config.layers_per_call[at.kind])]
    return list(layer_names(config))


def draw(choice: Choice, result: CellWeights, cell: int) -> None:
    """Draw two grids, for weights from the cell and to the cell, and the mean over pairs of cells by relation."""
    st.markdown(f"**{plain(result.of[:1].upper() + result.of[1:])}**{summary(result)}")
    task, method = choice.task, result.method
    symbols = [task.symbols[token] for token in puzzles.read(task, choice.puzzle)]
    is_attention = method == "attention"
    for column, side, captions in zip(st.columns(2), ("receives", "sends"), (RECEIVES, SENDS), strict=True):
        figure = figures.board(
            result.table[side], symbols, task.rows, task.columns, cell,
            unit="share" if is_attention else "weight", signed=not is_attention,
        )  # fmt: skip
        with column:
            st.caption(captions[method].format(cell=result.cell))
            charts.show(figure, key=f"interventions-{method}-{side}")
    figure = None
    if result.relations:
        st.caption(
            "The graph shows the mean over all pairs of cells with each relation. Whiskers are 95% bootstrap intervals over cells."
        )
        of = "mean attention" if is_attention else "mean absolute weight"
        figure = figures.relations(result, of=of)
        charts.show(figure, key=f"interventions-{method}-relations")
    offer(
        f"{method}-{result.cell}",
        figure=figure,
        table=result.table,
        data=as_json(result),
        command=command(choice, result),
    )


def summary(result: CellWeights) -> str:
    """Return the main numbers in a sentence."""
    text = ""
    if result.prefix is not None:
        text += (
            f". {result.prefix:.1%} of the attention of {result.cell} is on the prefix, which is not a cell"
        )
    if result.relations:
        ratio, low, high = list(result.relations.values())[-1]
        relation = next(iter(result.relations))
        text += f". The mean over {relation} is {ratio:.2f} ({low:.2f} to {high:.2f}) times the mean over all other cells"
    return text + "."


def command(choice: Choice, result: CellWeights) -> str:
    """Return the equivalent command line."""
    options = {name: getattr(result, name) for name in ("method", "cell", "layer")}
    if result.method == "attention":
        options |= {"call": result.call, "head": result.head}
    return as_command("python -m probes attribute", choice.command_options, options)
