"""Tensor names and settings in the checkpoints of public code bases, one module each. The official format is `base.OFFICIAL`.

nano_trm    TRM in a Lightning .ckpt: other tokens, puzzles on a larger canvas
eqr         EqR: TRM's tensor names, without initial states
air         AIR: one net f_level; the class name says where x is added
urm         URM: one state, and a convolution in the MLP
sotaku      one state, the answer fed back, its own tensor names
"""

from collections.abc import Iterable
from typing import Any

from trm.public.formats import air, eqr, nano_trm, sotaku, urm
from trm.public.formats.base import OFFICIAL, Format

FORMATS = (nano_trm.FORMAT, eqr.FORMAT, air.FORMAT, urm.FORMAT, sotaku.FORMAT)


def format_of_tensors(names: Iterable[str]) -> Format:
    """The format that uniquely uses one of these plain tensor names; otherwise the official format."""
    names = list(names)
    marked = (each for each in FORMATS if each.mark and any(each.mark.fullmatch(name) for name in names))
    return next(marked, OFFICIAL)


def format_of_class(module: Any) -> Format | None:
    """The format for a module name, the part of `arch.name` before the @; None if no format claims it."""
    return next((each for each in FORMATS if each.module and each.module.fullmatch(str(module))), None)
