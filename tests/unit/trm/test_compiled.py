"""Where numba keeps what it has compiled: in a temporary folder if it can write nowhere else."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from trm import compiled
from trm.errors import UserError


@pytest.fixture
def nowhere(monkeypatch, tmp_path):
    """Neither the folder of the package nor the user's cache folder can be written."""
    unwritable = SimpleNamespace(submodule_search_locations=["/proc/nothing"])
    monkeypatch.setattr(compiled, "find_spec", lambda name: unwritable)
    monkeypatch.setenv("XDG_CACHE_HOME", "~")
    monkeypatch.setenv(compiled.CACHE, "")
    monkeypatch.setattr(compiled.tempfile, "tempdir", str(tmp_path))


def test_a_temporary_folder_is_used_if_no_other_can_be_written(nowhere, tmp_path):
    compiled.find_cache("package")
    folder = Path(os.environ[compiled.CACHE])
    assert folder.is_dir() and folder.parent == tmp_path
    compiled.find_cache("package")
    assert os.environ[compiled.CACHE] == str(folder), "a second package uses the same one"


def test_without_a_temporary_folder_one_line_names_the_remedy(nowhere, monkeypatch, tmp_path):
    monkeypatch.setattr(compiled.tempfile, "tempdir", str(tmp_path / "missing"))
    with pytest.raises(UserError, match="Set NUMBA_CACHE_DIR to one"):
        compiled.find_cache("package")


def test_numba_keeps_its_own_folder_if_it_can_be_written(nowhere, monkeypatch, tmp_path):
    writable = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    monkeypatch.setattr(compiled, "find_spec", lambda name: writable)
    compiled.find_cache("package")
    assert os.environ[compiled.CACHE] == ""
