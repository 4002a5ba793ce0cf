"""`trm inspect`: show the configuration of a checkpoint, the assumed values, and a self-check."""

from trm.cli.options import CheckpointOptions, ModelName
from trm.cli.printing import Output
from trm.inspection.inspect import inspect_model, report
from trm.progress import ProgressLine


def run(
    model: ModelName, /, *, opening: CheckpointOptions = CheckpointOptions(), no_check: bool = False
) -> Output:
    """Return what is known about a checkpoint.

    Args:
        no_check: skip the self-check on a few puzzles
    """
    with ProgressLine() as progress:
        result = inspect_model(model, force=opening.force, self_check=not no_check, progress=progress)
    return Output(result, report(result))
