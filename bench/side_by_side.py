"""Our engines beside a plain transcription of the public code, in turns: `python -m bench.side_by_side [--quick]`.

Every figure is the time of a cycle (n f_L calls and one f_H call) of the transcription, divided by ours: 2 means twice
as fast. The transcription is first compared with outputs of the public code (in the folder that RECURSION_LENS_PARITY
names, else in `shared/parity` beside the repository) and with our models. "alone" is meant for an idle
machine; "busy" is beside two processes that multiply matrices with one thread each. With --processor-time, for a machine
that is never idle, it is the least processor time of a cycle on one thread. Figures go to stdout as JSON lines,
and to stderr at the end as a Markdown table for docs/performance.md.
"""

import argparse
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
import torch

from bench.figures import print_figure, progress, seconds
from bench.matmul import peak_gflops
from bench.references.transcription import PublicModel
from trm.checkpoint import load_model
from trm.config import ModelConfig
from trm.coordinates import Depth
from trm.device import cpu_has_bfloat16
from trm.engine import Engine
from trm.engine.choice import with_engine
from trm.engine.runtime import TRIES_EVERY
from trm.inspection import flops
from trm.model import Model
from trm.models import new_model
from trm.recursion import State, latent_recursion
from trm.training.presets import PAPER_ATTENTION, PAPER_MODEL, PRESETS

TOPIC = "side_by_side"
PARITY = Path(
    os.environ.get("RECURSION_LENS_PARITY", Path(__file__).resolve().parents[2] / "shared" / "parity")
)
FULL_SIZE: dict[str, ModelConfig] = {
    "Sudoku, MLP": PAPER_MODEL,
    "Sudoku, attention": PAPER_ATTENTION,
    "Sudoku, HRM": ModelConfig.from_dict(
        PAPER_ATTENTION.to_dict() | {
            "kind": "hrm", "halting": "q_halt > q_continue", "layers": 4, "H_layers": 4, "prefix_length": 1,
            "n": 2, "T": 2,
        }
    ),
    "maze 30x30": PRESETS["paper-maze"].model,
}  # fmt: skip
"""The published sizes. Random weights are enough: the time does not depend on them."""
BUNDLED = ("sudoku-trm", "sudoku-hrm", "maze-trm", "sudoku-trm-large", "maze30-trm")
LEAST = 0.1  # seconds; a shorter piece of work is repeated
MOST_REPEATS = 20
LONGEST = 3e12  # FLOPs of a cycle; a batch that takes more is left out
TOLERANCE = 1e-3  # of one supervision step
PUBLIC = "transcription"
FLOAT32: tuple[Engine, ...] = ("torch", "onnx")
ENGINES: tuple[Engine, ...] = (*FLOAT32, *(["bfloat16"] if cpu_has_bfloat16() else []))

NEIGHBOUR = "import numpy as np\na = np.ones((512, 512), np.float32)\nwhile True: a @ a"


@dataclass(frozen=True)
class Load:
    """How busy the machine is, and how many threads compute."""

    threads: int
    busy: bool
    processor_time: bool = False

    def __str__(self) -> str:
        how = "processor time" if self.processor_time else "busy" if self.busy else "alone"
        return f"{self.threads} thread{'s' if self.threads > 1 else ''}, {how}"


@contextmanager
def neighbours(count: int) -> Iterator[None]:
    """Context manager that keeps `count` cores busy, with one process each."""
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    running = [subprocess.Popen([sys.executable, "-c", NEIGHBOUR], env=environment) for _ in range(count)]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


# ---- the transcription computes what the public code and our models compute


def check_recorded(folder: Path) -> float:
    """Return the largest difference of the transcription from the recorded outputs of supervision step 1."""
    public = PublicModel.of(
        load_model(str(folder / "step_1000"), device=torch.device("cpu"), native_tokens=True)
    )
    with np.load(folder / "expected.npz") as arrays:
        inputs, ids, expected, logits = (
            torch.from_numpy(arrays[name])
            for name in ("inputs", "puzzle_identifiers", "step1_call_output", "logits")
        )
    x = public.embed(inputs.long(), ids.long())
    y, _, calls = public.supervision_step(x, *public.initial_states(x))
    return max(
        (torch.stack(calls) - expected).abs().max().item(),
        (public.heads(y)[0] - logits[0]).abs().max().item(),
    )


