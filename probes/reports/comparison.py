"""The section "HRM beside TRM" of a document, from a comparison: every number in it is generated, beside what others published.

It stands between two marks, so that other sections of the same document are left as they are.
"""

from collections.abc import Callable
from pathlib import Path

from probes.comparison.files import Comparison
from probes.comparison.result import Measured
from probes.reports.markdown import percent, write_section

KEEPS = 0.99  # share of solutions from which on a model is said to keep them
HRM_PAPER = "HRM paper, arXiv:2506.21734"
ANALYSES = "published analyses of public Sudoku checkpoints"
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
    rows = [_row(what, published, [say(each) for each in models]) for what, published, say in ROWS]
    return "\n".join(
        [
            "## HRM beside TRM",
            "",
            f"Measured on {about.count} puzzles of `{about.data}` by `{command}`; drawn on the page Compare. Weights: {made}.",
            "",
            *(f"- {line}" for each in models for line in _answers(each)),
            "",
            _row("", "published", names),
            _row("---", "---", ["---"] * len(names)),
            *rows,
            *_similar(comparison),
            "",
            f"A solution is kept if the answer is right so many steps after y began as the embedded solution and z as always. {NUMBERS}",
        ]
    )


def _row(what: str, published: str, values: list[str]) -> str:
    return f"| {' | '.join([what, *values, published])} |"


def _at_steps(numbers: list, steps: tuple[int, ...]) -> str:
    """Shares after these steps, as far as there are so many."""
    return ", ".join(percent(numbers[step - 1], 0) for step in steps if step <= len(numbers))


def _settled(measured: Measured, state: str) -> str:
    found = measured.settled[state]
    return " / ".join(
        "none" if found[group] is None else f"{found[group]:.2g}" for group in ("solved", "unsolved")
    )


def _near(measured: Measured, blanks: str) -> str:
    curve = measured.near.get(blanks)
    return "none" if curve is None else _at_steps(curve.middle, (1, 2, 4, 8, 16))


Say = Callable[[Measured], str]
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
        "solution kept after 1, 2, 4, 8, 16 steps",
        f"TRM 100 %; HRM 0 % after 1, 38 % after 8 ({ANALYSES})",
        lambda each: _at_steps(each.kept.middle, (1, 2, 4, 8, 16)),
    ),
    (
        "one blank cell: right after 1, 2, 4, 8, 16 steps",
        "HRM fails on such puzzles (Ren & Liu 2026, arXiv:2601.10679)",
        lambda each: _near(each, "1"),
    ),
    ("five blank cells: the same", "", lambda each: _near(each, "5")),
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
    within = [comparison.block((place, "y"), (place, "z"))[-1, -1] for place in (0, 1)]
    across = [comparison.block((0, state), (1, state))[-1, -1] for state in ("y", "z")]
    return [
        _row("CKA of y with z at the end", "", [f"{value:.2f}" for value in within]),
        _row("CKA with the other model at the end: y / z", "", [f"{across[0]:.2f} / {across[1]:.2f}"] * 2),
    ]


# ---- yes or no


def _answers(measured: Measured) -> list[str]:
    """What was published of this kind, and whether it holds here."""
    name, kept, ratio = measured.about.name, measured.kept.middle, measured.pooled_ratio
    lines = []
    if measured.about.kind == "hrm":
        lines.append(
            f"**Does HRM's z_H spread in more directions than its z_L?** {_verdict(ratio['y'] > ratio['z'])} ({name}: "
            f"{ratio['y']:.1f} against {ratio['z']:.1f}, {ratio['y'] / ratio['z']:.1f} times; published 3.0 times)."
        )
        lines.append(
            f"**Does HRM lose a solution that it is handed?** {_verdict(min(kept) < KEEPS)} ({name}: {percent(kept[0], 0)} are right "
            f"after step 1, {percent(kept[-1], 0)} after step {len(kept)})."
        )
    else:
        lines.append(
            f"**Does TRM keep a solution that it is handed?** {_verdict(min(kept) >= KEEPS)} ({name}: {percent(min(kept), 0)} at the "
            f"least, over {len(kept)} steps)."
        )
    if measured.near:
        one = measured.near["1"].middle
        fails = one[-1] < KEEPS
        lost = f", {percent(max(one), 0)} at its best step" if fails and max(one) > one[-1] else ""
        lines.append(
            f"**Does {name} fail on puzzles with one blank cell?** {_verdict(fails)} ({percent(one[-1], 0)} right at the end{lost})."
        )
    return lines


def _verdict(holds: bool) -> str:
    return "Yes" if holds else "No"
