"""Mazes as text: formatted mazes parse back, pasted mazes are read, mistakes are reported with their place."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trm.errors import PuzzleError
from trm.tasks.maze import Maze
from trm.tasks.maze.geometry import GOAL, START

FIVE = Maze(5)
ROWS = ["#S# #", "# # #", "#   G", "# ###", "#    "]
DOTTED = "".join(ROWS).replace(" ", ".")


@st.composite
def any_maze(draw):
    """A board and arbitrary tokens with one start and one goal, which may have open rows at the edges."""
    task = Maze(draw(st.integers(3, 8)))
    marks = st.sampled_from([1, 2, 2, 2, 5])
    tokens = np.array(draw(st.lists(marks, min_size=task.cells, max_size=task.cells)), np.uint8)
    start, goal = draw(st.lists(st.integers(0, task.cells - 1), min_size=2, max_size=2, unique=True))
    tokens[start], tokens[goal] = 3, 4
    return task, tokens


@pytest.mark.heavy
@given(any_maze())
@example((Maze(3), np.array([3, 4, 1] + 6 * [2], np.uint8)))  # one line that ends in two rows of spaces
def test_formatted_grids_parse_back(case):
    task, tokens = case
    for text in (task.format(tokens), task.pretty(tokens), task.public_text(tokens)):
        assert (task.parse(text) == tokens).all()
    assert len(task.format(tokens)) == len(task.public_text(tokens)) == task.cells


@given(any_maze())
def test_one_line_text_survives_stripping_and_joining_of_spaces(case):
    task, tokens = case
    text = task.format(tokens)
    assert "".join(text.split()) == text.strip() == text
    assert not set(text) & set(' ,"\n')


@given(any_maze())
def test_lines_may_lose_trailing_spaces(case):
    task, tokens = case
    lines = [line.rstrip() for line in task.pretty(tokens).splitlines()]
    assert (task.parse("\n".join(lines)) == tokens).all()
    assert (task.parse("\n".join(lines) + "\n") == tokens).all()
    assert (task.parse("\r\n".join(f"{line}  " for line in lines)) == tokens).all()


def test_tokens_are_those_of_the_public_data_sets():
    text = "".join(ROWS)
    tokens = FIVE.parse(text)
    assert tokens.tolist() == ["# SGo".index(mark) + 1 for mark in text]
    assert FIVE.public_text(tokens) == text
    assert FIVE.pretty(tokens) == "\n".join(ROWS)
    assert FIVE.format(tokens) == DOTTED
    assert FIVE.format(np.zeros(25, np.uint8)) == "." * 25


@pytest.mark.parametrize(
    "text",
    [
        DOTTED,
        DOTTED.replace(".", "_"),
        DOTTED.replace("#", "█"),
        DOTTED.replace("#", "X"),
        "\n".join(ROWS).replace(" ", "\xa0"),
        "\n".join(ROWS).replace("#", "█"),
        "\n" + "\n".join(ROWS),
        "\n\n" + "\n".join(ROWS) + "\n\n\n",
        "\ufeff" + "\n".join(ROWS),
        " ".join(DOTTED),
        "\n".join("  " + " ".join(row.replace(" ", ".")) for row in ROWS),
        "\n\n".join(row.replace(" ", ".") for row in ROWS),
        "".join(ROWS) + "  \n",
    ],
)
def test_common_notations_are_read(text):
    assert FIVE.format(FIVE.parse(text)) == DOTTED


def test_open_rows_at_the_edges_are_rows():
    assert FIVE.format(FIVE.parse("\n\nS   G\n\n")) == "." * 10 + "S...G" + "." * 10
    assert FIVE.format(FIVE.parse("\n\nS   G\n     \n     \n     \n     ")) == "S...G" + "." * 20


def test_spaces_at_the_end_of_a_line_fill_the_last_rows():
    for wall in "#█":
        assert Maze(3).parse(f"SG{wall}      ").tolist() == [3, 4, 1, 2, 2, 2, 2, 2, 2]


@pytest.mark.parametrize(("side", "longest"), [(3, 8), (4, 15), (5, 21), (6, 25)])
def test_a_row_has_up_to_four_characters_per_cell_and_one_or_one_less_than_a_maze(side, longest):
    for width, count in ((longest, 1), (longest + 1, side)):
        assert len(list(Maze(side).find_puzzles(["S#G".ljust(width)] * side))) == count


@pytest.mark.parametrize(
    ("line", "is_heading"),
    [
        ("ab######", False),
        ("ab#####", True),
        ("a#", False),
        ("ab#", True),
        ("a maze in words and wall", True),
        ("a maze in words and walls", False),  # as long as a maze, so a maze with mistakes
        ("5 x 5", True),
        ("5 x 6", False),
    ],
)
def test_a_heading_has_at_least_two_letters_in_eight_characters(line, is_heading):
    found = list(FIVE.find_puzzles([line, "", DOTTED]))
    assert [each.text for each in found] == [line, DOTTED][is_heading:]
    assert found[-1].note == (f"line 1: {line!r} skipped" if is_heading else "")


def test_a_path_is_read():
    assert FIVE.parse("SoooG" + "#" * 20)[:5].tolist() == [3, 5, 5, 5, 4]


USE = "Use # for walls, spaces or . for open cells, one S, one G, and o for a path."
WANTED = "A 5x5 maze has 5 lines of 5 characters, or 25 characters in one line; "


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", f"{WANTED}this text has 0 lines. Paste the whole maze and nothing else."),
        ("S G", f"{WANTED}this text has 3. Write open cells as dots, since spaces at the ends may get lost."),
        (
            "S G   ",
            f"{WANTED}this text has 3. Write open cells as dots, since spaces at the ends may get lost.",
        ),
        (
            DOTTED[:-1],
            f"{WANTED}this text has 24. Write open cells as dots, since spaces at the ends may get lost.",
        ),
        ("\n".join(ROWS[:4]), f"{WANTED}this text has 4 lines. Paste the whole maze and nothing else."),
        ("\n".join([*ROWS, "#"]), f"{WANTED}this text has 6 lines. Paste the whole maze and nothing else."),
        ("\n".join([*ROWS[:3], "# #####", ROWS[4]]), f"{WANTED}line 4 has 7. Shorten it."),
        ("\n\n" + "\n".join([*ROWS[:3], "# #####", ROWS[4]]), f"{WANTED}line 6 has 7. Shorten it."),
        ("5 5\n" + "\n".join([*ROWS[:3], "# #####", ROWS[4]]), f"{WANTED}line 5 has 7. Shorten it."),
        (
            "Here:\n```\n" + "\n".join([*ROWS[:3], "# #####", ROWS[4], "```"]),
            f"{WANTED}line 6 has 7. Shorten it.",
        ),
        ("#" * 81, "This maze is 9x9, but 5x5 was expected. Choose a model of its size."),
        ("\n".join(["#" * 9] * 9), "This maze is 9x9, but 5x5 was expected. Choose a model of its size."),
        (
            "\n".join(["###"] * 3) + "\n",
            "This maze is 3x3, but 5x5 was expected. Choose a model of its size.",
        ),
        (DOTTED.replace("G", "Q"), f"Position 15: 'Q' is not part of a maze. {USE}"),
        ("\n".join(ROWS).replace("G", "7"), f"Line 3, position 5: '7' is not part of a maze. {USE}"),
        ("\n".join(["SabcG", *ROWS[1:]]), f"Line 1, position 2: 'a' is not part of a maze. {USE}"),
        (DOTTED.replace("S", "X"), f"Position 2: 'X' is not part of a maze. {USE}"),
        (
            "\n".join(ROWS).replace(" ", "\t"),
            "Line 1, position 4: the character U+0009 is not part of a maze. ",
        ),
        (
            "\n".join([*ROWS[:4], "#   \t"]),
            "Line 5, position 5: the character U+0009 is not part of a maze. ",
        ),
        (DOTTED[:-1] + "\x00", "Position 25: the character U+0000 is not part of a maze. "),
        (DOTTED.replace("S", "."), "This maze has no start. Add one S."),
        (DOTTED.replace("G", "."), "This maze has no goal. Add one G."),
        (
            "\n".join(ROWS).replace("   G", "S SG"),
            "Line 3, position 2: a second start S; the first is at line 1, position 2. Remove one of them.",
        ),
        (
            DOTTED[:-1] + "G",
            "Position 25: a second goal G; the first is at position 15. Remove one of them.",
        ),
        ("#" * 100_001, "This text has 100,001 characters; the maximum is 100,000. Paste one maze."),
    ],
)
def test_mistakes_are_reported_with_their_place(text, message):
    with pytest.raises(PuzzleError) as error:
        FIVE.parse(text)
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


@given(st.text(alphabet="#. SGoX█_\n\t\r7", max_size=60))
def test_any_text_is_a_maze_or_an_error(text):
    try:
        tokens = Maze(4).parse(text)
    except PuzzleError as error:
        assert "\n" not in str(error)
    else:
        assert (tokens == 3).sum() == (tokens == 4).sum() == 1
        assert len(tokens) == 16 and tokens.min() >= 1 and tokens.max() <= 5


@pytest.mark.parametrize(
    ("text", "starts", "goals"),
    [(DOTTED.replace("S", "."), 0, 1), (DOTTED.replace("#", "G"), 1, 13), ("." * 25, 0, 0)],
)
def test_an_unfinished_maze_may_have_any_number_of_ends(text, starts, goals):
    tokens = FIVE.parse(text, unfinished=True)
    assert ((tokens == START).sum(), (tokens == GOAL).sum()) == (starts, goals)
    assert FIVE.format(tokens) == text
    with pytest.raises(PuzzleError):
        FIVE.parse(text)


def test_an_unfinished_maze_must_have_valid_size_and_characters():
    for text, says in ((DOTTED[:24], "this text has 24"), (DOTTED.replace("S", "s"), "'s' is not part")):
        with pytest.raises(PuzzleError, match=says):
            FIVE.parse(text, unfinished=True)
