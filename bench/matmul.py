"""Peak rate of matrix products, the reference for the rate of forward passes. `python -m bench.matmul`

The peak is the highest rate among several large products, not their average.
"""

import time
from collections.abc import Callable

import torch

from bench.figures import parse_quick, print_figure, progress, seconds
from trm.device import training_dtype

TOPIC = "matmul"
SIZES = (1024, 1536, 2048)


def peak_gflops(dtype: torch.dtype, repeats: int, clock: Callable[[], float] = time.perf_counter) -> float:
    """Measure the highest rate of square matrix products, in GFLOP/s of a clock."""
    best = 0.0
    for size in SIZES:
        a, b = (torch.randn(size, size, dtype=torch.float32).to(dtype) for _ in range(2))
        out = torch.empty(size, size, dtype=dtype)
        torch.mm(a, b, out=out)
        fastest = min(
            seconds(lambda a=a, b=b, out=out: torch.mm(a, b, out=out), clock) for _ in range(repeats)
        )
        best = max(best, 2 * size**3 / fastest / 1e9)
    return best


def main() -> None:
    repeats = 2 if parse_quick(__doc__) else 12
    # bfloat16 only where the CPU supports it: an emulated rate is meaningless
    dtypes = {torch.float32, training_dtype(torch.device("cpu"))}
    for dtype in sorted(dtypes, key=str, reverse=True):
        name = str(dtype).removeprefix("torch.")
        progress(f"matrix products in {name}")
        rate = peak_gflops(dtype, repeats)
        print_figure(
            f"peak rate of matrix products, {name}",
            rate,
            "GFLOP/s",
            topic=TOPIC,
            threads=torch.get_num_threads(),
        )


if __name__ == "__main__":
    main()
