"""Measure all topics or the named ones: `python -m bench [matmul] [forward] [side_by_side] [first_answer] [recording] [training] [probes] [latents] [similarity] [browser] [steering] [lecture] [serving] [site] [--quick]`."""

import argparse
import subprocess
import sys

TOPICS = (
    "matmul",
    "forward",
    "side_by_side",
    "first_answer",
    "recording",
    "training",
    "probes",
    "latents",
    "similarity",
    "browser",
    "steering",
    "lecture",
    "serving",
    "site",
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "topics", nargs="*", metavar="TOPIC", help=f"one or more of {', '.join(TOPICS)} (default: all)"
    )
    parser.add_argument(
        "--quick", action="store_true", help="few repeats: checks that it runs; figures are rough"
    )
    options = parser.parse_args()
    if unknown := set(options.topics) - set(TOPICS):
        parser.error(f"unknown topic {sorted(unknown)[0]!r}; topics: {', '.join(TOPICS)}")
    quick = ["--quick"] if options.quick else []
    # one process per topic: memory and threads that a topic leaves behind must not slow down the next topic
    codes = [
        subprocess.run([sys.executable, "-m", f"bench.{topic}", *quick]).returncode
        for topic in options.topics or TOPICS
    ]
    return max(codes)


if __name__ == "__main__":
    sys.exit(main())
