"""The whole lecture as one HTML file that works offline, and as a printed handout.

    python -m app.screens.lecture.offline --out lecture.html [--lang ru] [--pdf lecture.pdf]

The file contains all languages and all runs. Printing it from any browser gives a handout with one page per scene.
--pdf prints it on this machine and needs Chromium or Chrome.
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

from app.screens.lecture import SCRIPT
from app.screens.lecture import STYLE as LECTURE_STYLE
from app.screens.lecture.contents import Lecture, code
from app.screens.lecture.language import DEFAULT, languages
from app.screens.lecture.scenes import LectureError, Scene
from trm.errors import UserError
from trm.export.page import WITHOUT_SCRIPT, document, to_json
from trm.export.pictures.palette import Appearance
from trm.export.pictures.picture import grid_svg
from trm.export.run import ExportedRun
from trm.files import atomic_file
from trm.player.bundle import bundle, player_css

BROWSERS = ("chromium", "chromium-headless-shell", "chromium-browser", "google-chrome")
PRINT_TIMEOUT = 120  # seconds

PAGE_STYLE = """
:root { color-scheme: light dark; }
html { font-size: max(100%, min(1.48vh, 0.833vw)); }
body { margin: 0; padding: 0.75rem 1.25rem 0; background: light-dark(#fcfcfa, #10151b); }
"""

# The page puts this script in a block, so its names do not clash with those of the lecture's script.
START_SCRIPT = """
const data = JSON.parse(document.getElementById("lecture").textContent);
const query = new URLSearchParams(location.search);
const [step, cycle, call] = (query.get("at") ?? "").split(".").map(Number);
if (step && cycle && call) data.start = { supervision_step: step, cycle, call, mode: query.get("mode") ?? "answer" };
data.scene = query.get("scene") ?? data.scene;
if (query.get("lang") in data.texts) data.language = query.get("lang");
document.documentElement.lang = data.language;
data.present = query.get("present") === "true";
data.printing = query.get("print") === "true";
const remember = (name, { scene, language }) => {
  document.documentElement.lang = language;
  try {
    history.replaceState(null, "", `?${new URLSearchParams({ scene, lang: language })}`);
  } catch {
    // some browsers do not let a file change its address
  }
};
mount({ data, parentElement: document.getElementById("place"), setTriggerValue: remember });
"""


def offline_page(lecture: Lecture, language: str) -> str:
    """Return the HTML page, which opens in `language`. Raises LectureError if the language does not exist."""
    data = contents(lecture, language)
    title = escape(data["texts"][language]["scenes"][data["scene"]]["title"])
    body = f"""<div id="place">{WITHOUT_SCRIPT}</div>
<script type="application/json" id="lecture">{to_json(data)}</script>"""
    return document(
        f"Recursion Lens: {title}",
        body,
        style=player_css(LECTURE_STYLE),
        own_style=PAGE_STYLE,
        script=bundle(SCRIPT),
        start=START_SCRIPT,
        language=language,
    )


def contents(lecture: Lecture, language: str) -> dict[str, Any]:
    """Return the data of the lecture's script, with all languages and all runs."""
    texts = {code: lecture.texts(code) for code in languages()}
    if language not in texts:
        raise LectureError(f"The lecture has no language {language!r}. Available: {', '.join(texts)}.")
    scenes = [scene.id for scene in lecture.scenes]
    return {
        "turn": 0,
        "scene": scenes[0],
        "language": language,
        "languages": lecture.languages,
        "texts": texts,
        "outline": lecture.outline,
        "code": code(),
        "runs": lecture.payloads(scenes),
        "pictures": {scene.id: _picture(lecture, scene) for scene in lecture.scenes},
        "standalone": True,
    }


def _picture(lecture: Lecture, scene: Scene) -> str:
    """Return the grid at the start of a scene as an image data URL."""
    run = lecture.scene_runs[scene.id][-1]
    svg = grid_svg(
        ExportedRun.of(run.trace, run.task), lecture.start_of(scene), appearance=Appearance(scene.mode)
    )
    return f"data:image/svg+xml,{quote(svg)}"


def save_pdf(page: Path, out: Path, language: str) -> None:
    """Print the handout of a saved page to `out`. Raises UserError if no browser is found or printing fails."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise UserError(
            f"--pdf needs Chromium or Chrome; none was found ({', '.join(BROWSERS)}). Open the HTML file in any browser and "
            "print it from there."
        )
    address = f"{page.resolve().as_uri()}?print=true&lang={language}"
    with atomic_file(out) as temporary, TemporaryDirectory() as profile:
        command = [browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}"]
        command += [
            "--no-pdf-header-footer",
            "--virtual-time-budget=5000",
            f"--print-to-pdf={temporary}",
            address,
        ]
        try:
            process = subprocess.run(command, capture_output=True, text=True, timeout=PRINT_TIMEOUT)
        except subprocess.TimeoutExpired:
            raise UserError(
                f"{browser} did not print within {PRINT_TIMEOUT} s. Open the HTML file and print it from there."
            ) from None
        if process.returncode or not temporary.is_file() or not temporary.stat().st_size:
            reason = (process.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise UserError(f"{browser} did not print: {reason}. Open the HTML file and print it from there.")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return the exit code. After a user error, the code is 2 and stderr has one line."""
    parser = argparse.ArgumentParser(
        prog="python -m app.screens.lecture.offline", description="Save the lecture as one HTML file."
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the HTML file to write")
    parser.add_argument(
        "--lang", default=DEFAULT, help="the language in which the file opens (it contains all languages)"
    )
    parser.add_argument("--pdf", type=Path, metavar="FILE", help="also print the handout, one page per scene")
    options = parser.parse_args(arguments)
    try:
        page = offline_page(Lecture(), options.lang)
        with atomic_file(options.out) as temporary:
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
