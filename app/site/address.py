"""Addresses of pages of the site, for links from the app. `site` is the address of its folder, which ends with "/".

`src/choice.js` reads a link to a run, and the start script of `app/screens/lecture/offline.py` one to a scene.
"""

import re
from urllib.parse import urlencode

MODELS = ("sudoku-trm", "sudoku-hrm", "maze-trm", "maze-hrm")
"""Models that run on the site, in the visitor's browser."""

WEB_ADDRESS = re.compile(
    r"(?P<host>https?://([\w.-]+|\[[\da-f:]+\])(:\d+)?)(?P<folder>(/[^/?#\s]+)*?)(/[^/?#\s]+\.html)?/?([?#]\S*)?",
    re.I,
)
"""Host, folder, and then perhaps a page and what follows it."""


def site_folder(text: str) -> str | None:
    """Return the address of the site's folder from that of the folder or of one of its pages; None for other text."""
    address = WEB_ADDRESS.fullmatch(text)
    return address and f"{address['host']}{address['folder']}/"


def run_address(site: str, model: str, puzzle: str) -> str:
    """Return the address at which one of MODELS runs a puzzle, in the one-line form of its task."""
    return f"{site}index.html?{urlencode({'model': model, 'puzzle': puzzle})}"


def lecture_address(site: str, scene: str, language: str) -> str:
    """Return the address of a scene of the lecture."""
    return f"{site}lecture.html?{urlencode({'scene': scene, 'lang': language})}"


def gallery_address(site: str) -> str:
    """Return the address of the recorded runs of all bundled models."""
    return f"{site}gallery.html"
