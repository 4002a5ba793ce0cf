"""The player's own tests, which run under Node, and the joining of its modules."""

import ast
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from trm.player.assembled import ENTRY, NotJoinableError, joined, player_js

ROOT = Path(__file__).resolve().parents[4]

needs_node = pytest.mark.skipif(
    shutil.which("node") is None, reason="Node is not installed; it runs tests/player/*.test.mjs"
)


@needs_node
def test_the_player_under_node():
    tests = sorted(map(str, (ROOT / "tests" / "player").glob("*.test.mjs")))
    result = subprocess.run(["node", "--test", *tests], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "# pass 0" not in result.stdout, "no test was found"


@needs_node
def test_the_joined_player_is_one_module_whose_default_is_mount(tmp_path):
    (tmp_path / "player.mjs").write_text(player_js(), "utf-8")
    says = "import('./player.mjs').then((all) => console.log(Object.keys(all), all.default.name))"
    result = subprocess.run(["node", "-e", says], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert result.stdout == "[ 'default' ] mount\n", result.stderr


@needs_node
def test_the_help_names_every_key_that_is_handled():
    """Those of the player's table, those that its modules ask for by name, and those of buttons that the page draws."""
    says = (
        "import('./trm/player/keys.js').then(({ KEYS }) =>"
        " console.log(JSON.stringify(KEYS.map(([shown, , keys]) => [shown, Object.keys(keys)]))))"
    )
    result = subprocess.run(["node", "-e", says], cwd=ROOT, capture_output=True, text=True, timeout=120)
    rows = json.loads(result.stdout)
    listed = {key for shown, keys in rows for key in (*keys, *shown.split())}
    scripts = "".join(path.read_text("utf-8") for path in ENTRY.parent.rglob("*.js"))
    by_name = set(re.findall(r'\bkey === "([^"]+)"', scripts))
    drawn = {
        keyword.value.value
        for path in (ROOT / "app").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg == "shortcut"
    }
    assert {"Escape"} <= by_name and {"e"} <= drawn
    assert by_name | drawn <= listed


def test_every_module_of_the_player_is_in_it():
    text = player_js()
    for path in ENTRY.parent.rglob("*.js"):
        module = path.read_text("utf-8")
        assert module[: module.index("*/")] in text, path.name
    assert text.count("\nexport ") == 1 and "\nimport " not in text


def test_it_is_joined_without_streamlit_once_per_process():
    asks = "import sys; from trm.player.assembled import player_js as js; assert js() is js(); print('streamlit' in sys.modules, 'numpy' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", asks], cwd=ROOT, capture_output=True, text=True)
    assert result.stdout == "False False\n", result.stderr


def join(folder: Path, **modules: str) -> str:
    """`main` joined with the modules beside it."""
    for name, text in modules.items():
        (folder / f"{name}.js").write_text(text, "utf-8")
    return joined(folder / "main.js")


def test_modules_come_after_what_they_import_and_once(tmp_path):
    text = join(
        tmp_path,
        main='/** Why. */\n\nimport { b } from "./b.js";\nimport {\n  a,\n} from "./a.js";\n\nexport default function mount() {\n  return a + b;\n}\n',
        b='import { a } from "./a.js";\n\nexport const b = a + 1;\n',
        a='// import { x } from "./nowhere.js";\nexport const [a, c] = [1, 2];\nconst text = `\n  import`;\n',
    )
    assert text == (
        '// import { x } from "./nowhere.js";\nconst [a, c] = [1, 2];\nconst text = `\n  import`;\n\n'
        "const b = a + 1;\n\n"
        "/** Why. */\n\n\n\n\nexport default function mount() {\n  return a + b;\n}\n"
    )


DEFAULT = "export default function mount() {}\n"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            'import * as all from "./a.js";\n',
            r"main.js, line 1: .* does not import names of a module beside it",
        ),
        ('import a from "./a.js";\n', "does not import names of a module beside it"),
        ('import "./a.js";\n', "does not import names of a module beside it"),
        ('import { a } from "a";\n', "does not import names of a module beside it"),
        ('import { a } from "/a.js";\n', "does not import names of a module beside it"),
        ('import { a as b } from "./a.js";\n', "renames what it imports"),
        ('import { a }\n  from "./a.js"\n', "does not end"),
        ('import { b } from "./a.js";\n', 'main.js imports "b", which a.js does not export'),
        ('import { hidden } from "./a.js";\n', 'imports "hidden", which a.js does not export'),
        ('import { a } from "./c.js";\n', r"There is no module .*c\.js"),
        ('const b = 1;\nimport { a } from "./a.js";\n', "line 2: an import stands below a declaration"),
        ('import { a } from "./a.js";\nconst a = 2;\n', 'declares "a", which it also imports'),
        ('import { a } from "./a.js";\nconst hidden = 2;\n', '"hidden" is declared in a.js and in main.js'),
        ("const b = 1;\nfunction b() {}\n", 'line 2: "b" is declared twice'),
        ("const [b, c] = [1, 2];\nclass c {}\n", 'line 2: "c" is declared twice'),
        ('const a = () =>\n  import("./a.js");\n', "line 2: a module is imported while it runs"),
        ("const here = import.meta.url;\n", "line 1: a module is imported while it runs"),
        ("export { b };\n", "neither a declaration nor an import"),
        ('export * from "./a.js";\n', "neither a declaration nor an import"),
        ("export default 3;\n", "neither a declaration nor an import"),
        ("console.log(1);\n", r"'console.log\(1\);' is neither a declaration nor an import"),
        ("var b = 1;\n", "neither a declaration nor an import"),
        ("const {\n  b } = c;\n", "neither a declaration nor an import"),
        ("/* never\n", "does not end"),
        ('import { both } from "./both.js";\n', "both.js, line 1: only the module .* default export"),
        ('import { x } from "./x.js";\n', "import each other in a circle: x.js -> y.js -> x.js"),
    ],
)
def test_what_cannot_be_joined_is_refused(tmp_path, text, why):
    modules = {
        "a": "export const a = 1;\nconst hidden = 2;\n",
        "both": "export default function both() {}\n",
        "x": 'import { y } from "./y.js";\nexport const x = 1;\n',
        "y": 'import { x } from "./x.js";\nexport const y = 1;\n',
    }
    with pytest.raises(NotJoinableError, match=why):
        join(tmp_path, main=text + DEFAULT, **modules)
