"""The whole lecture as one HTML file that asks nothing of any network, and as pages to print.

    python -m app.screens.lecture.offline --out lecture.html [--lang ru] [--pdf lecture.pdf]

The file holds every language and every run. Printed, it is a handout of one page a scene: from the browser's own menu, or
here by --pdf, for which Chromium or Chrome must be on this machine.
"""

import argparse
import shutil
import subprocess
import sys
from collections.abc import Sequence
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

from app.screens import lecture
from app.screens.lecture import language
from app.screens.lecture.contents import Lecture, code
from app.screens.lecture.scenes import LectureError, Scene
from trm.errors import UserError
from trm.export.page import WITHOUT_SCRIPT, document
from trm.export.pictures.grid import grid_svg
from trm.export.pictures.picture import Appearance
from trm.export.run import ExportedRun
from trm.files import written_whole
from trm.player.bundle import bundle, player_css

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PRINT_WITHIN = 120  # seconds

STYLE = """
:root { color-scheme: light dark; }
html { font-size: max(100%, min(1.48vh, 0.833vw)); }
body { margin: 0; padding: 0.75rem 1.25rem 0; background: light-dark(#fcfcfa, #10151b); }
"""

# In the page it stands in a block, so that its names are not those of the lecture's script.
START = """
const data = JSON.parse(document.getElementById("lecture").textContent);
const asked = new URLSearchParams(location.search);
const [step, cycle, call] = (asked.get("at") ?? "").split(".").map(Number);
if (step && cycle && call) data.start = { supervision_step: step, cycle, call, mode: asked.get("mode") ?? "answer" };
data.scene = asked.get("scene") ?? data.scene;
if (asked.get("lang") in data.texts) data.language = asked.get("lang");
document.documentElement.lang = data.language;
data.present = asked.get("present") === "true";
data.printing = asked.get("print") === "true";
const remember = (name, { scene, language }) => {
  document.documentElement.lang = language;
  try {
    history.replaceState(null, "", `?${new URLSearchParams({ scene, lang: language })}`);
  } catch {
    // a browser that lets files have no address of their own
  }
};
mount({ data, parentElement: document.getElementById("place"), setTriggerValue: remember });
"""


def offline(told: Lecture, spoken: str) -> str:
    """The whole page, UTF-8, opening in a language. Raises LectureError."""
    data = contents(told, spoken)
    title = escape(data["texts"][spoken]["scenes"][data["scene"]]["title"])
    body = f"""<div id="place">{WITHOUT_SCRIPT}</div>
<script type="application/json" id="lecture">{to_json(data)}</script>"""
    return document(
        f"Recursion Lens: {title}",
        body,
        style=player_css(lecture.STYLE),
        own_style=STYLE,
        script=bundle(lecture.SCRIPT),
        start=START,
        language=spoken,
    )


def contents(told: Lecture, spoken: str) -> dict[str, Any]:
    """All that the lecture's script is given: every language, every run."""
    texts = {code: told.texts(code) for code in language.languages()}
    if spoken not in texts:
        raise LectureError(f"The lecture is not there in {spoken!r}. Choose of: {', '.join(texts)}.")
    scenes = [scene.id for scene in told.scenes]
    return {
        "turn": 0,
        "scene": scenes[0],
        "language": spoken,
        "languages": told.languages,
        "texts": texts,
        "outline": told.outline,
        "code": code(),
        "runs": told.runs(scenes),
        "pictures": {scene.id: _picture(told, scene) for scene in told.scenes},
        "alone": True,
    }


def _picture(told: Lecture, scene: Scene) -> str:
    """The grid that a scene begins with, as the address of an image."""
    run = told.shown[scene.id][-1]
    drawn = grid_svg(
        ExportedRun.of(run.trace, run.task), told.place(scene), appearance=Appearance(scene.mode)
    )
    return f"data:image/svg+xml,{quote(drawn)}"


def save_pdf(page: Path, out: Path, spoken: str) -> None:
    """Print the handout of a saved page. Raises UserError where there is no browser that can, or where it fails."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise UserError(
            f"--pdf prints with Chromium or Chrome, and none is on this machine ({', '.join(BROWSERS)}). Open the HTML "
            "file in any browser and print it from there."
        )
    address = f"{page.resolve().as_uri()}?print=true&lang={spoken}"
    with written_whole(out) as temporary, TemporaryDirectory() as profile:
        command = [browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}"]
        command += [
            "--no-pdf-header-footer",
            "--virtual-time-budget=5000",
            f"--print-to-pdf={temporary}",
            address,
        ]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=PRINT_WITHIN)
        except subprocess.TimeoutExpired:
            raise UserError(
                f"{browser} did not print within {PRINT_WITHIN} s. Print the HTML file yourself."
            ) from None
        if done.returncode or not temporary.is_file() or not temporary.stat().st_size:
            said = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise UserError(f"{browser} did not print: {said}. Open the HTML file and print it from there.")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Returns its exit code: 2 with one line on stderr for a mistake."""
    parser = argparse.ArgumentParser(
        prog="python -m app.screens.lecture.offline", description="The lecture as one file."
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the HTML file to write")
    parser.add_argument("--lang", default=language.FIRST, help="the language it opens in; all are in it")
    parser.add_argument("--pdf", type=Path, metavar="FILE", help="also print the handout, one page a scene")
    options = parser.parse_args(arguments)
    try:
        page = offline(Lecture(), options.lang)
        with written_whole(options.out) as temporary:
            temporary.write_text(page, "utf-8")
        print(f"{options.out}: {options.out.stat().st_size / 1e6:.1f} MB", file=sys.stderr)
        if options.pdf:
            save_pdf(options.out, options.pdf, options.lang)
            print(f"{options.pdf}: {options.pdf.stat().st_size / 1e6:.1f} MB", file=sys.stderr)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
