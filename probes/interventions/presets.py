"""Preset experiments. Each of them changes the state or the puzzle to test a claim from a paper.

The interventions depend on the puzzle's solution and on the depth, so each experiment has a function that returns its
plan. The numbers in the claims are those of the papers, for their models and data sets, not for the bundled models.
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
    """The puzzle, the depth and the supervision step for which an experiment is planned."""

    task: Task
    inputs: Tokens
    labels: Tokens | None  # the solution, if there is exactly one
    depth: Depth
    step: int  # the experiment begins at the start of this supervision step

    @property
    def solution(self) -> Tokens:
        """The unique solution of the puzzle. Raises InterventionError if `labels` is None."""
        if self.labels is None:
            raise InterventionError(
                "This experiment needs a puzzle with exactly one solution. Choose another puzzle."
            )
        return self.labels


@dataclass(frozen=True, eq=False)
class InterventionPlan:
    """The puzzle and the interventions of the run that is compared with the clean run."""

    inputs: Tokens
    interventions: tuple[Intervention, ...] = ()


@dataclass(frozen=True)
class Experiment:
    """A preset experiment and its description on the page."""

    title: str
    claim: str  # claim of the papers, with the source
    question: str  # description of the change, and the question to answer
    plan: Callable[[ExperimentSetting], InterventionPlan]
    step: int = 2  # default supervision step at which the experiment starts
    has_step: bool = True  # whether the user can choose the step


def _at_each_cycle(setting: ExperimentSetting) -> Site:
    """Return the first call of every cycle from the step onwards.

    The whole cycle then reads the changed y, because f_H updates y only at the end of the cycle.
    """
    return Site(steps=(setting.step, None), calls=(1, 1))


def _first_call(setting: ExperimentSetting) -> Site:
    return Site(steps=(setting.step, setting.step), cycles=(1, 1), calls=(1, 1))


def without(state: str) -> Callable[[ExperimentSetting], InterventionPlan]:
    """Return a planner for the experiment in which every cycle from the step onwards starts with the state set to 0."""
    return lambda setting: InterventionPlan(
        setting.inputs, (Intervention("zero", _at_each_cycle(setting), state, before=True),)
    )


def _noise(setting: ExperimentSetting) -> InterventionPlan:
    return InterventionPlan(
        setting.inputs, (Intervention("noise", _first_call(setting), "yz", before=True, size=1.0),)
    )


def _one_blank(setting: ExperimentSetting) -> InterventionPlan:
    """Plan a run on the solution of the puzzle, with only the puzzle's first blank cell left blank."""
    blank = np.flatnonzero(setting.inputs != setting.solution)
    if not blank.size:
        raise InterventionError("This puzzle has no blank cell. Choose another puzzle.")
    inputs = setting.solution.copy()
    inputs[blank[0]] = setting.inputs[blank[0]]
    return InterventionPlan(inputs)


def _write_into_y(
    answer: Callable[[ExperimentSetting], Tokens],
) -> Callable[[ExperimentSetting], InterventionPlan]:
    def plan(setting: ExperimentSetting) -> InterventionPlan:
        text = setting.task.format(answer(setting))
        write = Intervention("answer", _first_call(setting), before=True, answer=text)
        return InterventionPlan(setting.inputs, (write,))

    return plan


def wrong_answer(setting: ExperimentSetting) -> Tokens:
    """Return an answer whose givens are correct and whose other cells are all wrong.

    In a Sudoku, each digit of the solution is increased by one, and the largest becomes 1. In other tasks, the answer
    is the puzzle itself, which for a maze means no path.
    """
    answer, blank = setting.solution.copy(), ~setting.task.givens(setting.inputs)
    if setting.task.name != "sudoku":
        return setting.inputs
    first, side = 2, setting.task.rows  # token of digit 1
    answer[blank] = (answer[blank] - first + 1) % side + first
    return answer


def _another_z(setting: ExperimentSetting) -> InterventionPlan:
    if setting.step < 2:
        raise InterventionError(
            "At the beginning of step 1 every puzzle has the same z. Start at step 2 or later."
        )
    end = f"{setting.step - 1}.{setting.depth.T}.{setting.depth.n + 1}"
    patch = Intervention(
        "patch", _first_call(setting), "z", before=True, source=end,
        puzzle=setting.task.format(another_puzzle(setting.task, setting.inputs)),
    )  # fmt: skip
    return InterventionPlan(setting.inputs, (patch,))


