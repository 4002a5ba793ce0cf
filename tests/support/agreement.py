"""How far `trm forward` is from what the public code makes of a checkpoint, and how far it may be."""

from pathlib import Path

import numpy as np
import torch
from threadpoolctl import threadpool_info

from trm.checkpoint import load_model
from trm.inspection.forward import forward_file

PREFIXES = ["_orig_mod.model.inner.", "model.inner.", "inner.", "", "module."]
"""What public files put before the names of weights."""


def largest_differences(
    checkpoint: Path, expected: dict[str, np.ndarray], folder: Path
) -> dict[str, np.ndarray]:
    """Run `trm forward` on the expected inputs; largest absolute difference of every output, in each step or call."""
    fed = {name: expected[name] for name in ("inputs", "puzzle_identifiers")}
    np.savez(folder / "in.npz", **fed)
    forward_file(
        load_model(str(checkpoint), device=torch.device("cpu")), folder / "in.npz", folder / "out.npz"
    )
    with np.load(folder / "out.npz") as ours:
        assert sorted(ours) == ["logits", "q_continue_logits", "q_halt_logits", "step1_call_output"]
        for name in ours:
            assert ours[name].shape == expected[name].shape and ours[name].dtype == np.float32
        return {
            name: np.abs(ours[name] - expected[name]).reshape(len(ours[name]), -1).max(1) for name in ours
        }


def sums_as_recorded() -> bool:
    """Whether NumPy's BLAS sums in the order of the recorded outputs. Models with random weights are chaotic: on another
    kernel only their first calls can agree, as a difference in the last bit grows about thirtyfold a supervision step."""
    kernels = {library.get("architecture") for library in threadpool_info()}
    return bool(kernels & {"SkylakeX", "Cooperlake", "SapphireRapids"})


def assert_agreement(differences: dict[str, np.ndarray], *, same: bool) -> None:
    """All steps agree where sums are the same; elsewhere the first one does, its answer and halting included."""
    assert differences["step1_call_output"].max() < (1e-4 if same else 1e-3)
    for name in ("logits", "q_halt_logits", "q_continue_logits"):
        assert differences[name][: None if same else 1].max() < 1e-3, name
