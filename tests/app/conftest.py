"""Fixtures: the app, opened in new sessions, and a folder of tiny models."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from app_page import MODELS, App

from app.server.options import MODEL_DIR
from trm.checkpoint import save_model


@pytest.fixture(autouse=True, scope="session")
def no_installed_components() -> Iterator[None]:
    """AppTest reads the metadata of all installed packages, in each session anew: a third of the time of these tests."""
    with pytest.MonkeyPatch.context() as patch:
        scan = "streamlit.components.v2.manifest_scanner.scan_component_manifests"
        patch.setattr(scan, list, raising=False)
        yield


@pytest.fixture(autouse=True)
def own_main_module() -> Iterator[None]:
    """AppTest makes its script the main module, which a process that a later test starts would run again."""
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main


@pytest.fixture(autouse=True)
def short_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Self-checks use two puzzles: the usual number would take most of the time of these tests."""
    monkeypatch.setattr("trm.inspection.inspect.MAX_PUZZLES", 2)


@pytest.fixture
def open_app(monkeypatch: pytest.MonkeyPatch) -> Callable[..., App]:
    """Opens a page of the app; keywords are the query parameters. Waits for models and short runs, however busy the machine is."""
    monkeypatch.setattr("app.server.choice_runs.SHORT_WAIT", 100.0)
    monkeypatch.setattr("app.ui.status.LOADS_AT_ONCE", 100.0)
    return lambda page="", **link: App(link, page)


@pytest.fixture
def served_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Binds the server to an address that other machines can reach."""
    option = st.get_option
    monkeypatch.setattr(
        st, "get_option", lambda name: "0.0.0.0" if name == "server.address" else option(name)
    )


@pytest.fixture
def model_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_model: Callable[..., Any]) -> Path:
    """A folder of models that the server was started with."""
    folder = tmp_path / "models"
    for name, changes in MODELS.items():
        model = tiny_model(**changes)
        if model.config.puzzle_ids:
            model.puzzle_emb.weights.normal_()
        (folder / name).mkdir(parents=True)
        save_model(folder / name, model.config, model.state_dict())
    monkeypatch.setenv(MODEL_DIR, str(folder))
    return folder
