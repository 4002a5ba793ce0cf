"""EqR (github.com/locuslab/EqR): `step_<N>_<run>.pth` with its settings in the file, or `all_config.yaml` a folder up.

The names are TRM's, without the states that a run starts from: these are drawn. There is no prefix.
"""

import re

from trm.public.description import Description
from trm.public.formats.base import OFFICIAL, PUBLIC_CODE, Fields, Format, Settings
from trm.public.shapes import Shapes

# setting -> field of ModelConfig, and what config/arch/eqr.yaml has
OWN = {
    "lambda_": ("damping", 0.95),
    "noise_scale": ("noise", 0.01),
    "H_init_std": ("y_deviation", 1.0),
    "L_init_std": ("z_deviation", 1.0),
}


def fields(shapes: Shapes, notes: Description) -> Fields:
    """How it is damped and what it starts from. Its defaults count as assumed where the file does not say."""
    found: Fields = {"prefix_length": (0, PUBLIC_CODE)}
    for setting, (field, usual) in OWN.items():
        told = notes.arch.get(setting)
        found[field] = (usual, "assumed: EqR default") if told is None else (told, notes.file)
    return found


def square(settings: Settings) -> Settings:
    """Sides of the board matter to 2-D rotary positions alone; what is not square stays, to be named as not understood."""
    sides = settings.get("board_height"), settings.get("board_width")
    if settings.get("pos_encodings") != "axial" or sides[0] == sides[1]:
        return {key: value for key, value in settings.items() if key not in ("board_height", "board_width")}
    return settings


class _EqR(Format):
    def official(self, settings: Settings) -> Settings:
        return square(super().official(settings))


FORMAT = _EqR(
    "EqR",
    "locuslab/EqR",
    "`step_<N>_<run>.pth`",
    "the file, or `all_config.yaml` in the parent folder; cells also from the states of the last batch",
    "lambda_ 0.95, initial states with a standard deviation of 1, cells of the task",
    OFFICIAL.names,
    kind="eqr",
    module=re.compile(r"eqr"),
    values={"pos_encodings": lambda value: "axial" if value == "rope2d" else value},
    types=dict.fromkeys(OWN, float),
    harmless=frozenset({"short_name"}),
    fields=fields,
)
