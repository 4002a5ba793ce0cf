"""The player's JavaScript as one text: its modules under `src/`, joined.

Streamlit's components and the offline page each take one module with an `export default function`. The modules are
joined in the order of their imports, without their import and export lines. That is only right for modules written in a
plain way, so whatever else is met is refused:

- imports stand at the top and name what they take: `import { make, write } from "./dom.js";`, from a module beside it
  or in a folder reached by `../`;
- what is exported is declared there: `export const`, `export function`, `export class`; only the way in, `mount.js`,
  has `export default function`;
- every other line that is not indented is a declaration, a comment or a closing bracket: a module does nothing by
  being imported;
- modules share one scope, so no two declare the same name at their top level.

Only the standard library is needed here.
"""

import json
import re
from functools import cache
from pathlib import Path

ENTRY = Path(__file__).parent / "mount.js"

IMPORT = re.compile(r'import \{([\w\s,$]+)\} from "(\.\.?/(?:(?:\.\.|[\w-]+)/)*[\w-]+\.js)";')
DECLARATION = re.compile(
    r"(?P<export>export )?(?P<default>default )?(?:async )?"
    r"(?:(?:function|class) (?P<name>[\w$]+)|(?:const|let) (?:(?P<variable>[\w$]+)|(?P<several>\[[\w\s,$]+\]|\{[\w\s,$]+\})) =)"
)
BLANK_OR_CLOSING = re.compile(r"\s*$|\s+\S|[)\]}]")


class NotJoinableError(ValueError):
    """A module is not written in the way that can be joined; the message says which, where and what."""


@cache
def player_js() -> str:
    """The player as one ES module that exports its `mount` as default. Read and joined once per process."""
    return joined(ENTRY)


def player_css() -> str:
    """What the player looks like, alone and as one of two."""
    return "\n".join((Path(__file__).parent / name).read_text("utf-8") for name in ("player.css", "pair.css"))


def player_words() -> dict[str, str]:
    """What the player says, in English, by name: what a table of another language translates."""
    table = (ENTRY.parent / "text" / "english.js").read_text("utf-8").partition("ENGLISH = ")[2]
    return json.loads(table.rstrip().removesuffix(";"))


def joined(entry: Path) -> str:
    """The text of a module after those that it imports. Raises NotJoinableError."""
    modules: dict[Path, _Module] = {}
    _collect(entry.resolve(), modules, ())
    owners: dict[str, Path] = {}
    for module in modules.values():
        for name in module.declared:
            if name in owners:
                raise NotJoinableError(
                    f'"{name}" is declared in {owners[name].name} and in {module.path.name}.'
                )
            owners[name] = module.path
    return "\n".join(module.text for module in modules.values())


class _Module:
    """One file: the names it declares and exports, what it imports, and its text without the lines that say so."""

    def __init__(self, path: Path, *, is_entry: bool):
        self.path = path
        self.imports: dict[Path, set[str]] = {}
        self.declared: list[str] = []
        self.exported: set[str] = set()
        try:
            lines = path.read_text("utf-8").splitlines()
        except FileNotFoundError:
            raise NotJoinableError(f"There is no module {path}.") from None
        kept, start = [], 0
        while start < len(lines):
            end = start + self._length(lines, start)
            kept.append(self._read("\n".join(lines[start:end]), start + 1, is_entry))
            start = end
        self.text = "\n".join(kept).strip("\n") + "\n"

    def _length(self, lines: list[str], start: int) -> int:
        """How many lines belong to one statement: an import up to its semicolon, a block comment up to its end."""
        ends = {"import": ";", "/*": "*/"}
        end = next((end for begin, end in ends.items() if lines[start].startswith(begin)), None)
        if end is None:
            return 1
        for count, line in enumerate(lines[start:], 1):
            if line.rstrip().endswith(end):
                return count
        raise self._misfit(start + 1, f"{lines[start]!r} does not end")

    def _read(self, statement: str, line: int, is_entry: bool) -> str:
        """Takes note of a statement. Returns what is left of it in the joined text."""
        if statement.startswith(("/*", "//")):
            return statement
        if re.search(r"\bimport\s*[(.]", statement):
            raise self._misfit(line, "a module is imported while it runs")
        if BLANK_OR_CLOSING.match(statement):
            return statement
        if statement.startswith("import"):
            self._read_import(statement, line)
            return ""
        declaration = DECLARATION.match(statement)
        if declaration is None or (declaration["default"] and not declaration["export"]):
            raise self._misfit(line, f"{statement!r} is neither a declaration nor an import of names")
        return self._read_declaration(declaration, statement, line, is_entry)

    def _read_import(self, statement: str, line: int) -> None:
        found = IMPORT.fullmatch(statement)
        if found is None:
            raise self._misfit(line, f"{statement!r} does not import names of a module beside it")
        if self.declared:
            raise self._misfit(line, "an import stands below a declaration")
        names = {name.strip() for name in found[1].split(",")} - {""}
        if not all(re.fullmatch(r"[\w$]+", name) for name in names):
            raise self._misfit(line, f"{statement!r} renames what it imports")
        self.imports.setdefault((self.path.parent / found[2]).resolve(), set()).update(names)

    def _read_declaration(self, found: re.Match, statement: str, line: int, is_entry: bool) -> str:
        names = (
            [found["name"] or found["variable"]]
            if not found["several"]
            else re.findall(r"[\w$]+", found["several"])
        )
        for name in names:
            if name in self.declared:
                raise self._misfit(line, f'"{name}" is declared twice')
        self.declared += names
        if found["default"] and not is_entry:
            raise self._misfit(line, "only the module that is joined for has a default export")
        if found["default"] or not found["export"]:
            return statement
        self.exported.update(names)
        return statement.removeprefix("export ")

    def _misfit(self, line: int, what: str) -> NotJoinableError:
        return NotJoinableError(f"{self.path.name}, line {line}: {what}.")


def _collect(path: Path, modules: dict[Path, _Module], importers: tuple[Path, ...]) -> None:
    """Add a module behind those that it imports."""
    if path in importers:
        circle = " -> ".join(each.name for each in (*importers[importers.index(path) :], path))
        raise NotJoinableError(f"Modules import each other in a circle: {circle}.")
    if path in modules:
        return
    module = _Module(path, is_entry=not importers)
    for other, names in module.imports.items():
        _collect(other, modules, (*importers, path))
        missing = sorted(names - modules[other].exported)
        if missing:
            raise NotJoinableError(f'{path.name} imports "{missing[0]}", which {other.name} does not export.')
    clash = sorted(set(module.declared) & set().union(*module.imports.values()))
    if clash:
        raise NotJoinableError(f'{path.name} declares "{clash[0]}", which it also imports.')
    modules[path] = module
