"""Traces on disk: they round-trip, and anything else is refused in one line."""

import json
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from safetensors.numpy import load_file, save_file

from trm.coordinates import Depth
from trm.provenance import Provenance
from trm.trace import Trace, TraceError, load_trace, quantised, save_trace


@pytest.fixture
def trace() -> Trace:
    """Two of three supervision steps of a 4x4 Sudoku at n=2, T=2, filled with numbers that are all different."""
    rng = np.random.default_rng(0)
    f_H, calls, cells, vocab = 4, 12, 16, 6
    return Trace(
        provenance=Provenance(
            "tiny", "0123456789abcdef", "trm", "sudoku", "cpu", "float32", "0.1.0", "2026-01-02"
        ),
        depth=Depth(n=2, T=2, N_sup=3),
        trained=Depth(n=3, T=2, N_sup=16),
        inputs=rng.integers(1, 6, cells).astype(np.uint8),
        labels=rng.integers(2, 6, cells).astype(np.uint8),
        answers=rng.integers(0, 6, (f_H, cells)).astype(np.uint8),
        probabilities=quantised(rng.dirichlet(np.ones(vocab), (f_H, cells))),
        entropy=rng.random(f_H, np.float32),
        z_answers=rng.integers(0, 6, (calls, cells)).astype(np.uint8),
        z_confidence=rng.integers(0, 256, (calls, cells)).astype(np.uint8),
        halt_probability=np.array([0.25, 0.75], np.float32),
        residual_y=rng.random(f_H, np.float32),
        residual_z=rng.random(calls, np.float32),
        z_reverse=rng.integers(0, 6, (calls, cells)).astype(np.uint8),
        y_reverse=rng.integers(0, 6, (f_H, cells)).astype(np.uint8),
    )


def same(one: Trace, other: Trace) -> bool:
    return all(
        np.array_equal(getattr(one, field.name), getattr(other, field.name))
        if isinstance(getattr(one, field.name), np.ndarray)
        else getattr(one, field.name) == getattr(other, field.name)
        for field in fields(Trace)
    )


def test_round_trip(tmp_path, trace):
    save_trace(tmp_path / "deep" / "a.safetensors", trace)
    again = load_trace(tmp_path / "deep" / "a.safetensors")
    assert same(trace, again)
    assert again.answers.dtype == np.uint8 and again.entropy.dtype == np.float32
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["a.safetensors"]


def test_round_trip_without_a_solution_and_of_views(tmp_path, trace):
    backwards = replace(
        trace, labels=None, answers=trace.answers[::-1], probabilities=trace.probabilities[:, ::-1]
    )
    save_trace(tmp_path / "a.safetensors", backwards)
    again = load_trace(tmp_path / "a.safetensors")
    assert again.labels is None and same(backwards, again)


def test_an_older_trace_without_reverse_embedding(tmp_path, trace):
    older = replace(trace, z_reverse=None, y_reverse=None)
    save_trace(tmp_path / "a.safetensors", older)
    assert set(load_file(tmp_path / "a.safetensors")) & {"z_reverse", "y_reverse"} == set()
    again = load_trace(tmp_path / "a.safetensors")
    assert again.z_reverse is None and again.y_reverse is None and same(older, again)


def test_steps_and_where_it_would_halt(trace):
    assert trace.steps == 2
    assert trace.halt_step == 2
    assert replace(trace, halt_probability=np.array([0.9, 0.8], np.float32)).halt_step == 1
    assert (
        replace(trace, halt_probability=np.array([0.5, 0.2], np.float32)).halt_step is None
    )  # above one half only


def rewrite(path, change) -> None:
    """Save the file again after `change(arrays, facts)`."""
    from safetensors import safe_open

    with safe_open(path, "numpy") as file:
        facts = dict(file.metadata())
    tensors = load_file(path)
    change(tensors, facts)
    save_file(tensors, path, metadata=facts)


@pytest.mark.parametrize(
    "change",
    [
        lambda arrays, facts: arrays.pop("answers"),
        lambda arrays, facts: facts.pop("depth"),
        lambda arrays, facts: facts.update(depth=json.dumps({"n": 0, "T": 1, "N_sup": 1})),
        lambda arrays, facts: arrays.update(answers=arrays["answers"][:3].copy()),
        lambda arrays, facts: arrays.update(z_answers=arrays["z_answers"][:, :9].copy()),
        lambda arrays, facts: arrays.pop("y_reverse"),
        lambda arrays, facts: arrays.update(z_reverse=arrays["z_reverse"][:5].copy()),
        lambda arrays, facts: arrays.update(halt_probability=np.zeros(0, np.float32)),
        lambda arrays, facts: arrays.update(labels=arrays["labels"][:4].copy()),
        lambda arrays, facts: facts.update(depth=json.dumps({"n": 3, "T": 2, "N_sup": 3})),
    ],
)  # fmt: skip
def test_a_file_with_other_content(tmp_path, trace, change):
    path = tmp_path / "a.safetensors"
    save_trace(path, trace)
    rewrite(path, change)
    with pytest.raises(TraceError, match="not a trace of this version"):
        load_trace(path)


def test_missing_or_too_large_files(tmp_path, trace):
    with pytest.raises(TraceError, match="cannot be read"):
        load_trace(tmp_path / "nowhere")
    with pytest.raises(TraceError, match=r"is a folder\. Give a file in it"):
        load_trace(tmp_path)
    with (tmp_path / "huge").open("wb") as file:
        file.truncate((64 << 20) + 1)
    with pytest.raises(TraceError, match="larger than 64 MiB"):
        load_trace(tmp_path / "huge")


@given(
    arrays.arrays(
        np.float32, st.tuples(st.integers(1, 4), st.integers(1, 14)), elements=st.floats(-30, 30, width=32)
    )
)
def test_quantised_probabilities_sum_to_one_and_are_close(logits):
    probabilities = np.exp(logits - logits.max(-1, keepdims=True))
    probabilities /= probabilities.sum(-1, keepdims=True)
    parts = quantised(probabilities)
    assert parts.dtype == np.uint8
    assert (parts.astype(int).sum(-1) == 255).all()
    assert (np.abs(parts / 255 - probabilities) < 1 / 255).all()


def test_quantised_by_hand():
    """255 x (1/2, 1/4, 1/4) = 127.5, 63.75, 63.75: the two largest remainders get the two that are missing."""
    assert quantised(np.array([0.5, 0.25, 0.25])).tolist() == [127, 64, 64]
    assert quantised(np.array([0.25, 0.32, 0.43])).tolist() == [64, 81, 110]  # 63.75, 81.6, 109.65
    assert quantised(np.array([[1.0, 0.0], [0.0, 1.0]])).tolist() == [[255, 0], [0, 255]]
