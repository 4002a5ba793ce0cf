"""The section "HRM beside TRM" of a document, from a comparison: every number in it is generated, beside what others published.

It stands between two marks, so that other sections of the same document are left as they are.
"""

from collections.abc import Callable
from pathlib import Path

from probes.comparison.confounds import SUDOKU_CONFOUNDS, caution
from probes.comparison.files import Comparison
from probes.comparison.result import MIN_DECODED, Z_REPEATS_X, BandCurve, Measurements
from probes.reports.markdown import percent, write_section

KEEPS, MOSTLY = 0.99, 0.9  # shares of solutions from which on a model is said to keep them, or most of them
NONE = "none"  # in a cell of the table; a row of nothing else is left out
HRM_PAPER = "HRM paper, arXiv:2506.21734"
ANALYSES = "published analyses of public Sudoku checkpoints"
HANDED = (
    "A solution is handed as y in the model's own code: for every symbol, in a given cell or in another, the mean y of the "
    "cells that say it at the end of solved puzzles; z begins as always. The embedding of a solution would hand nothing: the "
    "output heads of the bundled models read no cell of it right."
)
NUMBERS = "Published numbers are of other, larger models on harder puzzles: what can be compared is which way they point."


def write_findings(document: Path, comparison: Comparison, command: str) -> None:
    """Write the section into a document, which is made if it is not there. Raises UserError where the document has
    one mark without the other.
    """
    write_section(document, "compare", section(comparison, command))


def section(comparison: Comparison, command: str) -> str:
    """The section as Markdown."""
    models = comparison.models
    about = models[0].about
    made = ", ".join(f"{each.about.name} {each.about.fingerprint}" for each in models)
    names = [each.about.name for each in models]
    said = [(what, published, [say(each) for each in models]) for what, published, say in ROWS]
    rows = [_row(*each) for each in said if set(each[2]) != {NONE}]
    return "\n".join(
        [
            "## HRM beside TRM",
            "",
            f"Measured on {about.count} puzzles of `{about.data}` by `{command}`; drawn on the page Compare. Weights: {made}.",
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
            f"{HANDED} CKA is between the states of all cells; the prefix position is left out. {NUMBERS}",
        ]
    )


def _row(what: str, published: str, values: list[str]) -> str:
    return f"| {' | '.join([what, *values, published])} |"


def _at_steps(numbers: list, steps: tuple[int, ...], digits: int = 0) -> str:
    """Shares after these steps, as far as there are so many."""
    return ", ".join(percent(numbers[step - 1], digits) for step in steps if step <= len(numbers))


def _settled(measured: Measurements, state: str) -> str:
    found = measured.settled[state]
    return " / ".join(
        "none" if found[group] is None else f"{found[group]:.2g}" for group in ("solved", "unsolved")
    )


def _near(near: dict[str, BandCurve], blanks: str, digits: int = 0) -> str:
    curve = near.get(blanks)
    return NONE if curve is None else _at_steps(curve.middle, (1, 2, 4, 8, 16), digits)


