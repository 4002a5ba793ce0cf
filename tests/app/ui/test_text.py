"""Text from links and files is shown literally."""

import re

import pytest
from app_page import shown

from app.ui.text import percent, plain


@pytest.mark.parametrize(
    "text",
    [
        "![x](http://x/y.png)",
        "**a** `b $c$ :red[d] <e> -- _f_ \\ # g",
        "plain words, 12",
        "``` [a](b) ```",
        "`",
        "``",
    ],
)
def test_markup_is_escaped_and_renders_as_the_same_text(text):
    assert shown(plain(text)) == text
    assert not re.search(r"(?<!\\)[\[\]`*$<]", plain(text))


def test_code_in_a_message_stays_code():
    assert plain("`*`") == "`*`" and plain("`a` `_`") == "`a` `_`"
    assert plain("[a] run `make app -- [x]` or *b*") == "\\[a\\] run `make app -- [x]` or \\*b\\*"


def test_a_link_cannot_inject_an_image(open_app):
    app = open_app(model="![x](http://example.org/y.png)")
    (error,) = [element.value for element in app.test.error]
    assert "![" not in error and "\\!\\[x\\]" in error


def test_a_share_has_one_decimal_or_is_none():
    assert [percent(share) for share in (0.1234, 1.0, None, float("nan"))] == [
        "12.3%",
        "100.0%",
        "none",
        "none",
    ]
