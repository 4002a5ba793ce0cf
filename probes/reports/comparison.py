"""The section "HRM vs TRM" of docs/findings.md: a recorded comparison beside published results, all generated."""

from collections.abc import Callable
from pathlib import Path

from probes.comparison.confounds import SUDOKU_CONFOUNDS, caution
from probes.comparison.files import Comparison
from probes.comparison.result import MIN_DECODED, Z_REPEATS_X, BandCurve, Measurements
from trm.export.markdown import percent, write_section

RETAINS, MOSTLY = 0.99, 0.9  # minimum fractions of solutions for the verdicts "Yes" and "In most puzzles"
NONE = "none"  # content of a table cell without a value; rows of only such cells are left out
HRM_PAPER = "HRM paper, arXiv:2506.21734"
ANALYSES = "published analyses of public Sudoku checkpoints"
GIVEN_SOLUTION = (
    "A given solution is written into y in the model's own encoding: for each symbol, separately for givens and other cells, the mean y of the "
    "cells that decode to this symbol at the end of solved runs; z starts as usual. The embedding of a solution would not work: the output heads "
    "of the bundled models decode none of its cells correctly."
)
NUMBERS = "Published numbers are from other, larger models on harder puzzles, so only their direction can be compared."


def write_findings(document: Path, comparison: Comparison, command: str) -> None:
    """Write the section into a document, created if needed. Raises UserError if it has one marker without the other."""
    write_section(document, "compare", section(comparison, command))


def section(comparison: Comparison, command: str) -> str:
    """Return the section as Markdown."""
    models = comparison.models
    about = models[0].provenance
    weights = ", ".join(f"{each.provenance.model} {each.provenance.fingerprint}" for each in models)
    names = [each.provenance.model for each in models]
    values = [(quantity, published, [value(each) for each in models]) for quantity, published, value in ROWS]
    rows = [_row(*each) for each in values if set(each[2]) != {NONE}]
    return "\n".join(
        [
            "## HRM vs TRM",
            "",
            f"The models were measured on {about.count} puzzles from `{about.data}` by `{command}`; the Compare page shows the results. Weights: {weights}.",
            "",
            f"{caution(*models)} {SUDOKU_CONFOUNDS}".strip(),
            "",
            *(f"- {line}" for each in models for line in _answers(each)),
            "",
            _row("", "published", names),
            _row("---", "---", ["---"] * len(names)),
            *rows,
            *_similar(comparison),
            "",
            f"{GIVEN_SOLUTION} CKA is computed between the states of all cells, without the prefix position. {NUMBERS}",
        ]
    )


def _row(quantity: str, published: str, values: list[str]) -> str:
    return f"| {' | '.join([quantity, *values, published])} |"


def _at_steps(numbers: list, steps: tuple[int, ...], digits: int = 0) -> str:
    """Format the values after these steps in percent. Steps beyond the end of the run are left out."""
    return ", ".join(percent(numbers[step - 1], digits) for step in steps if step <= len(numbers))


def _settled(measured: Measurements, state: str) -> str:
    by_group = measured.settled[state]
    return " / ".join(
        "none" if by_group[group] is None else f"{by_group[group]:.2g}" for group in ("solved", "unsolved")
    )


def _near(near: dict[str, BandCurve], blanks: str, digits: int = 0) -> str:
    curve = near.get(blanks)
    return NONE if curve is None else _at_steps(curve.middle, (1, 2, 4, 8, 16), digits)


