"""Promises about the whole: every file in its room, which way imports point."""

import ast
import re
import sys
import tomllib
from collections import Counter
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


FLOORS = ("trm", "probes", "app")
"""Each imports only those before it."""
FOLDERS = (*FLOORS, "recursion_lens", "bench")
FILES = {
    path: ".".join(path.relative_to(REPOSITORY).with_suffix("").parts).removesuffix(".__init__")
    for floor in FOLDERS
    for path in sorted((REPOSITORY / floor).rglob("*.py"))
}
PATHS = {name: path for path, name in FILES.items()}
SEAMS = {"main.py"}
"""What others plug into may be short; so may a command, which has a file of its own."""


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


@cache
def nodes_of(path: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(tree_of(path)))


@cache
def names_imported(path: Path) -> tuple[tuple[str, str], ...]:
    """(module, name) of all that a file imports, anywhere in it; the name is "" for a module as a whole."""
    found = []
    for node in nodes_of(path):
        if isinstance(node, ast.Import):
            found += [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            for alias in node.names:
                module = f"{node.module}.{alias.name}"
                found.append((module, "") if module in PATHS else (node.module, alias.name))
    return tuple(found)


def imported(path: Path) -> set[str]:
    """Top-level names of the packages that a file imports."""
    return {module.partition(".")[0] for module, _ in names_imported(path)}


def modules_imported(path: Path) -> set[Path]:
    return {PATHS[module] for module, _ in names_imported(path) if module in PATHS} - {path}


@pytest.mark.parametrize("floor", FLOORS)
def test_imports_point_one_way(floor):
    above = {"streamlit", *FLOORS[FLOORS.index(floor) + 1 :]} if floor != "app" else {"sklearn", "scipy"}
    files = [path for path, name in FILES.items() if name.partition(".")[0] == floor]
    assert files
    for path in files:
        assert not imported(path) & above, path
        assert not [module for module, _ in names_imported(path) if module.startswith("recursion_lens.")], (
            path
        )


def test_the_place_of_the_assets_is_below_all_floors():
    assert not imported(REPOSITORY / "recursion_lens" / "__init__.py") & set(FLOORS)


def test_no_module_imports_itself_through_others():
    """Imports inside functions and for type checkers count too. A package's own `__init__` may name what lies in it."""
    modules = {path for path in FILES if path.name != "__init__.py"}
    left = {path: modules_imported(path) & modules for path in modules}
    while free := {path for path, others in left.items() if not others & left.keys()}:
        left = {path: others for path, others in left.items() if path not in free}
    assert not left, sorted(FILES[path] for path in left)


def test_pages_import_no_commands():
    for path, name in FILES.items():
        if name.startswith("app."):
            commands = [module for module, _ in names_imported(path) if ".cli" in module]
            assert not commands, path


def test_private_names_stay_in_their_folder():
    for path in FILES:
        for module, name in names_imported(path):
            if module in PATHS and PATHS[module].parent != path.parent:
                assert not name.startswith("_") or name.startswith("__"), f"{path} imports {module}.{name}"


PUBLIC_PARTS = ("streamlit", "streamlit.testing.v1", "streamlit.proto")
"""What may be imported of Streamlit: its API, AppTest, and its messages, for load tests."""


@pytest.mark.parametrize("folder", [*FOLDERS, "tests"])
def test_no_private_name_of_streamlit_is_used(folder):
    for path in sorted((REPOSITORY / folder).rglob("*.py")):
        if "streamlit" not in path.read_text("utf-8"):
            continue
        for module, name in names_imported(path):
            if module.partition(".")[0] == "streamlit":
                public = module in PUBLIC_PARTS or module.startswith("streamlit.proto.")
                assert public and not name.startswith("_"), f"{path} imports {module}.{name}"
        for node in nodes_of(path):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "st":
                assert not node.attr.startswith("_"), f"{path} uses st.{node.attr}"


def test_no_fragment_polls():
    """The browser fetches what changes by HTTP routes: a rerun on a clock would send outdated values of widgets."""
    for path, name in FILES.items():
        if name.startswith("app."):
            assert "run_every" not in path.read_text("utf-8"), path


def test_no_file_is_run_by_its_path():
    for path in FILES:
        calls = {node.attr for node in nodes_of(path) if isinstance(node, ast.Attribute)}
        assert not calls & {"spec_from_file_location", "exec_module", "run_path"}, path


def product_folders() -> dict[Path, list[Path]]:
    """Modules of Python and JavaScript by folder."""
    folders: dict[Path, list[Path]] = {}
    for floor in FOLDERS:
        for path in sorted((REPOSITORY / floor).rglob("*.*")):
            if path.suffix in (".py", ".js") and path.name not in ("__init__.py", "__main__.py"):
                folders.setdefault(path.relative_to(REPOSITORY).parent, []).append(path)
    return folders


ROOMS = product_folders()


@pytest.mark.parametrize("folder", ROOMS, ids=str)
def test_a_room_is_seen_at_a_glance(folder):
    modules = ROOMS[folder]
    most = {"app": 1, "probes": 6, "trm": 28}.get(str(folder), 15)
    assert len(modules) <= most
    prefixes = Counter(path.stem.partition("_")[0] for path in modules if "_" in path.stem)
    assert not [prefix for prefix, count in prefixes.items() if count > 2], "three of a prefix are a folder"
    whole = [
        path for path in modules if path.suffix == ".py" and path.name not in SEAMS and folder.name != "cli"
    ]
    assert not [path.name for path in whole if len(path.read_text("utf-8").splitlines()) < 25]


WIDGET = REPOSITORY / "trm/notebook/widget.py"


def package_of(requirement: str) -> str:
    """The name of a package in a requirement with bounds."""
    return re.split(r"[<>=!~ \[]", requirement)[0].lower().replace("_", "-")


def test_what_is_imported_is_required():
    """`make app` installs requirements.txt alone: nothing that only the tests bring may be imported.

    Only the widget may import what its extra brings.
    """
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    lines = (REPOSITORY / "requirements.txt").read_text("utf-8").splitlines()
    required = {package_of(line) for line in lines if line and not line.startswith("#")}
    extra = {package_of(line) for line in project["optional-dependencies"]["notebook"]}
    providers = packages_distributions()
    packages = {"recursion_lens", *FLOORS}
    for package in packages:
        for path in sorted((REPOSITORY / package).rglob("*.py")):
            for name in imported(path) - set(sys.stdlib_module_names) - packages:
                found = {provider.lower().replace("_", "-") for provider in providers.get(name, [name])}
                allowed = required | extra if path == WIDGET else required
                assert found & allowed, f"{path} imports {name}, which requirements.txt does not name"


@pytest.mark.parametrize(
    "page", sorted((REPOSITORY / "app").glob("screens/*/page.py")), ids=lambda page: page.parent.name
)
def test_pages_have_no_bare_strings(page):
    """Streamlit writes an expression that stands alone in a page onto it, a string under a constant too."""
    _docstring, *others = ast.parse(page.read_text("utf-8")).body
    assert not [
        node.lineno for node in others if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    ]


def test_one_loop_over_calls():
    """Nowhere but in the recursion (and in the models that define them) are f_L and f_H called."""
    callers = set()
    for path in sorted(REPOSITORY.joinpath("trm").rglob("*.py")) + sorted(
        REPOSITORY.joinpath("app").rglob("*.py")
    ):
        for node in nodes_of(path):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in (
                "f_L",
                "f_H",
                "L_level",
                "H_level",
            ):
                callers.add(path.name)
    assert callers == {"recursion.py", "resume.py", "models.py", "successors.py"}
