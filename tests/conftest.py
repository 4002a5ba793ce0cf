"""What the tests share: tiny models, public checkpoints made of random weights, and a way to call the command line.

Real weights are used in a few end-to-end tests only. Everything else runs on models of a few thousand numbers, small
enough to be recomputed by hand-written reference code.
"""

import atexit
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from hypothesis import settings
from threadpoolctl import threadpool_limits
from torch import Tensor
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from trm.cli.main import main
from trm.config import ModelConfig
from trm.model import Model
from trm.models import new_model

pytest_plugins = ["shared"]

# Threads only wait for each other in models this small: on a busy machine each product takes fifty times as long. The
# processes that tests start, the served app among them, take their number from here.
os.environ.setdefault("OMP_NUM_THREADS", "1")
torch.set_num_threads(1)
threadpool_limits(1)  # NumPy's BLAS

# The app keeps the secret of lecture rooms in the user's folder of state: that of the tests.
os.environ["XDG_STATE_HOME"] = tempfile.mkdtemp(prefix="recursion-lens-state-")
atexit.register(shutil.rmtree, os.environ["XDG_STATE_HOME"], ignore_errors=True)

# `make test` draws the same few examples every time, `make test-slow` many others, in continuous integration always the
# same. How long one takes says nothing on a busy machine.
settings.register_profile("few", deadline=None, max_examples=20, derandomize=True)
settings.register_profile("many", deadline=None, max_examples=200, derandomize="CI" in os.environ)
settings.load_profile("few")

TINY = {
    "task": "sudoku",
    "vocab_size": 6,
    "sequence_length": 16,
    "hidden_size": 8,
    "layers": 2,
    "mlp_width": 12,
    "mixing": "attention",
    "mixing_width": 0,
    "heads": 2,
    "positions": "rope",
    "prefix_length": 1,
    "puzzle_ids": 0,
    "puzzle_embedding_size": 0,
    "n": 2,
    "T": 2,
    "N_sup": 3,
}
"""A model of 4x4 Sudoku: two blocks of width 8."""

MLP = {"mixing": "mlp", "mixing_width": 20, "heads": 0, "positions": "none"}
"""Changes of TINY that make it mix positions by an MLP."""


