"""Say what a call did, in the player's words (trm/player/text/english.js): position, event, and caption."""

import re
from dataclasses import dataclass
from functools import cache

from trm.config import NEVER
from trm.coordinates import F_H, F_L, Coordinates
from trm.export.pictures.skin import skin_of
from trm.export.run import ExportedRun
from trm.player.bundle import english_texts

SINGLE_Z, MULTI_Z = "trm-single-z", "trm-multi-z"
VALUE = re.compile(r"\{(\w+)(?:\|([^|}]+)\|([^|}]+))?\}")
"""A value in a text, or a count with its noun in the singular and plural: {count|cell|cells}."""

texts = cache(english_texts)


@dataclass(frozen=True)
class Sentences:
    """The text that is displayed in the picture of a call."""

    place: str  # position of the call in the recursion
    event: str  # effect of the call on y or z, the score, and halting
    caption: str  # what the cells show, and whether the LM head was trained on this state


def say(text: str, **values: object) -> str:
    """Return the player's text of this name, with its values filled in."""

    def filled(match: re.Match[str]) -> str:
        name, singular, plural = match.groups()
        value = values[name]
        return f"{value} {singular if value == 1 else plural}" if singular else str(value)

    return VALUE.sub(filled, texts()[text])


def sentences(run: ExportedRun, at: Coordinates, mode: str) -> Sentences:
    """Write the texts of the call at these coordinates. `mode` is one of MODES."""
    answer, depth = run.answer_after(at), run.trace.depth
    call = F_H if at.kind == F_H else say("place_L", call=at.call, n=depth.n)
    place = say("place", step=at.supervision_step, N_sup=depth.N_sup, cycle=at.cycle, T=depth.T, call=call)
    return Sentences(place, _event(run, at, answer), _caption(run, at, answer, mode))


def _event(run: ExportedRun, at: Coordinates, answer: int) -> str:
    halting = _halting(run, at)
    if at.kind == F_L:
        z = f"z\u00a0{at.call}" if run.trace.provenance.kind == MULTI_Z else "z"
        by = short(float(run.trace.residual_z[run.call_number(at)]))
        y = say("no_answer" if answer < 0 else "y_unchanged")
        return say("moved", z=z, by=by, y=y, halting=halting)
    count = int(run.changed(answer).sum())
    changes = say("cells_changed", count=count) if answer else say("first_answer")
    return say("answered", changes=changes, score=_score(run, answer), halting=halting)


def _halting(run: ExportedRun, at: Coordinates) -> str:
    """The text on halting. The halting head reads y only after the last call of a supervision step."""
    if run.trace.provenance.halting == NEVER:
        return say("no_halting_head")
    step, halt_step, depth = at.supervision_step, run.trace.halt_step, run.trace.depth
    is_past = halt_step and halt_step < step
    if (at.cycle, at.kind) != (depth.T, F_H):
        return say("halted_before", step=halt_step) if is_past else say("halts_later")
    p = f"{run.trace.halt_probability[step - 1]:.2f}"
    if halt_step == step:
        return say("halts_here", p=p)
    return say("halted", step=halt_step, p=p) if is_past else say("halts_not", p=p)


def _score(run: ExportedRun, answer: int) -> str:
    grade, word, skin = run.grade, run.task.scored_cells, skin_of(run.task)
    if grade.right is None:
        broken = int(grade.conflicts[answer].sum())
        if grade.solved[answer]:
            return say("solved")
        return say(skin.conflicts, count=broken) if broken else say(skin.no_conflicts)
    counts = {"right": grade.right[answer], "all": int(grade.counted.sum())}
    score = say("score_of", cells=f"{word} cells", **counts) if word else say("score", **counts)
    overwritten = int((grade.givens & (run.trace.answers[answer] != run.trace.inputs)).sum())
    if not word or not overwritten:
        return score
    return say("overwritten_open" if word == "open" else "overwritten", score=score, count=overwritten)


def _caption(run: ExportedRun, at: Coordinates, answer: int, mode: str) -> str:
    is_single = run.trace.provenance.kind == SINGLE_Z
    if mode == "reverse":
        caption = say("reverse_one_state" if is_single else "reverse_caption")
        return caption if is_single or answer < 0 else f"{caption} {say('small_y')}"
    if mode == "z":
        return say("one_state_caption" if is_single else "z_caption")
    if answer < 0:
        if run.grade.input_conflicts.any():
            return say("givens_break")
        return say("only_givens" if run.grade.givens.any() else "only_puzzle")
    T = run.trace.depth.T
    cycle = answer % T + 1
    parts = [say("y_stays")] if at.kind == F_L else []
    parts += [say("y_inside", cycle=cycle, T=T)] if cycle < T else []
    if cycle == T or mode != "answer":  # unlike the player, a picture has no button that names the view
        parts.append(say(skin_of(run.task).captions[mode]))
    return " ".join(parts)


def short(value: float) -> str:
    """Format a number with two decimals, or with one significant digit if it is below 0.01."""
    return "0" if value == 0 else f"{value:.2f}" if value >= 0.01 else f"{value:.0e}"
