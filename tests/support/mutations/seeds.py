"""A small good file or folder of every kind that is read, written by the product itself or as its makers write it."""

import bz2
import gzip
import io
import json
import lzma
import pickle
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import other_formats
import pyarrow
import torch
from halting_stand_in import make_runs
from planted_states import DIGITS, FEW, planted
from pyarrow import parquet
from safetensors.torch import save_file
from stores import SETTINGS, ten_puzzles
from training_runs import trainer_of

from probes.comparison.files import make_comparison
from probes.comparison.measure import measure
from probes.interventions.recorded import PresetOutcome, PresetResults, SweepResult
from probes.latents.project import make_projection
from probes.latents.trajectories import read_trajectories
from probes.linear.experiment.files import save_probes
from probes.linear.experiment.run import run_experiment
from probes.linear.experiment.summary import ExperimentSettings
from probes.linear.files import SavedProbe
from probes.linear.fit import fit_probe
from probes.linear.splits import split_puzzles
from trm.checkpoint import save_model
from trm.coordinates import Coordinates
from trm.data import write_dataset
from trm.record import record
from trm.results import save
from trm.store.reader import open_store
from trm.store.record import record_store
from trm.tasks.sudoku import Sudoku
from trm.trace import save_trace
from trm.training.data import Puzzles
from trm.training.folder import TrainingFolder
from trm.training.presets import TrainingPreset

Maker = Callable[[Path], object]
SMALL = Sudoku(2, 2)
DAY = date(2026, 1, 2)
SUDOKU = "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79"
SOLVED = "534678912672195348198342567859761423426853791713924856961537284287419635345286179"
PAIR = {"input": [[1, 2], [3, 4]], "output": [[4, 3], [2, 1]]}
ARC = {"train": [PAIR, PAIR], "test": [PAIR]}


def _public_folders(folder: Path, public_checkpoint: Callable) -> None:
    trm, hrm = public_checkpoint(), public_checkpoint(kind="hrm", puzzle_ids=3)
    trm.save(folder / "official")
    hrm.save(folder / "hrm-old-form", name="checkpoint", _use_new_zipfile_serialization=False)
    trm.save(folder / "wrapped", nest=("model_state_dict",), name="model.pt", with_yaml=False)
    (folder / "wrapped" / "config.json").write_text(json.dumps({"arch": trm.arch, "lr": 1e-4}))
    hydra = folder / "hydra"
    trm.save(hydra, with_yaml=False)
    (hydra / ".hydra").mkdir()
    (hydra / ".hydra" / "config.yaml").write_text(
        f"arch: {json.dumps(trm.arch | {'H_cycles': '${arch.L_cycles}'})}\ndata_paths: [data/sudoku]\n"
    )


def _other_forms(folder: Path, public_checkpoint: Callable) -> None:
    tensors = public_checkpoint().tensors
    plain = {name: tensor.float() for name, tensor in tensors.items()}
    for name in ("npz", "sharded"):
        (folder / name).mkdir()
        (folder / name / "all_config.yaml").write_text(f"arch: {json.dumps(public_checkpoint().arch)}\n")
    np.savez(folder / "npz" / "model.npz", **{name: tensor.numpy() for name, tensor in plain.items()})
    half = len(plain) // 2
    names = [f"model-0000{part}-of-00002.safetensors" for part in (1, 2)]
    parts = [dict(list(plain.items())[:half]), dict(list(plain.items())[half:])]
    for name, part in zip(names, parts, strict=True):
        save_file(part, folder / "sharded" / name)
    places = {key: name for name, part in zip(names, parts, strict=True) for key in part}
    index = {"metadata": {}, "weight_map": places}
    (folder / "sharded" / "model.safetensors.index.json").write_text(json.dumps(index))


