"""`trm models`: list the bundled models."""

from argparse import Namespace
from typing import Any

from trm.cli.options import add_command


def add(subparsers) -> None:
    add_command(subparsers, "models", run, "list the bundled models")


def run(options: Namespace) -> list[dict[str, Any]]:
    from trm.registry import model_card, model_names

    return [model_card(name) for name in model_names()]
