"""EqR (github.com/locuslab/EqR): `step_<N>_<run>.pth` with its settings in the file, or `all_config.yaml` one folder up.

Tensors have TRM's names. There is no prefix, and there are no initial states, as these are drawn at random.
"""

import re

from trm.public.description import Description
from trm.public.formats.base import OFFICIAL, PUBLIC_CODE, Fields, Format, Settings
from trm.public.shapes import Shapes

# setting -> field of ModelConfig, and the default in config/arch/eqr.yaml
OWN = {
    "lambda_": ("damping", 0.95),
    "noise_scale": ("noise", 0.01),
    "H_init_std": ("y_deviation", 1.0),
    "L_init_std": ("z_deviation", 1.0),
}


def fields(shapes: Shapes, notes: Description) -> Fields:
    """Damping, noise, and deviations of the initial states. Defaults count as assumed if the file gives no value."""
    own: Fields = {"prefix_length": (0, PUBLIC_CODE)}
    for setting, (field, default) in OWN.items():
        value = notes.arch.get(setting)
        own[field] = (default, "assumed: EqR default") if value is None else (value, notes.file)
    return own


def square(settings: Settings) -> Settings:
    """Settings without the sides of the board, which matter only to 2-D rotary positions.

    For 2-D positions, the sides of a non-square board are left in, so that they are reported as not understood.
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
