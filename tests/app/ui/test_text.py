"""What links and files say is shown as it is and nothing else."""

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
def test_markup_is_escaped_and_reads_the_same(text):
    assert shown(plain(text)) == text
    assert not re.search(r"(?<!\\)[\[\]`*$<]", plain(text))


def test_what_a_message_quotes_as_code_stays_code_and_nothing_gets_out_of_it():
    assert plain("[a] run `make app -- [x]` or *b*") == "\\[a\\] run `make app -- [x]` or \\*b\\*"


def test_a_link_cannot_put_a_picture_into_the_page(open_app):
    app = open_app(model="![x](http://example.org/y.png)")
    (error,) = [element.value for element in app.test.error]
    assert "![" not in error and "\\!\\[x\\]" in error


def test_a_share_has_one_decimal_and_none_is_said():
    assert [percent(share) for share in (0.1234, 1.0, None, float("nan"))] == [
        "12.3%",
        "100.0%",
        "none",
        "none",
    ]
