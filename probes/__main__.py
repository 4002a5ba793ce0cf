"""`python -m probes`."""

from trm.terminal import run_program

run_program("probes.cli.main")
