"""Build the site from the bundled models, recorded runs and the player: `python -m app.site.build --out FOLDER`.

Any static host can serve the result.
"""

import argparse
import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Any

from app.editor import SCRIPT as EDITOR_SCRIPT
from app.editor import STYLE as EDITOR_STYLE
from app.editor.description import describe_task
from app.screens.lecture.contents import Lecture
from app.screens.lecture.language import DEFAULT
from app.screens.lecture.offline import offline_page
from app.screens.solve import PAPERS
from app.site.address import MODELS
from app.site.findings import finding_files, findings_content
from trm import __version__, registry
from trm.checkpoint import load_model
from trm.data.presets import load_presets, parsed_presets
from trm.errors import UserError
from trm.export.page import to_json
from trm.export.payload import payload
from trm.files import make_folder
from trm.player.bundle import bundle, player_css, player_js
from trm.tasks import task_of
from trm.trace import load_trace
from trm.web import FOLDER as WEB
from trm.web.files import web_files
from trm.web.runtime import FILES as RUNTIME
from trm.web.runtime import fetch_runtime, runtime_folder

HERE = Path(__file__).parent
WORKER = "offline.js"  # the service worker
RECORDED = (*MODELS, "sudoku-trm-large", "maze30-trm")  # models whose recorded runs the gallery shows
PAGES = {
    "index": "Solve", "compare": "Compare", "gallery": "Gallery", "findings": "Findings", "lecture": "Lecture"
}  # fmt: skip
SCRIPTS = {
    "index": ("player.js", "page.js", "keep.js", "theme.js"),
    "compare": ("player.js", "page.js", "keep.js", "theme.js"),
    "gallery": ("player.js", "keep.js", "theme.js"),
}
"""Scripts that a page loads at once."""
DATA = {
    "index": ("site.json", "runs/sudoku-trm/easy.json"),
    "compare": ("site.json", "runs/maze-hrm/winding.json", "runs/maze-trm/winding.json"),
}
"""Data that a page asks for when it opens without a choice."""
POLICY = (
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "worker-src 'self'; base-uri 'none'; form-action 'none'"
)
"""Content security policy: everything comes from the site itself."""


