"""A puzzle embedding of two gigabytes only costs memory and time for the rows in use."""

import json
import subprocess
import sys
from mmap import MAP_SHARED
from pathlib import Path

import pytest
import torch
import yaml
from checkpoints import CPU, refusal

from trm.checkpoint import load_model
from trm.registry import ENDS, fingerprint

pytestmark = pytest.mark.heavy

REPOSITORY = Path(__file__).resolve().parents[4]
PUZZLES, WIDTH = 1_045_829, 512  # of the public HRM for ARC-2
TABLE = "puzzle_emb.weights"

# Opens a file, runs a supervision step with three puzzle ids, and prints what that took.
PROBE = """
import json, re, sys, time
from pathlib import Path
import torch
torch.set_num_threads(1)
from dataclasses import replace
from trm.checkpoint import load_model
from trm.recursion import deep_supervision
began = time.process_time()
model = load_model(sys.argv[1], device=torch.device("cpu"))
opened = time.process_time() - began
depth = replace(model.config.depth, N_sup=1)
ids = torch.tensor([0, 7, 1_045_828])
step = next(deep_supervision(model, torch.ones(3, 900, dtype=torch.long), ids, depth=depth))
# not getrusage, whose maximum a new program takes over from the process that started it
peak = int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024
print(json.dumps({"peak": peak, "opened": opened, "q": step.heads.q_halt.tolist(), "rows": model.config.puzzle_ids}))
"""


def save_sparse(tensors: dict[str, torch.Tensor], path: Path, *, form: str) -> None:
    """Save a state dict whose table is zero except for two rows, as a sparse file."""
    if form == "torch":
        with torch.serialization.skip_data():
            torch.save(tensors, path)
        with torch.serialization.set_default_mmap_options(
            MAP_SHARED
        ):  # what is written below goes to the file
            stored = torch.load(path, mmap=True, weights_only=True)
        for name, tensor in tensors.items():
            if not name.endswith(TABLE):
                stored[name].copy_(tensor)
        table = stored[next(name for name in tensors if name.endswith(TABLE))]
        table[7], table[PUZZLES - 1] = 1.0, -1.0
        return
    header, begin = {}, 0
    for name, tensor in tensors.items():
        end = begin + tensor.numel() * tensor.element_size()
        dtype = {torch.float32: "F32", torch.bfloat16: "BF16"}[tensor.dtype]
        header[name] = {"dtype": dtype, "shape": list(tensor.shape), "data_offsets": [begin, end]}
        begin = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name, tensor in tensors.items():
            if name.endswith(TABLE):
                at = file.tell()
                for row, value in ((7, 1.0), (PUZZLES - 1, -1.0)):
                    file.seek(at + row * WIDTH * 4)
                    file.write(torch.full((WIDTH,), value).numpy().tobytes())
                file.seek(at + tensor.numel() * 4)
            else:
                file.write(tensor.contiguous().view(torch.uint8).numpy().tobytes())


@pytest.fixture
def arc_checkpoint(public_checkpoint):
    """A TRM for ARC with a 1,045,829 x 512 table that is not in memory."""
    made = public_checkpoint(
        D=128, heads=4, vocab=12, cells=900, puzzle_ids=1, puzzle_emb_ndim=WIDTH, puzzle_emb_len=4
    )
    made.tensors[TABLE] = torch.empty(PUZZLES, WIDTH)  # memory that is never touched is never taken
    return made


@pytest.mark.parametrize("form", [pytest.param("torch", marks=pytest.mark.slow), "safetensors"])
def test_opening_two_gigabytes_takes_little_memory(tmp_path, arc_checkpoint, form):
    name = {"torch": "step_1", "safetensors": "model.safetensors"}[form]
    path = tmp_path / name
    prefix = "_orig_mod.model.inner."
    save_sparse(
        {prefix + key: tensor for key, tensor in arc_checkpoint.tensors.items()},
        path,
        form=form,
    )
    assert path.stat().st_size > 2_141_000_000
    assert path.stat().st_blocks * 512 < 10 << 20  # on disk it has holes
    (tmp_path / "all_config.yaml").write_text(yaml.safe_dump({"arch": arc_checkpoint.arch}))
    done = subprocess.run(
        [sys.executable, "-c", PROBE, str(path)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    measured = json.loads(done.stdout)
    assert measured["rows"] == PUZZLES
    assert measured["peak"] < 700, measured
    assert measured["opened"] < 3, measured
    assert len(set(measured["q"])) == 3  # the rows asked for were read


def test_the_fingerprint_of_a_large_file_is_fast_and_includes_both_ends(tmp_path):
    path, size = tmp_path / "table", (1 << 31) + 5
    seen = set()
    changes = {0: b"", 1: b"x", ENDS - 1: b"x", size - ENDS: b"x", size // 2: b"x" * (1 << 26)}
    for position, content in changes.items():
        with path.open("wb") as file:
            file.truncate(size)
            file.seek(position)
            file.write(content)
        seen.add(fingerprint(path))
        path.unlink()
    assert len(seen) == 5 and all(len(digest) == 16 for digest in seen)
    with path.open("wb") as file:
        file.truncate(size + 1)
    assert fingerprint(path) not in seen


def test_small_tables_are_checked_and_large_ones_are_not(tmp_path, public_checkpoint, monkeypatch):
    made = public_checkpoint(puzzle_ids=4)
    made.tensors[TABLE][3] = float("nan")
    path = made.save(tmp_path)
    size = made.tensors[TABLE].numel()
    monkeypatch.setattr("trm.checkpoint.MAX_CHECKED_TABLE", size)
    refusal(path, r"puzzle_emb\.weights contains NaN")
    monkeypatch.setattr("trm.checkpoint.MAX_CHECKED_TABLE", size - 1)
    assert load_model(str(path), device=CPU).puzzle_emb.weights.isnan().any()