def check_model(model: Model, public: PublicModel) -> float:
    """Return the largest difference of the engine `onnx` and of the transcription from our states, in one cycle."""
    torch.manual_seed(0)
    inputs, ids = (
        torch.randint(0, model.config.vocab_size, (2, model.config.sequence_length)),
        torch.zeros(2).long(),
    )
    x = model.embed(inputs, ids)
    depth, at = Depth(model.config.n, 1, 1), (1, 1)
    states = [
        latent_recursion(each, x, model.initial_state(x), depth=depth, at=at)
        for each in (model, with_engine(model, "onnx"))
    ]
    y, z = public.initial_states(x)
    for call in range(depth.n):
        z = public.f_L(x, y, z, call)
    states.append(State(public.f_H(y, z)[0], z[-1]))
    return max(
        (part - same).abs().max().item()
        for each in states[1:]
        for part, same in zip(each, states[0], strict=True)
    )


def check_all(models: dict[str, tuple[Model, PublicModel]]) -> None:
    """Exit unless all of them agree."""
    folders = sorted(path.parent for path in PARITY.glob("*/expected.npz"))
    if not folders:
        progress(f"no recorded outputs of the public code in {PARITY}: compared with our models only")
    differences = {folder.name: check_recorded(folder) for folder in folders}
    differences |= {name: check_model(*pair) for name, pair in models.items()}
    for name, difference in differences.items():
        print_figure(f"{name}: largest difference", difference, "absolute", topic=TOPIC, budget=TOLERANCE)
    if max(differences.values()) > TOLERANCE:
        sys.exit("The transcription is not the same model.")


# ---- times


