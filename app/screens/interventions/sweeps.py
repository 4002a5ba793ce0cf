"""Figures below the two runs: about the selected cell, and over many puzzles, recorded or computed on demand."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import streamlit as st

from app.screens.interventions import attention as mixing
from app.screens.interventions import attribution, figures, patching
from app.server import shared
from app.server.opening import torch_threads
from app.sidebar import dataset
from app.state.choice import Choice
from app.state.links import IN_ADDRESS
from app.ui import charts, progress
from app.ui.downloads import offer
from app.ui.estimates import Cost
from app.ui.text import plain
from probes.interventions.recorded import recorded
from probes.interventions.sweep_results import (
    ABLATION,
    LIMITS,
    MULTI_RUN,
    SIZES,
    SweepSettings,
    command_for,
    settings_for,
)
from probes.reports.interventions import remarks
from trm.errors import UserError

Result = dict[str, Any]
SINGLE_PUZZLE = {
    "attribution": attribution,
    "mixing": mixing,
    "patching": patching,
}  # figures of the puzzle above


@dataclass(frozen=True)
class Section:
    """A figure over many puzzles."""

    title: str
    caption: str  # what is drawn, and how to read it
    name: str  # of the recorded file
    draw: Callable[[Result], Any]
    sweep: str = ""  # name for `run_sweep`; "" if the page cannot compute it


SECTIONS = {
    "experiments": Section(
        "Experiments",
        "Share of puzzles solved after the last step in each of the experiments listed at the top. Bars: 95 % Wilson intervals.",
        "experiments",
        figures.experiments,
    ),
    "noise": Section(
        "Noise",
        "Share of puzzles solved after the last step, by the scale of the Gaussian noise added to the state (relative to the "
        "norm of each position's vector). Band: 95 % bootstrap interval over puzzles.",
        "noise",
        figures.noise,
        "noise",
    ),
    "ablation": Section(
        "Ablation",
        "Share of blank cells that are correct after each step when y, z or both are set to 0 once, at the beginning of a "
        "step. Ablating both restarts the run. Band: 95 % bootstrap interval over puzzles.",
        ABLATION,
        figures.ablation,
        ABLATION,
    ),
    "seeds": Section(
        "Seeds",
        "Runs of the same puzzles from initial states drawn with different seeds. Different final answers show that there is "
        "more than one fixed point.",
        "seeds",
        figures.seeds,
        "seeds",
    ),
    "noise-runs": Section(
        "Best of K",
        "K runs of each puzzle with noise on the initial state, and four ways to select the answer. *Any run* is an upper "
        "bound for every selection rule.",
        f"{MULTI_RUN}-noise",
        figures.multiple_runs,
        MULTI_RUN,
    ),
    "symmetries": Section(
        "Majority vote",
        "K runs of each puzzle under symmetries (digits relabelled, rows and columns permuted, sometimes transposed) that are "
        "undone in the answer. The vote is taken cell by cell.",
        f"{MULTI_RUN}-symmetry",
        figures.multiple_runs,
        MULTI_RUN,
    ),
    "peers": Section(
        "Peers",
        "Givens are removed one at a time, in one supervision step: change in the logits of blank cells that share a row, column "
        "or box with the given (its peers; in a maze, its neighbours), and of all other blank cells. Bars: 95 % bootstrap "
        "intervals over puzzles.",
        "peers",
        figures.peers,
        "peers",
    ),
}


def show(choice: Choice) -> None:
    """Draw the figure selector and the selected figure."""
    key = st.segmented_control(
        "Figure",
        [*SINGLE_PUZZLE, *SECTIONS],
        format_func=lambda key: SECTIONS[key].title if key in SECTIONS else SINGLE_PUZZLE[key].title(choice),
        key="interventions_figure",
        default="noise",
        **IN_ADDRESS,
        required=True,
        label_visibility="collapsed",
    )
    if key in SINGLE_PUZZLE:
        SINGLE_PUZZLE[key].show(choice)
    else:
        draw_section(choice, key, SECTIONS[key])


def draw_section(choice: Choice, key: str, section: Section) -> None:
    st.caption(section.caption)
    left, right = st.columns([4, 1])
    with right.popover(
        "Other settings",
        icon=":material/tune:",
        width="stretch",
        disabled=not section.sweep,
        key=f"{key}-open",
        on_change="rerun",
    ):
        if section.sweep:
            settings(choice, key, section)
    with left:
        result = computed(choice, key)
        if result is None and not _is_requested(choice, key):
            result = recorded_result(choice, section)
    if result is None:
        return
    figure = section.draw(result)
    charts.show(figure, key=f"interventions-{key}")
    if key == "experiments":
        st.caption("  \n".join(map(plain, remarks({choice.source.name: result}))))
    offer(
        f"{choice.source.name.replace('/', '-')}-{key}",
        figure=figure,
        table=result.get("table"),
        data=result,
        command=result.get("command", ""),
    )


def recorded_result(choice: Choice, section: Section) -> Result | None:
    """The recorded result of this model, with its provenance or a message on the page."""
    result = recorded(choice.source.name, section.name) if choice.source.is_bundled else None
    if result is None:
        st.info(
            f"Nothing is recorded for {plain(choice.source.name)}. "
            + (
                "Choose settings and press Compute."
                if section.sweep
                else "Compute it on the command line: `python -m probes intervene`."
            ),
            icon=":material/science:",
        )
        return None
    puzzles = f"{result.get('puzzles', '?')} puzzles from {plain(str(result.get('data', '?')))}"
    if result["fingerprint"] != shared.weights_fingerprint(choice.source.name, choice.source.stamp):
        st.warning(
            f"Recorded with earlier weights of {plain(choice.source.name)} ({puzzles}). Compute it again with the current ones.",
            icon=":material/sync_problem:",
        )
    else:
        st.caption(f"Recorded: {puzzles}, {result.get('dtype', 'float32')}.")
    return result


def settings(choice: Choice, key: str, section: Section) -> None:
    """Draw the settings of a sweep, and the button that starts it."""
    name = section.sweep
    chosen: dict[str, Any] = {}
    if name == "noise":
        chosen["state"] = st.segmented_control(
            "Noise on", ["y", "z", "yz"], default="yz", required=True, key=f"{key}-state", **IN_ADDRESS
        )
        chosen["sizes"] = st.text_input(
            "Noise scales", SIZES, key=f"{key}-sizes", **IN_ADDRESS, max_chars=200,
            help="Comma-separated, relative to the norm of each position's vector.",
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
    puzzles = dataset.choose(choice.task, key, count=min(LIMITS[name], 100), most=400)
    if puzzles is None:
        return
    try:
        sweep_settings = settings_for(name, **chosen)
    except UserError as error:
        st.error(plain(str(error)), icon=":material/edit:")
        return
    st.caption(cost(choice, name, sweep_settings, puzzles.count).estimate())
    st.button(
        "Compute",
        key=f"{key}-compute",
        type="primary",
        on_click=lambda: st.session_state.update(
            {
                f"{key}-request": (choice.source, sweep_settings, puzzles),
                f"{key}-pressed": True,
                f"{key}-open": False,
            }
        ),
    )


def cost(choice: Choice, name: str, settings: SweepSettings, count: int) -> Cost:
    """Estimated cost in whole runs: per puzzle, one run for each noise scale, ablated state or seed; for peers, one
    step per given.
    """
    runs = {
        "noise": len(settings.noise_sizes),
        ABLATION: 4,
        "seeds": settings.runs,
        MULTI_RUN: settings.runs,
    }
    each = runs.get(name, choice.task.cells / 3 / choice.config.N_sup)
    return Cost.of_runs("sweep", choice.config, count * each)


def _is_requested(choice: Choice, key: str) -> bool:
    """Whether a sweep of this model was requested and has not been cancelled or failed."""
    request = st.session_state.get(f"{key}-request")
    return request is not None and request[0] == choice.source and not st.session_state.get(f"{key}-ended")


def computed(choice: Choice, key: str) -> Result | None:
    """The result of the requested sweep; None if none was requested, or, with progress on the page, while it runs."""
    request = st.session_state.get(f"{key}-request")
    st.session_state[f"{key}-ended"] = False
    if request is None or request[0] != choice.source:
        return None
    models = shared.models()
    opening = models.ask(choice.source)
    if not models.ready(choice.source):
        st.info("Loading the model.", icon=":material/hourglass_empty:")
        return None
    if opening.model is None:
        return None
    _, settings, puzzles = request
    model, name = opening.model, SECTIONS[key].sweep
    job = (
        ("sweep", name, model.fingerprint, choice.source.name, settings, puzzles),
        cost(choice, name, settings, puzzles.count).timed(
            lambda progress: _sweep(name, model, choice.task, settings, puzzles, progress)
        ),
    )
    result = progress.result_of(*job, restart=st.session_state.pop(f"{key}-pressed", False))
    st.session_state[f"{key}-ended"] = progress.given_up(progress.started(*job))
    return result


def _sweep(name: str, model: Any, task: Any, settings: Any, puzzles: Any, progress: Any) -> Result:
    from probes.interventions.sweep_results import run_sweep
    from trm.data import load_puzzles
    from trm.evaluate import evenly

    loaded = load_puzzles(puzzles.name, task)
    loaded = loaded.take(evenly(len(loaded), puzzles.count))
    with torch_threads(model):
        result = run_sweep(name, model, task, loaded, settings, progress)
    return result | {"command": command_for(name, model.name, puzzles.name, puzzles.count, settings)}
