"""Agreement with other public code bases on checkpoints that they saved.

They are looked for in the folder that RECURSION_LENS_PARITY_MORE names, else in `shared/parity_more` beside the
repository. Without them `tests/unit/trm/public/test_formats.py` still reads every format in all its options.
"""

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from trm.checkpoint import load_model, read_checkpoint
from trm.inspection.forward import forward_file

RECORDED = Path(
    os.environ.get(
        "RECURSION_LENS_PARITY_MORE", Path(__file__).resolve().parents[3] / "shared" / "parity_more"
    )
)
FILES = {
    "nano_trm_mlp": "last.ckpt",
    "nano_trm_rope2d": "last.ckpt",
    "eqr_sudoku_mlp": "step_3_k3v9q2ab.pth",
    "eqr_maze_attention": "step_3_p7d0x4re.pth",
    "air_Lx_H": "step_3",
    "air_L_Hx": "step_3",
    "sotaku": "model_baseline_lr2e3.pt",
    "urm": "step_3.pt",
    "trm_pt_stem_yaml": "TRM-MLP-Sudoku-Extreme.pt",
}
CHAOTIC = {
    "trm_pt_stem_yaml": 1
}  # steps in which rounding has not grown yet, whatever order sums are taken in
recorded = pytest.mark.parametrize(
    "name",
    [
        pytest.param(
            name,
            marks=pytest.mark.skipif(
                not (RECORDED / name).is_dir(),
                reason=f"no {RECORDED / name}; set RECURSION_LENS_PARITY_MORE",
            ),
        )
        for name in FILES
    ],
)


def forward(path: Path, expected: dict[str, np.ndarray], folder: Path) -> dict[str, np.ndarray]:
    """What `trm forward` writes for the recorded inputs, from the recorded start where there is one."""
    given = ("inputs", "puzzle_identifiers", "start_z_H", "start_z_L")
    np.savez(folder / "in.npz", **{name: expected[name] for name in given if name in expected})
    model = load_model(str(path), device=torch.device("cpu"), native_tokens=True)
    forward_file(model, folder / "in.npz", folder / "out.npz")
    with np.load(folder / "out.npz") as ours:
        return dict(ours)


@recorded
def test_recorded_outputs(name, tmp_path):
    with np.load(RECORDED / name / "expected.npz") as arrays:
        expected = dict(arrays)
    ours = forward(RECORDED / name / FILES[name], expected, tmp_path)
    compared = ours.keys() & expected.keys()
    assert compared >= {"logits"} | (
        expected.keys() & {"q_halt_logits", "q_continue_logits", "convergence_last3"}
    )
    for array in compared:
        steps = CHAOTIC.get(name) if array != "convergence_last3" else None
        difference = np.abs(ours[array] - expected[array])[:steps].max()
        assert difference < (1e-4 if array == "step1_call_output" else 1e-3), array
    assert ("q_halt_logits" in ours) == ("q_halt_logits" in expected)
    if "predictions" in expected:  # sotaku: digits of every cell
        assert (ours["logits"].argmax(-1) + 1 == expected["predictions"]).all()


@recorded
def test_the_source_says_which_weights_were_used(name):
    said = read_checkpoint(str(RECORDED / name / FILES[name])).sources["weights"]
    assert said.startswith("as trained: " if name.startswith(("air", "sotaku")) else "averaged (EMA): ")
