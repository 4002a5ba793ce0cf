"""A run as a film: GIF by Pillow alone, MP4 by the program ffmpeg."""

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

SHORTEST, LONGEST = 0.02, 60.0  # seconds of a frame; viewers of GIF show shorter ones slowly
TICK = 0.01  # seconds: what GIF counts in
RATE = 30  # frames a second of an MP4, whatever the run's own: some players refuse a few a second
PALETTE = 256


@dataclass(frozen=True)
class FrameTiming:
    """Seconds that frames are shown. Raises UserError where they are no such thing."""

    every: str = "answer"  # of run.EVERY
    frame: float = 0.3
    hold: float = 1.5  # the first and the last frame

    def __post_init__(self):
        for name, seconds in (("--frame-time", self.frame), ("--hold", self.hold)):
            if not SHORTEST <= seconds <= LONGEST:
                raise UserError(
                    f"{name} {seconds:g} is not from {SHORTEST:g} to {LONGEST:g} seconds. Choose one that is."
                )

    def seconds(self, frames: int) -> list[float]:
        """Of each frame."""
        times = [self.frame] * frames
        times[0] = times[-1] = max(self.hold, self.frame)
        return times


def save_gif(
    path: Path, frames: Sequence[Picture], timing: FrameTiming, progress: Callable[[int, int], None]
) -> None:
    """Write frames as a GIF that plays for ever. All share one palette, so that each holds only what differs."""
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
    """The colours of all frames; and for smooth edges those of text and lines in steps towards the ground."""
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
    """Where the program is. Raises UserError."""
    found = shutil.which("ffmpeg")
    if found is None:
        raise UserError(
            "--mp4 needs the program ffmpeg, which is not on the PATH. Install it, or ask for --gif, which needs nothing."
        )
    return found


def _repeats(seconds: Sequence[float]) -> Iterator[int]:
    """How often each frame is shown, RATE times a second: at least once, and no longer in all than it should be."""
    shown = 0
    for end in accumulate(seconds):
        count = max(1, round(end * RATE) - shown)
        shown += count
        yield count


def save_mp4(
    path: Path, frames: Sequence[Picture], timing: FrameTiming, progress: Callable[[int, int], None]
) -> None:
    """Write frames as an H.264 film that any player opens. Raises UserError where ffmpeg fails."""
    width, height = (
        side + side % 2 for side in (frames[0].width, frames[0].height)
    )  # H.264 takes even sides only
    command = [ffmpeg(), "-loglevel", "error", "-nostdin", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24"]
    command += ["-s", f"{width}x{height}", "-framerate", str(RATE), "-i", "-"]
    command += ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-movflags", "+faststart", "-f", "mp4", str(path)]
    canvas = Image.new("RGB", (width, height), frames[0].palette.paper)
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said)
        try:
            repeats = _repeats(timing.seconds(len(frames)))
            for number, (picture, count) in enumerate(zip(frames, repeats, strict=True), 1):
                canvas.paste(image(picture))
                for _ in range(count):
                    process.stdin.write(canvas.tobytes())
                progress(number, len(frames))
            process.stdin.close()
        except BrokenPipeError:
            pass  # it ended early, and says why
        except BaseException:
            process.kill()
            raise
        finally:
            code = process.wait()
        if code:
            said.seek(0)
            lines = said.read().decode(errors="replace").split("\n")
            reason = next((line.strip() for line in reversed(lines) if line.strip()), f"it ended with {code}")
            raise UserError(
                f"ffmpeg could not make the film: {reason}. Install one with libx264, or ask for --gif."
            )
