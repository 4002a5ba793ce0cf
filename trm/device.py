"""Choose the device and dtype. Every displayed result states both."""

from pathlib import Path

import torch


def choose_device() -> torch.device:
    """Return the first CUDA device, or the CPU if CUDA is not available."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def inference_dtype(device: torch.device) -> torch.dtype:
    """Return the dtype for inference: bfloat16 on a GPU that supports it (as in the public code), otherwise float32."""
    return torch.bfloat16 if device.type == "cuda" and torch.cuda.is_bf16_supported() else torch.float32


def training_dtype(device: torch.device) -> torch.dtype:
    """Return the dtype of the activations in training. The weights stay in float32.

    The dtype is bfloat16 on a GPU that supports it, and on a CPU with bfloat16 arithmetic (AVX512-BF16 or AMX), where
    matrix products take about a third of the time (`python -m bench.matmul`). On other CPUs, bfloat16 is emulated and
    slower than float32.
    """
    if device.type == "cpu":
        return torch.bfloat16 if cpu_has_bfloat16() else torch.float32
    return inference_dtype(device)


def cpu_has_bfloat16() -> bool:
    """Return whether this machine's processor has bfloat16 arithmetic (AVX512-BF16 or AMX)."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:  # not Linux
        return False
    return " avx512_bf16" in flags or " amx_bf16" in flags
