"""A run as GIF and as MP4: its frames, the input of ffmpeg and, if it is installed, its output."""

import json
import re
import shutil
import stat
import subprocess
from collections.abc import Iterator

import numpy as np
import pytest
from drawn_runs import LAST, Drawn, rgb
from export_runs import RUNS, SUDOKU, run_of, sudoku_run
from PIL import Image

from trm.errors import UserError
from trm.export.pictures.film import FrameTiming, save_gif, save_mp4
from trm.export.pictures.palette import LIGHT, Appearance
from trm.export.pictures.picture import film_of
from trm.export.run import ExportedRun

pytestmark = pytest.mark.heavy

needs_ffmpeg = pytest.mark.skipif(
    not shutil.which("ffmpeg") or not shutil.which("ffprobe"), reason="ffmpeg is not installed"
)


def the_run() -> ExportedRun:
    return ExportedRun.of(sudoku_run(), SUDOKU)


def nothing(done: int, total: int) -> None:
    pass


def fake_ffmpeg(folder, script: str, monkeypatch) -> None:
    folder.mkdir()
    program = folder / "ffmpeg"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def test_an_mp4_has_every_frame_for_its_duration(tmp_path, monkeypatch):
    """A program that records its input replaces ffmpeg."""
    fake_ffmpeg(
        tmp_path / "bin",
        f'echo "$@" > {tmp_path}/arguments; for last; do :; done; cat > "$last"',
        monkeypatch,
    )
    run = the_run()
    film = film_of(run, "step")
    shares = []
    save_mp4(
        tmp_path / "film.mp4", film, FrameTiming("step", 0.5, 1.0), lambda share, _: shares.append(share)
    )
    assert shares == [1 / 3, 2 / 3, 1]
    arguments = (tmp_path / "arguments").read_text()
    width, height = map(int, re.search(r"-s (\d+)x(\d+)", arguments).groups())
    assert width % 2 == height % 2 == 0 and 0 <= width - film.size[0] <= 1
    pictures = np.frombuffer((tmp_path / "film.mp4").read_bytes(), np.uint8).reshape(-1, height, width, 3)
    assert len(pictures) == 30 * (1.0 + 0.5 + 1.0)
    assert (pictures[0] == pictures[29]).all() and (pictures[29] != pictures[30]).any()
    assert "libx264" in arguments and "yuv420p" in arguments


class Plain:
    """A film whose frames have an odd size and one colour each."""

    size, palette = (3, 5), LIGHT

    def __init__(self, *colours: str):
        self.colours = colours

    def __len__(self) -> int:
        return len(self.colours)

    def tones(self) -> set[str]:
        return set()

    def frames(self) -> Iterator[Image.Image]:
        return (Image.new("RGB", self.size, colour) for colour in self.colours)


def test_a_frame_of_an_odd_size_is_extended_by_paper(tmp_path, monkeypatch):
    fake_ffmpeg(
        tmp_path / "bin",
        f'echo "$@" > {tmp_path}/arguments; for last; do :; done; cat > "$last"',
        monkeypatch,
    )
    save_mp4(tmp_path / "film.mp4", Plain("#ff0000"), FrameTiming("step", 0.1, 0.1), nothing)
    assert "-s 4x6" in (tmp_path / "arguments").read_text()
    frames = np.frombuffer((tmp_path / "film.mp4").read_bytes(), np.uint8).reshape(-1, 6, 4, 3)
    assert len(frames) == 3 and (frames[:, :5, :3] == [255, 0, 0]).all()
    assert (frames[:, 5] == rgb(LIGHT.paper)).all() and (frames[:, :, 3] == rgb(LIGHT.paper)).all()


def test_the_palette_of_a_gif_has_even_mixtures_of_each_colour_with_the_paper(tmp_path):
    """Beside the seven colours of a theme there is room for (256 - 7) // 7 = 35 steps."""
    mixtures = [LIGHT.mix(LIGHT.wrong, step / 35) for step in range(1, 36)]
    save_gif(tmp_path / "film.gif", Plain(*mixtures), FrameTiming(), nothing)
    film = Image.open(tmp_path / "film.gif")
    for number, colour in enumerate(mixtures):
        film.seek(number)
        assert film.convert("RGB").getpixel((1, 1)) == rgb(colour)


def test_the_message_of_a_failing_ffmpeg_is_quoted(tmp_path, monkeypatch):
    fake_ffmpeg(tmp_path / "bin", "echo 'Unknown encoder libx264' >&2; exit 1", monkeypatch)
    with pytest.raises(UserError, match=r"Unknown encoder libx264.*--gif"):
        save_mp4(tmp_path / "film.mp4", film_of(the_run(), "step"), FrameTiming(), nothing)


def test_no_ffmpeg_process_is_left(tmp_path, monkeypatch):
    fake_ffmpeg(tmp_path / "bin", f"echo $$ > {tmp_path}/pid; exec cat > /dev/null", monkeypatch)

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        save_mp4(tmp_path / "film.mp4", film_of(the_run(), "step"), FrameTiming(), stop)
    pid = (tmp_path / "pid").read_text().strip()
    assert subprocess.run(["kill", "-0", pid], capture_output=True).returncode


