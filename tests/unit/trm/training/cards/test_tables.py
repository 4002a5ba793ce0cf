"""The tables of bundled models in README.md and docs/models.md say what the files of the models say."""

import runpy
from dataclasses import replace

import pytest
from card_facts import EXTREME, FACTS

from recursion_lens import ASSETS
from trm.errors import UserError
from trm.export.markdown import markers
from trm.training.cards.tables import overview, public_table, score_table, tables, write_tables
from trm.training.presets import MAZE_TRM

MAZE = replace(FACTS, preset=MAZE_TRM, config=MAZE_TRM.model, public={})


def test_the_tables_in_the_documents_are_generated():
    """`python -m trm.training.cards` writes them."""
    for (document, section), table in tables().items():
        begin, end = markers(section)
        text = (ASSETS.parent / document).read_text("utf-8")
        assert f"{begin}\n{table}\n{end}\n" in text, f"{section} in {document}"


def test_the_overview_has_intervals_and_the_models_of_the_papers():
    _, _, trm, maze, *papers = overview([FACTS, MAZE]).splitlines()
    assert (
        "| TRM | 1,234 | 80.0% (62.7 to 90.5) | 25.0% (19.5 to 31.4) of 200 of Sudoku-Extreme | 20.0% |"
        in trm
    )
    assert maze.endswith("| TRM with attention | 1,234 | 80.0% (62.7 to 90.5) | not measured |  |")
    assert ["87.4% of all" in papers[0], "55.0% of all" in papers[1], len(papers)] == [True, True, 2]


def test_the_scores_of_easy_and_harder_sudokus_are_apart():
    _, _, trm, maze = score_table([FACTS, MAZE]).splitlines()
    assert (
        "9 minutes on one core | 100.0% of 20 solvable by singles, 70.0% of 10 harder ones | 0.988 | 0.765 |"
        in trm
    )
    assert "| 90.0% of 30 mazes of 15x15 |" in maze


def test_what_was_not_measured_on_public_puzzles_is_an_empty_cell():
    other = replace(FACTS, public={"top1465": EXTREME})
    head, _, *rows = public_table([FACTS, other, MAZE], "sudoku").splitlines()
    assert head == "| puzzles | sudoku-trm | sudoku-trm |"
    cell = "25.0% (19.5 to 31.4), halts wrong 20.0%"
    assert [row.split(" | ", 1)[1] for row in rows] == [f"{cell} |  |", f" | {cell} |"]


def test_public_mazes_have_the_lengths_of_their_paths():
    measured = replace(MAZE, public={"maze-depth-first": EXTREME})
    assert "| 24, 6 to 46 | 25.0%" in public_table([measured], "maze")


def test_another_folder_is_an_error(tmp_path):
    (tmp_path / "README.md").write_text("# Other\n")
    with pytest.raises(
        UserError, match=r"no docs/models\.md here. Run this command in the root of the project"
    ):
        write_tables(tmp_path)
    assert (tmp_path / "README.md").read_text() == "# Other\n"


def test_an_unknown_model_is_one_line_on_stderr(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["cards", "nobody"])
    with pytest.raises(SystemExit) as exit:
        runpy.run_module("trm.training.cards", run_name="__main__")
    (line,) = capsys.readouterr().err.splitlines()
    assert exit.value.code == 2 and "There is no bundled model 'nobody'" in line