def cycles(model: Model, public: PublicModel, batch: int, threads: int) -> dict[str, Callable[[], object]]:
    """Return functions that compute a cycle of a batch, by what computes it."""
    config = model.config
    torch.manual_seed(0)
    x = model.embed(
        torch.randint(0, config.vocab_size, (batch, config.sequence_length)), torch.zeros(batch).long()
    )
    depth, state = Depth(config.n, 1, 1), model.initial_state(x)
    y, z = public.initial_states(x)

    def transcribed() -> None:
        now = z
        for call in range(config.n):
            now = public.f_L(x, y, now, call)
        public.f_H(y, now)

    def ours(engine: Model) -> Callable[[], object]:
        return lambda: latent_recursion(engine, x, state, depth=depth, at=(1, 1))

    engines = {engine: with_engine(model, engine, threads=threads) for engine in ENGINES}
    functions = {PUBLIC: transcribed} | {name: ours(engine) for name, engine in engines.items()}
    if batch == 1 and threads > 1:
        calls_of_a_net = 2 * TRIES_EVERY + 2  # in which it tries all its sessions
        for _ in range(calls_of_a_net // (1 if config.H_layers else config.n + 1) + 1):
            functions["onnx"]()
    return functions


def clock_of(processor_time: bool) -> Callable[[], float]:
    return time.thread_time if processor_time else time.perf_counter


def in_turns(
    functions: dict[str, Callable[[], object]], turns: int, load: Load, budget: float
) -> dict[str, list[float]]:
    """Measure the functions in turns. Returns the seconds of each turn, by name.

    There are fewer turns if they would take longer than `budget` seconds. Torch has one thread beside ONNX Runtime, as
    in live runs.
    """
    clock = clock_of(load.processor_time)

    def repeated(name: str, repeats: int) -> float:
        torch.set_num_threads(1 if name == "onnx" else load.threads)
        return seconds(lambda: [functions[name]() for _ in range(repeats)], clock) / repeats

    first = {name: min(repeated(name, 1) for _ in range(2)) for name in functions}
    repeats = {name: max(1, min(MOST_REPEATS, round(LEAST / taken))) for name, taken in first.items()}
    turns = max(1, min(turns, round(budget / sum(first[name] * repeats[name] for name in functions))))

    times: dict[str, list[float]] = {name: [] for name in functions}
    for turn in range(turns):
        for name in list(functions) if turn % 2 else reversed(list(functions)):
            times[name].append(repeated(name, repeats[name]))
    return times


def measure(
    name: str,
    pair: tuple[Model, PublicModel],
    batch: int,
    load: Load,
    *,
    turns: int,
    budget: float,
    peak: float,
) -> tuple[str, ...]:
    """Measure a model in one setting, print its figures, and return a row of the table."""
    times = in_turns(cycles(*pair, batch, load.threads), turns, load, budget)
    work = batch * flops.cycle(pair[0].config)
    if load.processor_time:  # other programs only make it longer
        times = {each: [min(values)] for each, values in times.items()}
    speed_ups = {
        engine: median(public / ours for public, ours in zip(times[PUBLIC], times[engine], strict=True))
        for engine in ENGINES
    }
    taken = {each: median(values) for each, values in times.items()}
    facts = {
        "model": name,
        "batch": batch,
        "threads": load.threads,
        "load": str(load),
        "turns": len(times[PUBLIC]),
    }
    for engine, speed_up in speed_ups.items():
        share = work / taken[engine] / 1e9 / peak
        print_figure(
            f"time of the public code over ours, {engine}", speed_up, "ratio", topic=TOPIC, **facts,
            milliseconds=round(1e3 * taken[engine], 3), peak_share=round(share, 3),
        )  # fmt: skip
    shares = (work / taken[each] / 1e9 / peak for each in (PUBLIC, *FLOAT32))
    return (
        name, str(batch), str(load), f"{1e3 * taken[PUBLIC]:.1f}", *(f"{each:.2f}" for each in speed_ups.values()),
        ", ".join(f"{share:.0%}" for share in shares),
    )  # fmt: skip


COLUMNS = (
    "model",
    "batch",
    "load",
    f"{PUBLIC}, ms a cycle",
    *(f"`{engine}`" for engine in ENGINES),
    f"share of the peak: {PUBLIC}, {', '.join(f'`{engine}`' for engine in FLOAT32)}",
)


def markdown(rows: list[tuple[str, ...]]) -> str:
    """Return a Markdown table."""
    lines = [COLUMNS, ["---"] * len(COLUMNS), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def processor() -> str:
    """Name of the processor where the system gives it, and the number of cores."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    names = [line.split(": ")[1] for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.processor()}, {os.cpu_count()} cores"


def models_named(names: list[str]) -> dict[str, tuple[Model, PublicModel]]:
    """Return the models with these names, and their transcriptions."""
    models = {}
    for name in names:
        if name in BUNDLED:
            model = load_model(name, device=torch.device("cpu"))
        else:
            model = new_model(FULL_SIZE[name])
            model.initialise(0)
            model.name = name
            model.requires_grad_(False)
        models[name] = (model, PublicModel.of(model))
    return models


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer settings and turns: under five minutes")
    parser.add_argument("--models", nargs="+", choices=(*BUNDLED, *FULL_SIZE), default=[*BUNDLED, *FULL_SIZE])
    parser.add_argument("--batches", nargs="+", type=int, help="default: 1 16 64; with --quick 1 16")
    parser.add_argument("--threads", nargs="+", type=int, help="default: 1 2; with --quick 2")
    parser.add_argument("--processor-time", action="store_true", help="processor time on one thread")
    options = parser.parse_args()
    batches = options.batches or ([1, 16] if options.quick else [1, 16, 64])
    threads = [1] if options.processor_time else options.threads or ([2] if options.quick else [1, 2])
    turns, budget, limit = (3, 4.0, LONGEST / 20) if options.quick else (7, 10.0, LONGEST)
    rows = []
    progress(f"load of the machine before: {os.getloadavg()[0]:.1f} (idle: below 0.5)")
    with torch.inference_mode():
        models = models_named(options.models)
        check_all(models)
        peaks = {}
        for count in threads:
            torch.set_num_threads(count)
            peaks[count] = peak_gflops(torch.float32, 6, clock_of(options.processor_time))
            print_figure("peak rate of matrix products", peaks[count], "GFLOP/s", topic=TOPIC, threads=count)
        for busy in (False,) if options.processor_time else (False, True):
            with neighbours(2 if busy else 0):
                for name, pair in models.items():
                    for batch in batches:
                        if batch > 1 and batch * flops.cycle(pair[0].config) > limit:
                            continue
                        for count in threads:
                            load = Load(count, busy, options.processor_time)
                            progress(f"{name}, batch {batch}, {load}")
                            row = measure(
                                name,
                                pair,
                                batch,
                                load,
                                turns=turns,
                                budget=budget,
                                peak=peaks[count],
                            )
                            rows.append(row)
    rates = ", ".join(f"{rate:.0f} GFLOP/s with threads: {count}" for count, rate in peaks.items())
    progress(f"\n{processor()}; peak rate {rates}; torch {torch.__version__}\n\n{markdown(rows)}")


if __name__ == "__main__":
    main()