ROWS: list[tuple[str, str, Callable[[Measurements], str]]] = [
    (
        "solved after 1, 2, 4, 8, 16 steps",
        f"HRM 1.6, 8.0, 34.8, 48.6, 54.9%; TRM 29.5, 58.1, 70.1, 75.7, 79.1% ({ANALYSES})",
        lambda each: _at_steps(each.solved.middle, (1, 2, 4, 8, 16)),
    ),
    (
        "participation ratio of y (z_H) / z (z_L), maximum D",
        f"HRM 89.95 / 30.22 of 512 ({HRM_PAPER})",
        lambda each: f"{each.pooled_ratio['y']:.1f} / {each.pooled_ratio['z']:.1f} of {each.width}",
    ),
    (
        "variance of y / z explained by the cell's own input token",
        "",
        lambda each: f"{percent(each.by_token['y'])} / {percent(each.by_token['z'], 2)}",
    ),
    (
        "starting from the solution: cells that the output head decodes correctly",
        "",
        lambda each: percent(each.solution_decoded),
    ),
    (
        "starting from the solution: still solved after 1, 2, 4, 8, 16 steps",
        "",
        lambda each: _at_steps(each.retention.middle, (1, 2, 4, 8, 16)),
    ),
    (
        "one blank cell: accuracy on the blank cell after 1, 2, 4, 8, 16 steps",
        "",
        lambda each: _near(each.near_blanks, "1"),
    ),
    ("one blank cell: accuracy on the givens", "", lambda each: _near(each.near_givens, "1", 1)),
    (
        "one blank cell: solved",
        "HRM fails on such puzzles (Ren & Liu 2026, arXiv:2601.10679)",
        lambda each: _near(each.near, "1"),
    ),
    ("five blank cells: accuracy on the blank cells", "", lambda each: _near(each.near_blanks, "5")),
    ("five blank cells: accuracy on the givens", "", lambda each: _near(each.near_givens, "5", 1)),
    ("five blank cells: solved", "", lambda each: _near(each.near, "5")),
    (
        "median residual of z over the last step, solved / unsolved",
        f"TRM 0.0075 / 0.49 at step 64 ({ANALYSES})",
        lambda each: _settled(each, "z"),
    ),
    ("median residual of y over the last step, solved / unsolved", "", lambda each: _settled(each, "y")),
    (
        "effective depth and FLOPs per step",
        "HRM 24 layers, TRM 42 (TRM paper, arXiv:2510.04871)",
        lambda each: f"{each.layers_per_step} layers, {each.flops_per_step / 1e9:.2f} GFLOP",
    ),
]


def _similar(comparison: Comparison) -> list[str]:
    """Return table rows with the CKA after the last step, within each model and between the models."""
    within = [comparison.cka_between((index, "y"), (index, "z"))[-1, -1] for index in (0, 1)]
    across = [comparison.cka_between((0, state), (1, state))[-1, -1] for state in ("y", "z")]
    return [
        _row("CKA between y and z after the last step", "", [f"{value:.2f}" for value in within]),
        _row(
            "CKA between the models after the last step: y / z",
            "",
            [f"{across[0]:.2f} / {across[1]:.2f}"] * 2,
        ),
    ]


# ---- verdicts


def _answers(measured: Measurements) -> list[str]:
    """Return published claims about this type of model, and whether they hold for these measurements."""
    name, retained, decoded = measured.provenance.model, measured.retention.middle, measured.solution_decoded
    lines = []
    if measured.provenance.kind == "hrm":
        lines.append(_z_role(measured))
    if decoded < MIN_DECODED:
        lines.append(
            f"**Does {name} retain a given solution?** Not tested: the output head decodes only {percent(decoded)} of the solution's cells correctly."
        )
    else:
        lines.append(
            f"**Does {name} retain a given solution?** {_retains(min(retained))} (the output head decodes {percent(decoded)} of the "
            f"solution's cells correctly; after each of {len(retained)} steps, at least {percent(min(retained), 0)} of the grids are solved)."
        )
    if measured.near:
        blanks, givens, grids = (
            near["1"].middle for near in (measured.near_blanks, measured.near_givens, measured.near)
        )
        lines.append(
            f"**What does {name} do with one blank cell?** It is filled in correctly in {percent(blanks[0], 0)} of the puzzles after "
            f"step 1 and in {percent(blanks[-1], 0)} after step {len(blanks)}; by then {percent(givens[-1])} of the givens are "
            f"still correct, so {percent(grids[-1], 0)} of the grids are solved."
        )
    return lines


def _z_role(measured: Measurements) -> str:
    name, ratio, by_token = measured.provenance.model, measured.pooled_ratio, measured.by_token["z"]
    if by_token >= Z_REPEATS_X:
        return (
            f"**Does {name}'s z take part in the reasoning?** No: {percent(by_token, 2)} of its variance is explained by the "
            "cell's own input token, so z carries nothing but the input. Its dimensionality is therefore not compared."
        )
    return (
        f"**Is the dimensionality of HRM's z_H higher than that of its z_L?** {_verdict(ratio['y'] > ratio['z'])} (participation ratio "
        f"in {name}: {ratio['y']:.1f} vs {ratio['z']:.1f}, ratio {ratio['y'] / ratio['z']:.1f}; published: 3.0)."
    )


def _retains(least: float) -> str:
    return "Yes" if least >= RETAINS else "In most puzzles" if least >= MOSTLY else "No"


def _verdict(holds: bool) -> str:
    return "Yes" if holds else "No"
