"""Facts about a model and a recorded run, for use in texts. This module does not import torch."""

import numpy as np
from jaxtyping import UInt8

from trm.config import KINDS, ModelConfig
from trm.coordinates import F_H, F_L, Coordinates, Depth
from trm.grading import Grade
from trm.tasks.base import Task
from trm.trace import Trace

Facts = dict[str, int | float | str | bool | None]
"""Facts by name. A fact is None if it is undefined, such as the halting step of a run that never halts."""


def model_facts(config: ModelConfig, depth: Depth) -> Facts:
    """Return a model's sizes, and its numbers of calls and layers at the given depth."""
    config = config.with_depth(n=depth.n, T=depth.T, N_sup=depth.N_sup)
    kind = KINDS[config.kind]
    return {
        "n": depth.n,
        "T": depth.T,
        "N_sup": depth.N_sup,
        "per_cycle": depth.n + 1,
        "per_step": depth.calls_per_step,
        "calls": depth.calls_per_step * depth.N_sup,
        "layers": config.layers_per_call[F_L],
        "H_layers": config.layers_per_call[F_H],
        "depth": config.effective_depth,
        "D": config.hidden_size,
        "P": config.length,
        "prefix": config.prefix_length,
        "V": config.vocab_size,
        "cells": config.sequence_length,
        "gradient_calls": kind.gradient_calls(depth.n),
        "whole_cycle": kind.gradient_calls(depth.n) > depth.n,
        "shared": kind.nets == 1,
        "attention": config.mixing == "attention",
    }


def run_facts(trace: Trace, task: Task) -> Facts:
    """Return facts about the outcome of a run. Counts of correct cells are None if the solution is not known."""
    grade = Grade.of(trace, task)
    T, halt = trace.depth.T, trace.halt_step
    solved = np.flatnonzero(grade.solved)
    moves = np.flatnonzero((trace.answers[1:] != trace.answers[:-1]).any(-1))
    last_move = int(moves[-1]) + 1 if moves.size else 0  # f_H call, from 0, at which the answer last changed
    right, counted = grade.right, int(grade.counted.sum())
    return {
        "solved": bool(grade.solved[-1]),
        "solved_answer": int(solved[0]) + 1 if solved.size else None,
        "solved_step": int(solved[0]) // T + 1 if solved.size else None,
        "solved_cycle": int(solved[0]) % T + 1 if solved.size else None,
        "halts": halt is not None,
        "halt_step": halt,
        "halt_p": float(trace.halt_probability[(halt or trace.steps) - 1]),
        "halts_right": halt is not None and bool(grade.solved[halt * T - 1]),
        "halts_wrong": halt is not None and not grade.solved[halt * T - 1],
        "counted": counted,
        "right_first": None if right is None else int(right[0]),
        "right_last": None if right is None else int(right[-1]),
        "wrong_last": None if right is None else counted - int(right[-1]),
        "overwritten_last": int((grade.givens & (trace.answers[-1] != trace.inputs)).sum()),
        "has_solution": right is not None,
        "still": last_move < len(trace.answers) - T,
        "still_step": last_move // T + 1,
    }


def reading_facts(trace: Trace, task: Task, at: Coordinates) -> Facts:
    """Compute the percentage of blank cells in which y and z decode to the solution after the call `at`.

    States are decoded with the LM head (`y_head`, `z_head`) and by reverse embedding (`y_embedding`, `z_embedding`). A
    percentage is None if the trace lacks the answers or the solution; `readable` says whether all are available.
    """
    done = (at.supervision_step - 1) * trace.depth.T + at.cycle - 1
    call = done * (trace.depth.n + 1) + at.call - 1
    answer = done if at.kind == F_H else done - 1

    def match(decoded: UInt8[np.ndarray, "count cells"] | None, number: int) -> int | None:
        if decoded is None or trace.labels is None or number < 0:
            return None
        blank = ~task.givens(trace.inputs)
        return round(100 * float((decoded[number] == trace.labels)[blank].mean())) if blank.any() else None

    facts: Facts = {
        "z_embedding": match(trace.z_reverse, call),
        "y_embedding": match(trace.y_reverse, answer),
        "z_head": match(trace.z_answers, call),
        "y_head": match(trace.answers, answer),
    }
    return facts | {"readable": None not in facts.values()}
