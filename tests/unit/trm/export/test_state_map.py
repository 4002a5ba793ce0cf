"""The map of states in a file and in an offline page."""

import json
from dataclasses import replace

import pytest
from export_runs import SUDOKU, sudoku_run

from trm.export.page import page
from trm.export.payload import trace_id
from trm.export.run import ExportedRun
from trm.export.state_map import (
    MapEmbedding,
    Pool,
    StateMap,
    StateMapError,
    load_map,
    save_map,
)


@pytest.fixture
def run():
    return ExportedRun.of(sudoku_run(), SUDOKU)


@pytest.fixture
def found(run):
    pca = MapEmbedding("pca", (0.8, 0.05), (0.0, 1.0, 2.0, 3.0), (0.5, 0.5), (0.25, 0.125))
    return StateMap(trace_id(run.trace), {"z": (pca,)}, Pool("sudoku/test", 64))


def test_a_map_reads_back_the_same(run, found, tmp_path):
    save_map(tmp_path / "map.json", found)
    assert load_map(tmp_path / "map.json", run.trace) == found


def test_the_map_of_another_run_and_other_files_are_refused(run, found, tmp_path):
    path = tmp_path / "map.json"
    save_map(path, replace(found, run="0" * 16))
    with pytest.raises(StateMapError, match="map of another run"):
        load_map(path, run.trace)
    for text in ("", "{}", "[1]", json.dumps({"run": "a", "states": {"z": []}}), '{"run": "a", "states": {"z": [{"method": "pca", "shares": [], "run": [1]}]}}'):  # fmt: skip
        path.write_text(text)
        with pytest.raises(StateMapError, match="is not a map of states"):
            load_map(path, run.trace)


def test_a_page_contains_the_map_of_its_run(run, found):
    data = page(run).split('id="run">')[1].partition("</script>")[0]
    assert '"map"' not in data
    text = page(replace(run, state_map=found))
    assert '"run":[0.0,1.0,2.0,3.0]' in text and len(text) - len(page(run)) < 400
