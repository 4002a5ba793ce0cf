"""Build an offline page: one HTML file that contains the app's player and a run, and needs no network.

Names of models and puzzles are untrusted. They are escaped in the HTML, and in the JSON the characters < and > are
escaped, so that no name can close the script element.
"""

import base64
import gzip
import json
import re
from collections.abc import Mapping
from html import escape
from typing import Any

from trm import __version__
from trm.coordinates import Coordinates
from trm.errors import UserError
from trm.export.payload import pair_payload, payload
from trm.export.run import ExportedRun
from trm.player.bundle import bundle, player_css, player_js
from trm.results import as_json
from trm.web import FOLDER as WEB

KEYS = (
    ("<kbd>→</kbd> <kbd>←</kbd>", "one f_H call"),
    ("<kbd>shift</kbd> with these", "one supervision step"),
    ("<kbd>↓</kbd> <kbd>↑</kbd>", "one call"),
    ("<kbd>space</kbd>", "play"),
    ("<kbd>1</kbd> to <kbd>6</kbd>", "views"),
    ("<kbd>w</kbd> <kbd>a</kbd> <kbd>s</kbd> <kbd>d</kbd>", "select a cell"),
    ("<kbd>?</kbd>", "all shortcuts"),
)

SIDES = ("Left", "Right")

POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'"
"""Content security policy: only the scripts in the page run, and no files are loaded."""

MODEL_POLICY = POLICY.replace("'unsafe-inline';", "'unsafe-inline' 'wasm-unsafe-eval' blob:;", 1)
"""The policy of a page that also holds a model: its WebAssembly, and a script that the page itself makes, run too."""

WITHOUT_SCRIPT = "<noscript>This page needs JavaScript, which is disabled in this browser.</noscript>"

STYLE = """
:root { color-scheme: light dark; --page: light-dark(#fcfcfa, #10151b); --text: light-dark(#18222d, #e6ebf0); --quiet: light-dark(#5c6670, #a3adb8); --rule: light-dark(#d5dadd, #323d49); }
:root[data-theme="light"], :root[data-theme="light"] .player { color-scheme: light; }
:root[data-theme="dark"], :root[data-theme="dark"] .player { color-scheme: dark; }
html { font-size: max(100%, min(1.48vh, 0.833vw)); }
body { margin: 0; padding: 0.875rem 1.25rem 1.1rem; background: var(--page); color: var(--text); font: 400 0.9375rem/1.35 "Source Sans 3", "Segoe UI", system-ui, sans-serif; }
header { display: flex; gap: 1rem; align-items: flex-start; justify-content: space-between; margin-bottom: 10px; }
header > div { min-width: 0; }
h1 { margin: 0; font-size: 1.35rem; line-height: 1.2; font-weight: 600; overflow-wrap: anywhere; }
header p, footer { margin: 0; color: var(--quiet); font-size: 0.85rem; overflow-wrap: anywhere; }
header .note { margin-top: 4px; color: var(--text); }
#theme { flex: none; min-height: 2.3rem; padding: 0 0.9rem; font: inherit; color: inherit; background: none; border: 1px solid var(--rule); border-radius: 8px; cursor: pointer; }
#theme:hover, #theme:focus-visible { border-color: var(--text); }
.another { display: flex; flex-wrap: wrap; gap: 0.5rem; align-items: center; margin-bottom: 10px; }
.another input, .another button { min-height: 2.3rem; padding: 0 0.7rem; font: inherit; color: inherit; background: none; border: 1px solid var(--rule); border-radius: 8px; }
.another input { flex: 0 1 34rem; min-width: 8rem; }
footer { display: flex; flex-wrap: wrap; gap: 0.3rem 1.1rem; margin-top: 12px; }
footer > span { white-space: nowrap; }
kbd { font: inherit; padding: 0 0.35em; border: 1px solid var(--rule); border-radius: 4px; color: var(--text); }
@media print, (hover: none) { footer { display: none; } }
@media print { #theme { display: none; } }
"""

# The page wraps this script in a block, so that its names do not collide with names in the player.
START = """
let data = JSON.parse(document.getElementById("run").textContent);
data.start = viewOfAddress() ?? data.start; // a link of the player
const page = document.documentElement;
const button = document.getElementById("theme");
const show = () => mount({ data, parentElement: document.getElementById("player"), setStateValue: () => {} });
const isDark = () => (page.dataset.theme ? page.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches);
const labelButton = () => { button.textContent = isDark() ? "Light" : "Dark"; };
button.addEventListener("click", () => {
  page.dataset.theme = isDark() ? "light" : "dark";
  labelButton();
  show(); // the player draws in the colours of the page
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", labelButton);
let onScreen; // the theme on screen: a print is always light
addEventListener("beforeprint", () => {
  onScreen = page.dataset.theme;
  page.dataset.theme = "light";
  show();
});
addEventListener("afterprint", () => {
  if (onScreen) page.dataset.theme = onScreen;
  else delete page.dataset.theme;
  show();
});
addEventListener("recursion-lens-run", ({ detail }) => {
  data = detail; // a run of the model that the page holds
  show();
});
labelButton();
show();
"""

