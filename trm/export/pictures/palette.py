"""The player's colours for light and dark pages. Colours that the player's CSS mixes in the browser are mixed here."""

from dataclasses import dataclass
from functools import cache, cached_property


@dataclass(frozen=True)
class Palette:
    """The colours of a theme, each as #rrggbb."""

    ink: str
    paper: str
    surface: str  # background of givens
    accent: str  # changes, and the path through a maze
    wrong: str
    wall: str
    goal: str
    on_goal: str  # letters on the goal

    def mix(self, tone: str, share: float, ground: str | None = None) -> str:
        """Mix a fraction (0 to 1) of a tone with the paper or another background."""
        return mixed(tone, ground or self.paper, round(share, 3))

    @cached_property
    def soft(self) -> str:
        """Secondary text."""
        return self.mix(self.ink, 0.68)

    @cached_property
    def faint(self) -> str:
        """Blank cells and dimmed symbols."""
        return self.mix(self.ink, 0.3)

    @cached_property
    def hatch(self) -> str:
        """The hatching of conflicts."""
        return self.mix(self.ink, 0.2)

    @cached_property
    def cell_line(self) -> str:
        """Thin lines between cells."""
        return self.mix(self.ink, 0.22)

    @cached_property
    def floor_line(self) -> str:
        """Lines between the floor cells of a maze."""
        return self.mix(self.ink, 0.09)

    @cached_property
    def grid_line(self) -> str:
        """Lines between colours."""
        return self.mix(self.ink, 0.42)

    @property
    def tones(self) -> tuple[str, ...]:
        """The colours of text and lines."""
        return self.paper, self.ink, self.soft, self.faint, self.accent, self.wrong, self.goal


@cache
def mixed(tone: str, ground: str, share: float) -> str:
    """Mix two colours channel by channel, as CSS does in sRGB."""
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
