"""ARC: grids of ten colours, up to 30x30, and the tokens that models read them as."""

from trm.tasks.arc.grid import decode, encode
from trm.tasks.arc.task import Arc

__all__ = ["Arc", "decode", "encode"]
