"""Two thousand good files of every kind, each changed by chance: whatever is in them, a person gets one line or what is there.

A fault names its subject and number. `MUTATIONS=5000:3000 pytest -m slow tests/unit/mutations` tries three thousand others.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]
FIRST, COUNT = map(int, os.environ.get("MUTATIONS", "0:2000").split(":"))
CHUNK = 250
PATIENCE = 1800  # seconds for a chunk


@pytest.fixture(scope="session")
def place(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("seeds")


@pytest.fixture
def seeds(place, tiny_model, public_checkpoint, small_preset) -> Path:
    """A folder of good files of every kind, made once."""
    if not any(place.iterdir()):
        from mutations.seeds import make_seeds  # it takes long, and the tests here are rarely run

        make_seeds(place, tiny_model, public_checkpoint, small_preset)
    return place


def read_all(seeds: Path, cases: list[str]) -> list[str]:
    """The faults of these cases; where one ends the process, another goes on behind it."""
    faults, path = [], os.pathsep.join((str(REPOSITORY), str(REPOSITORY / "tests" / "support")))
    environment = os.environ | {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
    while cases:
        ended = subprocess.run(
            [sys.executable, "-m", "mutations.worker", str(seeds)],
            input="\n".join(cases), capture_output=True, text=True, cwd=REPOSITORY, env=environment, timeout=PATIENCE,
        )  # fmt: skip
        done = [json.loads(line) for line in ended.stdout.splitlines()]
        faults += [
            f"{each['subject']} {each['number']} ({each['changed']}): {fault}"
            for each in done
            for fault in each["faults"]
        ]
        if ended.returncode or len(done) < len(cases):
            assert len(done) < len(cases), ended.stderr
            faults.append(
                f"{cases[len(done)]} ended the process with {ended.returncode}: {ended.stderr[-1500:]}"
            )
        cases = cases[len(done) + 1 :]
    return faults


@pytest.mark.slow
def test_a_reader_that_runs_what_it_reads_is_caught(seeds):
    """And one that leaves something behind, or whose message names no file."""
    faults = "\n".join(read_all(seeds, [f"careless {number}" for number in range(30)]))
    for fault in (
        "run: the canary is there",
        "pickle.find_class ('os', 'mkdir')",
        "left beside",
        "names no file",
    ):
        assert fault in faults


@pytest.mark.slow
@pytest.mark.parametrize("first", range(FIRST, FIRST + COUNT, CHUNK))
def test_mutated_files_end_in_one_line_and_run_nothing(seeds, first):
    from mutations.readers import READERS

    subjects = tuple(READERS)
    numbers = range(first, min(first + CHUNK, FIRST + COUNT))
    faults = read_all(seeds, [f"{subjects[number % len(subjects)]} {number}" for number in numbers])
    assert not faults, "\n\n".join(faults)
