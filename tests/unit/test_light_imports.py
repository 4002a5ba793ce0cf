"""What must be there at once imports neither torch nor another heavy library. All of it runs in one process, one step after
the other, so that a step which fails names the first thing that became heavy.
"""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from export_runs import sudoku_run
from fake_trajectories import fake_trajectories
from stores import model, puzzles, recorded  # noqa: F401 (fixtures)

from probes.latents.project import make_projection
from trm.results import save
from trm.store import open_store
from trm.trace import save_trace

REPOSITORY = Path(__file__).resolve().parents[2]
HEAVY = ("torch", "scipy", "sklearn", "umap", "numba", "captum")
FORMATS = ("html", "png", "svg", "pdf", "gif", "csv", "npz")
STEPS = {
    "the script of the player": """
        import sys
        from trm.player.bundle import player_js
        assert player_js() is player_js()  # made once a process
        assert not {"numpy", "streamlit"} & set(sys.modules)""",
    "the packages, before a function is called": """
        import sys
        import probes, trm
        assert callable(probes.fit) and "run" in dir(trm) and trm.Depth(6, 3, 16).calls_per_step == 21
        assert not {"numpy", "streamlit"} & set(sys.modules)""",
    "tasks and puzzle sets": """
        import trm, trm.data, trm.errors, trm.grading, trm.tasks.arc
        from trm.tasks import get_task
        get_task("sudoku"), get_task("maze", 900), get_task("arc")""",
    "a recorded trace": """
        from trm.export.payload import payload
        from trm.registry import model_card, model_names, trace_paths
        from trm.tasks import get_task
        from trm.trace import load_trace
        for name in model_names():
            model_card(name)
            trace = load_trace(trace_paths(name)[0]) if trace_paths(name) else None
            trace and payload(trace, get_task(trace.provenance.task, len(trace.inputs)))""",
    "states of a store": """
        from pathlib import Path
        from trm.store import open_store
        store = open_store("store")
        Path("sum").write_text(str(store.states("y", 2, at=store.coordinates("y")[0]).sum()))""",
    "a projection, and what makes one": """
        from pathlib import Path
        from probes.latents.files import load_projection
        load_projection(Path("projection.safetensors"))
        import probes.comparison.dimensionality, probes.latents.procrustes, probes.latents.quality
        import probes.latents.statistics, probes.latents.umap""",
    "probes before one is fitted": """
        import probes.linear.baselines, probes.linear.files, probes.linear.fit, probes.linear.targets""",
    "the puzzle editor": "import app.editor, app.sidebar.puzzle_files",
    "the export of a recorded run": """
        from trm.cli.main import main
        main(["export", "--trace", "run.safetensors", *(word for name in FORMATS for word in (f"--{name}", f"out.{name}"))])""",
    **{
        f"`{command}`": f"from {command.split()[0]}.cli.main import main; main({command.split()[1:]!r})"
        for command in ("trm --help", "trm models", "trm dance", "probes --help")
    },
}
PROGRAM = """
import contextlib, io, json, sys, textwrap
imported, heavy = {}, set(json.loads(sys.argv[2]))
for name, code in json.loads(sys.argv[1]).items():
    nowhere = io.StringIO()
    with contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere), contextlib.suppress(SystemExit):
        exec(textwrap.dedent(code), {"FORMATS": json.loads(sys.argv[3])})
    imported[name] = sorted(heavy & set(sys.modules))
print(json.dumps(imported))
"""


@pytest.fixture
def place(tmp_path, recorded, tiny_config) -> Path:  # noqa: F811
    """A folder with a trace, a store and a projection."""
    recorded("store")
    save_trace(tmp_path / "run.safetensors", sudoku_run())
    states = np.random.default_rng(0).normal(size=(4, 3, 8))
    trajectories = fake_trajectories(tiny_config(), {"y": states, "z": states}, right=np.ones((4, 3), bool))
    projection = make_projection(trajectories, state="z", calls="f_H", command="")
    save(tmp_path / "projection.safetensors", projection)
    return tmp_path


@pytest.mark.heavy
def test_nothing_heavy_is_imported(place, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    arguments = map(json.dumps, (STEPS, HEAVY, FORMATS))
    command = [sys.executable, "-c", PROGRAM, *arguments]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {name: [] for name in STEPS}
    assert all((place / f"out.{name}").is_file() for name in FORMATS)
    store = open_store(place / "store")
    assert (place / "sum").read_text() == str(store.states("y", 2, at=store.coordinates("y")[0]).sum())
