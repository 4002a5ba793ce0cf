"""What every benchmark needs: a figure printed as JSON, repeats with their median, and the `--quick` switch."""

import argparse
import json
import sys
import time
from collections.abc import Callable
from statistics import median


def print_figure(
    name: str, value: float, unit: str, *, topic: str, budget: float | None = None, **facts: object
) -> None:
    """Print one figure. `budget` is the most it may be (None: there is none); `facts` say how it was measured."""
    line = {
        "figure": name,
        "value": float(f"{value:.4g}"),
        "unit": unit,
        "budget": budget,
        "command": f"python -m bench.{topic}",
    }
    print(json.dumps(line | facts), flush=True)


def progress(text: str) -> None:
    """A line of progress."""
    print(text, file=sys.stderr, flush=True)


def seconds(function: Callable[[], object]) -> float:
    """How long a call takes."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def median_seconds(function: Callable[[], object], repeats: int) -> float:
    """Median over repeats, after one that does not count."""
    function()
    return median(seconds(function) for _ in range(repeats))


def paired_seconds(
    first: Callable[[], object], second: Callable[[], object], pairs: int
) -> list[tuple[float, float]]:
    """Seconds of two acts in pairs that take turns at going first, after one of each that does not count.

    What the machine does besides falls on both alike.
    """
    first(), second()
    times = []
    for pair in range(pairs):
        if pair % 2 == 0:
            times.append((seconds(first), seconds(second)))
        else:
            of_second = seconds(second)
            times.append((seconds(first), of_second))
    return times


def percentile_95(values: list[float]) -> float:
    """The smallest value that at least 95 % of them do not exceed."""
    return sorted(values)[-(-len(values) * 95 // 100) - 1]


def parse_quick(description: str) -> bool:
    """Read the command line of a topic."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "--quick", action="store_true", help="few repeats: shows that it runs, measures badly"
    )
    return parser.parse_args().quick
