"""The player's own tests, which run under Node, and the text that holds its modules."""

import ast
import json
import re
import shutil
import subprocess
import sys
from graphlib import CycleError
from pathlib import Path

import pytest

from trm.player.bundle import bundle

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
def test_the_help_names_every_key_that_is_handled():
    """Those of the player's table, those that its modules ask for by name, and those of buttons that the page draws."""
    says = (
        "import('./trm/player/keys.js').then(({ KEYS }) =>"
        " console.log(JSON.stringify(KEYS.map(([shown, , keys]) => [shown, Object.keys(keys)]))))"
    )
    result = subprocess.run(["node", "-e", says], cwd=ROOT, capture_output=True, text=True, timeout=120)
    rows = json.loads(result.stdout)
    listed = {key for shown, keys in rows for key in (*keys, *shown.split())}
    scripts = "".join(path.read_text("utf-8") for path in (ROOT / "trm" / "player").rglob("*.js"))
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


@pytest.mark.parametrize(
    "entry", ["trm/player/mount.js", "app/editor/src/editor.js", "app/screens/lecture/src/lecture.js"]
)
def test_every_module_of_a_folder_is_in_its_text(entry):
    text = bundle(ROOT / entry)
    for path in (ROOT / entry).parent.rglob("*.js"):
        assert (
            json.dumps(path.read_text("utf-8").splitlines()[-1] + "\n", ensure_ascii=False)[1:-1] in text
        ), path
        assert f"/{path.name}\\n" in text


def test_the_text_is_made_without_streamlit_once_per_process():
    asks = "import sys; from trm.player.bundle import player_js as js; assert js() is js(); print('streamlit' in sys.modules, 'numpy' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", asks], cwd=ROOT, capture_output=True, text=True)
    assert result.stdout == "False False\n", result.stderr


def write(folder: Path, **modules: str) -> Path:
    for name, text in modules.items():
        (folder / f"{name}.js").write_text(text, "utf-8")
    return folder / "main.js"


def test_a_module_stands_once_after_what_it_imports_by_number(tmp_path):
    main = write(
        tmp_path,
        main='import { b } from "./b.js";\nimport {\n  a as c,\n} from "./a.js";\nexport default () => b + c;\n',
        b='import * as all from "./a.js";\nexport const b = all.a;\n',
        a='export const a = 1; // from "./nowhere"\n',
    )
    modules = json.loads(bundle(main).partition("const modules = ")[2].partition(";\nconst")[0])
    assert modules == [
        ['export const a = 1; // from "./nowhere"\n', "\n//# sourceURL=recursion-lens/a.js\n"],
        [
            'import * as all from "',
            0,
            '";\nexport const b = all.a;\n',
            "\n//# sourceURL=recursion-lens/b.js\n",
        ],
        [
            'import { b } from "',
            1,
            '";\nimport {\n  a as c,\n} from "',
            0,
            '";\nexport default () => b + c;\n',
            "\n//# sourceURL=recursion-lens/main.js\n",
        ],
    ]


def test_a_module_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.js"):
        bundle(write(tmp_path, main='import { a } from "./nowhere.js";\n'))


def test_imports_in_a_circle_are_refused(tmp_path):
    with pytest.raises(CycleError):
        bundle(write(tmp_path, main='import "./other.js";\n', other='import "./main.js";\n'))
