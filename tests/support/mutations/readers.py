"""Each kind of file as a person would have it read: to its end, and a little of what is then done with it."""

import json
import pickle
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import torch

from app.server.models import source_of
from app.server.options import Options
from app.state import links
from probes.comparison.files import curves_table, load_comparison, to_dict
from probes.halting.report import analyse, report
from probes.halting.runs import load_runs
from probes.interventions import recorded
from probes.latents.files import columns_of, load_projection, summary
from probes.latents.trajectories import read_trajectories
from probes.linear.apply import apply_to_puzzle, summary_of
from probes.linear.experiment.files import load_experiment, score_table
from probes.linear.files import open_probe
from trm.checkpoint import load_model
from trm.cli.main import app, call
from trm.data import load_puzzles, puzzle_entries
from trm.data.puzzle_file import read_content
from trm.errors import CheckpointError, UserError
from trm.inspection.forward import forward_file
from trm.inspection.inspect import inspect_model
from trm.inspection.inspect import report as inspected
from trm.model import Model
from trm.recursion import deep_supervision
from trm.store.reader import open_store
from trm.tasks import get_task
from trm.tasks.base import Task
from trm.training.data import generated_puzzles
from trm.training.folder import TrainingFolder
from trm.training.log import CURVE, read_curve, read_log, write_curve
from trm.training.presets import TrainingPreset

Reader = Callable[[Path, Path], object]
"""Reads what is in a folder; the second one may be written to."""
CPU = torch.device("cpu")
SMALL, SUDOKU, MAZE, ARC = get_task("sudoku", 16), get_task("sudoku"), get_task("maze", 25), get_task("arc")
CELLS = 1000  # of a model that is run


def command(*words: object) -> dict:
    """What a command answers. Raises UserError."""
    return call(app, [str(word) for word in words])[0]


def inspect(folder: Path, out: Path) -> None:
    json.dumps(inspected(inspect_model(str(folder), self_check=False)))


def open_model(folder: Path, out: Path) -> None:
    """One supervision step of a model as it is described, where that is no long work."""
    model = load_model(str(folder), device=CPU, accept_unknown=True)
    config = model.config
    if config.sequence_length <= CELLS and config.n * config.T <= 100:
        tokens = torch.ones((1, config.sequence_length), dtype=torch.long)
        list(deep_supervision(model, tokens, tokens[:, 0] * 0, depth=replace(config.depth, N_sup=1)))


def open_set(task: Task, **options) -> Reader:
    """A set for training or evaluation, which is a folder."""

    def read(folder: Path, out: Path) -> None:
        puzzles = load_puzzles(folder, task, **options)
        puzzles.groups(task)
        np.asarray(puzzles.labels).sum()

    return read


def open_file(task: Task) -> Reader:
    """The same of one file."""

    def read(folder: Path, out: Path) -> None:
        for path in folder.iterdir():
            open_set(task, limit=20)(path, out)

    return read


def open_questions(task: Task) -> Reader:
    """The puzzles of a file that is handed over."""

    def read(folder: Path, out: Path) -> None:
        for path in folder.iterdir():
            for question in puzzle_entries(read_content(path), str(path), task)[:5]:
                question.read(task)

    return read


def convert(folder: Path, out: Path) -> None:
    command("data", "convert", "sudoku", "--size", "4", "--data", folder, "--out", out / "set")


def export(folder: Path, out: Path) -> None:
    files = [word for name in ("html", "svg", "csv", "npz") for word in (f"--{name}", out / f"o.{name}")]
    command("export", "--trace", folder / "t.safetensors", *files)


def read_store(folder: Path, out: Path) -> None:
    store = open_store(folder / "s")
    for read in (store.labels, store.puzzle_ids, store.halting, store.facts, store.top_logits):
        read()
    read_trajectories(store)


def read_projection(folder: Path, out: Path) -> None:
    projection = load_projection(folder / "s.safetensors")
    json.dumps(summary(projection))
    columns_of(projection)


def read_runs(folder: Path, out: Path) -> None:
    json.dumps(report(analyse(load_runs(folder / "r.safetensors"))))


def read_comparison(folder: Path, out: Path) -> None:
    comparison = load_comparison(folder / "c.safetensors")
    json.dumps(to_dict(comparison))
    curves_table(comparison)


def read_study(folder: Path, out: Path) -> None:
    score_table(load_experiment(folder / "s.safetensors"))


def read_recorded(folder: Path, out: Path) -> None:
    """What cannot be read is as if it was not there."""
    before, recorded.RECORDED = recorded.RECORDED, folder.parent
    try:
        for name in ("s", recorded.PRESETS):
            result = recorded.recorded(folder.name, name)
            json.dumps(result and recorded.described(result))
    finally:
        recorded.RECORDED = before


def read_probes(folder: Path, out: Path) -> None:
    for path in sorted(folder.glob("*.safetensors")):
        open_probe(path)


