"""The command line `python -m probes COMMAND`, with one module per command."""

from probes.cli.main import main

__all__ = ["main"]
