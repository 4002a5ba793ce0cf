"""Reads and writes the folder of a training run, which always contains a valid checkpoint. Its files are:

    model.safetensors + config.json    averaged weights, which every command can open as a model
    state.safetensors                  resume state: weights, averages, optimiser state, carry, random state
    preset.json                        settings of the run; a run can only be resumed with equal settings
    puzzles-CELLS.npz                  generated training puzzles, one file per grid size
    log.jsonl                          training and held-out metrics, one JSON object per line
    tensorboard/                       metrics for TensorBoard
    .lock                              lock file of the training process; a second process is rejected
    snapshots/NNN-percent/             averaged weights at intermediate times, each a model of its own

Each file except the logs is first written to a temporary file, which is then renamed. A killed run therefore loses at
most the work since the last save.
"""

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import torch
from filelock import FileLock, Timeout
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from trm.checkpoint import save_model
from trm.errors import TrainingError
from trm.files import (
    OutputError,
    atomic_file,
    check_replaceable,
    make_folder,
    reading,
    strict_json,
    writing,
)
from trm.provenance import Training
from trm.recursion import State
from trm.registry import SNAPSHOTS
from trm.training.carry import Carry
from trm.training.log import LOCK, LOG
from trm.training.presets import TrainingPreset

if TYPE_CHECKING:
    from trm.training.trainer import Trainer


def snapshot_folder(progress: float) -> Path:
    """Return the path, relative to the run's folder, of the snapshot at `progress` (0 to 1)."""
    return Path(SNAPSHOTS, f"{100 * progress:03.0f}-percent")


class SavedState(NamedTuple):
    """The state of a trainer, as read from `state.safetensors`."""

    tensors: dict[str, Tensor]
    counters: dict


STATE = "state.safetensors"
LOOK = 0.2  # seconds for which a reader that looks at the lock is waited for
START_AGAIN = "Restore it, or start over with another --out."
CARRIED = ("inputs", "labels", "puzzle_ids", "steps", "least_steps")  # fields of Carry other than its state