@cache
def seed_model(place: Path) -> Model:
    return load_model(str(place), device=CPU)


def apply_probes(folder: Path, out: Path) -> None:
    model, probes = (
        seed_model(SEEDS[0] / "own"),
        [open_probe(path) for path in sorted(folder.glob("s*.safetensors"))],
    )
    inputs = SMALL.parse("1...2...3...4...")
    json.dumps(
        summary_of(apply_to_puzzle(model, SMALL, inputs, probes), model=model, task=SMALL, inputs=inputs)
    )


SEEDS: list[Path] = []  # where the good files are, in a worker
PRESETS: list[TrainingPreset] = []  # of the run that is trained


def resume(folder: Path, out: Path) -> None:
    from training_runs import trainer_of

    preset, run = PRESETS[0], folder / "run"
    with TrainingFolder.open(run, preset, resume=True, writes=False) as opened:
        saved = opened.read()
        if not (run / "puzzles-16.npz").exists():
            return  # they would be generated again
        stream, _ = generated_puzzles(preset, 16, run, str)
        trainer = trainer_of(preset, stream.puzzles)
        opened.resume(trainer, saved)


def log(folder: Path, out: Path) -> None:
    write_curve(out / CURVE, read_log(folder / "run"))
    read_curve(out)


def forward(folder: Path, out: Path) -> None:
    forward_file(seed_model(SEEDS[0] / "own"), folder / "in.npz", out / "o.npz")


def follow_link(folder: Path, out: Path) -> None:
    """An address is text by name; whatever it says, there is a view, a pinned run or none."""
    link = {str(name): str(text) for name, text in _listed(folder / "link.json")}
    links.view_of(link)
    pin = links.read_pin(link.get("pin", ""))
    if pin:
        assert links.read_pin(links.write_pin(pin)) == pin
    for text in link.values():
        links.parse_number(text, most=64, otherwise=3)


def name_models(folder: Path, out: Path) -> None:
    options = Options(model_dirs=(SEEDS[0],))
    for _, name in _listed(folder / "names.json"):
        try:
            source_of(str(name), options)
        except CheckpointError as error:
            check_line(str(error))


def _listed(path: Path) -> list[tuple[object, object]]:
    try:
        values = json.loads(path.read_bytes())
    except OSError:
        values = []
    except (ValueError, RecursionError):
        values = [path.read_bytes().decode("utf-8", "surrogateescape")]
    found = values if isinstance(values, list | dict) else [values]
    return list(found.items()) if isinstance(found, dict) else list(enumerate(found))


def check_line(text: str) -> None:
    """Raises AssertionError unless a message is one line of usual length."""
    assert len(text.splitlines()) == 1 and len(text) <= 620, text[:1000]


def unpickle(folder: Path, out: Path) -> None:
    """What no reader may do; for the test of the tests."""
    pickle.loads((folder / "words.bin").read_bytes())


def litter(folder: Path, out: Path) -> None:
    """Nor this: something is left behind, and the message names no file."""
    (folder / "left").touch()
    raise UserError("it is damaged")


MODELS = (
    "own",
    "official",
    "hrm-old-form",
    "wrapped",
    "hydra",
    "npz",
    "sharded",
    "nano-trm",
    "eqr",
    "air",
    "urm",
    "sotaku",
)
FILES = ("puzzles-csv", "puzzles-txt", "grids-txt", "puzzles-json", "nested-json", "puzzles-jsonl", "puzzles-npy", "puzzles-npz",
         "puzzles-parquet", "puzzles-txt-gz", "puzzles-csv-bz2", "puzzles-txt-xz", "puzzles-zip", "words-pkl")  # fmt: skip

READERS: dict[str, tuple[Reader, ...]] = {
    **dict.fromkeys(MODELS, (inspect, open_model)),
    **dict.fromkeys(FILES, (open_file(SUDOKU), open_questions(SUDOKU))),
    "maze-txt": (open_file(MAZE), open_questions(MAZE)),
    "official-set": (open_set(SMALL), convert),
    "nano-set": (open_set(SMALL),),
    "arc": (
        open_set(ARC),
        lambda folder, out: load_puzzles(folder, ARC, identifiers=folder / "identifiers.json"),
    ),
    "arc-task": (open_set(ARC, split="train"), open_questions(ARC)),
    "trace": (export,),
    "store": (read_store,),
    "projection": (read_projection,),
    "runs": (read_runs,),
    "comparison": (read_comparison,),
    "study": (read_study,),
    "sweep": (read_recorded,),
    "probe": (read_probes, apply_probes),
    "training": (resume, log),
    "forward": (forward,),
    "link": (follow_link,),
    "name": (name_models,),
}
CARELESS = {"careless": (unpickle, litter)}
UNNAMED = (apply_probes, follow_link, name_models)
"""Those whose messages name a probe by its target, or a text that is no file's."""