def another_puzzle(task: Task, inputs: Tokens) -> Tokens:
    """Return the first preset puzzle that differs from this puzzle.

    If no preset fits the task, the puzzle is generated from a fixed seed.
    """
    try:
        presets = load_presets(task.name)
    except DataError:
        presets = ()
    for preset in presets:
        try:
            tokens = task.parse(preset.puzzle)
        except PuzzleError:  # the preset has another size
            continue
        if not np.array_equal(tokens, inputs):
            return tokens
    return task.generate(np.random.default_rng(1), "easy").inputs


EXPERIMENTS: Mapping[str, Experiment] = {
    "without-y": Experiment(
        "y zeroed",
        "TRM keeps the answer y separate so that z does not have to store it: trained without y, its accuracy on Sudoku-Extreme "
        "falls from 87.4% to 71.9% (arXiv:2510.04871, section 4.2).",
        "Every cycle starts with y = 0. Is the answer lost, or does z alone carry it?",
        without("y"),
    ),
    "without-z": Experiment(
        "z zeroed",
        "The paper argues that, without the previous z, the model forgets how it got to its answer (arXiv:2510.04871, section 4.2).",
        "Every cycle starts with z = 0. Is the answer preserved, and does it still improve?",
        without("z"),
    ),
    "noise": Experiment(
        "Noise",
        "With noise on the initial state, HRM's accuracy fell from 57.6% to 27.7% at scale 1, and TRM's only from 81.4% to 76.4%, even at scale 3 "
        "(published analyses on Sudoku-Extreme).",
        "Noise with the same norm as the state is added to y and z. After how many steps do the two runs agree again?",
        _noise,
        step=1,
    ),
    "one-blank": Experiment(
        "One blank cell",
        "HRM fails on puzzles with a single blank cell (Ren & Liu 2026, arXiv:2601.10679). The bundled sudoku-hrm fills in the blank "
        "cell but changes a given in some puzzles: its training puzzles had far more blank cells.",
        "The run on the right starts from the solution with one cell left blank. Does it fill in the blank cell correctly and leave the givens intact?",
        _one_blank,
        step=1,
        has_step=False,
    ),
    "wrong-answer": Experiment(
        "Wrong answer as y",
        "Wrong fixed points trap the state (Ren & Liu 2026, arXiv:2601.10679). Does a wrong answer written into y trap it too?",
        "y is set to an answer that is wrong in every blank cell, in the model's own encoding. Does the model correct it?",
        _write_into_y(wrong_answer),
    ),
    "right-answer": Experiment(
        "Solution as y",
        "Given the solution as y, TRM kept it in 100% of the puzzles; HRM kept it in 0% after one step and 38% after eight (published analyses "
        "on Sudoku-Extreme). The embedding of a solution is not a valid y: the output heads of the bundled models decode none of its "
        "cells correctly. The solution is therefore written in the model's own encoding here, and both models keep it.",
        "y is set to the solution, with each symbol encoded as the model itself encodes it. Does the model keep the solution?",
        _write_into_y(lambda setting: setting.solution),
        step=1,
    ),
    "another-z": Experiment(
        "z from another puzzle",
        "If z is a trace of the reasoning about this puzzle (arXiv:2510.04871), another puzzle's z should mislead the model until x "
        "and y correct it.",
        "z is replaced with the z of the same call in a run on another puzzle. How much of the answer is lost, and for how long?",
        _another_z,
    ),
}


def plan_experiment(key: str, setting: ExperimentSetting) -> InterventionPlan:
    """Plan the preset experiment `key`. Raises InterventionError if it does not exist or does not fit the setting."""
    if key not in EXPERIMENTS:
        raise InterventionError(f"There is no experiment {key!r}. Choose one of: {', '.join(EXPERIMENTS)}.")
    if not 1 <= setting.step <= setting.depth.N_sup:
        raise InterventionError(
            f"There is no supervision step {setting.step}: the run has {setting.depth.N_sup} steps."
        )
    return EXPERIMENTS[key].plan(setting)
