"""The player's JavaScript tests, run under Node, and the bundle of its modules."""

import ast
import json
import re
import shutil
import subprocess
from graphlib import CycleError
from pathlib import Path

import pytest

from trm.player.bundle import bundle, english_texts

ROOT = Path(__file__).resolve().parents[4]

needs_node = pytest.mark.skipif(
    shutil.which("node") is None, reason="Node is not installed; it runs tests/player/*.test.mjs"
)


@needs_node
def test_the_javascript_tests_pass_under_node():
    tests = sorted(map(str, (ROOT / "tests" / "player").glob("*.test.mjs")))
    result = subprocess.run(
        ["node", "--test", "--test-concurrency=4", *tests],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "# pass 0" not in result.stdout, "no test was found"


@needs_node
def test_the_help_names_every_key_that_is_handled():
    """Keys in the player's table, keys that its modules check by name, and shortcuts of the page's buttons."""
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
    assert by_name | drawn <= listed | {"Tab"}  # leaves a menu, as everywhere


@pytest.mark.parametrize(
    "entry", ["trm/player/mount.js", "app/editor/src/editor.js", "app/screens/lecture/src/lecture.js"]
)
@needs_node
def test_a_bundle_contains_every_module_of_its_folder_and_exports_mount(entry, tmp_path):
    text = bundle(ROOT / entry)
    for path in (ROOT / entry).parent.rglob("*.js"):
        code = [line for line in path.read_text("utf-8").splitlines() if re.match(r" +[\w.]", line)]
        assert max(code, key=len, default="") in text, path
    assert "/**" not in text
    (tmp_path / "text.mjs").write_text(text, "utf-8")
    says = "import('./text.mjs').then((all) => console.log(Object.keys(all), all.default.name))"
    result = subprocess.run(["node", "-e", says], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert result.stdout == "[ 'default' ] mount\n", result.stderr


def write(folder: Path, **modules: str) -> Path:
    for name, text in modules.items():
        (folder / f"{name}.js").write_text(text, "utf-8")
    return folder / "main.js"


def test_a_module_appears_once_after_its_imports_and_keeps_its_names(tmp_path):
    main = write(
        tmp_path,
        main='import { b } from "./b.js";\nimport {\n  a,\n} from "./a.js";\n\nexport default function mount() {\n  return a + b;\n}\n',
        b='import { a } from "./a.js";\nconst hidden = a;\nexport const b = hidden;\n',
        a="export const [a, c] = [1, 2];\nconst hidden = c;\nexport class D {}\n",
    )
    assert bundle(main) == (
        "const module_0 = (() => {\nconst [a, c] = [1, 2];\nconst hidden = c;\nclass D {}\nreturn { a, c, D };\n})();\n\n"
        "const module_1 = (() => {\nconst { a } = module_0;\nconst hidden = a;\nconst b = hidden;\nreturn { b };\n})();\n\n"
        "const module_2 = (() => {\nconst { b } = module_1;\nconst {\n  a,\n} = module_0;\n\nfunction mount() {\n  return a + b;\n}\n"
        "return { mount };\n})();\n\nconst { mount } = module_2;\nexport default mount;\n"
    )


def test_the_player_is_found_where_it_is_not_beside_the_importing_module(tmp_path):
    """As in an installed package, where app/ is in another folder than trm/."""
    main = write(tmp_path, main='import { make } from "../../trm/player/view/dom.js";\n')
    assert "function make(" in bundle(main)


def test_a_missing_module_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.js"):
        bundle(write(tmp_path, main='import { a } from "./nowhere.js";\n'))


def test_circular_imports_are_refused(tmp_path):
    with pytest.raises(CycleError):
        bundle(
            write(
                tmp_path, main='import { a } from "./other.js";\n', other='import { b } from "./main.js";\n'
            )
        )


def test_the_terms_in_the_docs_are_those_of_the_player():
    table = (
        (ROOT / "docs/glossary.md").read_text("utf-8").partition("| term | meaning |")[2].partition("\n\n")[0]
    )
    documented = dict(re.findall(r"^\| (.+?) \| (.+) \|$", table, re.MULTILINE))
    texts = english_texts()
    names = [name.removeprefix("term_") for name in texts if name.startswith("term_")]
    assert documented == {texts[f"term_{name}"].partition("|")[0]: texts[f"about_{name}"] for name in names}
