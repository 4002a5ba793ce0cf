"""Fixtures for commands: the CPU as device, and a way to call a command."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import torch

from trm.cli import main


@pytest.fixture(autouse=True)
def _on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trm.checkpoint.choose_device", lambda: torch.device("cpu"))


@pytest.fixture
def ran(capsys: pytest.CaptureFixture) -> Callable[..., Any]:
    """Calls the command line with --json in this process; returns its one JSON object."""

    def call(*arguments: object) -> Any:
        main([*map(str, arguments), "--json"])
        return json.loads(capsys.readouterr().out)

    return call
