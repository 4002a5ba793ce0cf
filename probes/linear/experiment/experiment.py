"""A study: what can be read from z and from y, at which step, and what of that the puzzle itself already gives.

One run of the model over a puzzle set, one of the same net with random weights, and a probe for every target, source
and moment. Sources are the states z and y, and what they have to beat: the input around the cell, what is derived from the
input by counting and by simple rules, and the states of the random net. z and y are each other's baseline.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace

import numpy as np
from jaxtyping import Num

from probes.linear.baselines import derived_features, input_features
from probes.linear.collect import STATES, check_puzzles, collect, time_points_of
from probes.linear.control_task import control_types
from probes.linear.experiment.scores import WrongCells, gains, scored
from probes.linear.experiment.study import Finding, Study, StudySettings
from probes.linear.fit import fit_probe
from probes.linear.probe import ProbeResult, apply
from probes.linear.splits import Split, split_puzzles
from probes.linear.target_groups import Family, chosen_families
from probes.linear.targets import Evidence, Level, Values, target_of, values_at
from trm import __version__
from trm.coordinates import Coordinates, Depth
from trm.data import PuzzleSet
from trm.model import Model
from trm.models import new_model
from trm.progress import Progress
from trm.tasks.base import Task

INPUT, DERIVED = "input", "derived"
SOLUTION, ANSWER = "solution", "answer_now"
RANDOM = "random"
READ_FROM = {
    INPUT: "the input",
    DERIVED: "what follows from the input",
    f"{RANDOM} z": "z of the untrained network",
    f"{RANDOM} y": "y of the untrained network",
}
"""Sources other than the model's own states, in words."""
FIT_COST = 0.1  # a probe of one moment, in supervision steps of the whole puzzle set

"""Told the share of the work done, 0 to 1, and what is being done; what it raises ends the work."""


def fit_study(
    model: Model,
    task: Task,
    puzzles: PuzzleSet,
    settings: StudySettings,
    *,
    depth: Depth | None = None,
    progress: Progress | None = None,
) -> Study:
    """Run the model over the puzzles and fit all probes.

    Supervision steps after the last one asked for are run only where a target is about the end. Raises TargetError,
    ProbeError, CollectError, SplitError or PuzzleError where that cannot be done.
    """
    check_puzzles(model, task, puzzles.inputs, int(puzzles.puzzle_identifiers.max(initial=0)))
    depth = depth or model.config.depth
    families = chosen_families(task, settings.targets)
    time_points = time_points_of(depth, settings.steps, settings.calls)
    split = split_puzzles(len(puzzles), seed=settings.probe.seed)
    if not any("end" in family.first.needs for family in families):
        depth = replace(depth, N_sup=max(settings.steps))
    random_at = {"all": time_points, "first": time_points[:1], "none": ()}[settings.random]
    plan = Plan(
        progress,
        states=settings.states,
        families=families,
        depth=depth,
        random_at=random_at,
        time_points=len(time_points),
    )
    ids = puzzles.puzzle_identifiers
    runs = collect(
        model,
        puzzles.inputs,
        ids,
        depth=depth,
        time_points=time_points,
        progress=plan.runs(depth.N_sup, f"the model on {len(puzzles)} puzzles"),
        states=settings.states,
    )
    sources = {name: (states, len(time_points)) for name, states in runs.states.items()}
    if random_at:
        random = random_weights(model, seed=settings.probe.seed)
        last = random_at[-1].supervision_step
        untrained = collect(
            random,
            puzzles.inputs,
            ids,
            depth=replace(depth, N_sup=last),
            time_points=random_at,
            progress=plan.runs(last, f"the untrained network on {len(puzzles)} puzzles"),
            states=settings.states,
        )
        sources |= {f"{RANDOM} {name}": (found, len(random_at)) for name, found in untrained.states.items()}
    evidence = Evidence(task, puzzles.inputs, puzzles.labels, end=runs.end)
    derived = derived_features(evidence)
    if derived is not None:
        sources[DERIVED] = (derived, len(time_points))

    def values(name: str) -> Values:
        return values_at(
            target_of(task, name),
            evidence,
            now=runs.now,
            supervision_steps=[at.supervision_step for at in time_points],
            halts=runs.halts,
        )

    findings, labels = [], {}
    for family in families:
        truths = labels[family.name] = [values(member.name) for member in family.members]
        answer = values(ANSWER) if family.name == SOLUTION else None
        features = input_features(task, puzzles.inputs, cells=family.first.level is Level.CELL)
        all_sources = sources | {INPUT: (features, len(time_points))}
        of_family = {
            source: _finding(
                family,
                source,
                found,
                [first_time_points(one, count) for one in truths],
                split=split,
                settings=settings,
                types=control_types(puzzles.inputs) if source in STATES and settings.control else None,
                answer=answer,
                plan=plan,
            )
            for source, (found, count) in all_sources.items()
        }
        findings += compared(of_family)
    about = {
        "model": model.name,
        "fingerprint": model.fingerprint,
        "kind": model.config.kind,
        "task": task.name,
        "grid": [task.rows, task.columns],
        "depth": asdict(depth),
        "data": puzzles.name,
        "puzzles": len(puzzles),
        "split": {"train": len(split.train), "validation": len(split.validation), "test": len(split.test)},
        "dtype": str(model.compute_dtype).removeprefix("torch."),
        "version": __version__,
    }
    return Study(
        about,
        settings,
        time_points,
        families,
        tuple(findings),
        repeated(labels, time_points=len(time_points)),
    )


