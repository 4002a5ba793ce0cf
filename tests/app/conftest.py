"""The app without a browser: Streamlit's AppTest runs the entry point and shows what was sent.

AppTest runs no JavaScript, so what the player got is read from the component's message.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).resolve().parents[2]
MAIN = ROOT / "app" / "main.py"
sys.path.insert(0, str(ROOT))  # before tests/, where pytest would find this folder when asked for `app`


class App:
    """One person's session of the app."""

    def __init__(self, link: dict[str, str]):
        self.test = AppTest.from_file(MAIN, default_timeout=120)
        self.test.query_params.update(link)
        self.run()

    def run(self) -> None:
        self.test.run()
        assert not self.test.exception, self.test.exception[0].value

    def set(self, key: str, value: Any) -> None:
        """What a person chooses in the widget of that key."""
        self.test.get_by_key(key).set_value(value)
        self.run()

    def __getitem__(self, key: str) -> Any:
        """Value of the widget of that key."""
        return self.test.get_by_key(key).value

    @property
    def payloads(self) -> list[dict[str, Any]]:
        """What each player on the page was sent."""
        return [json.loads(element.proto.json) for element in self.test.get("bidi_component")]

    @property
    def payload(self) -> dict[str, Any]:
        (payload,) = self.payloads
        return payload

    @property
    def link(self) -> dict[str, str]:
        """The query parameters of the page's address."""
        return {
            name: value if isinstance(value, str) else value[0]
            for name, value in self.test.query_params.items()
        }

    @property
    def errors(self) -> list[str]:
        return [element.value for element in self.test.error]

    @property
    def warnings(self) -> list[str]:
        return [element.value for element in self.test.warning]

    @property
    def captions(self) -> str:
        return " ".join(element.value for element in self.test.caption)


@pytest.fixture
def open_app() -> Callable[..., App]:
    """Opens the app; keywords are the query parameters of the link."""
    return lambda **link: App(link)
