"""Write films of a run: GIF with Pillow, MP4 with ffmpeg."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image, ImageColor

from trm.errors import UserError
from trm.progress import Progress

if TYPE_CHECKING:
    from trm.export.pictures.picture import RunPicture as Film

SHORTEST, LONGEST = 0.02, 60.0  # seconds per frame; GIF viewers slow down shorter frames
TICK = 0.01  # time unit of GIF in seconds
RATE = 30  # frames per second of an MP4; frames are repeated, because some players reject low rates
PALETTE = 256


@dataclass(frozen=True)
class FrameTiming:
    """The calls that have frames, and the durations of frames in seconds. Raises `UserError` if a duration is out of range."""

    every: str = "answer"  # one of run.EVERY
    frame: float = 0.3  # seconds per frame
    hold: float = 1.5  # seconds for the first and the last frame, at least `frame`

    def __post_init__(self):
        for name, seconds in (("--frame-time", self.frame), ("--hold", self.hold)):
            if not SHORTEST <= seconds <= LONGEST:
                raise UserError(
                    f"{name} {seconds:g} is out of range. Choose {SHORTEST:g} to {LONGEST:g} seconds."
                )

    def seconds(self, frames: int) -> list[float]:
        """Duration of each frame in seconds, for a film with `frames` frames."""
        times = [self.frame] * frames
        times[0] = times[-1] = max(self.hold, self.frame)
        return times


def save_gif(path: Path, film: "Film", timing: FrameTiming, progress: Progress) -> None:
    """Write a looping GIF. All frames share one palette, so that each stores only the differences."""
    palette = _palette(film)

    def drawn() -> Iterator[Image.Image]:
        for number, frame in enumerate(film.frames(), 1):
            yield frame.quantize(palette=palette, dither=Image.Dither.NONE)
            progress(number / len(film), f"drawing frame {number} of {len(film)}")

    images = drawn()
    durations = [round(seconds / TICK) * round(1000 * TICK) for seconds in timing.seconds(len(film))]
    next(images).save(
        path, "GIF", save_all=True, append_images=images, duration=durations, loop=0, disposal=1
    )


def _palette(film: "Film") -> Image.Image:
    """A palette of the colours in a film and, for smooth edges, of mixtures of line and background colours."""
    own, tones = film.palette, dict.fromkeys([*film.palette.tones, *film.tones()])
    steps = max(1, (PALETTE - len(tones)) // len(own.tones))
    edges = (own.mix(tone, step / steps) for tone in own.tones for step in range(1, steps))
    colours = list(dict.fromkeys([*tones, *edges]))[:PALETTE]
    palette = Image.new("P", (1, 1))
    palette.putpalette(list(chain.from_iterable(map(ImageColor.getrgb, colours))))
    return palette


def ffmpeg() -> str:
    """The path of the program ffmpeg. Raises `UserError` if ffmpeg is not installed."""
    path = shutil.which("ffmpeg")
    if path is None:
        raise UserError(
            "--mp4 needs the program ffmpeg, which is not on the PATH. Install it, or use --gif, which does not need it."
        )
    return path


def _repeats(seconds: Sequence[float]) -> Iterator[int]:
    """Yield the number of repetitions of each frame at RATE, at least 1. Rounding errors do not accumulate."""
    total = 0
    for end in accumulate(seconds):
        count = max(1, round(end * RATE) - total)
        total += count
        yield count


def save_mp4(path: Path, film: "Film", timing: FrameTiming, progress: Progress) -> None:
    """Write an H.264 MP4. Raises `UserError` if ffmpeg fails."""
    width, height = (side + side % 2 for side in film.size)  # H.264 needs even sizes
    command = [ffmpeg(), "-loglevel", "error", "-nostdin", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24"]
    command += ["-s", f"{width}x{height}", "-framerate", str(RATE), "-i", "-"]
    command += ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-movflags", "+faststart", "-f", "mp4", str(path)]
    canvas = Image.new("RGB", (width, height), film.palette.paper)
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=errors)
        try:
            repeats = _repeats(timing.seconds(len(film)))
            for number, (frame, count) in enumerate(zip(film.frames(), repeats, strict=True), 1):
                canvas.paste(frame)
                for _ in range(count):
                    process.stdin.write(canvas.tobytes())
                progress(number / len(film), f"drawing frame {number} of {len(film)}")
            process.stdin.close()
        except BrokenPipeError:
            pass  # ffmpeg stopped early; its error messages say why
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
