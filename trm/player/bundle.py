"""The player's JavaScript as one text, for Streamlit's components and for the offline page, which each take one module.

Each module becomes a function that is called once and returns what the module exports, in the order of their imports, so
that the names inside it stay its own. Modules import names (`import { make } from "./view/dom.js";`) and export what they
declare (`export const`, `export function`, `export class`); anything else is a syntax error in the text.

Only the standard library is needed here.
"""

import json
import re
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

FOLDER = Path(__file__).parent

IMPORT = re.compile(r'^import (\{[^}]*\}) from "(\.[^"]+)";$', re.MULTILINE)
EXPORT = re.compile(
    r"^export (?:default )?(?=(?:async )?(?:function|class|const) ([\w$]+|\[[^\]]+\]))", re.MULTILINE
)


@cache
def bundle(entry: Path) -> str:
    """One module that exports as default, and calls `mount`, what the module `entry` exports as default.

    Raises FileNotFoundError for an import of a file that is not there, graphlib.CycleError for imports in a circle.
    """
    sources: dict[Path, str] = {}
    imports: dict[Path, list[Path]] = {}
    waiting = [entry.resolve()]
    while waiting:
        path = waiting.pop()
        if path not in sources:
            sources[path] = path.read_text("utf-8")
            imports[path] = [(path.parent / name).resolve() for _, name in IMPORT.findall(sources[path])]
            waiting += imports[path]
    order = list(TopologicalSorter(imports).static_order())
    functions = [
        _function(number, sources[path], [order.index(each) for each in imports[path]])
        for number, path in enumerate(order)
    ]
    return "\n".join([*functions, f"const {{ mount }} = module_{len(order) - 1};\nexport default mount;\n"])


def _function(number: int, source: str, imports: list[int]) -> str:
    """The module of a number; `imports` are those of the modules that it names, in that order."""
    indices = iter(imports)
    text = IMPORT.sub(lambda match: f"const {match[1]} = module_{next(indices)};", source)
    exported = ", ".join(names.strip("[]") for names in EXPORT.findall(text))
    return f"const module_{number} = (() => {{\n{EXPORT.sub('', text)}return {{ {exported} }};\n}})();\n"


def player_js() -> str:
    """The player as one module that exports its `mount` as default."""
    return bundle(FOLDER / "mount.js")


def player_css(*more: Path) -> str:
    """What the player looks like, alone and as one of two, followed by other style sheets."""
    sheets = (FOLDER / "player.css", FOLDER / "pair.css", *more)
    return "\n".join(sheet.read_text("utf-8") for sheet in sheets)


def english_texts() -> dict[str, str]:
    """What the player says, in English, by name: what a table of another language translates."""
    table = (FOLDER / "text" / "english.js").read_text("utf-8").partition("ENGLISH = ")[2]
    return json.loads(table.rstrip().removesuffix(";"))
