"""Generated sets fit their options, and the bundled sets are as described."""

from pathlib import Path

import numpy as np
import pytest
from puzzle_sets import same

from scripts.build_test_sets import SUDOKU_STRATA, sudoku_set
from trm.data import (
    PuzzleSet,
    generate_dataset,
    load_presets,
    load_puzzles,
    number_range,
)
from trm.errors import DataError, PuzzleError
from trm.tasks.sudoku import Sudoku

REPOSITORY = Path(__file__).resolve().parents[4]
SUDOKU = Sudoku()
PUZZLE = "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79"
SOLVED = "534678912672195348198342567859761423426853791713924856961537284287419635345286179"


@pytest.fixture(scope="module")
def bundled() -> PuzzleSet:
    return load_puzzles("sudoku/test", SUDOKU)


@pytest.mark.heavy
@pytest.mark.parametrize(("format", "written"), [("official", "test"), ("csv", "test.csv")])
def test_generated_sets_are_read_back(tmp_path, format, written):
    options = {"count": 5, "difficulty": "medium", "seed": 3, "givens": (26, 30)}
    path = generate_dataset(SUDOKU, out=tmp_path / "one", format=format, **options)
    assert path == tmp_path / "one" / written
    puzzles = load_puzzles(tmp_path / "one", SUDOKU)
    assert [SUDOKU.rate(puzzle).difficulty for puzzle in puzzles.inputs] == ["medium"] * 5
    assert ((puzzles.givens >= 26) & (puzzles.givens <= 30)).all()
    assert all(
        (SUDOKU.solutions(q)[0] == a).all() for q, a in zip(puzzles.inputs, puzzles.labels, strict=True)
    )
    generate_dataset(SUDOKU, out=tmp_path / "two", format=format, **options)
    assert same(puzzles, load_puzzles(tmp_path / "two", SUDOKU))
    with pytest.raises(DataError, match=r"already exists"):
        generate_dataset(SUDOKU, out=tmp_path / "one", format=format, **options)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"count": 0}, "Cannot generate 0 puzzles"),
        ({"format": "parquet"}, "Unknown format 'parquet'. Choose one of: official, csv"),
        ({"seed": -1}, "The seed -1 is negative"),
        ({"difficulty": "brutal"}, "Unknown difficulty 'brutal'"),
    ],
)
def test_invalid_options_are_rejected_before_writing(tmp_path, changed, message):
    with pytest.raises((DataError, PuzzleError), match=message):
        generate_dataset(
            SUDOKU, **({"count": 1, "difficulty": "easy", "seed": 0, "out": tmp_path / "set"} | changed)
        )
    assert not (tmp_path / "set").exists()


def test_number_ranges():
    assert number_range("24-40") == (24, 40)
    assert number_range("30") == (30, 30)
    with pytest.raises(DataError, match=r"'few' is not a range of numbers. Write it like 24-40."):
        number_range("few")


def test_the_bundled_test_set_has_its_strata_and_correct_ratings(bundled):
    assert len(bundled) == 1000 and bundled.labelled.all()
    assert SUDOKU.is_solved(bundled.inputs, bundled.labels).all()
    for number, (difficulty, fewest, most) in enumerate(SUDOKU_STRATA):
        rows = np.arange(number * 200, number * 200 + 200)
        part = bundled.take(rows)
        assert set(part.difficulty) == {difficulty}
        counts = np.bincount(part.givens, minlength=most + 1)
        assert counts[:fewest].sum() == 0 and np.ptp(counts[fewest:]) <= 1
    for row in range(0, 1000, 9):
        rating = SUDOKU.rate(bundled.inputs[row])
        assert (rating.solutions, rating.difficulty) == (1, bundled.difficulty[row])
        assert rating.search_nodes == bundled.rating[row]


@pytest.mark.heavy
def test_the_bundled_test_set_can_be_rebuilt(bundled):
    """A smaller build has the first puzzles of each number of givens; hard puzzles would take too long."""
    again = sudoku_set(per_stratum=3, strata=SUDOKU_STRATA[:4])
    assert len(again) == 3 * 4
    bundled_pairs = {
        (question.tobytes(), answer.tobytes())
        for question, answer in zip(bundled.inputs, bundled.labels, strict=True)
    }
    assert all(
        (q.tobytes(), a.tobytes()) in bundled_pairs for q, a in zip(again.inputs, again.labels, strict=True)
    )


def test_training_puzzles_are_not_in_the_test_set(bundled):
    """The seed and givens of the first test puzzles generate exactly these puzzles, unless they are excluded."""
    tested = {SUDOKU.symmetry_key(solution) for solution in bundled.labels}
    assert len(tested) == 1000
    options = {"seed": 2025 * 1000 + 24, "givens": (24, 24)}
    met, _ = SUDOKU.generate_many(8, **options)
    assert np.array_equal(met, bundled.inputs[:8])
    _, labels = SUDOKU.generate_many(8, exclude=tested, **options)
    assert not tested & {SUDOKU.symmetry_key(solution) for solution in labels}


def test_results_are_grouped_by_difficulty_and_givens(bundled):
    groups, counts = np.unique(bundled.groups(SUDOKU), return_counts=True)
    assert dict(zip(groups, counts.tolist(), strict=True)) == {
        "easy, 24-29 givens": 200,
        "easy, 30-35 givens": 200,
        "easy, 36-41 givens": 120,
        "easy, 42-47 givens": 80,
        "medium, 24-29 givens": 134,
        "medium, 30-35 givens": 66,
        "hard, 18-23 givens": 58,
        "hard, 24-29 givens": 142,
    }


def test_presets_match_their_titles():
    presets = {preset.key: preset for preset in load_presets("sudoku")}
    tokens = {key: SUDOKU.parse(preset.puzzle) for key, preset in presets.items()}
    ratings = {key: SUDOKU.rate(puzzle) for key, puzzle in tokens.items()}
    givens = {key: int(SUDOKU.givens(puzzle).sum()) for key, puzzle in tokens.items()}
    assert list(presets) == [
        "easy", "medium", "hard", "very-hard", "one-blank", "solved", "contradiction", "empty", "seventeen",
    ]  # fmt: skip
    assert [ratings[key].difficulty for key in ("easy", "medium", "hard", "very-hard", "seventeen")] == [
        "easy", "medium", "hard", "hard", "easy",
    ]  # fmt: skip
    assert "locked candidates" in ratings["medium"].sentence
    assert f"{ratings['very-hard'].search_nodes} guesses" in presets["very-hard"].sentence
    assert (givens["one-blank"], givens["solved"], givens["empty"], givens["seventeen"]) == (80, 81, 0, 17)
    assert (ratings["contradiction"].solutions, ratings["empty"].solutions) == (0, 2)
    assert all(preset.sentence and preset.title for preset in presets.values())
    with pytest.raises(DataError, match=r"There are no presets for 'chess'. Tasks with presets: .*sudoku"):
        load_presets("chess")
