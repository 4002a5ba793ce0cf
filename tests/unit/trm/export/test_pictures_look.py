"""Pictures of made-up runs look as they did.

The pictures that are compared with are in `pictures/`, at half of their size. After a wanted change, write them again and
look at them: `PICTURES=write .venv/bin/pytest tests/unit/trm/export/test_pictures_look.py`.
"""

import os
from pathlib import Path

import numpy as np
import pytest
from drawn_runs import BEFORE, FIRST, SECOND, Drawn
from export_runs import RUNS, run_of
from PIL import Image

from trm.export.call_view import MODES

pytestmark = pytest.mark.heavy

FOLDER = Path(__file__).parent / "pictures"
DIFFERENT = 0.15  # change of a pixel's colour that is seen, 1 from black to white
SHARE = 0.0001  # of the pixels
CALLS = {"change": SECOND, "reverse": SECOND, "z": BEFORE}  # others: after the first answer


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", RUNS)
def test_a_picture_looks_as_it_did(name, mode):
    drawn = Drawn(run_of(name), CALLS.get(mode, FIRST), mode=mode, marks=True, theme=theme_of(mode))
    image = drawn.image.convert("RGB")
    seen, file = (
        image.resize((image.width // 2, image.height // 2), Image.Resampling.BOX),
        FOLDER / f"{name}-{mode}.png",
    )
    if os.environ.get("PICTURES") == "write":
        FOLDER.mkdir(exist_ok=True)
        seen.save(file, optimize=True)
    known = Image.open(file).convert("RGB")
    assert seen.size == known.size
    changed = np.abs(np.asarray(seen) / 255 - np.asarray(known) / 255).max(-1) > DIFFERENT
    assert changed.mean() <= SHARE, f"{changed.mean():.2%} of {file.name} looks different"


def theme_of(mode: str) -> str:
    return "dark" if MODES.index(mode) % 2 else "light"
