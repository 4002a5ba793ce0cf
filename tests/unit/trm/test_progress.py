"""Progress of parts of the work, and the time left on the line that a terminal shows."""

import sys

import pytest

from trm import progress
from trm.progress import ProgressLine, part_of


def test_a_part_reports_its_share_of_the_whole():
    reported = []
    part = part_of(lambda share, text: reported.append((share, text)), 0.25, 0.75)
    for share in (0.0, 0.5, 1.0):
        part(share, "own")
    assert reported == [(0.25, "own"), (0.5, "own"), (0.75, "own")]
    part_of(lambda share, text: reported.append((share, text)), 0.5, 1.0, "all")(1.0, "own")
    assert reported[-1] == (1.0, "all")


@pytest.mark.parametrize(
    "share, seconds, line",
    [
        (0.0, 30, "counting"),
        (0.25, 0.9, "25% counting"),
        (0.25, 1.0, "25% counting, 3 s left"),
        (1.0, 9, "100% counting, 0 s left"),
    ],
)
def test_the_time_left_is_estimated_after_a_second(monkeypatch, share, seconds, line):
    clock, written = [100.0], []
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(progress, "write", written.append)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    shown = ProgressLine()
    clock[0] += seconds
    shown(share, "counting")
    assert written == [f"\r{line}\033[K"]
