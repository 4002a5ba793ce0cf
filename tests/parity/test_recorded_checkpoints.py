"""Agreement with the public code on checkpoints that it saved.

They are looked for in the folder that RECURSION_LENS_PARITY names, else in `shared/parity` beside the repository; each
holds `step_1000`, `all_config.yaml` and `expected.npz`. Without them `test_transcription` still compares every variant.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle, product
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from agreement import PREFIXES, assert_agreement, largest_differences, sums_as_recorded
from torch import Tensor

from trm.checkpoint import load_model
from trm.coordinates import F_H, Coordinates
from trm.inspection.forward import numpy_sums
from trm.model import Model
from trm.recursion import Heads, Hook, State, SupervisionStep, deep_supervision, unchanged
from trm.resume import ResumePoint, resumed_supervision

RECORDED = Path(
    os.environ.get("RECURSION_LENS_PARITY", Path(__file__).resolve().parents[3] / "shared" / "parity")
)
NAMES = ("trm_attention", "trm_mlp", "trm_single_z", "trm_multi_z", "hrm")


def case(name: str, *others: object):
    """Parameters of a test, the first of them a recorded checkpoint."""
    missing = not (RECORDED / name / "expected.npz").is_file()
    reason = f"no recorded outputs in {RECORDED / name}; set RECURSION_LENS_PARITY to their folder"
    return pytest.param(name, *others, marks=pytest.mark.skipif(missing, reason=reason))


recorded = pytest.mark.parametrize("name", map(case, NAMES))


# 81 positions and a prefix of 16 are an odd number; what follows holds for these alone.
ODD_ATTENTION = ("trm_attention", "trm_single_z", "trm_multi_z")


def attends_as_recorded(differences: dict[str, np.ndarray]) -> bool:
    """Whether torch's attention, too, sums in that order: then nothing differs after the first call. MKL sums 97 positions
    in one order on Intel's processors and in another on AMD's."""
    return differences["step1_call_output"][0] == 0


@recorded
def test_recorded_outputs(name, tmp_path):
    with np.load(RECORDED / name / "expected.npz") as expected:
        differences = largest_differences(RECORDED / name / "step_1000", dict(expected), tmp_path)
    attends = name not in ODD_ATTENTION or attends_as_recorded(differences)
    assert_agreement(differences, same=sums_as_recorded() and attends)
    if sums_as_recorded() and name == "trm_mlp":  # without attention NumPy takes all the sums
        assert differences["step1_call_output"].max() == differences["logits"].max() == 0


@dataclass(frozen=True)
class Recorded:
    """A checkpoint as it was recorded: the model, its inputs, and what the public code made of them."""

    model: Model
    tokens: Tensor  # (B, L)
    ids: Tensor  # (B,)
    expected: dict[str, Tensor]

    @classmethod
    def of(cls, name: str) -> "Recorded":
        model = load_model(str(RECORDED / name / "step_1000"), device=torch.device("cpu"))
        with np.load(RECORDED / name / "expected.npz") as arrays:
            expected = {
                key: torch.from_numpy(array) for key, array in arrays.items() if array.dtype.kind != "U"
            }
        return cls(model, expected["inputs"].long(), expected["puzzle_identifiers"].long(), expected)

    @property
    def final(self) -> dict[str, Tensor]:
        """The states after the last step, by the public code's names."""
        return {key: state for key, state in self.expected.items() if key.startswith("final_")}

    def steps(self, after_call: Hook = unchanged) -> Iterator[SupervisionStep]:
        """All supervision steps, with NumPy's sums."""
        with numpy_sums(self.model):
            yield from deep_supervision(
                self.model, self.tokens, self.ids, depth=self.model.config.depth, after_call=after_call
            )

    def begins_as_recorded(self) -> bool:
        """Whether the first call of f_L writes what was recorded, to the last bit."""
        written: list[Tensor] = []

        def keep(at: Coordinates, state: State) -> State:
            written.append(self.model.latent(state, at))
            return state

        next(self.steps(keep))
        return torch.equal(written[0], self.expected["step1_call_output"][0])

    def after_step_1(self) -> ResumePoint:
        """Supervision step 1 as the recorded calls left it."""
        depth, latents, outputs = (
            self.model.config.depth,
            self.model.config.latents,
            self.expected["step1_call_output"],
        )
        y, thought = outputs[-1], outputs[-1 - depth.n : -1]  # the calls of f_L in the last cycle
        if self.model.config.kind == "trm-multi-z":
            assert depth.n == latents  # each z was written once in the cycle
            z = thought.transpose(0, 1)
        else:
            z = thought[-1] if latents else y
        return ResumePoint(State(y, z), after=Coordinates(1, depth.T, depth.n + 1, F_H))


