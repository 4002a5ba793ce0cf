"""The texts of a call: its position, its event, and a caption, equal to the player's (trm/player/text/sentences.js)."""

from dataclasses import dataclass

from trm.config import NEVER
from trm.coordinates import F_H, F_L, Coordinates
from trm.export.pictures.skin import skin_of
from trm.export.run import ExportedRun

SINGLE_Z, MULTI_Z = "trm-single-z", "trm-multi-z"


@dataclass(frozen=True)
class Sentences:
    """The texts of a call."""

    place: str  # the position of the call
    event: str  # what the call did
    caption: str  # what the cells show, and whether the head was trained for it


def sentences(run: ExportedRun, at: Coordinates, mode: str) -> Sentences:
    """The texts of the call at these coordinates; `mode` is one of MODES."""
    answer = run.answer_after(at)
    return Sentences(_place(run, at), _event(run, at, answer), _caption(run, at, answer, mode))


def _place(run: ExportedRun, at: Coordinates) -> str:
    depth = run.trace.depth
    name = F_H if at.kind == F_H else f"{F_L} {at.call} of {depth.n}"
    return f"Supervision step {at.supervision_step} of {depth.N_sup}, cycle {at.cycle} of {depth.T}, {name}"


def _event(run: ExportedRun, at: Coordinates, answer: int) -> str:
    halting = _halting(run, at)
    if at.kind == F_L:
        z = f"z\u00a0{at.call}" if run.trace.provenance.kind == MULTI_Z else "z"
        change = short(float(run.trace.residual_z[run.call_number(at)]))
        return (
            f"relative change in {z}: {change}, {'no answer yet' if answer < 0 else 'y unchanged'}, {halting}"
        )
    changes = "first answer" if answer == 0 else f"{counted(int(run.changed(answer).sum()), 'cell')} changed"
    return f"{changes}, {_score(run, answer)}, {halting}"


def _halting(run: ExportedRun, at: Coordinates) -> str:
    """The sentence on halting. The halting head reads y at the end of a supervision step, not after earlier answers."""
    if run.trace.provenance.halting == NEVER:
        return "no halting head"
    step, halt_step, depth = at.supervision_step, run.trace.halt_step, run.trace.depth
    is_past = halt_step and halt_step < step
    if (at.cycle, at.kind) != (depth.T, F_H):
        return (
            f"would have halted at step {halt_step}"
            if is_past
            else "halting is decided at the end of the step"
        )
    p = f"(p\u00a0=\u00a0{run.trace.halt_probability[step - 1]:.2f})"
    if halt_step == step:
        return f"would halt here {p}"
    return f"would have halted at step {halt_step} {p}" if is_past else f"no halt {p}"


def _score(run: ExportedRun, answer: int) -> str:
    grade, word = run.grade, run.task.scored_cells
    if grade.right is None:
        if grade.solved[answer]:
            return "solved"
        broken, skin = int(grade.conflicts[answer].sum()), skin_of(run.task)
        return skin.conflicts.format(cells=counted(broken, "cell")) if broken else skin.no_conflicts
    total = int(grade.counted.sum())
    score = f"{grade.right[answer]} of {total} {word + ' cells ' if word else ''}correct"
    overwritten = int((grade.givens & (run.trace.answers[answer] != run.trace.inputs)).sum())
    if not word or not overwritten:
        return score
    if word == "open":
        return f"{score}, {counted(overwritten, 'fixed cell')} (walls, start, goal) overwritten"
    return f"{score}, {counted(overwritten, 'given')} overwritten"


def _caption(run: ExportedRun, at: Coordinates, answer: int, mode: str) -> str:
    if mode == "reverse":
        return _reverse(run, answer)
    if mode == "z" and run.trace.provenance.kind == SINGLE_Z:
        return "z decoded with the output head, which is trained on z only at the end of a supervision step."
    if mode == "z":
        return "z decoded with the output head, which was never trained on z."
    if answer < 0 and run.grade.input_conflicts.any():
        return "No answer yet; the givens already break a rule."
    if answer < 0:
        content = "givens" if run.grade.givens.any() else "puzzle"
        return f"No answer yet: the cells show only the {content} until the first f_H call."
    T = run.trace.depth.T
    cycle = answer % T + 1
    unchanged = "f_L rewrites z; y is unchanged. " if at.kind == F_L else ""
    caption = skin_of(run.task).captions[mode]
    if cycle < T:
        untrained = f"{unchanged}Intermediate answer, cycle {cycle} of {T}: the head is trained only on the last cycle."
        # Unlike the player, a picture has no button with the name of its view.
        return untrained if mode == "answer" else f"{untrained} {caption}"
    return unchanged + caption


def _reverse(run: ExportedRun, answer: int) -> str:
    caption = "decoded by reverse embedding (argmax over the input embedding), an untrained readout."
    if run.trace.provenance.kind == SINGLE_Z:
        return f"z (also y in this model) {caption}"
    return f"z {caption}{'' if answer < 0 else ' Small: y, decoded the same way.'}"


def counted(count: int, thing: str) -> str:
    """A count with its noun in the singular or plural."""
    return f"{count} {thing}{'' if count == 1 else 's'}"


def short(value: float) -> str:
    """A number with two digits, the precision at which a curve can be read."""
    return "0" if value == 0 else f"{value:.2f}" if value >= 0.01 else f"{value:.0e}"
