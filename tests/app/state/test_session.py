"""What a session does beside its runs: reruns that leave another request of the browser in force."""

from pathlib import Path

import pytest

from app.state import session


class AnotherPage(Exception):
    """What Streamlit raises at the next element of a page if the browser has asked for another page meanwhile."""


def test_a_link_that_is_clicked_before_a_rerun_is_followed(monkeypatch):
    asked = []

    def empty() -> None:
        if not asked:
            raise AnotherPage

    monkeypatch.setattr(session.st, "empty", empty)
    monkeypatch.setattr(session.st, "rerun", lambda: asked.append("rerun"))
    with pytest.raises(AnotherPage):
        session.rerun()
    assert not asked


def test_nothing_but_a_session_asks_for_a_rerun():
    """`st.rerun` replaces what the browser has asked for."""
    app = session.__file__.rpartition("state")[0]
    found = [str(path) for path in Path(app).rglob("*.py") if "st.rerun(" in path.read_text("utf-8")]
    assert found == [session.__file__]
