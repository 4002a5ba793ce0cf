"""What is said of a moment, in the words of the player: where it stands, what the call did, and what kind of reading it is."""

from dataclasses import dataclass

from trm.config import NEVER
from trm.coordinates import F_H, F_L, Coordinates
from trm.export.pictures.skin import skin_of
from trm.export.run import ExportedRun

SINGLE_Z, MULTI_Z = "trm-single-z", "trm-multi-z"


@dataclass(frozen=True)
class Sentences:
    place: str  # where it stands
    event: str  # what the call did
    reading: str  # what must be said so that nobody takes what is shown for more than it is


def sentences(run: ExportedRun, at: Coordinates, mode: str) -> Sentences:
    """Of the moment after the call at these coordinates, in one of MODES."""
    answer = run.answer_after(at)
    return Sentences(_place(run, at), _event(run, at, answer), _reading(run, at, answer, mode))


def _place(run: ExportedRun, at: Coordinates) -> str:
    depth = run.trace.depth
    name = F_H if at.kind == F_H else f"{F_L} {at.call} of {depth.n}"
    return f"Supervision step {at.supervision_step} of {depth.N_sup}, cycle {at.cycle} of {depth.T}, {name}"


def _event(run: ExportedRun, at: Coordinates, answer: int) -> str:
    halting = _halting(run, at)
    if at.kind == F_L:
        z = f"z {at.call}" if run.trace.provenance.kind == MULTI_Z else "z"
        moved = short(float(run.trace.residual_z[run.call_number(at)]))
        return f"{z} moved by {moved}, {'no answer yet' if answer < 0 else 'y unchanged'}, {halting}"
    changes = "first answer" if answer == 0 else f"{counted(int(run.changed(answer).sum()), 'cell')} changed"
    return f"{changes}, {_score(run, answer)}, {halting}"


def _halting(run: ExportedRun, at: Coordinates) -> str:
    """The halting head reads y as a supervision step leaves it: earlier answers of the step have no number."""
    if run.trace.provenance.halting == NEVER:
        return "no halting head"
    step, halt_step, depth = at.supervision_step, run.trace.halt_step, run.trace.depth
    is_past = halt_step and halt_step < step
    if (at.cycle, at.kind) != (depth.T, F_H):
        return (
            f"would have halted at step {halt_step}" if is_past else "halting is read at the end of the step"
        )
    p = f"(halting p {run.trace.halt_probability[step - 1]:.2f})"
    if halt_step == step:
        return f"would halt here {p}"
    return f"would have halted at step {halt_step} {p}" if is_past else f"would not halt {p}"


def _score(run: ExportedRun, answer: int) -> str:
    grade, word = run.grade, run.task.scored_cells
    if grade.right is None:
        if grade.solved[answer]:
            return "solved"
        broken, skin = int(grade.conflicts[answer].sum()), skin_of(run.task)
        return skin.broken.format(cells=counted(broken, "cell")) if broken else skin.unbroken
    total = int(grade.counted.sum())
    score = f"{grade.right[answer]} of {total} {word + ' cells ' if word else ''}right"
    overwritten = int((grade.givens & (run.trace.answers[answer] != run.trace.inputs)).sum())
    return f"{score}, {counted(overwritten, 'given')} overwritten" if word and overwritten else score


def _reading(run: ExportedRun, at: Coordinates, answer: int, mode: str) -> str:
    if mode == "reverse":
        return _reverse(run, answer)
    if mode == "z" and run.trace.provenance.kind == SINGLE_Z:
        return "z through the output head, which is trained on it only where a supervision step ends."
    if mode == "z":
        return "z through the output head: a reading the head was never trained for."
    if answer < 0 and run.grade.input_conflicts.any():
        return "No answer yet, and the givens already break a rule."
    if answer < 0:
        there = "are only the givens" if run.grade.givens.any() else "is only the puzzle"
        return f"No answer yet: before the first f_H call there {there}."
    T = run.trace.depth.T
    cycle = answer % T + 1
    kept = "f_L rewrites z; y stays as f_H left it. " if at.kind == F_L else ""
    caption = skin_of(run.task).captions[mode]
    if cycle < T:
        untrained = f"{kept}y after cycle {cycle} of {T}: a reading the head was not trained for."
        return (
            untrained if mode == "answer" else f"{untrained} {caption}"
        )  # a picture has no button that names its view
    return kept + caption


def _reverse(run: ExportedRun, answer: int) -> str:
    reading = "by reverse embedding (argmax against the input embedding): a reading nothing was trained for."
    if run.trace.provenance.kind == SINGLE_Z:
        return f"z, which is y here, {reading}"
    return f"z {reading}{'' if answer < 0 else ' Small: y likewise.'}"


def counted(count: int, thing: str) -> str:
    return f"{count} {thing}{'' if count == 1 else 's'}"


def short(value: float) -> str:
    """Two digits, as few as a curve is read with."""
    return "0" if value == 0 else f"{value:.2f}" if value >= 0.01 else f"{value:.0e}"
