"""Check a limit at its edge: with something that is exactly as large as the limit."""

from collections.abc import Callable
from contextlib import suppress

import pytest

from trm.errors import UserError


def check_largest(
    monkeypatch: pytest.MonkeyPatch, limit: str, size: int, accepts: Callable[[], object]
) -> None:
    """`accepts` is true under a limit of `size`. If the limit is one less, it is false or raises an error."""
    monkeypatch.setattr(limit, size)
    assert accepts()
    monkeypatch.setattr(limit, size - 1)
    with suppress(UserError, ValueError):
        assert not accepts()
