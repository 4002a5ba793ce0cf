"""Links and codes of Sudoku websites and apps."""

import base64
import json

import numpy as np
import pytest
from sudoku_texts import BY_SIZE, SIZES, rows

from trm.errors import PuzzleError
from trm.tasks.sudoku.links import decompress, refusal


def packed(text: str) -> str:
    """Compress with lz-string to base64, as the apps do."""
    codes, new, word, width, room, bits = {}, set(), "", 2, 2, []

    def put(number: int, count: int) -> None:
        bits.extend(number >> at & 1 for at in range(count))

    def emit(word: str) -> None:
        nonlocal width, room
        for _ in range(1 + (word in new)):
            if word in new:
                put(0, width)
                put(ord(word), 8)
                new.discard(word)
            elif word in codes and not (len(word) == 1 and _ == 1):
                put(codes[word], width)
            room -= 1
            if room == 0:
                room, width = 2**width, width + 1

    for mark in text:
        if mark not in codes:
            codes[mark] = len(codes) + 3
            new.add(mark)
        if word + mark in codes:
            word += mark
            continue
        emit(word)
        codes[word + mark] = len(codes) + 3
        word = mark
    emit(word)
    put(2, width)
    bits += [0] * (-len(bits) % 8)
    return base64.b64encode(np.packbits(bits).tobytes()).decode()


@pytest.mark.parametrize(
    "link",
    [
        "https://www.sudokuwiki.org/sudoku.htm?bd={zeros}",
        "https://sudokuexchange.com/play/?s={zeros}&d=3",
        "https://example.org/sudoku/{dots}/play",
        "sudoku://load#{dots}",
        "<a href='https://example.org/?puzzle={zeros}'>play</a>",
    ],
)
def test_links_that_contain_the_digits(link):
    for task, puzzle in BY_SIZE.values():
        text = link.format(zeros=puzzle.replace(".", "0"), dots=puzzle)
        assert task.format(task.parse(text)) == puzzle


def run_lengths(puzzle: str, first: str, between: str) -> str:
    """Encode runs of blanks as letters, with `between` between adjacent digits."""
    text, blanks = "", 0
    for mark in puzzle + "!":
        if mark == ".":
            blanks += 1
            continue
        if blanks:
            text += chr(ord(first) + blanks - 1)
        elif text and mark != "!":
            text += between
        blanks = 0
        text += mark.strip("!")
    return text


@SIZES
def test_codes_of_puzzle_collections(side):
    task, puzzle = BY_SIZE[side]
    boxes = {9: "3x3", 6: "2x3", 4: "2x2"}[side]
    grid = [
        [{"value": int(mark), "given": True} if mark != "." else {} for mark in row] for row in rows(puzzle)
    ]
    grid[0][2] = {"value": 1, "given": False} if puzzle[2] == "." else grid[0][2]
    code = packed(json.dumps({"size": side, "grid": grid}))
    for text in (
        f"https://puzz.link/p?sudoku/{side}/{side}/{run_lengths(puzzle, 'g', '')}",
        f"https://pzv.jp/p.html?sudoku/{side}/{side}/{run_lengths(puzzle, 'g', '')}",
        f"{boxes}:{run_lengths(puzzle, 'a', '_')}",
        f"https://f-puzzles.com/?load={code}",
        f"https://sudokupad.app/fpuzzles{code}",
        f"https://app.crackingthecryptic.com/sudoku/?puzzleid=fpuzzles{code.replace('+', '%2B')}",
    ):
        assert task.format(task.parse(text)) == puzzle, text


@pytest.mark.parametrize("text", ["", "a", "aaaaaaaaaa", "ababababab" * 30, json.dumps(list(range(400)))])
def test_compressed_links_of_apps_are_decompressed(text):
    assert decompress(packed(text)) == text if text else True
    code = packed(text or "x")
    for broken in (code[: len(code) // 2], "AAAA" + code, "!" * 9):
        try:
            decompress(broken)
        except ValueError:
            continue


@pytest.mark.parametrize("text", ["a", "ababababab", *("0123456789" * count for count in range(1, 9))])
def test_a_compressed_link_is_complete_with_its_last_bit_and_cut_short_without_it(text):
    code = packed(text)
    assert decompress(code) == decompress(code.rstrip("=")) == text
    bits = len(base64.b64decode(code)) * 8
    for end in range(8, bits, 8):
        with pytest.raises(ValueError):
            decompress(base64.b64encode(base64.b64decode(code)[: end // 8]).decode())


@SIZES
def test_both_signs_for_no_candidate_may_be_mixed(side):
    task, puzzle = BY_SIZE[side]
    every = "".join(map(str, range(1, side + 1)))
    text = "".join(
        ".0" + every[2:] if mark == "." else "".join(digit if digit == mark else "." for digit in every)
        for mark in puzzle
    )
    assert task.format(task.parse(text)) == puzzle
    with pytest.raises(PuzzleError):
        task.parse("1" * len(text))


def test_only_a_link_alone_is_refused_as_a_link():
    alone = "This link does not contain the digits of a puzzle. Open it and paste the digits."
    assert refusal(" https://example.org/1 \n") == refusal("www.example.org") == alone
    assert refusal("a puzzle of https://example.org/1") == refusal("") == ""
