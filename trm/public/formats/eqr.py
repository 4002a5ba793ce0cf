"""EqR (github.com/locuslab/EqR): `step_<N>_<run>.pth`, with settings in the file or in the parent folder.

Tensors have the same names as in TRM. There is no prefix. The file has no initial states, because EqR draws them at
random.
"""

import re

from trm.public.description import Description
from trm.public.formats.base import OFFICIAL, PUBLIC_CODE, Fields, Format, Settings
from trm.public.shapes import Shapes

# setting -> field of ModelConfig, and the default in EqR's config/arch/eqr.yaml
OWN = {
    "lambda_": ("damping", 0.95),
    "noise_scale": ("noise", 0.01),
    "H_init_std": ("y_deviation", 1.0),
    "L_init_std": ("z_deviation", 1.0),
}


def fields(shapes: Shapes, notes: Description) -> Fields:
    """Damping, noise, and standard deviations of the initial states. Defaults for missing values count as assumed."""
    own: Fields = {"prefix_length": (0, PUBLIC_CODE)}
    for setting, (field, default) in OWN.items():
        value = notes.arch.get(setting)
        own[field] = (default, "assumed: EqR default") if value is None else (value, notes.file)
    return own


def square(settings: Settings) -> Settings:
    """Remove the sides of the board, which matter only for 2-D rotary positions.

    With 2-D positions, the sides of a non-square board remain, so that they are reported as not understood.
    """
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
