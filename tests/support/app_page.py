"""The app without a browser: Streamlit's AppTest runs the script that the app serves and shows what was sent.

AppTest runs no JavaScript, so what the player got is read from the component's message.
"""

import hashlib
import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.testing.v1 import AppTest

from app.state import links
from app.ui import progress, text_size

HISTORY = "recursion_lens_history"  # undo, redo and favourites
FOLDER = Path(__file__).resolve().parents[2] / "app"
st.App(
    FOLDER / "main.py"
)  # Streamlit takes the settings from the folder of the first app, as with `streamlit run`
PATIENCE = 30.0  # seconds: a busy machine

MODELS = {
    "maze-15": {"task": "maze", "sequence_length": 225},
    "maze-30": {"task": "maze", "sequence_length": 900},
    "runs/sudoku-4": {},
    "runs/sudoku-6": {"vocab_size": 8, "sequence_length": 36},
    "runs/hrm": {"kind": "hrm", "H_layers": 2, "vocab_size": 11, "sequence_length": 81},
    "arc": {
        "task": "arc",
        "vocab_size": 12,
        "sequence_length": 900,
        "prefix_length": 2,
        "puzzle_ids": 5,
        "puzzle_embedding_size": 16,
    },
}
"""Tiny models of random weights, one of each size and kind, by their names in a --model-dir."""


def shown(markdown: str) -> str:
    """What a person reads where Markdown was escaped."""
    return re.sub(r"\\([^\w\s]|_)", r"\1", markdown)


def progress_of(test: AppTest) -> list[dict[str, Any]]:
    """What the progress bars on a page were sent."""
    sent = [element.proto for element in test.get("bidi_component")]
    return [json.loads(each.json) for each in sent if each.component_name == progress.NAME]


class App:
    """One person's session of the app, opened with a link to a page of it, at first the one that comes first."""

    def __init__(self, link: dict[str, str], page: str = ""):
        self.test = AppTest.from_file(FOLDER / "server" / "pages.py", default_timeout=120)
        self.test.query_params.update(link)
        if page:
            self.test._page_hash = hashlib.blake2b(
                page.encode(), digest_size=16
            ).hexdigest()  # as Streamlit names pages
        self.run()

    def open(self, page: str) -> None:
        """Go to another page."""
        self.test.switch_page(str(FOLDER / "screens" / page / "page.py"))
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
        return [json.loads(element.proto.json) for element in self.components]

    @property
    def components(self) -> list[Any]:
        """Players and other components with something to see, except progress bars."""
        return [
            element
            for element in self.test.get("bidi_component")
            if element.proto.component_name not in (text_size.NAME, progress.NAME, HISTORY)
        ]

    @property
    def progress(self) -> list[dict[str, Any]]:
        """What the progress bars on the page were sent, hidden ones included."""
        return progress_of(self.test)

    @property
    def bars(self) -> list[str]:
        """The texts of the progress bars."""
        return [each["text"] for each in self.progress if each["text"]]

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

    def click(self, key: str) -> None:
        """Press the button of that key."""
        self.test.get_by_key(key).click()
        self.run()

    def move(self, at: tuple[int, int, int], cell: tuple[int, int] | None = None) -> None:
        """Go to a call in the player and select a cell: the player writes them into the address."""
        self.test.query_params.pop("cell", None)
        self.test.query_params.update(links.place(at=at, cell=cell))
        self.run()

    def trigger(self, event: str, value: Any, component: str = "") -> None:
        """What the player's script asks Python for, or that of the component of this name."""
        everything = self.test.get("bidi_component") if component else self.components
        (element,) = (each for each in everything if component in ("", each.proto.component_name))
        states = self.test._tree.get_widget_states()
        asked = json.dumps([{"event": event, "value": value}])
        states.widgets.append(
            WidgetState(id=f"$$STREAMLIT_INTERNAL_KEY_{element.proto.id}__events", json_trigger_value=asked)
        )
        self.test._run(states)
        assert not self.test.exception, self.test.exception[0].value

    def tell(self, state: dict[str, Any]) -> None:
        """What the script of the only component on the page says that its state is."""
        (element,) = self.components
        states = self.test._tree.get_widget_states()
        states.widgets.append(WidgetState(id=element.proto.id, json_value=json.dumps(state)))
        self.test._run(states)
        assert not self.test.exception, self.test.exception[0].value

    def until(self, condition: Callable[[], Any], what: str) -> None:
        """Run the page until a condition holds: what a person sees who waits."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, (
                f"not seen in {PATIENCE} s: {what}; {self.captions} {self.errors}"
            )
            time.sleep(0.02)
            self.run()

    def has(self, key: str) -> bool:
        """Whether the page has a widget of that key."""
        return any(getattr(element, "key", None) == key for element in self.test)

    @property
    def errors(self) -> list[str]:
        return [shown(element.value) for element in self.test.error]

    @property
    def warnings(self) -> list[str]:
        return [shown(element.value) for element in self.test.warning]

    @property
    def captions(self) -> str:
        return " ".join(shown(element.value) for element in self.test.caption)