def site_files(runtime: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the path and content of every file of the site."""
    yield from ((f"runtime/{name}", (runtime / name).read_bytes()) for name in RUNTIME)
    models = {}
    for name in MODELS:
        model = load_model(name)
        files = web_files(model)
        yield from ((f"models/{name}/{file}", content) for file, content in files.items())
        task = task_of(model.config)
        models[name] = json.loads(files["model.json"])["facts"] | {
            "blank": task.writable[0],
            "editor": describe_task(task),
            "runs": [],
        }
    gallery = []
    for name in RECORDED:
        for key, title, sentence, data in recorded_runs(name):
            yield f"runs/{name}/{key}.json", to_json(data).encode()
            gallery.append((name, key, title, sentence))
            if name in models:
                models[name]["runs"].append(key)
    presets = {
        task: [
            vars(preset)
            for preset in load_presets(task)
            if any(preset.key in facts["runs"] for facts in models.values())
        ]
        for task in ("sudoku", "maze")
    }
    site = {"models": models, "presets": presets, "guide": {"lecture": "lecture.html", "papers": PAPERS}}
    yield "site.json", to_json(site).encode()
    yield "player.js", player_js().encode()
    yield "editor.js", bundle(EDITOR_SCRIPT).encode()
    yield "page.js", bundle(HERE / "src" / "page.js").encode()
    yield "worker.js", (bundle(WEB / "worker.js") + "mount(self);\n").encode()
    for script in ("start.js", "gallery.js", "text.js", "theme.js", "keep.js"):
        yield script, (HERE / "src" / script).read_bytes()
    yield "site.css", player_css(EDITOR_STYLE, HERE / "site.css").encode()
    yield "lecture.html", offline_page(Lecture(), DEFAULT).encode()
    yield "index.html", page("index", run_page("sudoku-trm")).encode()
    yield "compare.html", page("compare", run_page("maze-hrm", "maze-trm")).encode()
    yield "gallery.html", page("gallery", gallery_page(gallery)).encode()
    yield from finding_files(MODELS)
    yield "findings.html", page("findings", findings_page()).encode()
    yield ".nojekyll", b""  # GitHub Pages serves the files as they are


def recorded_runs(name: str) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """Yield (key, title, sentence, payload) of each recorded run of a bundled model."""
    task = task_of(registry.model_config(name))
    presets = {preset.key: preset for preset, _ in parsed_presets(task)}
    for path in registry.trace_paths(name):
        preset = presets[path.stem.partition("-")[2]]
        yield preset.key, preset.title, preset.sentence, payload(load_trace(path), task)


def run_page(*models: str) -> str:
    """Return the content of a page that runs models."""
    return f"""<div id="controls"></div>
<div id="editor"></div>
<div id="player"><noscript>This page needs JavaScript, which is disabled in this browser.</noscript></div>
<script type="module" src="start.js" data-models="{" ".join(models)}"></script>"""


def gallery_page(runs: Sequence[tuple[str, str, str, str]]) -> str:
    """Return the content of the gallery: a link to each recorded run."""
    sections = []
    for model in dict.fromkeys(model for model, *_ in runs):
        items = "\n".join(
            f'<li><a href="gallery.html?model={model}&amp;run={key}">{escape(title)}</a> {escape(sentence)}</li>'
            for name, key, title, sentence in runs
            if name == model
        )
        sections.append(f"<section><h2>{escape(model)}</h2>\n<ul>\n{items}\n</ul></section>")
    return f"""<div id="player"></div>
<div id="runs">{"".join(sections)}</div>
<script type="module" src="gallery.js"></script>"""


def findings_page() -> str:
    """Return the content of the page of findings."""
    return f"""<div id="findings">{findings_content(MODELS)}</div>
<script type="module" src="text.js"></script>"""


def page(name: str, content: str) -> str:
    """Return the HTML of a page with the site's navigation."""
    links = "\n".join(
        f'<a href="{file}.html"{" aria-current=page" if file == name else ""}>{title}</a>'
        for file, title in PAGES.items()
    )
    preloads = "\n".join(
        [
            *(f'<link rel="modulepreload" href="{script}">' for script in SCRIPTS.get(name, ())),
            *(f'<link rel="preload" as="fetch" crossorigin href="{data}">' for data in DATA.get(name, ())),
        ]
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="Recursion Lens {__version__}">
<link rel="icon" href="data:,">
<link rel="stylesheet" href="site.css">
{preloads}
<title>{PAGES[name]} · Recursion Lens</title>
</head>
<body>
<header>
<a class="name" href="index.html">Recursion Lens</a>
<nav aria-label="Pages">{links}</nav>
<p id="status" role="status" data-testid="status"></p>
<button id="theme" type="button">Dark</button>
</header>
<main>
<h1 class="hidden">{PAGES[name]}</h1>
{content}
</main>
</body>
</html>
"""


def build(out: Path, runtime: Path) -> int:
    """Write the site into the folder `out`, which is replaced. Returns its size in bytes.

    The folder `runtime` holds ONNX Runtime Web; if it is missing, it is fetched. Raises UserError if that fails, or if
    `out` holds other things than a site.
    """
    if out.exists() and any(out.iterdir()) and not (out / WORKER).is_file():
        raise UserError(f"{out} holds other things than a site. Choose another folder.")
    fetch_runtime(runtime)
    files = dict(site_files(runtime))
    version = hashlib.sha256(b"".join(files.values())).hexdigest()[:16]
    names = [name for name in files if not name.startswith(".")]
    worker = (HERE / "src" / WORKER).read_text("utf-8")
    files[WORKER] = f"const [VERSION, FILES] = {json.dumps([version, names])};\n{worker}".encode()
    if out.exists():
        shutil.rmtree(out)
    for name, content in files.items():
        make_folder((out / name).parent)
        (out / name).write_bytes(content)
    return sum(map(len, files.values()))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return the exit code: 2 after a user error, with one line on stderr."""
    parser = argparse.ArgumentParser(prog="python -m app.site.build", description="Build the static site.")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FOLDER", help="folder to write, which is replaced"
    )
    parser.add_argument(
        "--runtime",
        type=Path,
        default=runtime_folder(),
        metavar="FOLDER",
        help="folder of ONNX Runtime Web (default: in this Python environment); fetched if missing",
    )
    options = parser.parse_args(arguments)
    try:
        size = build(options.out, options.runtime)
    except UserError as error:
        parser.exit(2, f"{error}\n")
    print(
        f"{options.out}: {size / 1e6:.1f} MB. Serve it with `python -m http.server --directory {options.out}`."
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
