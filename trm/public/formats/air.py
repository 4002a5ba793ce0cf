"""AIR (github.com/juchengshen/air): the official tensor layout with a single net f_level.

Only `arch.name` says where x is added.
"""

import re

from trm.public.description import Description
from trm.public.formats.base import ASSUMED, BLOCK, COMMON, TENSORS, Fields, Format
from trm.public.shapes import Shapes

MODULE = re.compile(r"(?:.*\.)?air_1net_(?P<injection>\w+)")


def fields(shapes: Shapes, notes: Description) -> Fields:
    """The injection of x from the class name, and AIR's defaults for settings that are missing."""
    match = MODULE.fullmatch(notes.module)
    default = f"{ASSUMED}AIR default"
    own: Fields = {"injection": (match["injection"], notes.file) if match else ("Lx_H", default)}
    if "L_cycles" not in notes.arch:
        own["n"] = (2, default)
    if "H_cycles" not in notes.arch:
        own["T"] = (2, default)
    if shapes.puzzle_ids:
        own["prefix_length"] = (shapes.prefix_rows, TENSORS)
    return own


FORMAT = Format(
    "AIR",
    "juchengshen/air",
    "`step_<N>`",
    "`all_config.yaml`; the injection of x from `arch.name`",
    "without the yaml: Lx_H, n 2, T 2, heads, cells",
    re.compile(rf"{COMMON}|f_level\.layers\.\d{{1,9}}\.{BLOCK}|g_input\.weight"),
    kind="air",
    mark=re.compile(r"f_level\.layers\.\d{1,9}\..*"),
    module=MODULE,
    weights="as trained: AIR does not average weights",
    renamed={"f_level.": "L_level."},
    fields=fields,
)
