"""The ARC task: grids in ten colours with at most 30x30 cells, encoded as 30x30 tokens."""

from trm.tasks.arc.grid import decode, encode
from trm.tasks.arc.task import Arc

__all__ = ["Arc", "decode", "encode"]