def random_weights(model: Model, *, seed: int) -> Model:
    """The same net, with weights drawn as before training. Its states show what the architecture alone makes of a puzzle."""
    random = new_model(model.config)
    random.initialise(seed)
    random.compute_dtype = model.compute_dtype
    return random.to(model.device).eval().requires_grad_(False)


def first_time_points(values: Values, count: int) -> Values:
    """The values of the first `count` moments; the only ones of a target that does not change."""
    return Values(values.values[:, :count], values.defined[:, :count])


def repeated(labels: Mapping[str, Sequence[Values]], *, time_points: int) -> dict[str, list[str | None]]:
    """Of each family, at each moment, the first one before it with the same labels, or with yes and no exchanged."""
    found: dict[str, list[str | None]] = {name: [] for name in labels}
    for time_point in range(time_points):
        known: dict[tuple[bytes, ...], str] = {}
        for name, members in labels.items():
            key = tuple(_label_key(one, time_point) for one in members)
            first = known.setdefault(key, name)
            found[name].append(None if first == name else first)
    return found


def _label_key(values: Values, time_point: int) -> bytes:
    """Equal for labels that are equal wherever they are defined, up to an exchange of two classes."""
    at = 0 if values.values.shape[1] == 1 else time_point
    labels, defined = values.values[:, at], values.defined[:, at]
    own = labels[defined]
    if own.dtype.kind == "i" and own.size and own.max() <= 1:
        own = own ^ own[0]
    return defined.tobytes() + own.tobytes()


def _finding(
    family: Family,
    source: str,
    states: np.ndarray,
    truths: Sequence[Values],
    *,
    split: Split,
    settings: StudySettings,
    types: np.ndarray | None,
    answer: Values | None,
    plan: Plan,
) -> Finding:
    """Fit the probes of a family on one source. `answer`: what the model answers, where the family is the solution."""
    if family.first.level is Level.PUZZLE:
        states, types = states.mean(2, keepdims=True), None
    is_own = source in STATES
    probes, reads = [], []
    for member, values in zip(family.members, truths, strict=True):
        probe = fit_probe(
            states,
            values,
            split,
            classes=member.classes,
            name=member.name,
            settings=settings.probe
            if is_own and member.classes
            else replace(settings.probe, code_length=False),  # it is one of classes
            types=types,
            progress=plan.fit(
                f"fitting {member.name.replace('_', ' ')} from {READ_FROM.get(source, source)}"
            ),
        )
        probes.append(probe)
        reads.append(read_test(probe, states, split))
    return Finding(
        family,
        source,
        tuple(probes),
        tuple(range(probes[0].time_points)),
        scored(family, probes, truths, reads, split, settings.probe),
        wrong=WrongCells.of(truths[0], answer, reads[0], split) if is_own and answer is not None else None,
    )


def compared(findings: Mapping[str, Finding]) -> list[Finding]:
    """Findings of one family; those of z and y with what they have above all others."""
    return [
        replace(
            finding,
            gains=gains(
                finding.found,
                {name: other.found for name, other in findings.items() if name != source},
            ),
        )
        if source in STATES
        else finding
        for source, finding in findings.items()
    ]


def read_test(probe: ProbeResult, states: np.ndarray, split: Split) -> Num[np.ndarray, "puzzle moment cell"]:
    """What the probe reads of the test puzzles: classes or numbers, or the log odds of the second of two classes."""
    test = states[split.test]
    if states.shape[1] == 1 and probe.time_points > 1:
        test = np.broadcast_to(test, (len(test), probe.time_points, *test.shape[2:]))
    reading = apply(probe, test)
    return reading.log_odds if len(probe.classes) == 2 else reading.values


# ---- how far it has come


class Plan:
    """Splits 0 to 1 among the stages of a study, by what they cost."""

    def __init__(
        self,
        progress: Progress | None,
        *,
        states: Sequence[str],
        families: Sequence[Family],
        depth: Depth,
        random_at: Sequence[Coordinates],
        time_points: int,
    ):
        self.progress = progress or (lambda share, words: None)
        self.fits = FIT_COST * time_points
        steps = depth.N_sup + (random_at[-1].supervision_step if random_at else 0)
        probes = sum(len(family.members) for family in families)
        sources = len(states) * (2 if random_at else 1) + 2
        self.all, self.done = steps + self.fits * probes * sources, 0.0

    def stage(self, cost: int | float, words: Callable[[float], str]) -> Callable[[float], None]:
        """The progress of the next stage, whose words may say how far it is itself."""
        started = self.done
        self.done += cost
        return lambda share: self.progress(min(1.0, (started + share * cost) / self.all), words(share))

    def runs(self, steps: int, what: str) -> Callable[[float], None]:
        """Runs of so many supervision steps."""
        return self.stage(steps, lambda share: f"running {what}, {share:.0%} done")

    def fit(self, words: str) -> Callable[[float], None]:
        """The next probe."""
        return self.stage(self.fits, lambda share: words)
