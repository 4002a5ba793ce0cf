"""A process that reads mutated files: `python -m mutations.worker SEEDS`, with `subject number` a line on its standard input.

For each it prints a line of JSON: what was changed, what was said, and each fault. What takes longer than it may ends the
process, with where it was on standard error.
"""

import faulthandler
import json
import os
import pickle
import resource
import shutil
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path
from random import Random

import torch

from mutations import readers
from mutations.containers import mutate
from trm.errors import UserError

SLOW, HANGING = 10.0, 300.0  # seconds of a processor; of the clock, on a machine with other work
MOST = 1 << 30  # bytes of memory more than before
GUARD = 6 << 30  # bytes of addresses, so that the machine lives on
RUNNING = ("os.system", "subprocess.Popen", "os.exec", "os.posix_spawn", "os.fork", "pickle.find_class")


class Watch:
    """Notes what is run and what is written outside a folder, while `inside` is set."""

    def __init__(self) -> None:
        self.inside, self.seen = "", []
        sys.addaudithook(self.hear)

    def hear(self, event: str, arguments: tuple) -> None:
        if not self.inside:
            return
        if event in RUNNING:
            self.seen.append(f"{event} {arguments!r}"[:300])
        elif (
            event == "open"
            and isinstance(arguments[2], int)
            and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        ):
            path = os.fsdecode(arguments[0]) if not isinstance(arguments[0], int) else ""
            if path and not path.startswith((self.inside, "/dev/")):
                self.seen.append(f"writes {path}"[:300])


def peak() -> int:
    """Most memory so far, in bytes, since `forget_peak`."""
    text = Path("/proc/self/status").read_text()
    return int(text.split("VmHWM:")[1].split()[0]) << 10


def forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def listing(folder: Path) -> list[tuple[str, bytes]]:
    return [(path.as_posix(), path.read_bytes()) for path in sorted(folder.rglob("*")) if path.is_file()]


def case(subject: str, number: int, seeds: Path, watch: Watch) -> dict:
    """One mutated folder, read by all its readers."""
    draw = Random(f"{subject} {number}")
    with tempfile.TemporaryDirectory(prefix="mutated-") as place:
        sandbox = Path(place)
        folder, canary, out = sandbox / subject, sandbox / "canary", sandbox / "out"
        shutil.copytree(seeds / subject, folder)
        changed = mutate(folder, draw, str(canary))
        before, faults, said = listing(folder), [], []
        for place, reader in enumerate((readers.READERS | readers.CARELESS)[subject]):
            shutil.rmtree(out, ignore_errors=True)
            out.mkdir()
            message, fault = read(reader, folder, out, watch, named=reader not in readers.UNNAMED)
            said.append(message)
            found = [fault, *watch.seen]
            found.append("run: the canary is there" if canary.exists() else "")
            found.append("something is left beside" if listing(folder) != before else "")
            found.append("half written" if message and any(out.rglob("*.partial*")) else "")
            faults += [f"reader {place + 1}: {each}" for each in found if each]
        return {"subject": subject, "number": number, "changed": changed, "said": said, "faults": faults}


def read(reader: readers.Reader, folder: Path, out: Path, watch: Watch, *, named: bool) -> tuple[str, str]:
    """What is said, and what is wrong with it."""
    faulthandler.dump_traceback_later(HANGING, exit=True)
    message, fault, begin = "", "", time.process_time()
    forget_peak()
    base = peak()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        warnings.simplefilter("ignore", ResourceWarning)  # what is closed a moment later
        tempfile.tempdir = str(out)
        watch.inside, watch.seen = str(folder.parent), []
        try:
            reader(folder, out)
        except UserError as error:
            message = str(error)
            fault = check(message, folder if named else None)
        except BaseException:
            fault = traceback.format_exc()[-1500:]
        watch.inside, tempfile.tempdir = "", None
    faulthandler.cancel_dump_traceback_later()
    seconds, memory = time.process_time() - begin, peak() - base
    if seconds > SLOW:
        fault += f" took {seconds:.0f} s"
    if memory > MOST:
        fault += f" took {memory >> 20} MiB"
    if warned:
        fault += f" warned: {warned[0].category.__name__} {str(warned[0].message)[:200]} {warned[0].filename}:{warned[0].lineno}"
    return message, fault


def check(message: str, folder: Path | None) -> str:
    if len(message.splitlines()) != 1 or len(message) > 620 or not message.isprintable():
        return f"no line: {message!r}"
    names = [] if folder is None else [str(folder), *(path.name for path in folder.rglob("*"))]
    return "" if folder is None or any(name in message for name in names) else f"names no file: {message!r}"


def main() -> None:
    seeds = Path(sys.argv[1])
    torch.set_num_threads(1)
    readers.SEEDS.append(seeds)
    readers.PRESETS.append(pickle.loads((seeds / "preset.pkl").read_bytes()))
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + GUARD, used + GUARD))
    watch = Watch()
    for line in sys.stdin.read().splitlines():
        subject, number = line.split()
        print(json.dumps(case(subject, int(number), seeds, watch)), flush=True)


if __name__ == "__main__":
    main()
