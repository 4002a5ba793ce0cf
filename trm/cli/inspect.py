"""`trm inspect`: show the configuration of a checkpoint, the assumed values, and a self-check."""

from collections.abc import Iterator

from trm.cli.options import CheckpointOptions, ModelName
from trm.cli.printing import Output
from trm.inspection.inspect import facts_text, measure, measured_text, read_facts
from trm.progress import ProgressLine
from trm.terminal import log


def run(
    model: ModelName, /, *, opening: CheckpointOptions = CheckpointOptions(), no_check: bool = False
) -> Iterator[Output]:
    """Return what is known about a checkpoint, then the same with what its runs show.

    Args:
        no_check: skip the self-check on a few puzzles, which takes minutes for a large model
    """
    opened, facts = read_facts(model, force=opening.force)
    yield Output(facts, facts_text(facts))
    if no_check:
        return
    log("Running the model on a few puzzles to check it. --no-check skips this.")
    with ProgressLine() as progress:
        result = facts | measure(opened, facts, progress=progress)
    yield Output(result, measured_text(result))
