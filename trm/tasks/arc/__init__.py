"""The ARC task: grids of ten colours, up to 30x30, encoded as 30x30 tokens."""

from trm.tasks.arc.grid import decode, encode
from trm.tasks.arc.task import Arc

__all__ = ["Arc", "decode", "encode"]
