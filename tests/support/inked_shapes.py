"""Shapes and texts that were collected to be drawn, in units of the picture."""

from trm.export.pictures.ink import Ink

Box = tuple[float, ...]


def boxes(ink: Ink, layer: int, colour: str) -> list[Box]:
    """Left, top, width and height of each shape of a layer and colour, in the order in which they were added."""
    found = []
    for points in ink.polygons.get((layer, colour), ()):
        across, down = zip(*points, strict=True)
        sides = (min(across), min(down), max(across) - min(across), max(down) - min(down))
        found.append(tuple(round(side, 2) for side in sides))
    return found


def written(ink: Ink, text: str) -> list[Box]:
    """Place (x and baseline) and size of each text that reads so."""
    return [
        tuple(round(each[key], 2) for key in ("x", "y", "size")) for each in ink.texts if each["text"] == text
    ]
