"""`trm eval`: score a model on a puzzle set."""

from typing import Any

from trm.cli.options import EngineChoice, ModelChoice, PuzzleChoice
from trm.evaluate import evaluate
from trm.progress import ProgressLine


def run(
    *,
    choice: ModelChoice,
    puzzles: PuzzleChoice,
    early_exit: bool = False,
    engine: EngineChoice = EngineChoice(),
) -> dict[str, Any]:
    """Return the scores.

    Args:
        early_exit: stop each puzzle when the model halts, and report the steps that this saves (default: all steps run, as in the papers)
    """
    model, task = choice.load()
    model = engine.give(model)
    chosen = puzzles.load(model, task)
    with ProgressLine() as progress:
        scores = evaluate(model, task, chosen, early_exit=early_exit, progress=progress)
    return {**scores, "engine": model.engine}
