"""Bundle the player's JavaScript into one module, for Streamlit components and for the offline page.

Each module becomes a function that is called once, in the order of imports, and returns its exports, so that its other
names stay private. Modules may import names (`import { make } from "./view/dom.js";`) and export declarations
(`export const`, `export function`, `export class`); any other form is a syntax error in the bundle. Documentation
comments are left out.

This module needs only the standard library.
"""

import json
import re
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

FOLDER = Path(__file__).parent

IMPORT = re.compile(r'^import (\{[^}]*\}) from "(\.[^"]+)";$', re.MULTILINE)
EXPORT = re.compile(
    r"^export (?:default )?(?=(?:async )?(?:function\*?|class|const) ([\w$]+|\[[^\]]+\]))", re.MULTILINE
)
DOCSTRING = re.compile(r"^[ \t]*/\*\*.*?\*/\n", re.MULTILINE | re.DOTALL)


@cache
def bundle(entry: Path, exports: tuple[str, ...] = ("mount",)) -> str:
    """Bundle the module `entry` and all its imports.

    The bundle defines the `exports` of `entry`, and its default export is the first of them.

    Raises FileNotFoundError if an imported file does not exist, and graphlib.CycleError for circular imports.
    """
    sources: dict[Path, str] = {}
    imports: dict[Path, list[Path]] = {}
    waiting = [entry.resolve()]
    while waiting:
        path = waiting.pop()
        if path not in sources:
            sources[path] = DOCSTRING.sub("", path.read_text("utf-8"))
            imports[path] = [_imported(path, name) for _, name in IMPORT.findall(sources[path])]
            waiting += imports[path]
    order = list(TopologicalSorter(imports).static_order())
    functions = [
        _function(number, sources[path], [order.index(each) for each in imports[path]])
        for number, path in enumerate(order)
    ]
    names = f"const {{ {', '.join(exports)} }} = module_{len(order) - 1};"
    return "\n".join([*functions, f"{names}\nexport default {exports[0]};\n"])


def _imported(by: Path, name: str) -> Path:
    """Return the file that a module imports as `name`. The player is in this folder, even where app/ is not beside trm/."""
    _, is_player, rest = name.partition("../trm/player/")
    return (FOLDER / rest if is_player else by.parent / name).resolve()


def _function(number: int, source: str, imports: list[int]) -> str:
    """Convert one module to a function. `imports` are the numbers of the modules that it imports, in order."""
    indices = iter(imports)
    text = IMPORT.sub(lambda match: f"const {match[1]} = module_{next(indices)};", source)
    exported = ", ".join(names.strip("[]") for names in EXPORT.findall(text))
    return f"const module_{number} = (() => {{\n{EXPORT.sub('', text)}return {{ {exported} }};\n}})();\n"


def player_js() -> str:
    """Bundle the player into one module, with `mount` as the default export; it also defines `viewOfAddress`."""
    return bundle(FOLDER / "mount.js", exports=("mount", "viewOfAddress"))


def player_css(*more: Path) -> str:
    """Join the player's style sheets and the style sheets `more`, in this order."""
    sheets = (*(FOLDER / f"{name}.css" for name in ("player", "guide/guide", "map/map", "pair")), *more)
    return "\n".join(sheet.read_text("utf-8") for sheet in sheets)


def english_texts() -> dict[str, str]:
    """The player's English texts, by name. Translations use the same names."""
    table = (FOLDER / "text" / "english.js").read_text("utf-8").partition("ENGLISH = ")[2]
    return json.loads(table.rstrip().removesuffix(";"))
