"""Ready-made experiments: an intervention, or another puzzle, each with what the papers claim of it.

What an experiment does depends on the puzzle (its solution) and the depth (which call ends a step), so each is a function
that makes a plan. Numbers are those of the papers, about their own models and data sets, not about the bundled ones.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8

from probes.interventions.sites import InterventionError, Site
from probes.interventions.spec import Intervention
from trm.coordinates import Depth
from trm.data.presets import load_presets
from trm.errors import DataError, PuzzleError
from trm.tasks.base import Task

Tokens = UInt8[np.ndarray, "cells"]


@dataclass(frozen=True, eq=False)
class ExperimentSetting:
    """What an experiment is made for."""

    task: Task
    inputs: Tokens
    labels: Tokens | None  # the solution, where there is exactly one
    depth: Depth
    step: int  # at the beginning of which supervision step

    @property
    def solution(self) -> Tokens:
        """Raises InterventionError where there is not exactly one."""
        if self.labels is None:
            raise InterventionError("This needs a puzzle with exactly one solution. Choose another puzzle.")
        return self.labels


@dataclass(frozen=True, eq=False)
class InterventionPlan:
    """What is run beside the run that is left alone."""

    inputs: Tokens
    interventions: tuple[Intervention, ...] = ()


@dataclass(frozen=True)
class Experiment:
    """One of the ready-made ones."""

    title: str
    claim: str  # what the papers say, with the source
    question: str  # what to look for
    plan: Callable[[ExperimentSetting], InterventionPlan]
    step: int = 2  # where it usually begins
    has_step: bool = True  # whether it may begin elsewhere


def _at_each_cycle(setting: ExperimentSetting) -> Site:
    """The first call of every cycle from the step on: what it reads as y is what the whole cycle reads."""
    return Site(steps=(setting.step, None), calls=(1, 1))


def _first_call(setting: ExperimentSetting) -> Site:
    return Site(steps=(setting.step, setting.step), cycles=(1, 1), calls=(1, 1))


def without(state: str) -> Callable[[ExperimentSetting], InterventionPlan]:
    """The state is read as 0 by every cycle from the step on."""
    return lambda setting: InterventionPlan(
        setting.inputs, (Intervention("zero", _at_each_cycle(setting), state, before=True),)
    )


def _noise(setting: ExperimentSetting) -> InterventionPlan:
    return InterventionPlan(
        setting.inputs, (Intervention("noise", _first_call(setting), "yz", before=True, size=1.0),)
    )


def _one_blank(setting: ExperimentSetting) -> InterventionPlan:
    """The solution with the first of its blank cells left blank."""
    blank = np.flatnonzero(setting.inputs != setting.solution)
    if not blank.size:
        raise InterventionError("This puzzle has no blank cell. Choose another puzzle.")
    inputs = setting.solution.copy()
    inputs[blank[0]] = setting.inputs[blank[0]]
    return InterventionPlan(inputs)


def _given_as_y(
    answer: Callable[[ExperimentSetting], Tokens],
) -> Callable[[ExperimentSetting], InterventionPlan]:
    def plan(setting: ExperimentSetting) -> InterventionPlan:
        text = setting.task.format(answer(setting))
        put = Intervention("answer", _first_call(setting), before=True, answer=text)
        return InterventionPlan(setting.inputs, (put,))

    return plan


def wrong_answer(setting: ExperimentSetting) -> Tokens:
    """An answer that keeps the givens and is wrong in every other cell: each digit is the next one, 9 is 1. A maze: no path."""
    answer, blank = setting.solution.copy(), ~setting.task.givens(setting.inputs)
    if setting.task.name != "sudoku":
        return setting.inputs
    first, side = 2, setting.task.rows  # token of digit 1
    answer[blank] = (answer[blank] - first + 1) % side + first
    return answer


def _another_z(setting: ExperimentSetting) -> InterventionPlan:
    if setting.step < 2:
        raise InterventionError(
            "At the beginning of step 1 every puzzle has the same z. Begin at step 2 or later."
        )
    end = f"{setting.step - 1}.{setting.depth.T}.{setting.depth.n + 1}"
    patch = Intervention(
        "patch", _first_call(setting), "z", before=True, source=end,
        puzzle=setting.task.format(another_puzzle(setting.task, setting.inputs)),
    )  # fmt: skip
    return InterventionPlan(setting.inputs, (patch,))


def another_puzzle(task: Task, inputs: Tokens) -> Tokens:
    """The first preset that is not this puzzle; where none fits, one that is generated, the same every time."""
    try:
        presets = load_presets(task.name)
    except DataError:
        presets = ()
    for preset in presets:
        try:
            tokens = task.parse(preset.puzzle)
        except PuzzleError:  # of another size
            continue
        if not np.array_equal(tokens, inputs):
            return tokens
    return task.generate(np.random.default_rng(1), "easy").inputs


EXPERIMENTS: Mapping[str, Experiment] = {
    "without-y": Experiment(
        "Without y",
        "The paper keeps the answer y apart so that z need not hold it: trained without y, TRM falls from 87.4 to 71.9 % "
        "on Sudoku-Extreme (arXiv:2510.04871, section 4.2).",
        "Every cycle reads y as 0. Does the answer dissolve, or does z hold it by itself?",
        without("y"),
    ),
    "without-z": Experiment(
        "Without z",
        "Without the old z, the paper argues, the model forgets how it came to its answer (arXiv:2510.04871, section 4.2).",
        "Every cycle begins with z = 0. Does the answer stay, and does it still get better?",
        without("z"),
    ),
    "noise": Experiment(
        "Noise",
        "Noise on the initial state: HRM fell from 57.6 to 27.7 % at size 1, TRM from 81.4 to 76.4 % only at size 3 "
        "(published analyses on Sudoku-Extreme).",
        "y and z get noise as large as themselves. How many steps later do both runs agree again?",
        _noise,
        step=1,
    ),
    "one-blank": Experiment(
        "One blank",
        "HRM fails on puzzles with one blank cell (Ren & Liu 2026, arXiv:2601.10679). The bundled sudoku-hrm fills the blank in and "
        "breaks givens: grids so full were not among its training puzzles.",
        "On the right the same solution with one blank cell. Is the blank filled in right, and do the givens stay?",
        _one_blank,
        step=1,
        has_step=False,
    ),
    "wrong-answer": Experiment(
        "Wrong answer as y",
        "Wrong fixed points trap the state (Ren & Liu 2026, arXiv:2601.10679). Does a wrong answer that is handed trap it too?",
        "y becomes an answer that is wrong in every blank cell, in the model's own code. Does the model take it back?",
        _given_as_y(wrong_answer),
    ),
    "right-answer": Experiment(
        "Right answer as y",
        "Given the solution as y, TRM kept it in 100 % of the puzzles, HRM in 0 % after one step and 38 % after eight (published analyses "
        "on Sudoku-Extreme). The embedding of a solution is no y: the output heads of the bundled models read no cell of it right. So "
        "here it is written in the model's own code, and both keep it.",
        "y becomes the solution, each cell as the model itself writes that symbol. Is it kept?",
        _given_as_y(lambda setting: setting.solution),
        step=1,
    ),
    "another-z": Experiment(
        "Another puzzle's z",
        "If z is the trace of the reasoning about this puzzle (arXiv:2510.04871), another puzzle's z should lead it astray, "
        "until x and y set it right.",
        "z is taken from another puzzle at the same moment. How far does the answer go astray, and for how long?",
        _another_z,
    ),
}


def plan_experiment(key: str, setting: ExperimentSetting) -> InterventionPlan:
    """What an experiment does. Raises InterventionError."""
    if key not in EXPERIMENTS:
        raise InterventionError(f"There is no experiment {key!r}. Choose one of: {', '.join(EXPERIMENTS)}.")
    if not 1 <= setting.step <= setting.depth.N_sup:
        raise InterventionError(
            f"There is no supervision step {setting.step}: the run has {setting.depth.N_sup}."
        )
    return EXPERIMENTS[key].plan(setting)
