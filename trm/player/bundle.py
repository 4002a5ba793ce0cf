"""The player's JavaScript as one text, for Streamlit's components and for the offline page, which each take one module.

The modules stay modules. The text holds their sources in the order of their imports, each cut into pieces where it names
another module; in the browser each becomes a Blob with an address, and these addresses join the pieces.

Only the standard library is needed here.
"""

import json
import re
from functools import cache
from graphlib import TopologicalSorter
from os.path import commonpath
from pathlib import Path

FOLDER = Path(__file__).parent

IMPORTED = re.compile(r'(?<=from "|port ")(\.\.?/[^"\n]+)(?=";$)', re.MULTILINE)

LOADER = """const modules = %s;
const addresses = [];
for (const pieces of modules) {
  const source = pieces.map((piece) => addresses[piece] ?? piece);
  addresses.push(URL.createObjectURL(new Blob(source, { type: "text/javascript" })));
}
const { default: mount } = await import(addresses.at(-1));
export default mount;
"""


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
            imports[path] = [(path.parent / name).resolve() for name in IMPORTED.findall(sources[path])]
            waiting += imports[path]
    order = list(TopologicalSorter(imports).static_order())
    top = commonpath([path.parent for path in order])
    modules = []
    for path in order:
        pieces: list[str | int] = [*IMPORTED.split(sources[path])]
        pieces[1::2] = [order.index(each) for each in imports[path]]
        name = path.relative_to(top).as_posix()
        modules.append([*pieces, f"\n//# sourceURL=recursion-lens/{name}\n"])
    return LOADER % json.dumps(modules, ensure_ascii=False, separators=(",", ":"))


def player_js() -> str:
    """The player as one module that exports its `mount` as default."""
    return bundle(FOLDER / "mount.js")


def player_css(*more: Path) -> str:
    """What the player looks like, alone and as one of two, followed by other style sheets."""
    sheets = (FOLDER / "player.css", FOLDER / "pair.css", *more)
    return "\n".join(sheet.read_text("utf-8") for sheet in sheets)


def player_words() -> dict[str, str]:
    """What the player says, in English, by name: what a table of another language translates."""
    table = (FOLDER / "text" / "english.js").read_text("utf-8").partition("ENGLISH = ")[2]
    return json.loads(table.rstrip().removesuffix(";"))
