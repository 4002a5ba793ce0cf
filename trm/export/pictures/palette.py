"""Define the player's colours for light and dark pages, and the colours of curves. Both are safe for colour-blind readers.

Mixed colours equal the mixtures in the player's CSS.
"""

from dataclasses import dataclass
from functools import cache, cached_property

from trm.errors import UserError
from trm.export.call_view import MODES


@dataclass(frozen=True)
class Palette:
    """The colours of a theme, each as #rrggbb."""

    ink: str
    paper: str
    surface: str  # background of givens
    accent: str  # changes and the path of a maze
    wrong: str
    wall: str
    goal: str
    on_goal: str  # letters on the goal

    def mix(self, tone: str, share: float, ground: str | None = None) -> str:
        """Mix a colour with the paper or another background. `share` is the fraction of `tone`, from 0 to 1."""
        return mixed(tone, ground or self.paper, round(share, 3))

    @cached_property
    def soft(self) -> str:
        """Colour of secondary text."""
        return self.mix(self.ink, 0.68)

    @cached_property
    def faint(self) -> str:
        """Colour of symbols in blank and dimmed cells."""
        return self.mix(self.ink, 0.3)

    @cached_property
    def hatch(self) -> str:
        """Colour of the hatching that marks conflicts."""
        return self.mix(self.ink, 0.2)

    @cached_property
    def cell_line(self) -> str:
        """Colour of thin lines between cells."""
        return self.mix(self.ink, 0.22)

    @cached_property
    def floor_line(self) -> str:
        """Colour of lines between the floor cells of a maze."""
        return self.mix(self.ink, 0.09)

    @cached_property
    def grid_line(self) -> str:
        """Colour of lines between the cells of a colour grid."""
        return self.mix(self.ink, 0.42)

    @property
    def tones(self) -> tuple[str, ...]:
        """Colours of the background, text, and lines."""
        return self.paper, self.ink, self.soft, self.faint, self.accent, self.wrong, self.goal


@cache
def mixed(tone: str, ground: str, share: float) -> str:
    """Mix two colours channel by channel, as in CSS with sRGB. `share` is the fraction of `tone`, from 0 to 1."""
    parts = (
        round(share * int(tone[at : at + 2], 16) + (1 - share) * int(ground[at : at + 2], 16))
        for at in (1, 3, 5)
    )
    return "#" + "".join(f"{part:02x}" for part in parts)


LIGHT = Palette(
    ink="#18222d",
    paper="#fcfcfa",
    surface="#f0f2f1",
    accent="#1a62b8",
    wrong="#c2410c",
    wall="#29313a",
    goal="#009f86",
    on_goal="#10151b",
)
DARK = Palette(
    ink="#e6ebf0",
    paper="#10151b",
    surface="#1a222b",
    accent="#6cb2f7",
    wrong="#ff9b66",
    wall="#48515b",
    goal="#64f3d7",
    on_goal="#10151b",
)
THEMES = {"light": LIGHT, "dark": DARK}

CURVES = {
    "solved": "#1a62b8",
    "unsolved": "#c2410c",
    "y": "#1a62b8",
    "z": "#b3589a",
    "trm": "#339950",
    "hrm": "#a3297a",
    "baseline": "#6b7785",
    "other": "#1b9e83",
}
"""Colours with a meaning, on light pages and on paper."""


@dataclass(frozen=True)
class Appearance:
    """The appearance of pictures: the view, the theme, and whether to mark stably correct cells.

    Raises `UserError` for an unknown view or theme.
    """

    mode: str = "answer"  # one of MODES
    marks: bool = False
    theme: str = "light"  # one of THEMES

    def __post_init__(self):
        for option, value, choices in (("view", self.mode, MODES), ("theme", self.theme, THEMES)):
            if value not in choices:
                raise UserError(f"Unknown {option} {value!r}. Choose one of: {', '.join(choices)}.")

    @property
    def palette(self) -> Palette:
        return THEMES[self.theme]