@pytest.mark.parametrize("frame, hold", [(0.05, 0.5), (0.02, 0.02), (0.3, 1.5)])
def test_a_film_lasts_as_long_as_it_should(tmp_path, monkeypatch, frame, hold):
    """Few durations are multiples of a thirtieth of a second, but no frame is omitted."""
    fake_ffmpeg(
        tmp_path / "bin",
        f'echo "$@" > {tmp_path}/arguments; for last; do :; done; wc -c > "$last"',
        monkeypatch,
    )
    film, timing = film_of(the_run(), "call"), FrameTiming("call", frame, hold)
    save_mp4(tmp_path / "film.mp4", film, timing, nothing)
    width, height = map(int, re.search(r"-s (\d+)x(\d+)", (tmp_path / "arguments").read_text()).groups())
    frame_count = int((tmp_path / "film.mp4").read_text()) / (width * height * 3)
    assert frame_count == max(len(film), round(30 * sum(timing.seconds(len(film)))))


@needs_ffmpeg
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_film_encoded_by_ffmpeg(tmp_path, theme):
    """Frames, size and duration are as requested, and the last frame is the end of the run, with a margin of paper."""
    film, timing = film_of(the_run(), "step", Appearance(theme=theme)), FrameTiming("step", 0.25, 0.5)
    save_mp4(tmp_path / "film.mp4", film, timing, nothing)
    entries = "stream=codec_name,pix_fmt,width,height,nb_read_frames,duration"
    probe = [
        "ffprobe",
        "-v",
        "error",
        "-count_frames",
        "-show_entries",
        entries,
        "-of",
        "json",
        tmp_path / "film.mp4",
    ]
    (stream,) = json.loads(subprocess.run(probe, capture_output=True, check=True).stdout)["streams"]
    assert (stream["codec_name"], stream["pix_fmt"]) == ("h264", "yuv420p")
    width, height = film.size[0], film.size[1]
    assert (stream["width"], stream["height"]) == (width + width % 2, height + height % 2)
    assert int(stream["nb_read_frames"]) == round(30 * (0.5 + 0.25 + 0.5)) and float(
        stream["duration"]
    ) == pytest.approx(1.25, abs=0.04)
    last = [
        "ffmpeg",
        "-v",
        "error",
        "-sseof",
        "-0.1",
        "-i",
        tmp_path / "film.mp4",
        "-update",
        "1",
        tmp_path / "last.png",
    ]
    subprocess.run(last, check=True)
    last_frame = np.asarray(Image.open(tmp_path / "last.png").convert("RGB"), int)
    *_, end = film.frames()
    expected = np.asarray(end, int)
    assert np.abs(last_frame[:height, :width] - expected).mean() < 3
    paper = expected[2, 2]
    for edge in (last[0], last[-1], last[:, 0], last[:, -1]):
        assert np.abs(edge - paper).max() < 12


# GIF


def gif_of(tmp_path, run: ExportedRun, timing: FrameTiming) -> Image.Image:
    calls = []
    film = film_of(run, timing.every)
    save_gif(tmp_path / "film.gif", film, timing, lambda share, text: calls.append(share))
    assert calls == [done / len(film) for done in range(1, len(film) + 1)]
    return Image.open(tmp_path / "film.gif")


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.parametrize("every, count", [("answer", 6), ("step", 3), ("call", 18)])
def test_frames_and_durations_of_a_gif(tmp_path, name, every, count):
    film = gif_of(tmp_path, run_of(name), FrameTiming(every, 0.25, 1.2))
    assert film.n_frames == count and film.info["loop"] == 0
    durations = []
    for number in range(count):
        film.seek(number)
        durations.append(film.info["duration"])
    assert durations == [1200, *[250] * (count - 2), 1200]


def test_frames_of_a_gif_are_the_pictures(tmp_path):
    run = run_of("sudoku")
    film = gif_of(tmp_path, run, FrameTiming())
    for number, picture in enumerate(film_of(run, "answer").frames()):
        film.seek(number)
        difference = np.abs(np.asarray(film.convert("RGB"), int) - np.asarray(picture, int))
        assert difference.mean() < 1 and difference.max() < 80


def test_a_frame_has_nothing_of_the_frame_before():
    """Only what moves is drawn again. The grid of a frame equals that of a picture of its call alone."""
    run = run_of("maze")
    *_, last = film_of(run, "answer").frames()
    alone = Drawn(run, LAST)
    grid = alone.picture.grid
    box = (0, 0, alone.image.width, int(grid.top + grid.rows * grid.side))
    assert last.crop(box).tobytes() == alone.image.crop(box).tobytes()


@pytest.mark.parametrize(
    "options", [{"frame": 0.0}, {"frame": -1.0}, {"frame": float("nan")}, {"hold": 61.0}]
)
def test_frame_times_out_of_range(options):
    with pytest.raises(UserError, match=r"Choose 0\.02 to 60 seconds"):
        FrameTiming(**options)


def test_the_shortest_and_the_longest_frame_time():
    assert FrameTiming("step", 0.02, 60.0).seconds(3) == [60.0, 0.02, 60.0]
