"""Helpers for all benchmarks: figures printed as JSON, repeated timing, and the `--quick` option."""

import argparse
import json
import sys
import time
from collections.abc import Callable
from statistics import median


def print_figure(
    name: str, value: float, unit: str, *, topic: str, budget: float | None = None, **facts: object
) -> None:
    """Print a figure as a JSON line. `budget` is its upper limit or None; `facts` say how the figure was measured."""
    line = {
        "figure": name,
        "value": float(f"{value:.4g}"),
        "unit": unit,
        "budget": budget,
        "command": f"python -m bench.{topic}",
    }
    print(json.dumps(line | facts), flush=True)


def progress(text: str) -> None:
    """Print a line of progress to stderr."""
    print(text, file=sys.stderr, flush=True)


def seconds(function: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """Measure the run time of one call of a function, in seconds of a clock."""
    start = clock()
    function()
    return clock() - start


def median_seconds(function: Callable[[], object], repeats: int) -> float:
    """Measure the median run time of a function in seconds, after one warm-up call."""
    function()
    return median(seconds(function) for _ in range(repeats))


def paired_seconds(
    first: Callable[[], object], second: Callable[[], object], pairs: int
) -> list[tuple[float, float]]:
    """Measure the run times of two functions in seconds, in pairs, after a warm-up call of both functions.

    The order alternates between pairs, so that other load on the machine affects both functions equally.
    """
    first(), second()
    times = []
    for pair in range(pairs):
        if pair % 2 == 0:
            times.append((seconds(first), seconds(second)))
        else:
            second_seconds = seconds(second)
            times.append((seconds(first), second_seconds))
    return times


def percentile_95(values: list[float]) -> float:
    """95th percentile: the smallest value that at least 95 % of the values do not exceed."""
    return sorted(values)[-(-len(values) * 95 // 100) - 1]


def parse_quick(description: str) -> bool:
    """Parse a topic's command line, and return whether `--quick` was given."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "--quick", action="store_true", help="few repeats: checks that it runs; figures are rough"
    )
    return parser.parse_args().quick