Say = Callable[[Measurements], str]
ROWS: list[tuple[str, str, Say]] = [
    (
        "exactly right after 1, 2, 4, 8, 16 steps",
        f"HRM 1.6, 8.0, 34.8, 48.6, 54.9 %; TRM 29.5, 58.1, 70.1, 75.7, 79.1 % ({ANALYSES})",
        lambda each: _at_steps(each.solved.middle, (1, 2, 4, 8, 16)),
    ),
    (
        "participation ratio of y (z_H) / z (z_L), of so many directions",
        f"HRM 89.95 / 30.22 of 512 ({HRM_PAPER})",
        lambda each: f"{each.pooled_ratio['y']:.1f} / {each.pooled_ratio['z']:.1f} of {each.width}",
    ),
    (
        "variance of y / z that the cell's own input token explains",
        "",
        lambda each: f"{percent(each.by_token['y'])} / {percent(each.by_token['z'], 2)}",
    ),
    (
        "handed solution: cells that the head reads right",
        "",
        lambda each: percent(each.kept_read),
    ),
    (
        "handed solution kept after 1, 2, 4, 8, 16 steps",
        "",
        lambda each: _at_steps(each.kept.middle, (1, 2, 4, 8, 16)),
    ),
    (
        "one blank cell: that cell right after 1, 2, 4, 8, 16 steps",
        "",
        lambda each: _near(each.near_blanks, "1"),
    ),
    ("the same puzzles: givens right", "", lambda each: _near(each.near_givens, "1", 1)),
    (
        "the same puzzles: every cell right",
        "HRM fails on such puzzles (Ren & Liu 2026, arXiv:2601.10679)",
        lambda each: _near(each.near, "1"),
    ),
    ("five blank cells: those cells right", "", lambda each: _near(each.near_blanks, "5")),
    ("the same puzzles: givens right", "", lambda each: _near(each.near_givens, "5", 1)),
    ("the same puzzles: every cell right", "", lambda each: _near(each.near, "5")),
    (
        "moved by the last step, median of solved / unsolved: z",
        f"TRM 0.0075 / 0.49 at step 64 ({ANALYSES})",
        lambda each: _settled(each, "z"),
    ),
    ("the same: y", "", lambda each: _settled(each, "y")),
    (
        "effective depth, operations of a step",
        "HRM 24 layers, TRM 42 (TRM paper, arXiv:2510.04871)",
        lambda each: f"{each.about.layers_per_step} layers, {each.about.flops_per_step / 1e9:.2f} GFLOP",
    ),
]


def _similar(comparison: Comparison) -> list[str]:
    """CKA within each model, and across at the end."""
    within = [comparison.cka_between((place, "y"), (place, "z"))[-1, -1] for place in (0, 1)]
    across = [comparison.cka_between((0, state), (1, state))[-1, -1] for state in ("y", "z")]
    return [
        _row("CKA of y with z at the end", "", [f"{value:.2f}" for value in within]),
        _row("CKA with the other model at the end: y / z", "", [f"{across[0]:.2f} / {across[1]:.2f}"] * 2),
    ]


# ---- yes or no


def _answers(measured: Measurements) -> list[str]:
    """What was published of this kind, and whether it holds here."""
    name, kept, read = measured.about.name, measured.kept.middle, measured.kept_read
    lines = []
    if measured.about.kind == "hrm":
        lines.append(_low_level(measured))
    if read < MIN_DECODED:
        lines.append(
            f"**Does {name} keep a solution that it is handed?** Not tested: the head reads {percent(read)} of its cells right."
        )
    else:
        lines.append(
            f"**Does {name} keep a solution that it is handed?** {_keeps(min(kept))} (the head reads {percent(read)} "
            f"of its cells right; after each of {len(kept)} steps {percent(min(kept), 0)} of the grids are right at the least)."
        )
    if measured.near:
        blanks, givens, grids = (
            near["1"].middle for near in (measured.near_blanks, measured.near_givens, measured.near)
        )
        lines.append(
            f"**What does {name} do with one blank cell?** It fills it in right in {percent(blanks[0], 0)} of the puzzles after "
            f"step 1 and in {percent(blanks[-1], 0)} after step {len(blanks)}; of the givens {percent(givens[-1])} are still "
            f"right then, so that {percent(grids[-1], 0)} of the grids are right as a whole."
        )
    return lines


def _low_level(measured: Measurements) -> str:
    name, ratio, by_token = measured.about.name, measured.pooled_ratio, measured.by_token["z"]
    if by_token >= Z_REPEATS_X:
        return (
            f"**Does the z of {name} take part in the reasoning?** No: {percent(by_token, 2)} of its variance is explained by the "
            "cell's own input token, so z is x once more. Nothing is said here of the directions in which it spreads."
        )
    return (
        f"**Does HRM's z_H spread in more directions than its z_L?** {_verdict(ratio['y'] > ratio['z'])} ({name}: "
        f"{ratio['y']:.1f} against {ratio['z']:.1f}, {ratio['y'] / ratio['z']:.1f} times; published 3.0 times)."
    )


def _keeps(least: float) -> str:
    return "Yes" if least >= KEEPS else "In most puzzles" if least >= MOSTLY else "No"


def _verdict(holds: bool) -> str:
    return "Yes" if holds else "No"
