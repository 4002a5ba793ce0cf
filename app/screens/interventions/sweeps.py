"""Below the two runs: the same over many puzzles. What is recorded is shown at once; other settings are computed on demand."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import streamlit as st

from app.screens.interventions import attention as mixing
from app.screens.interventions import attribution as attribution
from app.screens.interventions import figures as figures
from app.screens.interventions import patching as patching
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
from probes.interventions.sweep_results import LIMITS, SIZES, SweepSettings, command_for, settings_for
from probes.reports.interventions import remarks
from trm.errors import UserError

Result = dict[str, Any]
SINGLE_PUZZLE = {
    "attribution": attribution,
    "mixing": mixing,
    "patching": patching,
}  # figures of the one puzzle above


@dataclass(frozen=True)
class Section:
    """One figure over many puzzles."""

    title: str
    caption: str  # what is drawn, and what it is worth
    name: str  # of the recorded file
    draw: Callable[[Result], Any]
    sweep: str = ""  # what `run_sweep` calls it; "" where the page does not compute it


SECTIONS = {
    "experiments": Section(
        "Experiments",
        "Share of puzzles solved after the last step. The experiments of the row above, each puzzle run on its own. "
        "Bars: 95 % interval (Wilson).",
        "experiments",
        figures.experiments,
    ),
    "noise": Section(
        "Noise sweep",
        "Solved after the last step, against the size of Gaussian noise on the state, in units of the length of each "
        "position's own vector. Band: 95 % by bootstrap over puzzles.",
        "noise",
        figures.noise,
        "noise",
    ),
    "removal": Section(
        "Taken away",
        "Cells right after every step, when y, z or both are set to 0 once, at the beginning of a step. Without both the run begins "
        "anew from nothing. Band: 95 % by bootstrap over puzzles.",
        "removal",
        figures.removal,
        "removal",
    ),
    "seeds": Section(
        "Seeds",
        "The same puzzles from initial states of other seeds. Runs that end in another place show that there is more than one fixed point.",
        "seeds",
        figures.seeds,
        "seeds",
    ),
    "noise-runs": Section(
        "Best of K",
        "Several runs of each puzzle with noise on the initial state: which answer to take? `Any` is what a perfect choice would reach.",
        "rollouts-noise",
        figures.multiple_runs,
        "rollouts",
    ),
    "symmetries": Section(
        "Vote",
        "Each puzzle with digits renamed, lines moved and perhaps transposed, undone in the answer. A vote is taken cell by cell.",
        "rollouts-symmetry",
        figures.multiple_runs,
        "rollouts",
    ),
    "peers": Section(
        "Peers",
        "Each given taken away, in one supervision step: how far the logits of blank cells move that share a row, column or box "
        "with it (maze: its neighbours), and those of all others. Bars: 95 % by bootstrap over puzzles.",
        "peers",
        figures.peers,
        "peers",
    ),
}


def show(choice: Choice) -> None:
    """The choice of a figure, and the figure."""
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
        section(choice, key, SECTIONS[key])


def section(choice: Choice, key: str, chosen: Section) -> None:
    st.caption(chosen.caption)
    place, more = st.columns([4, 1])
    with more.popover(
        "Other settings",
        icon=":material/tune:",
        width="stretch",
        disabled=not chosen.sweep,
        key=f"{key}-open",
        on_change="rerun",
    ):
        if chosen.sweep:
            settings(choice, key, chosen)
    with place:
        result = computed(choice, key)
        if result is None and not _is_requested(choice, key):
            result = recorded_result(choice, chosen)
    if result is None:
        return
    figure = chosen.draw(result)
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


def recorded_result(choice: Choice, chosen: Section) -> Result | None:
    """What is recorded of this model; says so where it is of other weights, or where there is nothing."""
    found = recorded(choice.source.name, chosen.name) if choice.source.is_bundled else None
    if found is None:
        st.info(
            f"Nothing is recorded of {plain(choice.source.name)} here. "
            + (
                "Choose settings and compute it."
                if chosen.sweep
                else "The command line makes it: `python -m probes intervene`."
            ),
            icon=":material/science:",
        )
        return None
    about = f"{found.get('puzzles', '?')} puzzles of {plain(str(found.get('data', '?')))}"
    if found["fingerprint"] != shared.weights_fingerprint(choice.source.name, choice.source.stamp):
        st.warning(
            f"Recorded with earlier weights of {plain(choice.source.name)} ({about}). Compute it anew for these.",
            icon=":material/sync_problem:",
        )
    else:
        st.caption(f"Recorded: {about}, {found.get('dtype', 'float32')}.")
    return found


def settings(choice: Choice, key: str, chosen: Section) -> None:
    """What may be changed of a sweep, and the button that makes it."""
    name = chosen.sweep
    request: dict[str, Any] = {}
    if name == "noise":
        request["state"] = st.segmented_control(
            "Noise on", ["y", "z", "yz"], default="yz", required=True, key=f"{key}-state", **IN_ADDRESS
        )
        request["sizes"] = st.text_input("Sizes", SIZES, key=f"{key}-sizes", **IN_ADDRESS, max_chars=200)
    if name == "removal":
        request["how"] = st.segmented_control(
            "Put there", ["zero", "initial"], default="zero", required=True, key=f"{key}-how", **IN_ADDRESS
        )
    if name in ("noise", "removal", "peers"):
        usual = min(settings_for(name).step, choice.depth.N_sup)
        request["step"] = int(
            st.number_input("At step", 1, choice.depth.N_sup, usual, key=f"{key}-step", **IN_ADDRESS)
        )
    if name in ("seeds", "rollouts"):
        request["runs"] = st.slider("Runs of each puzzle", 2, 32, 8, key=f"{key}-runs", **IN_ADDRESS)
        request["source"] = "symmetry" if key == "symmetries" else "noise"
    if key == "noise-runs":
        request["size"] = st.number_input(
            "Size of the noise", 0.05, 10.0, 0.3, 0.05, key=f"{key}-size", **IN_ADDRESS
        )
    if name != "removal":
        request["seed"] = int(st.number_input("Seed", 0, 999, 0, key=f"{key}-seed", **IN_ADDRESS))
    puzzles = dataset.choose(choice.task, key, count=min(LIMITS[name], 100), most=400)
    if puzzles is None:
        return
    try:
        made = settings_for(name, **request)
    except UserError as error:
        st.error(plain(str(error)), icon=":material/edit:")
        return
    st.caption(cost(choice, name, made, puzzles.count).said())
    st.button(
        "Compute",
        key=f"{key}-compute",
        type="primary",
        on_click=lambda: st.session_state.update(
            {
                f"{key}-request": (choice.source, made, puzzles),
                f"{key}-pressed": True,
                f"{key}-open": False,
            }
        ),
    )


def cost(choice: Choice, name: str, made: SweepSettings, count: int) -> Cost:
    """Runs of each puzzle: for every size of noise; without y, z and both; for every seed; for every given, one step of it."""
    runs = {"noise": len(made.noise_sizes), "removal": 4, "seeds": made.runs, "rollouts": made.runs}
    each = runs.get(name, choice.task.cells / 3 / choice.config.N_sup)
    return Cost.of_runs("sweep", choice.config, count * each)


def _is_requested(choice: Choice, key: str) -> bool:
    """Whether a sweep of this model was request for, and has not been cancelled or failed."""
    request = st.session_state.get(f"{key}-request")
    return request is not None and request[0] == choice.source and not st.session_state.get(f"{key}-ended")


def computed(choice: Choice, key: str) -> Result | None:
    """The sweep that was request for; None where none was, or while it is made, which is shown."""
    request = st.session_state.get(f"{key}-request")
    st.session_state[f"{key}-ended"] = False
    if request is None or request[0] != choice.source:
        return None
    models = shared.models()
    opening = models.ask(choice.source)
    if not models.ready(choice.source):
        st.info("The model is being loaded.", icon=":material/hourglass_empty:")
        return None
    if opening.model is None:
        return None
    _, made, puzzles = request
    model, name = opening.model, SECTIONS[key].sweep
    job = (
        ("sweep", name, model.fingerprint, choice.source.name, made, puzzles),
        cost(choice, name, made, puzzles.count).timed(
            lambda progress: _sweep(name, model, choice.task, made, puzzles, progress)
        ),
    )
    result = progress.result_of(*job, anew=st.session_state.pop(f"{key}-pressed", False))
    st.session_state[f"{key}-ended"] = progress.given_up(progress.started(*job))
    return result


def _sweep(name: str, model: Any, task: Any, made: Any, puzzles: Any, progress: Any) -> Result:
    from probes.interventions.sweep_results import run_sweep
    from trm.data import load_puzzles
    from trm.evaluate import evenly

    loaded = load_puzzles(puzzles.name, task)
    loaded = loaded.take(evenly(len(loaded), puzzles.count))
    with torch_threads(model):
        result = run_sweep(name, model, task, loaded, made, progress)
    return result | {"command": command_for(name, model.name, puzzles.name, puzzles.count, made)}
