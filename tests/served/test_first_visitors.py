"""A class that comes at once to a server that was just started."""

import asyncio

import pytest
from served_app import ServedApp
from visitors import Visitor, together

PAGES = ("latents", "probes", "halting", "compare", "interventions", "", "lecture")
VISITORS = 10
PATIENCE = 120.0  # seconds until a page is there
LATER = 1.5  # seconds in which parts of it are run again


async def exceptions_of(url: str, page: str) -> list[str]:
    async with Visitor(url, page) as visitor:
        assert await visitor.until(lambda: visitor.runs > 0, PATIENCE), page
        await asyncio.sleep(LATER)
        return visitor.exceptions


def come_at_once() -> list[str]:
    """What ten visitors of a fresh server read of exceptions, as they open seven pages."""
    with ServedApp() as app:
        pages = [PAGES[number % len(PAGES)] for number in range(VISITORS)]
        found = together(*(exceptions_of(app.url, page) for page in pages))
        return [exception for each in found for exception in each]


@pytest.mark.slow
def test_ten_who_come_at_once_read_no_exception():
    assert come_at_once() == []


@pytest.mark.slow
def test_nor_do_they_on_any_of_twenty_servers():
    assert [come_at_once() for _ in range(20)] == [[]] * 20
