"""`probes use`: causal test of a probe. Changes a state along the probe's direction and along random directions."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from probes.linear.causal import CausalSettings, readable_result, run_causal_test
from probes.linear.experiment.files import RECORDED, SUFFIX, causal_tests_path, recorded_experiment
from probes.linear.experiment.summary import CausalTests
from probes.linear.files import open_probe
from probes.linear.probe import ProbeError
from trm.cli.options import FLAT, ModelChoice, TestPuzzles
from trm.cli.printing import Output
from trm.errors import UserError
from trm.progress import ProgressLine
from trm.provenance import Provenance
from trm.results import as_json, save


@FLAT
@dataclass(frozen=True, kw_only=True)
class FewPuzzles(TestPuzzles):
    """Which puzzles, by default 32 of the test set."""

    limit: int | None = 32
    """number of puzzles, evenly spread over the set"""


def run(
    *,
    choice: ModelChoice,
    puzzles: FewPuzzles = FewPuzzles(),
    probe: Path | None = None,
    record: bool = False,
    step: int | None = None,
    class_name: Annotated[str, Parameter(name="--class")] = "",
    settings: Annotated[CausalSettings, FLAT] = CausalSettings(),
) -> Output:
    """Test a probe, and return the effects. Raises UserError if an option is missing or not valid.

    Args:
        probe: a file written by `fit --save`
        record: instead: test the recorded probes of a bundled model and record the result for `fit --findings`
        step: supervision step after which to change the state (default: the probe's first)
        class_name: for targets with several classes: the class to steer towards
    """
    if record:
        return record_tests(choice, puzzles, settings)
    if not probe:
        raise UserError("--probe is missing. Give a file written by `probes fit --save`, or --record.")
    opened = open_probe(probe)
    model, task = choice.load()
    steps = [at.supervision_step for at in opened.time_points]
    step = steps[0] if step is None else step
    if step not in steps:
        raise ProbeError(
            f"This probe has no step {step}. Choose one of its steps: {', '.join(map(str, sorted(set(steps))))}."
        )
    chosen = puzzles.load(model, task)
    with ProgressLine() as progress:
        result = run_causal_test(
            model,
            task,
            chosen,
            opened,
            time_point=len(steps) - 1 - steps[::-1].index(step),  # the last call of the step
            class_name=class_name,
            settings=settings,
            progress=progress,
        )
    return Output(as_json(result.summary()), readable_result(result))


def record_tests(choice: ModelChoice, puzzles: TestPuzzles, settings: CausalSettings) -> Output:
    """Test the recorded probes of z and y for the first target at steps 1 and 4, and record the results.

    With several classes, the state is steered towards the middle class. Raises UserError if no experiment is recorded.
    """
    name = choice.model
    experiment = recorded_experiment(name)
    if experiment is None:
        raise UserError(
            f"No experiment is recorded for {name}. Run `probes fit --model {name} --record` first."
        )
    model, task = choice.load()
    chosen, target = puzzles.load(model, task), experiment.targets[0]
    classes = target.classes
    class_name = classes[len(classes) // 2] if len(classes) > 2 else ""
    steps = [at.supervision_step for at in experiment.time_points]
    results = []
    for state in experiment.settings.states:
        probe = open_probe(RECORDED / name / f"{target.members[0]}.{state}{SUFFIX}")
        for step in (1, 4):
            with ProgressLine() as progress:
                result = run_causal_test(
                    model,
                    task,
                    chosen,
                    probe,
                    time_point=steps.index(step),
                    class_name=class_name,
                    settings=settings,
                    progress=progress,
                )
            results.append(result.summary())
    recorded = CausalTests(
        Provenance.of(model, recorded=date.today(), puzzles=chosen, depth=model.config.depth), tuple(results)
    )
    path = causal_tests_path(name)
    save(path, recorded)
    return Output(as_json(recorded), {"written": str(path)})
