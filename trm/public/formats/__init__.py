"""How public code bases name the tensors and settings of their checkpoints, a module each; the official one is `base.OFFICIAL`.

nano_trm    TRM in Lightning's .ckpt: other tokens, puzzles on a larger canvas
eqr         EqR: TRM's names without the states that a run starts from
air         AIR: one net f_level, and the name says where x is added
urm         URM: one state, a convolution in the MLP
sotaku      one state, the answer fed back, names of its own
"""

from collections.abc import Iterable
from typing import Any

from trm.public.formats import air, eqr, nano_trm, sotaku, urm
from trm.public.formats.base import OFFICIAL, Format

FORMATS = (nano_trm.FORMAT, eqr.FORMAT, air.FORMAT, urm.FORMAT, sotaku.FORMAT)


def format_of_tensors(names: Iterable[str]) -> Format:
    """The format that has such a tensor, by its plain name, and no other has; else the official one."""
    names = list(names)
    marked = (each for each in FORMATS if each.mark and any(each.mark.fullmatch(name) for name in names))
    return next(marked, OFFICIAL)


def format_of_class(module: Any) -> Format | None:
    """The format whose models are of this module, as `arch.name` says it before the @."""
    return next((each for each in FORMATS if each.module and each.module.fullmatch(str(module))), None)
