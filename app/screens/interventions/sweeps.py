"""Figures below the two runs, about the selected cell or over many puzzles. Sweeps are recorded or computed on demand."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import streamlit as st

from app.screens.interventions import attention as mixing
from app.screens.interventions import attribution, figures, patching
from app.server.models import ModelSource
from app.sidebar import dataset
from app.sidebar.dataset import PuzzleSetChoice
from app.state.choice import Choice
from app.state.links import IN_ADDRESS
from app.ui import charts
from app.ui.analysis import Analysis, Panel, Recorded
from app.ui.downloads import offer
from app.ui.estimates import Cost
from app.ui.text import plain
from probes.interventions.recorded import SweepResult, described, recorded
from probes.interventions.sweep_results import (
    ABLATION,
    FROM_STORE,
    LIMITS,
    MULTI_RUN,
    SIZES,
    SweepSettings,
    command_for,
    settings_for,
)
from probes.reports.interventions import remarks
from trm.config import ModelConfig
from trm.errors import UserError
from trm.progress import Progress
from trm.tasks import task_of

if TYPE_CHECKING:
    from trm.model import Model

SINGLE_PUZZLE = {
    "attribution": attribution,
    "mixing": mixing,
    "patching": patching,
}  # figures about the puzzle in the players


@dataclass(frozen=True)
class Section:
    """A figure over many puzzles."""

    title: str
    caption: str  # what the figure shows, and how to read it
    name: str  # name of the recorded file
    draw: Callable[[Any], Any]
    sweep: str = ""  # name for `run_sweep`; "" if the page cannot compute it


SECTIONS = {
    "experiments": Section(
        "Experiments",
        "The graph shows the fraction of puzzles solved after the last step in each of the experiments listed at the top. Whiskers are "
        "95% Wilson intervals.",
        "experiments",
        figures.experiments,
    ),
    "noise": Section(
        "Noise",
        "The graph shows the fraction of puzzles solved after the last step for each scale of the Gaussian noise added to the state "
        "(relative to the norm of each position's vector). The shaded area is the 95% bootstrap interval over puzzles.",
        "noise",
        figures.noise,
        "noise",
    ),
    "ablation": Section(
        "Ablation",
        "The graph shows the fraction of blank cells that are correct after each step when y, z or both are set to 0 once, at the "
        "beginning of a step. Ablating both restarts the run. Shaded areas are 95% bootstrap intervals over puzzles.",
        ABLATION,
        figures.ablation,
        ABLATION,
    ),
    "seeds": Section(
        "Seeds",
        "Each puzzle is run several times, from initial states drawn with different seeds. Runs that converge to different answers "
        "show that there is more than one fixed point.",
        "seeds",
        figures.seeds,
        "seeds",
    ),
    "noise-runs": Section(
        "Best of K",
        "Each puzzle is run K times with noise on the initial state, and the answer is selected in four ways. *Any run* is an upper "
        "bound for every selection rule.",
        f"{MULTI_RUN}-noise",
        figures.multiple_runs,
        MULTI_RUN,
    ),
    "symmetries": Section(
        "Voting",
        "Each puzzle is run K times under symmetries (digits relabelled, rows and columns permuted, sometimes transposed) that are "
        "undone in the answer. The majority vote is taken separately in each cell.",
        f"{MULTI_RUN}-symmetry",
        figures.multiple_runs,
        MULTI_RUN,
    ),
    "peers": Section(
        "Peer effects",
        "Givens are removed one at a time, in one supervision step. The graph shows how much this changes the logits of the given's peers "
        "(blank cells in the same row, column or box; in a maze, the neighbours) and of all other blank cells. Whiskers are 95% "
        "bootstrap intervals over puzzles.",
        "peers",
        figures.peers,
        "peers",
    ),
}


def show(choice: Choice) -> None:
    """Draw the figure selector and the selected figure."""
    titles = {key: module.title(choice) for key, module in SINGLE_PUZZLE.items()}
    titles |= {key: section.title for key, section in SECTIONS.items()}
    key = charts.choose(list(titles), key="interventions_figure", default="noise", format_func=titles.get)
    if key in SINGLE_PUZZLE:
        SINGLE_PUZZLE[key].show(choice)
    else:
        draw_section(choice, key, SECTIONS[key])


@dataclass(frozen=True)
class Sweep(Analysis[SweepResult]):
    """One sweep over a puzzle set."""

    source: ModelSource
    name: str
    settings: SweepSettings
    puzzles: PuzzleSetChoice

    def cost(self, config: ModelConfig) -> Cost:
        """The cost in whole runs: one for each noise scale, ablated state or seed; for peers, one step for each given."""
        runs = {
            "noise": len(self.settings.noise_sizes),
            ABLATION: 4,
            "seeds": self.settings.runs,
            MULTI_RUN: self.settings.runs,
        }
        each = runs.get(self.name, task_of(config).cells / 3 / config.N_sup)
        return Cost.of_runs("sweep", config, self.puzzles.count * each)

    def run(self, model: "Model", progress: Progress) -> SweepResult:
        from probes.interventions.sweep_results import run_sweep

        task = task_of(model.config)
        command = command_for(self.name, {"model": model.name, **self.puzzles.options}, self.settings)
        recorded = self.puzzles.open_store(model) if self.puzzles.store else None
        puzzles = recorded.puzzles if recorded else self.puzzles.load(task)
        return run_sweep(
            self.name, model, task, puzzles, self.settings, progress, command=command, recorded=recorded
        )


def draw_section(choice: Choice, key: str, section: Section) -> None:
    """Draw a figure over many puzzles, with its settings and downloads."""
    st.caption(section.caption)
    left, right = st.columns([4, 1])
    panel = panel_of(choice, key, section)
    with right.popover(
        "Other settings",
        icon=":material/tune:",
        width="stretch",
        disabled=not section.sweep,
        key=panel.settings,
        on_change="rerun",
    ):
        if section.sweep:
            settings(choice, key, section.sweep, panel)
    with left:
        stored = recorded_result(choice, section)
        result = panel.result(stored)
        if stored is not None and result is stored.result:
            about = result.provenance
            st.caption(f"Recorded on {about.count} puzzles from {plain(str(about.data))} in {about.dtype}.")
    if result is None:
        return
    figure = section.draw(result)
    charts.show(figure, key=f"interventions-{key}")
    if key == "experiments":
        st.caption("  \n".join(map(plain, remarks({choice.source.name: result}))))
    offer(
        f"{choice.source.name.replace('/', '-')}-{key}",
        figure=figure,
        table=result.table if isinstance(result, SweepResult) else None,
        data=described(result),
        command=result.provenance.command or "",
    )


def panel_of(choice: Choice, key: str, section: Section) -> Panel:
    """Return the panel of a figure, with the messages that say how to compute it."""
    on_command_line = "Compute it on the command line: `python -m probes intervene`."
    return Panel(
        f"interventions_{key}",
        models=(choice.source,),
        start=f"Nothing has been recorded for {plain(choice.source.name)}. "
        + ("Choose settings and press Compute." if section.sweep else on_command_line),
        update="Compute it again under “Other settings”." if section.sweep else on_command_line,
        settings=f"{key}-open",
    )


def recorded_result(choice: Choice, section: Section) -> Recorded[SweepResult] | None:
    """Return the recorded result of a bundled model; None if nothing is recorded."""
    source = choice.source
    result = recorded(source.name, section.name) if source.is_bundled else None
    return None if result is None else Recorded(result, {source: result.provenance.fingerprint})


def settings(choice: Choice, key: str, name: str, panel: Panel) -> None:
    """Draw the settings of a sweep, and the button that starts it."""
    chosen: dict[str, Any] = {}
    if name == "noise":
        chosen["state"] = st.segmented_control(
            "Noise on", ["y", "z", "yz"], default="yz", required=True, key=f"{key}-state", **IN_ADDRESS
        )
        chosen["sizes"] = st.text_input(
            "Noise scales", SIZES, key=f"{key}-sizes", **IN_ADDRESS, max_chars=200,
            help="Comma-separated scales, relative to the norm of each position's vector.",
        )  # fmt: skip
    if name == ABLATION:
        chosen["how"] = st.segmented_control(
            "Replace with", ["zero", "initial"], default="zero", required=True, key=f"{key}-how", **IN_ADDRESS,
            help="Set the state to 0, or to the initial state.",
        )  # fmt: skip
    if name in ("noise", ABLATION, "peers"):
        default = min(settings_for(name).step, choice.depth.N_sup)
        chosen["step"] = int(
            st.number_input(
                "At step", 1, choice.depth.N_sup, default, key=f"{key}-step", **IN_ADDRESS,
                help="The supervision step of the intervention.",
            )
        )  # fmt: skip
    if name in ("seeds", MULTI_RUN):
        chosen["runs"] = st.slider("Runs per puzzle", 2, 32, 8, key=f"{key}-runs", **IN_ADDRESS)
        chosen["source"] = "symmetry" if key == "symmetries" else "noise"
    if key == "noise-runs":
        chosen["size"] = st.number_input(
            "Noise scale", 0.05, 10.0, 0.3, 0.05, key=f"{key}-size", **IN_ADDRESS,
            help="Relative to the norm of each position's vector.",
        )  # fmt: skip
    if name != ABLATION:
        chosen["seed"] = int(st.number_input("Seed", 0, 999, 0, key=f"{key}-seed", **IN_ADDRESS))
    puzzles = dataset.choose(choice.task, key, count=LIMITS[name], most=400, stores=name in FROM_STORE)
    if puzzles is None:
        return
    try:
        sweep_settings = settings_for(name, SweepSettings(**chosen))
    except UserError as error:
        st.error(plain(str(error)), icon=":material/edit:")
        return
    sweep = Sweep(choice.source, name, sweep_settings, puzzles)
    panel.button("Compute", sweep, sweep.cost(choice.config), key=f"{key}-compute")
