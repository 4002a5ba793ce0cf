"""The dtype of a device: bfloat16 where it has its arithmetic, float32 elsewhere."""

from types import SimpleNamespace

import pytest
import torch

from trm import device

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@pytest.mark.parametrize(
    "flags, has_it",
    [("fma avx512_bf16 sse", True), ("fma amx_bf16 sse", True), ("fma avx512f sse", False)],
)
def test_a_cpu_trains_in_bfloat16_where_it_has_its_arithmetic(monkeypatch, flags, has_it):
    file = SimpleNamespace(read_text=lambda **_: f"flags : fpu {flags}\n")
    monkeypatch.setattr(device, "Path", lambda name: file)
    assert device.cpu_has_bfloat16() == has_it
    assert device.training_dtype(CPU) == (torch.bfloat16 if has_it else torch.float32)


@pytest.mark.parametrize("supported", [True, False])
def test_only_a_gpu_infers_in_bfloat16(monkeypatch, supported):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: supported)
    assert device.inference_dtype(CPU) == torch.float32
    expected = torch.bfloat16 if supported else torch.float32
    assert device.inference_dtype(CUDA) == device.training_dtype(CUDA) == expected
