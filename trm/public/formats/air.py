"""AIR (github.com/juchengshen/air): an official folder with one net, f_level. Where x is added stands only in `arch.name`."""

import re

from trm.public.description import Description
from trm.public.formats.base import ASSUMED, BLOCK, COMMON, TENSORS, Fields, Format
from trm.public.shapes import Shapes

MODULE = re.compile(r"(?:.*\.)?air_1net_(?P<injection>\w+)")


def fields(shapes: Shapes, notes: Description) -> Fields:
    """The injection that the name of the class says; its default where nothing does."""
    match = MODULE.fullmatch(notes.module)
    told = (match["injection"], notes.file) if match else ("Lx_H", f"{ASSUMED}AIR default")
    n, T = (2, f"{ASSUMED}AIR default"), (2, f"{ASSUMED}AIR default")
    found: Fields = {"injection": told}
    if "L_cycles" not in notes.arch:
        found["n"] = n
    if "H_cycles" not in notes.arch:
        found["T"] = T
    if shapes.puzzle_ids:
        found["prefix_length"] = (shapes.prefix_rows, TENSORS)
    return found


FORMAT = Format(
    "AIR",
    "juchengshen/air",
    "`step_<N>`",
    "`all_config.yaml`; the injection of x in `arch.name`",
    "without the yaml: Lx_H, n 2, T 2, heads, cells",
    re.compile(rf"{COMMON}|f_level\.layers\.\d{{1,9}}\.{BLOCK}|g_input\.weight"),
    kind="air",
    mark=re.compile(r"f_level\.layers\.\d{1,9}\..*"),
    module=MODULE,
    weights="as trained: AIR keeps no average",
    renamed={"f_level.": "L_level."},
    fields=fields,
)
