"""All figures, or those of the topics named: `python -m bench [matmul] [forward] [recording] [training] [probes] [latents] [similarity] [browser] [lecture] [--quick]`."""

import argparse
import subprocess
import sys

TOPICS = (
    "matmul",
    "forward",
    "recording",
    "training",
    "probes",
    "latents",
    "similarity",
    "browser",
    "lecture",
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "topics", nargs="*", metavar="TOPIC", help=f"of {', '.join(TOPICS)}; all when none is named"
    )
    parser.add_argument(
        "--quick", action="store_true", help="few repeats: shows that it runs, measures badly"
    )
    options = parser.parse_args()
    if unknown := set(options.topics) - set(TOPICS):
        parser.error(f"no topic {sorted(unknown)[0]!r}; topics: {', '.join(TOPICS)}")
    quick = ["--quick"] if options.quick else []
    # a process each: what one topic leaves in memory or in threads must not slow the next
    codes = [
        subprocess.run([sys.executable, "-m", f"bench.{topic}", *quick]).returncode
        for topic in options.topics or TOPICS
    ]
    return max(codes)


if __name__ == "__main__":
    sys.exit(main())
