"""Films of a run: GIF with Pillow, MP4 with ffmpeg."""

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain
from pathlib import Path

from PIL import Image, ImageColor

from trm.errors import UserError
from trm.export.pictures.primitives import Cell, Picture, Shape
from trm.export.pictures.raster import image

SHORTEST, LONGEST = 0.02, 60.0  # seconds per frame; GIF viewers slow down shorter frames
TICK = 0.01  # seconds, the time unit of GIF
RATE = 30  # frames per second of an MP4; frames are repeated, since some players reject low rates
PALETTE = 256


@dataclass(frozen=True)
class FrameTiming:
    """Which calls have frames, and the frame duration in seconds. Raises `UserError` if a duration is out of range."""

    every: str = "answer"  # one of run.EVERY
    frame: float = 0.3  # seconds per frame
    hold: float = 1.5  # seconds for the first and the last frame

    def __post_init__(self):
        for name, seconds in (("--frame-time", self.frame), ("--hold", self.hold)):
            if not SHORTEST <= seconds <= LONGEST:
                raise UserError(
                    f"{name} {seconds:g} is out of range. Choose {SHORTEST:g} to {LONGEST:g} seconds."
                )

    def seconds(self, frames: int) -> list[float]:
        """Durations of `frames` frames in seconds."""
        times = [self.frame] * frames
        times[0] = times[-1] = max(self.hold, self.frame)
        return times


def save_gif(
    path: Path, frames: Sequence[Picture], timing: FrameTiming, progress: Callable[[int, int], None]
) -> None:
    """Write frames as a looping GIF. All frames share one palette, so that each stores only the differences."""
    palette = _palette(frames)

    def drawn() -> Iterator[Image.Image]:
        for number, picture in enumerate(frames, 1):
            yield image(picture).quantize(palette=palette, dither=Image.Dither.NONE)
            progress(number, len(frames))

    images = drawn()
    durations = [round(seconds / TICK) * round(1000 * TICK) for seconds in timing.seconds(len(frames))]
    next(images).save(
        path, "GIF", save_all=True, append_images=images, duration=durations, loop=0, disposal=1
    )


def _palette(frames: Sequence[Picture]) -> Image.Image:
    """A palette with the colours in all frames and, for smooth edges, mixtures of line colours with the background."""
    own = frames[0].palette
    tones = dict.fromkeys([*own.tones, *(tone for picture in frames for tone in _tones(picture.shapes))])
    steps = max(1, (PALETTE - len(tones)) // len(own.tones))
    edges = (own.mix(tone, step / steps) for tone in own.tones for step in range(1, steps))
    colours = list(dict.fromkeys([*tones, *edges]))[:PALETTE]
    palette = Image.new("P", (1, 1))
    palette.putpalette(list(chain.from_iterable(map(ImageColor.getrgb, colours))))
    return palette


def _tones(shapes: Iterable[Shape]) -> Iterator[str]:
    for shape in shapes:
        if isinstance(shape, Cell):
            yield from _tones(shape.shapes)
        else:
            yield shape.fill


def ffmpeg() -> str:
    """The path of ffmpeg. Raises `UserError` if it is not installed."""
    path = shutil.which("ffmpeg")
    if path is None:
        raise UserError(
            "--mp4 needs the program ffmpeg, which is not on the PATH. Install it, or use --gif, which does not need it."
        )
    return path


def _repeats(seconds: Sequence[float]) -> Iterator[int]:
    """How many times to repeat each frame at RATE per second: at least once, without accumulating rounding errors."""
    total = 0
    for end in accumulate(seconds):
        count = max(1, round(end * RATE) - total)
        total += count
        yield count


def save_mp4(
    path: Path, frames: Sequence[Picture], timing: FrameTiming, progress: Callable[[int, int], None]
) -> None:
    """Write frames as an H.264 MP4. Raises `UserError` if ffmpeg fails."""
    width, height = (
        side + side % 2 for side in (frames[0].width, frames[0].height)
    )  # H.264 needs even sizes
    command = [ffmpeg(), "-loglevel", "error", "-nostdin", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24"]
    command += ["-s", f"{width}x{height}", "-framerate", str(RATE), "-i", "-"]
    command += ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-movflags", "+faststart", "-f", "mp4", str(path)]
    canvas = Image.new("RGB", (width, height), frames[0].palette.paper)
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=errors)
        try:
            repeats = _repeats(timing.seconds(len(frames)))
            for number, (picture, count) in enumerate(zip(frames, repeats, strict=True), 1):
                canvas.paste(image(picture))
                for _ in range(count):
                    process.stdin.write(canvas.tobytes())
                progress(number, len(frames))
            process.stdin.close()
        except BrokenPipeError:
            pass  # ffmpeg exited early; its messages say why
        except BaseException:
            process.kill()
            raise
        finally:
            code = process.wait()
        if code:
            errors.seek(0)
            lines = errors.read().decode(errors="replace").split("\n")
            reason = next((line.strip() for line in reversed(lines) if line.strip()), f"exit code {code}")
            raise UserError(
                f"ffmpeg failed to encode the film: {reason}. Install an ffmpeg with libx264, or use --gif."
            )