def assert_heads(heads: Heads, expected: dict[str, Tensor], step: int) -> None:
    for name, found in zip(("logits", "q_halt_logits", "q_continue_logits"), heads, strict=True):
        assert (found - expected[name][step]).abs().max() < 1e-3, name


@recorded
def test_recorded_second_step(name):
    """From the recorded state after the first step: nothing has grown yet, so all sums will do."""
    run = Recorded.of(name)
    with numpy_sums(run.model):
        steps = resumed_supervision(
            run.model, run.tokens, run.ids, run.after_step_1(), depth=run.model.config.depth
        )
        second = next(steps)
    assert second.number == 2
    assert_heads(second.heads, run.expected, 1)


@recorded
def test_recorded_last_answer_is_that_of_the_recorded_last_state(name):
    run = Recorded.of(name)
    with numpy_sums(run.model), torch.no_grad():
        heads = run.model.heads(run.final["final_z_H" if "final_z_H" in run.final else "final_z_L"])
    assert_heads(heads, run.expected, -1)


def final_states(run: Recorded, name: str) -> dict[str, Tensor]:
    """y and every z after the last step, by the public code's names."""
    *_, last = run.steps()
    found = {"final_z_H": last.state.y, "final_z_L": last.state.z}
    if name == "trm_multi_z":
        found |= {f"final_z_L{k + 1}": last.state.z[:, k] for k in range(6)}
    return found


@recorded
def test_recorded_final_states(name):
    """All of them are there. Their values are those recorded where sums are the same: the last states of a chaotic model
    depend on the processor; the second step and the last answer, which have tests of their own, do not.
    """
    run = Recorded.of(name)
    found = final_states(run, name)
    assert run.final and {key: found[key].shape for key in run.final} == {
        key: state.shape for key, state in run.final.items()
    }
    if sums_as_recorded() and (name not in ODD_ATTENTION or run.begins_as_recorded()):
        for key, state in run.final.items():
            assert (found[key] - state).abs().max() < 1e-3, key


SAVED_AS = list(product(PREFIXES, [(), ("model",), ("ema",)]))


@pytest.mark.parametrize(
    ("name", "prefix", "nest"),
    [case(name, *saved_as) for name, saved_as in zip(cycle(NAMES), SAVED_AS, strict=False)],
)
def test_recorded_outputs_under_every_prefix(name, prefix, nest, tmp_path):
    """Saved again under other names, each kind under some; two steps tell as much as sixteen here."""
    stored, expected = saved_again(name, tmp_path, steps=2)
    nested = {prefix + key: tensor for key, tensor in stored.items()}
    for key in nest:
        nested = {key: nested}
    torch.save(nested, tmp_path / "step_1000")
    assert_agreement(largest_differences(tmp_path / "step_1000", expected, tmp_path), same=sums_as_recorded())


@recorded
def test_recorded_outputs_of_a_bfloat16_start(name, tmp_path):
    """Real files hold the initial states in bfloat16. The rounded start is another one, but must be read as it is."""
    stored, expected = saved_again(name, tmp_path, steps=1)
    rounded = {key: tensor.bfloat16() if key.endswith("_init") else tensor for key, tensor in stored.items()}
    torch.save(rounded, tmp_path / "step_1000")
    model = load_model(str(tmp_path / "step_1000"), device=torch.device("cpu"))
    for key, tensor in rounded.items():
        assert torch.equal(model.state_dict()[key], tensor.float()), key
    difference = largest_differences(tmp_path / "step_1000", expected, tmp_path)["step1_call_output"].max()
    start = max((stored[key] - rounded[key].float()).abs().max() for key in stored if key.endswith("_init"))
    assert difference < (1e-4 if start == 0 else 1.0)


def saved_again(name: str, folder: Path, *, steps: int) -> tuple[dict[str, Tensor], dict[str, np.ndarray]]:
    """Tensors of a recorded checkpoint under plain names, its yaml written for fewer steps, and what to expect of these."""
    stored = torch.load(RECORDED / name / "step_1000", weights_only=True)
    config = yaml.safe_load((RECORDED / name / "all_config.yaml").read_text())
    config["arch"]["halt_max_steps"] = steps
    (folder / "all_config.yaml").write_text(yaml.safe_dump(config))
    (folder / "dataset.json").write_text((RECORDED / name / "dataset.json").read_text())
    with np.load(RECORDED / name / "expected.npz") as arrays:
        expected = dict(arrays)
    for key in ("logits", "q_halt_logits", "q_continue_logits"):
        expected[key] = expected[key][:steps]
    return {key.removeprefix("_orig_mod.model.inner."): tensor for key, tensor in stored.items()}, expected
