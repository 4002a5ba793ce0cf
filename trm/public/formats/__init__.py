"""Describe the checkpoint formats of public code bases, one module per format. `base.OFFICIAL` is the official format.

nano_trm    TRM in a Lightning .ckpt, with other tokens and puzzles on a larger canvas
eqr         EqR, with TRM's tensor names but without initial states
air         AIR, with a single net f_level; the class name says where x is added
urm         URM, with a single state and a convolution in the MLP
sotaku      sotaku, with a single state, the answer as an input, and its own tensor names
"""

from collections.abc import Iterable
from typing import Any

from trm.public.formats import air, eqr, nano_trm, sotaku, urm
from trm.public.formats.base import OFFICIAL, Format

FORMATS = (nano_trm.FORMAT, eqr.FORMAT, air.FORMAT, urm.FORMAT, sotaku.FORMAT)


def format_of_tensors(names: Iterable[str]) -> Format:
    """Return the format that these tensor names (without wrapper prefixes) identify, or else the official format."""
    names = list(names)
    marked = (each for each in FORMATS if each.mark and any(each.mark.fullmatch(name) for name in names))
    return next(marked, OFFICIAL)


def format_of_class(module: Any) -> Format | None:
    """The format of a model class in this module, from `arch.name` before the @; None if there is no such format."""
    return next((each for each in FORMATS if each.module and each.module.fullmatch(str(module))), None)
