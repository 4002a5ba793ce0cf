"""Files are whole or absent: an error or a kill while writing leaves what was there before."""

import os
import signal
import subprocess
import sys

import pytest

from trm.files import OutputError, written_whole


def test_a_file_appears_when_it_is_whole(tmp_path):
    path = tmp_path / "deep" / "down" / "result.txt"
    with written_whole(path) as temporary:
        temporary.write_text("half")
        assert not path.exists()
        assert temporary.parent == path.parent and temporary.suffix == ".txt"
    assert path.read_text() == "half"
    assert list(path.parent.iterdir()) == [path]


def test_an_error_leaves_the_old_file(tmp_path):
    path = tmp_path / "result.txt"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), written_whole(path) as temporary:
        temporary.write_text("new")
        raise ZeroDivisionError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_kill_leaves_the_old_file(tmp_path):
    path = tmp_path / "result.txt"
    path.write_text("old")
    code = (
        "import os, signal, sys; from pathlib import Path; from trm.files import written_whole\n"
        "with written_whole(Path(sys.argv[1])) as temporary:\n"
        "    temporary.write_text('new'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    ended = subprocess.run([sys.executable, "-c", code, str(path)])
    assert ended.returncode == -signal.SIGKILL
    assert path.read_text() == "old"
    left = [file.name for file in tmp_path.iterdir() if file != path]
    assert all(name.startswith(".partial-") for name in left)


def test_others_may_read_it(tmp_path):
    with written_whole(tmp_path / "result.txt") as temporary:
        temporary.write_text("text")
    assert (tmp_path / "result.txt").stat().st_mode & 0o777 == 0o644


def test_places_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("in the way")
    for path, words in (
        (tmp_path, "is a folder"),
        (tmp_path / "file" / "result.txt", "cannot be made a folder"),
    ):
        with pytest.raises(OutputError, match=words), written_whole(path):
            pytest.fail("there is nothing to write to")


def test_what_is_no_ordinary_file_is_left_alone(tmp_path):
    pipe, link = tmp_path / "pipe", tmp_path / "link"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    for path in (pipe, link):
        with pytest.raises(OutputError, match="no ordinary file"), written_whole(path):
            pytest.fail("it would have been replaced")
    assert pipe.is_fifo() and link.is_symlink()
    assert sorted(tmp_path.iterdir()) == [link, pipe]
