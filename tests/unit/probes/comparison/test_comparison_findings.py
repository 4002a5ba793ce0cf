"""What docs/findings.md says of two models, on measurements changed by hand."""

from dataclasses import replace

import pytest

from probes.reports.comparison import section, write_findings
from trm.errors import UserError


def test_findings_are_written_between_their_markers(both, tmp_path):
    document = tmp_path / "findings.md"
    document.write_text("# Findings\n\nOf somebody else.\n")
    write_findings(document, both, "the command")
    once = document.read_text()
    assert once.startswith("# Findings\n\nOf somebody else.\n\n<!-- compare: begin -->\n## HRM vs TRM")
    second = both.models[1]
    ratios = f"{second.pooled_ratio['y']:.1f} / {second.pooled_ratio['z']:.1f} of 8"
    assert ratios in once and "`the command`" in once and "89.95 / 30.22" in once
    verdict = "Yes" if second.pooled_ratio["y"] > second.pooled_ratio["z"] else "No"
    assert f"than that of its z_L?** {verdict} (participation ratio in other" in once
    assert "without the prefix position" in once
    assert len({line.count("|") for line in once.splitlines() if line.startswith("|")}) == 1
    document.write_text(once.replace("## HRM", "## Old") + "\nAfter.\n")
    write_findings(document, both, "the command")
    assert document.read_text() == once + "\nAfter.\n"
    document.write_text("<!-- compare: end -->")
    with pytest.raises(UserError, match="without the other"):
        write_findings(document, both, "")


def test_verdicts_on_solution_retention(both):
    curve = both.models[0].retention
    retains = replace(both.models[0], retention=replace(curve, middle=[1.0, 1.0, 0.99]), solution_decoded=1.0)
    loses = replace(both.models[1], retention=replace(curve, middle=[0.0, 0.5, 1.0]), solution_decoded=1.0)
    text = section(replace(both, models=(retains, loses)), "")
    assert "tiny retain a given solution?** Yes (the output head decodes 100.0%" in text
    assert "other retain a given solution?** No" in text and "at least 0% of the grids are solved" in text
    mostly = replace(retains, retention=replace(curve, middle=[1.0, 0.9, 0.99]))
    assert "solution?** In most puzzles (" in section(replace(both, models=(mostly, loses)), "")
    undecoded = replace(loses, solution_decoded=0.2)
    assert "solution?** Not tested: the output head decodes only 20.0%" in section(
        replace(both, models=(retains, undecoded)), ""
    )


def test_the_dimensionality_of_a_z_that_repeats_its_input_is_not_compared(both):
    first, second = both.models
    inert = replace(second, by_token={"y": 0.4, "z": 0.9997})
    text = section(replace(both, models=(first, inert)), "")
    assert "part in the reasoning?** No: 99.97%" in text and "higher than" not in text


def test_findings_count_blank_cells_and_givens_separately(both):
    first, second = both.models
    near = {
        "near_blanks": replace(first.near["1"], middle=[1.0, 0.96, 0.92]),
        "near_givens": replace(first.near["1"], middle=[0.97, 0.98, 0.978]),
        "near": replace(first.near["1"], middle=[0.04, 0.6, 0.2]),
    }
    changes_givens = replace(second, **{name: {"1": curve} for name, curve in near.items()})
    text = section(replace(both, models=(first, changes_givens)), "")
    assert (
        "in correctly in 100% of the puzzles after step 1 and in 92% after step 3; by then 97.8% of the givens"
        in text
    )
    assert "fail on" not in text
