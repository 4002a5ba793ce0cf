"""What the lecture explains, in which order, and that everything below the header is Russian if Russian is chosen."""

import re

import pytest
from app_page import App

from app.screens.lecture.contents import bundled_lecture
from app.screens.lecture.language import read_language


def test_the_extra_position_is_explained_where_positions_are_counted():
    first = " ".join(bundled_lecture().texts("en")["scenes"]["states"]["text"])
    assert (
        "81 cells" in first
        and "a prefix, 1 extra position in front," in first.lower()
        and "82 positions" in first
    )


def test_hrm_is_introduced_before_a_scene_shows_it():
    lecture = bundled_lecture()
    shown = [
        scene.id
        for scene in lecture.scenes
        if any(run.config.kind == "hrm" for run in lecture.scene_runs[scene.id])
    ]
    assert shown[0] == "two-nets"
    text = " ".join(lecture.texts("en")["scenes"]["two-nets"]["text"])
    assert all(name in text for name in ("**L**", "**H**", "z_L", "z_H", "**y**", "**z**"))


def test_the_last_scene_sums_up_in_every_language():
    lecture = bundled_lecture()
    assert lecture.scenes[-1].id == "closing"
    for code in lecture.languages:
        assert len(lecture.texts(code)["scenes"]["closing"]["text"]) >= 3


SYMBOLS = {"term_x", "term_z", "term_y", "term_f_L", "term_f_H", "term_N_sup"}  # of the papers
SAME = {"code", "task_arc", "language", "key_home", "key_end", "key_shift", "key_esc", *SYMBOLS}
CYRILLIC = re.compile(r"[\u0400-\u04ff]+")


@pytest.mark.parametrize("part", ["words", "player"])
def test_all_russian_words_are_translated(part):
    words = getattr(read_language("ru"), part)
    for name in words.keys() - SAME:
        assert CYRILLIC.search(words[name]) or not re.search("[a-z]", re.sub(r"{.*?}", "", words[name])), name


def test_everything_below_the_header_is_russian_if_chosen():
    app = App({"lang": "ru"}, "lecture")
    (model,) = app.test.selectbox
    (file,) = app.test.get("download_button")
    for text in (model.label, model.proto.placeholder, model.help, file.proto.label, app.captions):
        assert len(CYRILLIC.findall(text)) >= 2, text
