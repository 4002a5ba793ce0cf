"""Progress of parts of the work."""

from trm.progress import part_of


def test_a_part_reports_its_share_of_the_whole():
    reported = []
    part = part_of(lambda share, text: reported.append((share, text)), 0.25, 0.75)
    for share in (0.0, 0.5, 1.0):
        part(share, "own")
    assert reported == [(0.25, "own"), (0.5, "own"), (0.75, "own")]
    part_of(lambda share, text: reported.append((share, text)), 0.5, 1.0, "all")(1.0, "own")
    assert reported[-1] == (1.0, "all")
