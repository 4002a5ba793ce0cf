"""Texts in pictures of a run: hostile, long and foreign names stay what they are, and lines are broken where they are full."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from time import process_time
from xml.etree import ElementTree

import pytest
from drawn_runs import LAST, SVG, Drawn, rgb, saved, svg_root, svg_texts
from export_runs import HOSTILE, RUNS, SUDOKU, sudoku_run

from trm.export.pictures.palette import LIGHT
from trm.export.pictures.text import measure, wrap
from trm.export.run import ExportedRun, printable

pytestmark = pytest.mark.heavy


@pytest.mark.parametrize("name", RUNS)
def test_hostile_names_stay_text_in_svg(tmp_path, name):
    make, task = RUNS[name]
    run = ExportedRun.of(make(model=HOSTILE), task, puzzle=HOSTILE)
    text = saved(tmp_path, run, "svg").read_text("utf-8")
    root = ElementTree.fromstring(text.encode())
    assert {node.tag for node in root.iter()} <= {
        f"{SVG}{tag}" for tag in ("svg", "title", "desc", "defs", "style", "g", "path", "text")
    }
    assert not any(name.startswith("on") or "href" in name for node in root.iter() for name in node.attrib)
    assert not re.search(r"url\(|@import|nan", re.sub(r"<(title|desc|text|!--).*", "", text))
    assert '</script><!--<b onclick="x">' in root.find(f"{SVG}title").text


@pytest.mark.parametrize("name", ["$x^2$", r"\alpha \frac{1}{2}", "$", "a$b_{c}$d", "%s {0} {x}", "^^^{"])
def test_mathematics_in_a_name_is_plain_text(tmp_path, name):
    run = ExportedRun.of(sudoku_run(model=name), SUDOKU, puzzle=name)
    assert f"{name}: {name}" in svg_texts(svg_root(tmp_path, run))
    for format in ("png", "pdf", "gif"):
        assert saved(tmp_path, run, format).stat().st_size > 1000


LONG = [
    "x" * 100_000,
    "word " * 20_000,
    "ш" * 10_000,
    "العربية" * 2_000,
    "😀" * 10_000,
    "\u200d" * 50_000,
    "数独" * 5_000,
]


@pytest.mark.parametrize(
    ("field", "name"), [*(("model", name) for name in LONG), ("version", LONG[0]), ("recorded", LONG[1])]
)
def test_a_long_name_is_shortened_in_little_time(name, field):
    trace = sudoku_run()
    run = ExportedRun.of(replace(trace, provenance=replace(trace.provenance, **{field: name})), SUDOKU)
    began = process_time()
    drawn = Drawn(run, LAST)
    assert process_time() - began < 5
    width, height = drawn.image.size
    assert height < 1200 and any("…" in text for text in drawn.texts)
    assert "with version" in " ".join(drawn.texts)
    for edge in (drawn.image.crop((0, 0, 20, height)), drawn.image.crop((width - 20, 0, width, height))):
        assert edge.getcolors() == [(20 * height, rgb(LIGHT.paper))], "text leaves the picture"


LANGUAGES = "sudoku שלום العربية 数独 ไทย 🧩"


def test_letters_of_any_language_print_nothing_to_the_terminal(tmp_path):
    code = "from trm.export.pictures.picture import *\nfrom export_runs import *\nfrom trm.coordinates import *\n"
    code += f"run = ExportedRun.of(sudoku_run(model={LANGUAGES!r}), SUDOKU)\n"
    code += "for format in ('png', 'svg', 'pdf'): save_picture(Path(f'a.{format}'), format, run, Coordinates(1, 1, 3, F_H))"
    path = f"{Path(__file__).parents[4]}:{Path(__file__).parents[3] / 'support'}"
    home = {
        "HOME": "/nonexistent",
        "MPLCONFIGDIR": "/proc/nowhere",
        "PYTHONPATH": path,
        "PATH": "/usr/bin:/bin",
    }
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=home, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert LANGUAGES in (tmp_path / "a.svg").read_text("utf-8")


def test_arabic_letters_are_joined_and_direction_marks_are_dropped():
    assert measure("العربية", 100) < 0.8 * sum(measure(letter, 100) for letter in "العربية")
    assert wrap("a\u202eb\u2066c", 12, 500, 1) == ["abc"]


def test_printable_is_one_line_valid_in_any_format():
    assert printable(" a\n\tb\x00c\ud800\ufffe ") == "a b\ufffdc\ufffd\ufffd"
    assert printable("שלום 🙂 <b>") == "שלום 🙂 <b>"


def test_wrapping():
    assert wrap("one two", 12, 500, 3) == ["one two"]
    lines = wrap("word " * 60, 12, 200, 99)
    assert " ".join(lines).split() == ["word"] * 60 and all(measure(line, 12) <= 200 for line in lines)
    assert "".join(wrap("x" * 200, 12, 200, 99)) == "x" * 200
    cut = wrap("word " * 60, 12, 200, 2)
    assert len(cut) == 2 and cut[1].endswith("…") and measure(cut[1], 12) <= 200
    assert wrap("", 12, 200, 2) == [""]


@pytest.mark.parametrize("letters", ["a", "i", "W", "ab cd ", "é", "ш"])
def test_lines_are_nearly_filled(letters):
    text = letters * 300
    lines = wrap(text, 15, 200, 1000)
    assert all(measure(line, 15) <= 200 for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(measure(line, 15) > 150 for line in lines[:-1])


def test_a_text_that_just_fits_is_not_cut():
    exact = measure("one two three", 12)
    assert wrap("one two three", 12, exact, 1) == ["one two three"]
    assert wrap("one two three", 12, exact - 0.1, 2) == ["one two", "three"]  # as many lines as there may be
    for cut, most in (("word word…", 1), ("word wor…", 1)):
        assert wrap("word word word word", 12, measure(cut, 12), most) == [cut]
    assert wrap("one two three", 12, measure("two…", 12), 2) == ["one", "two…"]


def test_letters_without_a_width_are_limited_in_number():
    """A line of 100 units has room for 8 * 100 / 10 letters of size 10, however narrow."""
    assert wrap("\u200d" * 160, 10, 100, 2) == ["\u200d" * 160]
    assert wrap("\u200d" * 161, 10, 100, 2) == ["\u200d" * 160 + "…"]


@pytest.mark.parametrize("letter", ["i", "W", "ш"])
def test_no_line_has_room_for_another_letter_but_two_stand_even_where_they_do_not_fit(letter):
    lines = wrap(letter * 300, 15, 200, 1000)
    assert all(measure(line + letter, 15) > 200 for line in lines[:-1])
    assert wrap(letter * 4, 15, 1, 9) == [letter * 2] * 2
