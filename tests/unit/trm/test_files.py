"""Files are written atomically: an error or a kill while writing leaves the previous file."""

import os
import signal
import subprocess
import sys

import pytest

from trm.errors import UserError
from trm.files import OutputError, atomic_file, atomic_folder, make_folder, reading, strict_json


def test_a_file_appears_when_it_is_whole(tmp_path):
    path = tmp_path / "deep" / "down" / "result.txt"
    with atomic_file(path) as temporary:
        temporary.write_text("half")
        assert not path.exists()
        assert temporary.parent == path.parent and temporary.suffix == ".txt"
    assert path.read_text() == "half"
    assert list(path.parent.iterdir()) == [path]


def test_an_error_leaves_the_old_file(tmp_path):
    path = tmp_path / "result.txt"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), atomic_file(path) as temporary:
        temporary.write_text("new")
        raise ZeroDivisionError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_kill_leaves_the_old_file(tmp_path):
    path = tmp_path / "result.txt"
    path.write_text("old")
    code = (
        "import os, signal, sys; from pathlib import Path; from trm.files import atomic_file\n"
        "with atomic_file(Path(sys.argv[1])) as temporary:\n"
        "    temporary.write_text('new'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    ended = subprocess.run([sys.executable, "-c", code, str(path)])
    assert ended.returncode == -signal.SIGKILL
    assert path.read_text() == "old"
    left = [file.name for file in tmp_path.iterdir() if file != path]
    assert all(name.startswith(".partial-") for name in left)


def test_others_may_read_it(tmp_path):
    with atomic_file(tmp_path / "result.txt") as temporary:
        temporary.write_text("text")
    assert (tmp_path / "result.txt").stat().st_mode & 0o777 == 0o644


def test_paths_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("in the way")
    for path, words in (
        (tmp_path, "is a folder"),
        (tmp_path / "file" / "result.txt", "cannot be created"),
    ):
        with pytest.raises(OutputError, match=words), atomic_file(path):
            pytest.fail("there is nothing to write to")


def test_only_regular_files_are_replaced(tmp_path):
    pipe, link = tmp_path / "pipe", tmp_path / "link"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    for path in (pipe, link):
        with pytest.raises(OutputError, match="not a regular file"), atomic_file(path):
            pytest.fail("it would have been replaced")
    assert pipe.is_fifo() and link.is_symlink()
    assert sorted(tmp_path.iterdir()) == [link, pipe]


def test_files_of_killed_processes_are_removed(tmp_path):
    """A day old, files and folders; what is younger may be somebody's who is at work."""
    for name in ("old", "new"):
        (tmp_path / f".partial-{name}").touch()
        (tmp_path / f".partial-{name}-folder" / "deep").mkdir(parents=True)
    for path in tmp_path.glob(".partial-old*"):
        os.utime(path, (0, 0))
    with atomic_file(tmp_path / "result.txt") as temporary:
        temporary.write_text("whole")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".partial-new",
        ".partial-new-folder",
        "result.txt",
    ]


def test_a_folder_appears_when_it_is_whole(tmp_path):
    (tmp_path / "set").mkdir()
    with atomic_folder(tmp_path / "set") as temporary:
        (temporary / "a").write_text("1")
        assert not any((tmp_path / "set").iterdir())
    assert (tmp_path / "set" / "a").read_text() == "1"
    with (
        pytest.raises(OutputError, match=r"set cannot be written: .*unchanged"),
        atomic_folder(tmp_path / "set") as temporary,
    ):
        (temporary / "a").write_text("2")
    assert [path.name for path in tmp_path.iterdir()] == ["set"]
    assert (tmp_path / "set" / "a").read_text() == "1"


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b"])
def test_invalid_file_names(tmp_path, name):
    with pytest.raises(OutputError) as error, atomic_file(tmp_path / name):
        pytest.fail("there is nothing to write to")
    assert len(str(error.value)) <= 605
    with pytest.raises(OutputError):
        make_folder(tmp_path / name)


class Refusal(UserError):
    """What the test's reader refuses with."""


@pytest.mark.parametrize(
    "error",
    [
        ValueError(),
        KeyError("x"),
        OverflowError(),
        ZeroDivisionError(),
        RecursionError(),
        AttributeError(),
        MemoryError(),
        OSError("no number"),
        UserError("of something else"),
    ],
    ids=repr,
)
def test_whatever_a_reader_raises_is_one_line(tmp_path, error):
    path = tmp_path / "a.x"
    path.write_text("content")
    with (
        pytest.raises(Refusal) as refusal,
        reading(path, Refusal, "trace of this version", "Record it again."),
    ):
        raise error
    assert str(refusal.value) == f"{path} is not a trace of this version, or is damaged. Record it again."


def test_files_that_are_not_read(tmp_path):
    path = tmp_path / "a.x"
    os.mkfifo(tmp_path / "pipe")
    path.write_bytes(bytes(9))
    for given, words in (
        (tmp_path / "none", "none cannot be read: No such file or directory. Give the path of a trace."),
        (tmp_path, "is a folder. Give a file in it."),
        (tmp_path / "pipe", "is a pipe or a device."),
        (tmp_path / ("x" * 300), "cannot be read: File name too long."),
        (path, "is larger than 0 MiB, too large for a trace."),
    ):
        with pytest.raises(Refusal) as error, reading(given, Refusal, "trace", "Again.", most=8):
            pytest.fail("it is read")
        assert words in str(error.value)
    with pytest.raises(Refusal, match="its own words"), reading(path, Refusal, "trace", "Again.", most=9):
        raise Refusal("its own words")
    with (
        pytest.raises(Refusal, match="is not an official data set, or"),
        reading(path, Refusal, "official data set", ""),
    ):
        raise ValueError


def test_numbers_of_json_are_finite():
    assert strict_json('{"a": [1, -2.5e-3, null, true]}') == {"a": [1, -0.0025, None, True]}
    for text in ("NaN", "[Infinity]", '{"a": -Infinity}', "1e400", "[-1e999]", "1" * 5000):
        with pytest.raises(ValueError):
            strict_json(text)
    with pytest.raises(ValueError, match=r"^9{40} is not a finite number$"):
        strict_json(f"{'9' * 41}e999")


@pytest.mark.parametrize("size", [601, 4_000, 100_000])
def test_a_message_that_quotes_a_long_value_is_cut(size):
    error = UserError(f"a.json: the name is {'x' * size}. Correct it.")
    assert len(str(error)) < 620 and str(error).startswith("a.json: the name is x")
    assert str(error).endswith("x. Correct it.")
    assert str(UserError("short")) == "short"
    assert str(UserError("a" * 301 + "b" * 300)) == "a" * 300 + " ... " + "b" * 300


def test_unprintable_characters_are_escaped():
    text = "a\nb\r\x1b[31m\u2028\u202e\ud800\x85.csv: שלום 🧩👩\u200d👧 ends"
    shown = str(UserError(text))
    assert shown == "a\\nb\\r\\x1b[31m\\u2028\\u202e\\ud800\\x85.csv: שלום 🧩👩\u200d👧 ends"
    assert len(shown.splitlines()) == 1 and shown.encode()
