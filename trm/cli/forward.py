"""`trm forward`: write the raw outputs of a forward pass, for comparing implementations."""

from pathlib import Path
from typing import Any

from trm.checkpoint import load_model
from trm.cli.options import EngineChoice, ModelChoice
from trm.inspection.forward import forward_file


def run(
    *, choice: ModelChoice, inputs: Path, out: Path, engine: EngineChoice = EngineChoice()
) -> dict[str, Any]:
    """Write the outputs, and return their shapes.

    Args:
        inputs: .npz with inputs [B, L], optional puzzle_identifiers [B], start_z_H and start_z_L [B, P, D]
        out: .npz to write
    """
    model = load_model(
        choice.model, force=choice.force, accept_unknown=choice.accept_unknown, native_tokens=True
    )
    return forward_file(engine.give(model), inputs, out)