def _other_code(folder: Path, public_checkpoint: Callable) -> None:
    made, sizes = other_formats.made, {"vocab_size": 7, "sequence_length": 36}
    bare = other_formats.MLP | other_formats.BARE
    for name in ("nano-trm", "eqr", "sotaku"):
        (folder / name).mkdir()
    nano = made(**other_formats.NANO | bare | sizes | {"tokens": "nano-trm"})
    other_formats.nano_file(folder / "nano-trm" / "last.ckpt", nano, averaged=nano)
    eqr = made(**other_formats.EQR | bare | sizes | {"vocab_size": 8})
    torch.save(other_formats.eqr_stored(eqr, eqr), folder / "eqr" / "step_3_abc.pth")
    other_formats.air_file(folder / "air", made(**other_formats.AIR | {"injection": "Lx_H"}))
    other_formats.urm_file(folder / "urm", made(**other_formats.URM))
    sotaku = made(**other_formats.SOTAKU | {"hidden_size": 32, "heads": 1, "n": 1})
    torch.save(other_formats.sotaku_state(sotaku), folder / "sotaku" / "model_baseline.pt")


def _zipped(**files: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return out.getvalue()


def _array(array: np.ndarray) -> bytes:
    np.save(out := io.BytesIO(), array)
    return out.getvalue()


def _puzzle_files(folder: Path) -> None:
    rows = [{"puzzle": SUDOKU, "solution": SOLVED, "rating": number} for number in range(4)]
    lines = f"{SUDOKU}\n".encode() * 3
    csv = f"puzzle,solution,rating\n{SUDOKU},{SOLVED},3\n{SUDOKU},,0\n".encode()
    tokens = np.array([[int(mark.replace(".", "0")) for mark in SUDOKU]] * 3, np.uint8)
    parquet.write_table(
        pyarrow.table({"puzzle": [SUDOKU] * 5, "answer": [SOLVED] * 5}), table := io.BytesIO()
    )
    np.savez(arrays := io.BytesIO(), puzzles=tokens, solutions=np.array([[*map(int, SOLVED)]] * 3, np.uint8))
    grid = "\n".join(SUDOKU[at : at + 9] for at in range(0, 81, 9)).encode()
    for name, content in {
        "puzzles.csv": csv, "puzzles.txt": b"# three\n" + lines, "grids.txt": grid + b"\n\n" + grid + b"\n",
        "puzzles.json": json.dumps(rows).encode(), "nested.json": json.dumps({"data": {"board": tokens.reshape(3, 9, 9).tolist()}}).encode(),
        "puzzles.jsonl": b"".join(json.dumps(row).encode() + b"\n" for row in rows), "puzzles.npy": _array(tokens),
        "puzzles.npz": arrays.getvalue(), "puzzles.parquet": table.getvalue(), "puzzles.txt.gz": gzip.compress(lines, mtime=0),
        "puzzles.csv.bz2": bz2.compress(csv), "puzzles.txt.xz": lzma.compress(lines), "puzzles.zip": _zipped(**{"a/puzzles.csv": csv}),
        "words.pkl": pickle.dumps(rows, 2), "maze.txt": b"#####\n#S..#\n#.#.#\n#..G#\n#####\n",
    }.items():  # fmt: skip
        place = folder / name.replace(".", "-")
        place.mkdir()
        (place / name).write_bytes(content)


def _sets(folder: Path) -> None:
    puzzles = ten_puzzles()
    write_dataset(puzzles, folder / "official-set", SMALL, format="official", split="test")
    nano = folder / "nano-set" / "test"
    write_dataset(puzzles, folder / "nano-set", SMALL, format="official", split="test")
    for path in nano.glob("*__*puts.npy"):
        np.save(path, np.load(path) + 1)
    (nano / "dataset.json").write_text(json.dumps({"num_puzzles": 10, "seq_len": 16, "vocab_size": 7}))
    arc = folder / "arc"
    arc.mkdir()
    (arc / "a_challenges.json").write_text(
        json.dumps({"0a1b": {"train": [PAIR], "test": [{"input": [[1]]}]}})
    )
    (arc / "a_solutions.json").write_text(json.dumps({"0a1b": [[[2]]]}))
    (arc / "identifiers.json").write_text(json.dumps(["<blank>", "0a1b", "0a1b|||t3|||0213456789"]))
    (folder / "arc-task").mkdir()
    (folder / "arc-task" / "0a1b.json").write_text(json.dumps(ARC))


def _results(folder: Path, model, preset: TrainingPreset) -> None:
    puzzles = ten_puzzles()
    trace = record(model, SMALL, puzzles.inputs[0], recorded=DAY)
    save_trace(folder / "trace" / "t.safetensors", trace)
    record_store(model, SMALL, puzzles, folder / "store" / "s", SETTINGS, recorded=DAY, log=str)
    trajectories = read_trajectories(open_store(folder / "store" / "s"))
    save(
        folder / "projection" / "s.safetensors",
        make_projection(trajectories, state="z", calls="f_H", command="c"),
    )
    save(folder / "runs" / "r.safetensors", make_runs(count=6))
    measured = [measure(model, SMALL, puzzles.take(np.arange(4)), near_limit=1) for _ in range(2)]
    save(folder / "comparison" / "c.safetensors", make_comparison(*measured))
    inputs, labels = SMALL.generate_many(40, givens=(6, 10), seed=3)
    many = type(puzzles).of("many", SMALL, inputs, labels)
    study = run_experiment(
        model, SMALL, many, ExperimentSettings(targets=("solution",), steps=(1,), probe=FEW)
    )
    save(folder / "study" / "s.safetensors", study.summary())
    outcomes = {"plain": PresetOutcome(0.5, 0.4, 0.6, 1.0, [0.5, 0.6], [1.0, 1.0])}
    save(folder / "sweep" / "experiments.safetensors", PresetResults(study.provenance, 0.5, outcomes))
    table = {"ablated": ["y", "z"], "cells": [0.5, 0.75], "step": [1, 2]}
    sweep = SweepResult(study.provenance, "removal", {"step": 1, "how": "zero"}, table, {"y": None, "z": 2})
    save(folder / "sweep" / "s.safetensors", sweep)
    save_probes(folder / "probe", study)
    states, values = planted()
    result = fit_probe(states, values, split_puzzles(120), classes=DIGITS, settings=FEW)
    time_points = tuple(Coordinates(step, 1, 1, "f_L") for step in (1, 2, 3))
    saved = SavedProbe(study.provenance, "z", time_points, result)
    save(folder / "probe" / "planted.safetensors", saved)
    _training(folder / "training", preset, Puzzles(inputs, labels))


def _training(folder: Path, preset: TrainingPreset, puzzles: Puzzles) -> None:
    trainer = trainer_of(preset, puzzles)
    trainer.one_update(0.0)
    with TrainingFolder.open(folder / "run", preset, resume=False) as run:
        run.save(trainer)
        run.log(trainer, {"loss": 1.5, "held_out_exact_by_step": [0.1, 0.2]})
    np.savez_compressed(folder / "run" / "puzzles-16.npz", inputs=puzzles.inputs, labels=puzzles.labels)


def make_seeds(
    folder: Path, tiny_model: Callable, public_checkpoint: Callable, preset: TrainingPreset
) -> None:
    """A folder for each subject of `readers.READERS`, and what they need beside it."""
    (folder / "preset.pkl").write_bytes(pickle.dumps(preset))
    model = tiny_model()
    save_model(folder / "own", model.config, model.state_dict())
    for make in (_public_folders, _other_forms, _other_code):
        make(folder, public_checkpoint)
    _puzzle_files(folder)
    _sets(folder)
    _results(folder, model, preset)
    (folder / "forward").mkdir()
    inputs = ten_puzzles().inputs
    starts = {name: np.zeros((10, 17, 8), np.float32) for name in ("start_z_H", "start_z_L")}
    np.savez(folder / "forward" / "in.npz", inputs=inputs, puzzle_identifiers=np.zeros(10, int), **starts)
    link = {"model": "sudoku-trm", "puzzle": SUDOKU, "at": "3.2.1", "cell": "1,2", "mode": "answer", "n": "6", "T": "3", "steps": "16",
            "pin": "sudoku-hrm~2.2.16~~3~8~0a1b", "id": "3", "arc": "0a1b:1", "align": "call", "lead": "left", "heads": "8"}  # fmt: skip
    (folder / "link").mkdir()
    (folder / "link" / "link.json").write_text(json.dumps(link))
    (folder / "careless").mkdir()
    (folder / "careless" / "words.bin").write_bytes(pickle.dumps({"a": [1, "b"] * 5}, 2))
    (folder / "name").mkdir()
    names = [
        "sudoku-trm",
        "hf://alphaXiv/trm-model-maze@main/x.pt",
        "https://huggingface.co/a/b/blob/main/c",
        "own",
        "own/model.safetensors",
    ]
    (folder / "name" / "names.json").write_text(json.dumps(names))
