"""A page that a test had is as new for the next."""

import pytest
from pages import Pages

IS_DARK = "() => matchMedia('(prefers-color-scheme: dark)').matches"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_of_the_test_before_are_forgotten(pages: Pages, scheme: str):
    other = "dark" if scheme == "light" else "light"
    with pages.lent() as lent:
        before = lent(color_scheme=scheme)
        before.emulate_media(color_scheme=other)
    with pages.lent() as lent:
        page = lent(color_scheme=scheme)
        assert page is before
        assert page.evaluate(IS_DARK) == (scheme == "dark")
