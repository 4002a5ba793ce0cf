"""The command line, `python -m probes COMMAND`: one file a command."""

from probes.cli.main import main

__all__ = ["main"]
