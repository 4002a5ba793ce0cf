"""The command line, `trm COMMAND`."""

from trm.cli.main import main

__all__ = ["main"]