START_MODEL = """
mount({
  parent: document.getElementById("another"),
  read: embedded,
  show: (detail) => dispatchEvent(new CustomEvent("recursion-lens-run", { detail })),
});
"""


def page(
    run: ExportedRun,
    *,
    start: Coordinates | None = None,
    mode: str = "answer",
    compare_with: ExportedRun | None = None,
    model_files: Mapping[str, bytes] | None = None,
) -> str:
    """Return the HTML of the page. It opens at the call `start` (None: the first answer) in the view `mode`.

    With `compare_with`, the page has two synchronised players, and `run` is on the right. With `model_files`, the files
    of a model and of its runtime by name, the page runs other puzzles. Raises `UserError` if a run contains NaN or
    infinite values.
    """
    runs = [run] if compare_with is None else [compare_with, run]
    title = escape(" vs. ".join(each.title for each in reversed(runs)))
    provenance = "<br>".join(escape(each.provenance) for each in runs)
    notes = dict.fromkeys(each.note for each in runs if each.note)
    note = "".join(f'<p class="note" dir="auto">{escape(text)}</p>' for text in notes)
    keys = "\n".join(f"<span>{names} {meaning}</span>" for names, meaning in KEYS)
    body = f"""<header>
<div><h1 dir="auto">{title}</h1>
<p dir="auto" data-testid="provenance">{provenance}</p>{note}</div>
<button id="theme" type="button" title="Switch between light and dark">Dark</button>
</header>
{'<div id="another"></div>' if model_files else ""}
<main id="player">{WITHOUT_SCRIPT}</main>
<footer>{keys}</footer>
<script type="application/json" id="run">{_data(runs, start, mode)}</script>
{_model_scripts(model_files) if model_files else ""}"""
    return document(
        title,
        body,
        style=player_css(),
        own_style=STYLE,
        script=player_js(),
        start=START,
        policy=MODEL_POLICY if model_files else POLICY,
    )


def _model_scripts(files: Mapping[str, bytes]) -> str:
    """The model as compressed files, and the script that runs it."""
    held = "\n".join(
        f'<script type="text/plain" id="file-{name}">{base64.b64encode(gzip.compress(content, mtime=0)).decode()}</script>'
        for name, content in files.items()
    )
    script = bundle(WEB / "embedded.js", exports=("mount", "embedded"))
    return f'{held}\n<script type="module">\n{escape_end_tags("script", script)}{START_MODEL}</script>'


def document(
    title: str,
    body: str,
    *,
    style: str,
    own_style: str,
    script: str,
    start: str,
    language: str = "en",
    policy: str = POLICY,
) -> str:
    """Return the HTML of a page that needs no network. `title` and `body` are HTML; `own_style` follows `style`.

    `script` is an ES module that defines `mount`. `start` is code in a separate block that calls `mount`.
    """
    return f"""<!doctype html>
<html lang="{escape(language)}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="Recursion Lens {__version__}">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>
{escape_end_tags("style", style)}
{own_style.strip()}
</style>
</head>
<body>
{body}
<script type="module">
{escape_end_tags("script", script)}
{{
{start.strip()}
}}
</script>
</body>
</html>
"""


def _data(runs: list[ExportedRun], start: Coordinates | None, mode: str) -> str:
    """The payload of one or two players as JSON."""
    view: dict[str, Any] | None = None
    if start is not None or mode != "answer":
        at = start or runs[-1].first_answer
        view = {"supervision_step": at.supervision_step, "cycle": at.cycle, "call": at.call}
        if mode != "answer":
            view["mode"] = mode
    players = [
        payload(run.trace, run.task)
        | {"label": ""}  # shown in the page header
        | ({"map": as_json(run.state_map)} if run.state_map else {})
        for run in runs
    ]
    if len(runs) == 1:
        data = players[0] | {"start": view}
    else:
        data = pair_payload(players, names=SIDES, titles=[_full_title(run) for run in runs], start=view)
    return to_json(data)


def _full_title(run: ExportedRun) -> str:
    """The title of a run with its recursion depth (n, T and supervision steps)."""
    depth = run.trace.depth
    return f"{run.title}, n = {depth.n}, T = {depth.T}, {depth.N_sup} steps"


def to_json(data: Any) -> str:
    """Convert data to JSON in which < and > are escaped, so that the JSON cannot open or close an HTML element.

    Raises `UserError` for NaN or infinite values.
    """
    try:
        text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    except ValueError:
        raise UserError(
            "This run contains NaN or infinite values, which a page cannot show. "
            "Export --csv or --npz to see where they start."
        ) from None
    return text.replace("<", "\\u003c").replace(">", "\\u003e")


def escape_end_tags(element: str, text: str) -> str:
    """Escape end tags and comments in the text of a script or style, so that the text cannot close its element."""
    return re.sub(
        rf"<(?=/{element}|!--)", r"\\x3c" if element == "script" else r"\\3c ", text, flags=re.IGNORECASE
    )
