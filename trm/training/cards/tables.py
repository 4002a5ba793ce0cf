"""The tables that compare the bundled models, in README.md and docs/models.md."""

from collections.abc import Sequence
from pathlib import Path

from trm.config import KINDS
from trm.errors import UserError
from trm.export.markdown import markdown_table, percent, write_section
from trm.training.cards.card import with_interval
from trm.training.cards.files import CardFacts, bundled_names, read_facts
from trm.training.cards.public import PUBLIC_SETS, PUBLISHED, PublicResult
from trm.training.cards.recipe import PUZZLES

README, DOCUMENT = "README.md", "docs/models.md"
PAPERS = ("TRM", "HRM")  # published models in the README


def tables() -> dict[tuple[str, str], str]:
    """Return each table, by its document and the name of the section there."""
    models = [read_facts(name) for name in bundled_names()]
    return {
        (README, "models"): overview(models),
        (DOCUMENT, "models"): score_table(models),
        (DOCUMENT, "public Sudokus"): public_table(models, "sudoku"),
        (DOCUMENT, "public mazes"): public_table(models, "maze"),
    }


def write_tables(root: Path) -> None:
    """Write the tables into the documents of the project in `root`. Raises `UserError` if it is another folder."""
    written = tables()
    for document, _ in written:
        if not (root / document).is_file():
            raise UserError(f"There is no {document} here. Run this command in the root of the project.")
    for (document, section), text in written.items():
        write_section(root / document, section, text)


def overview(models: Sequence[CardFacts]) -> str:
    """Return a table of what a visitor wants to know first: size, own test set, public puzzles, wrong halts."""
    rows = []
    for facts in models:
        count, exact = facts.scores["count"], facts.scores["exact"]
        link = f"[`{facts.name}`](assets/models/{facts.name}/card.md)"
        row = [link, _kind(facts), f"{facts.parameters:,}", with_interval(round(count * exact), count)]
        for name, result in [*facts.public.items()][:1]:
            share = with_interval(result.solved[result.steps], result.count)
            row += [f"{share} of {result.count} of {PUBLIC_SETS[name].title}", _halts_wrong(result)]
        rows.append(row if facts.public else [*row, "not measured", ""])
    for each in PUBLISHED:
        if each.name in PAPERS:
            link = f"[{each.name} of the paper]({each.source})"
            of_all = f"{percent(each.exact)} of all of Sudoku-Extreme"
            rows.append([link, each.name, each.parameters, "", of_all, ""])
    head = [
        "model",
        "kind",
        "parameters",
        "exact on its own test set",
        "exact on public puzzles",
        "halts wrong there",
    ]
    return markdown_table(head, rows)


def score_table(models: Sequence[CardFacts]) -> str:
    """Return a table of accuracy and halting on the bundled test sets, and of the time that training took."""
    rows = [
        [
            f"[`{facts.name}`](#{facts.name})",
            f"{_kind(facts)}, {facts.parameters:,} parameters",
            f"{facts.curve[-1]['minutes']:.0f} minutes on {facts.training.machine}",
            _own_accuracy(facts),
            f"{facts.scores['halt_auc']:.3f}",
            f"{facts.scores['halt_auc_last_step']:.3f}",
        ]
        for facts in models
    ]
    return markdown_table(
        ["model", "", "training", "exact on unseen puzzles", "halting AUROC, all steps", "last step"], rows
    )


def public_table(models: Sequence[CardFacts], task: str) -> str:
    """Return a table of accuracy and wrong halts on the public puzzles of a task, one column for each model."""
    measured = [facts for facts in models if facts.config.task == task and facts.public]
    rows = []
    for name, each in PUBLIC_SETS.items():
        results = [facts.public.get(name) for facts in measured]
        if any(results):
            paths = [each.paths] if task == "maze" else []
            rows.append(
                [f"{each.count} of [{each.title}]({each.source})", *paths, *map(_public_cell, results)]
            )
    paths = ["steps of the shortest path: median, 10% to 90%"] if task == "maze" else []
    return markdown_table(["puzzles", *paths, *(facts.name for facts in measured)], rows)


def _kind(facts: CardFacts) -> str:
    return KINDS[facts.config.kind].title + (" with attention" if facts.config.mixing == "attention" else "")


def _own_accuracy(facts: CardFacts) -> str:
    groups = facts.scores["by_difficulty"].items()
    if facts.config.task == "sudoku":
        parts = [
            (text, [group for name, group in groups if name.startswith("easy") == easy])
            for easy, text in ((True, "solvable by singles"), (False, "harder ones"))
        ]
    else:
        rows, columns = facts.config.grid
        parts = [(f"{PUZZLES[facts.config.task]} of {rows}x{columns}", [group for _, group in groups])]
    return ", ".join(
        f"{percent(sum(group['count'] * group['exact'] for group in chosen) / count)} of {count} {text}"
        for text, chosen in parts
        if (count := sum(group["count"] for group in chosen))
    )


def _public_cell(result: PublicResult | None) -> str:
    if result is None:
        return ""
    return f"{with_interval(result.solved[result.steps], result.count)}, halts wrong {_halts_wrong(result)}"


def _halts_wrong(result: PublicResult) -> str:
    return percent(result.halted_wrong / result.count)