class TrainingFolder:
    """The files of a run. Create an instance with `open` and use it as a context manager, which closes the log.

    While the folder is open, no other process can train into this folder.
    """

    def __init__(self, path: Path, *, writes: bool = True):
        self.path, self.writes, self._open = path, writes, ExitStack()
        if writes:
            make_folder(path)
            self._open.enter_context(locked(path))

    def _open_logs(self) -> None:
        from torch.utils.tensorboard import SummaryWriter

        log = self.path / LOG
        check_replaceable(log)
        with writing(log):
            if log.exists() and not (lines := log.read_bytes()).endswith(b"\n"):  # a killed run was writing
                os.truncate(log, lines.rfind(b"\n") + 1)
            self._log = self._open.enter_context(log.open("a", encoding="utf-8"))
            self._board = self._open.enter_context(SummaryWriter(str(self.path / "tensorboard")))

    @property
    def state(self) -> Path:
        """The path of the file that contains the resume state."""
        return self.path / STATE

    @classmethod
    def open(
        cls, path: Path, preset: TrainingPreset, *, resume: bool, writes: bool = True
    ) -> "TrainingFolder":
        """Open the folder for a new run or, if `resume` is set, for an existing run.

        A process without `writes` does not write to the folder. Raises `TrainingError` if a new run would overwrite an
        existing run, if the folder contains no run with these settings to resume, or if another process is training
        into the folder.
        """
        if path.exists() and not path.is_dir():
            raise TrainingError(f"{path} is a file, not a folder. Give another --out.")
        if resume and not (path / STATE).exists():
            raise TrainingError(f"{path} contains no run to resume. Start one without --resume.")
        folder = cls(path, writes=writes)
        try:
            folder._prepare(preset, resume=resume)
        except BaseException:
            folder._open.close()
            raise
        return folder

    def _prepare(self, preset: TrainingPreset, *, resume: bool) -> None:
        written = self.path / "preset.json"
        if not resume and self.state.exists():
            raise TrainingError(
                f"{self.path} already contains a run. Continue it with --resume, or give another --out."
            )
        settings = json.dumps(_settings(preset), indent=2)
        if resume and _read_settings(written) != json.loads(settings):
            raise TrainingError(
                f"{self.path} was trained with settings that differ from this preset. Give another --out."
            )
        if not self.writes:
            return
        if not resume:
            with atomic_file(written) as temporary:
                temporary.write_text(settings, "utf-8")
        self._open_logs()

    def __enter__(self) -> "TrainingFolder":
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()

    def log(self, trainer: "Trainer", figures: dict) -> None:
        """Append metrics to the log and to TensorBoard. Raises `TrainingError` if the log cannot be written."""
        if not self.writes:
            return
        for name, value in figures.items():
            if isinstance(value, float):
                self._board.add_scalar(name, value, trainer.update)
        line = {"update": trainer.update, "minutes": round(trainer.seconds / 60, 3)} | figures
        try:
            self._log.write(json.dumps(line) + "\n")
            self._log.flush()
        except OSError as error:
            raise TrainingError(
                f"{self._log.name} cannot be written: {error.strerror}. Free disk space and continue with --resume."
            ) from None

    def save(self, trainer: "Trainer") -> None:
        """Write the averaged model, then the resume state.

        All processes must call this method, because each process has a part of the carry.
        """
        tensors, counters = _pack(trainer)
        if not self.writes:
            return
        save_model(self.path, trainer.preset.model, trainer.weights(), _training(trainer))
        with atomic_file(self.state) as temporary:
            save_file(tensors, temporary, metadata={"numbers": json.dumps(counters)})

    def save_snapshot(self, trainer: "Trainer", progress: float) -> None:
        """Save the averaged weights as the snapshot at `progress`, unless this snapshot already exists.

        The snapshot is a model with the recursion depth in use at that point of training.
        """
        path, preset = self.path / snapshot_folder(progress), trainer.preset
        if not self.writes or (path / "model.safetensors").exists():
            return
        depth = preset.schedule.depth_at(progress, preset.model.N_sup)
        config = preset.model.with_depth(**vars(depth))
        save_model(path, config, trainer.weights(), _training(trainer))

    def read(self) -> SavedState:
        """Read the latest saved state. Raises `TrainingError` if the file is damaged."""
        with reading(self.state, TrainingError, "state of a run", START_AGAIN):
            with safe_open(self.state, "pt") as file:
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
                counters = strict_json(file.metadata()["numbers"])
            return SavedState(tensors, counters)

    def resume(self, trainer: "Trainer", saved: SavedState) -> None:
        """Restore `trainer` from a saved state. Raises `TrainingError` if the state does not fit the trainer."""
        with reading(self.state, TrainingError, "state of a run", START_AGAIN):
            restore(trainer, saved)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Lock a folder. The operating system releases the lock when the process ends, even if the process is killed.

    Raises `TrainingError` if another process has locked the folder, and `OutputError` if the lock file cannot be
    written.
    """
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=LOOK)
    except Timeout:
        raise TrainingError(
            f"Another process is training into {folder}. Wait until it ends, or give another --out."
        ) from None
    except OSError as error:
        raise OutputError(f"{folder} cannot be written: {error.strerror}. Choose another folder.") from None
    try:
        yield
    finally:
        lock.release()


def _read_settings(path: Path) -> dict:
    with reading(path, TrainingError, "preset", START_AGAIN):
        return json.loads(path.read_text("utf-8"))


def _settings(preset: TrainingPreset) -> dict:
    """Return the settings that must be equal on resume: all settings except the length of the run."""
    return {name: value for name, value in asdict(preset).items() if name not in ("minutes", "updates")}


def _training(trainer: "Trainer") -> Training:
    return Training(trainer.preset.name, trainer.preset.seed, trainer.update)


def _pack(trainer: "Trainer") -> tuple[dict[str, Tensor], dict]:
    tensors = {f"model/{name}": tensor for name, tensor in trainer.model.state_dict().items()}
    tensors |= {f"average/{name}": tensor for name, tensor in trainer.average.shadow.items()}
    for index, state in trainer.optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer/{index}/{name}": tensor for name, tensor in state.items()}
    if trainer.carry is not None:
        carry = trainer.carry
        carried = {name: getattr(carry, name) for name in CARRIED} | {"y": carry.state.y, "z": carry.state.z}
        tensors |= {f"flight/{name}": trainer.replica.gathered(tensor) for name, tensor in carried.items()}
    counters = {
        "update": trainer.update,
        "seconds": trainer.seconds,
        "random": trainer.random.bit_generator.state,
    }
    return {name: tensor.detach().contiguous().cpu() for name, tensor in tensors.items()}, counters


def restore(trainer: "Trainer", saved: SavedState) -> None:
    """Restore `trainer` from a saved state. Raises `KeyError`, `ValueError` or another error if it does not fit."""
    tensors, counters = saved

    def part(prefix: str) -> dict[str, Tensor]:
        return {
            name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)
        }

    trainer.model.load_state_dict(part("model/"))
    average = part("average/")
    if _shapes(average) != _shapes(trainer.average.shadow):
        raise ValueError("not the averaged weights of this model")
    trainer.average.shadow = {name: tensor.to(trainer.device) for name, tensor in average.items()}
    optimizer_state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in part("optimizer/").items():
        index, _, key = name.partition("/")
        optimizer_state.setdefault(int(index), {})[key] = tensor
    if len({frozenset(state) for state in optimizer_state.values()}) > 1:
        raise ValueError("tensors of the optimiser are missing")
    groups = trainer.optimizer.state_dict()["param_groups"]
    trainer.optimizer.load_state_dict({"state": optimizer_state, "param_groups": groups})
    mine = trainer.replica.rows(trainer.preset.batch)
    carry = {name: tensor[mine].to(trainer.device) for name, tensor in part("flight/").items()}
    trainer.carry = Carry(state=State(carry.pop("y"), carry.pop("z")), **carry) if carry else None
    trainer.update, trainer.seconds = int(counters["update"]), float(counters["seconds"])
    trainer.random.bit_generator.state = counters["random"]


def _shapes(tensors: dict[str, Tensor]) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in tensors.items()}