WITH_A_CLOCK = ("tests/browser/", "tests/served/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """`make test` looks for tests that run alone where those with a clock are, since it takes long to collect all.

    Files that take long start first: those of the browser, then those with heavy tests. Then no worker begins one at the end.
    """
    heavy = {item.path for item in items if item.get_closest_marker("heavy")}
    items.sort(key=lambda item: (not item.nodeid.startswith(WITH_A_CLOCK), item.path not in heavy))
    for item in items:
        if item.get_closest_marker("alone") and not item.nodeid.startswith(WITH_A_CLOCK):
            raise pytest.UsageError(
                f"{item.nodeid} is marked `alone`, which is for {' and '.join(WITH_A_CLOCK)}."
            )


COMPILE_UMAP = (
    "tests/unit/probes/latents/test_umap.py",
    "tests/unit/probes/latents/test_projection.py",
)
"""The first UMAP of an installation takes a minute of a core, of which one worker is enough."""


class ByFile(LoadFileScheduling):
    """All tests of a file in one worker, and what compiles the same too."""

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return COMPILE_UMAP[0] if file in COMPILE_UMAP else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    return ByFile(config, log)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """The first UMAP of a process makes OpenMP, and with it torch, use all cores from then on."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tiny_config() -> Callable[..., ModelConfig]:
    """Makes a tiny configuration; keywords replace its fields."""
    return lambda **changes: ModelConfig(**TINY | changes)


@pytest.fixture(scope="session")
def tiny_model() -> Callable[..., Model]:
    """Makes a tiny model with random weights and a name, ready to run; keywords replace fields of its configuration."""

    def make(*, seed: int = 0, **changes: Any) -> Model:
        model = new_model(ModelConfig(**TINY | changes))
        model.initialise(seed)
        model.name, model.fingerprint = "tiny", "0" * 16
        return model.eval().requires_grad_(False)

    return make


@dataclass(frozen=True)
class PublicCheckpoint:
    """A checkpoint as the public code saves it: names without prefix, and the `arch` of its yaml."""

    tensors: dict[str, Tensor]
    arch: dict[str, Any]
    cells: int
    run: dict[str, Any] = field(default_factory=lambda: {"lr": 1e-4})  # the yaml beside `arch`

    def save(
        self,
        folder: Path,
        *,
        prefix: str = "_orig_mod.model.inner.",
        nest: tuple[str, ...] = (),
        name: str = "step_1000",
        with_yaml: bool = True,
        **torch_options: Any,
    ) -> Path:
        """Write the weights under a prefix, nested in dictionaries of these names. Returns the weights file."""
        stored: Any = {prefix + key: tensor for key, tensor in self.tensors.items()}
        for key in reversed(nest):
            stored = {key: stored, "step": 7}
        folder.mkdir(parents=True, exist_ok=True)
        torch.save(stored, folder / name, **torch_options)
        if with_yaml:
            (folder / "all_config.yaml").write_text(yaml.safe_dump({"arch": self.arch} | self.run))
        if self.cells:
            (folder / "dataset.json").write_text(json.dumps({"seq_len": self.cells}))
        return folder / name


ARCH_NAMES = {
    "trm": "recursive_reasoning.trm@TinyRecursiveReasoningModel_ACTV1",
    "trm-two-nets": "recursive_reasoning.trm@TinyRecursiveReasoningModel_ACTV1",
    "trm-single-z": "recursive_reasoning.trm_singlez@TinyRecursiveReasoningModel_ACTV1",
    "trm-multi-z": "recursive_reasoning.trm_hier6@TinyRecursiveReasoningModel_ACTV1",
    "hrm": "hrm.hrm_act_v1@HierarchicalReasoningModel_ACTV1",
}


@pytest.fixture
def public_checkpoint() -> Callable[..., PublicCheckpoint]:
    """Makes a public checkpoint with random weights, kind and sizes as asked for."""

    def make(
        *,
        kind: str = "trm",
        H_layers: int = 1,
        latents: int = 2,
        mlp_t: bool = False,
        pos_encodings: str = "rope",
        D: int = 16,
        heads: int = 2,
        layers: int = 2,
        cells: int = 16,
        vocab: int = 11,
        puzzle_ids: int = 1,
        puzzle_emb_ndim: int = 16,
        puzzle_emb_len: int = 3,
        H_cycles: int = 2,
        L_cycles: int = 2,
        halt_max_steps: int = 3,
        seed: int = 0,
    ) -> PublicCheckpoint:
        generator = torch.Generator().manual_seed(seed)

        def drawn(*shape: int, deviation: float | None = None) -> Tensor:
            return torch.randn(shape, generator=generator) * (deviation or shape[-1] ** -0.5)

        width = 24  # inner width of the channel SwiGLU
        two_nets = kind in ("trm-two-nets", "hrm")
        if kind == "hrm":
            puzzle_emb_len = 0
        prefix = (puzzle_emb_len or -(-puzzle_emb_ndim // D)) if puzzle_emb_ndim else 0
        initial = {
            "trm-single-z": ("L_init",),
            "trm-multi-z": ("H_init", *(f"L{k}_init" for k in range(1, latents + 1))),
        }.get(kind, ("H_init", "L_init"))
        tensors = {
            "embed_tokens.embedding_weight": drawn(vocab, D),
            "lm_head.weight": drawn(vocab, D),
            "q_head.weight": drawn(2, D),
            "q_head.bias": drawn(2, deviation=1.0),
        }
        tensors |= {name: drawn(D, deviation=1.0).bfloat16() for name in initial}
        if puzzle_emb_ndim:
            tensors["puzzle_emb.weights"] = drawn(puzzle_ids, puzzle_emb_ndim)
        if pos_encodings == "learned":
            tensors["embed_pos.embedding_weight"] = drawn(prefix + cells, D)
        blocks = [f"L_level.layers.{layer}." for layer in range(layers)]
        blocks += [f"H_level.layers.{layer}." for layer in range(H_layers)] if two_nets else []
        for block in blocks:
            if mlp_t:
                tensors[block + "mlp_t.gate_up_proj.weight"] = drawn(2 * 32, prefix + cells)
                tensors[block + "mlp_t.down_proj.weight"] = drawn(prefix + cells, 32)
            else:
                tensors[block + "self_attn.qkv_proj.weight"] = drawn(3 * D, D)
                tensors[block + "self_attn.o_proj.weight"] = drawn(D, D)
            tensors[block + "mlp.gate_up_proj.weight"] = drawn(2 * width, D)
            tensors[block + "mlp.down_proj.weight"] = drawn(D, width)
        arch = {
            "name": ARCH_NAMES[kind],
            "loss": {"name": "losses@ACTLossHead", "loss_type": "stablemax_cross_entropy"},
            "H_cycles": H_cycles,
            "L_cycles": L_cycles,
            "H_layers": H_layers if two_nets else 0,
            "L_layers": layers,
            "hidden_size": D,
            "num_heads": heads,
            "expansion": 4,
            "puzzle_emb_ndim": puzzle_emb_ndim,
            "puzzle_emb_len": puzzle_emb_len,
            "pos_encodings": pos_encodings,
            "halt_max_steps": halt_max_steps,
            "mlp_t": mlp_t,
        }
        if kind == "hrm":  # its yaml has no such keys; that of the TRM code base has mlp_t
            arch = {
                key: value
                for key, value in arch.items()
                if key != "puzzle_emb_len" and (key, value) != ("mlp_t", False)
            }
        return PublicCheckpoint(tensors, arch, cells)

    return make


@pytest.fixture
def refused(capsys: pytest.CaptureFixture) -> Callable[..., str]:
    """Calls the command line with a user's mistake; returns the one line that it prints.

    Fails unless the exit code is 2, stderr is exactly one line and stdout is empty.
    """

    def call(*arguments: object) -> str:
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        assert end.value.code == 2
        assert out == ""
        assert err.count("\n") == 1 and err.endswith("\n") and err.strip()
        assert "Traceback" not in err
        return err.strip()

    return call
