"""The folder of a training run. It contains a valid checkpoint at all times.

    model.safetensors + config.json    the averaged weights, in the format that every command opens
    state.safetensors                  everything needed to resume: weights, averages, optimiser state, carry, random state
    preset.json                        the settings, so that a resume with other settings is rejected
    puzzles-CELLS.npz                  the generated training puzzles, one file per size
    log.jsonl                          one JSON object per line: figures for training and held-out puzzles
    tensorboard/                       the same figures for TensorBoard
    .lock                              held by the training process, so that a second one is rejected
    snapshots/                         the averaged weights at intermediate times, if the preset specifies them

Each file is written under a temporary name and renamed, so a killed run loses at most the work since the last save.
"""

import json
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
from trm.recursion import State
from trm.registry import SNAPSHOTS
from trm.training.carry import Carry
from trm.training.presets import TrainingPreset

if TYPE_CHECKING:
    from trm.training.trainer import Trainer


def snapshot_file(progress: float) -> Path:
    """The file in a run's folder with the weights at this progress (0 to 1)."""
    return Path(SNAPSHOTS, f"{100 * progress:03.0f}-percent.safetensors")


class SavedState(NamedTuple):
    """A trainer's state as read from disk."""

    tensors: dict[str, Tensor]
    counters: dict


LOCK, STATE = ".lock", "state.safetensors"
START_AGAIN = "Restore it, or start over with another --out."
CARRIED = ("inputs", "labels", "puzzle_ids", "steps", "least_steps")  # fields of Carry besides its state


class TrainingFolder:
    """The files of a run. Create it with `open` and use it as a context manager, which closes the log.

    While the folder is open, no other process can train into it.
    """

    def __init__(self, path: Path, *, writes: bool = True):
        self.path, self.writes, self._open = path, writes, ExitStack()
        if writes:
            make_folder(path)
            self._open.enter_context(locked(path))

    def _open_logs(self) -> None:
        from torch.utils.tensorboard import SummaryWriter

        log = self.path / "log.jsonl"
        check_replaceable(log)
        with writing(log):
            self._log = self._open.enter_context(log.open("a", encoding="utf-8"))
            self._board = self._open.enter_context(SummaryWriter(str(self.path / "tensorboard")))

    @property
    def state(self) -> Path:
        """The file with everything needed to resume."""
        return self.path / STATE

    @classmethod
    def open(
        cls, path: Path, preset: TrainingPreset, *, resume: bool, writes: bool = True
    ) -> "TrainingFolder":
        """Prepare the folder. Among several processes, only the process with `writes` writes to it.

        Raises `TrainingError` if a new run would overwrite an existing run, or if there is no run with these settings
        to resume.
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
        """Append figures to the log and to TensorBoard."""
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
        """Write the averaged model, then the state to resume from. All processes must call this, because each holds a
        part of the carry.
        """
        tensors, counters = _pack(trainer)
        if not self.writes:
            return
        save_model(self.path, trainer.preset.model, trainer.weights())
        with atomic_file(self.state) as temporary:
            save_file(tensors, temporary, metadata={"numbers": json.dumps(counters)})

    def save_snapshot(self, trainer: "Trainer", progress: float) -> None:
        """Save the averaged weights as the snapshot for this progress, unless it exists."""
        path = self.path / snapshot_file(progress)
        if not self.writes or path.exists():
            return
        with atomic_file(path) as temporary:
            save_file({name: tensor.contiguous() for name, tensor in trainer.weights().items()}, temporary)

    def read(self) -> SavedState:
        """Read the last saved state. Raises `TrainingError` if the file is damaged."""
        with reading(self.state, TrainingError, "state of a run", START_AGAIN):
            with safe_open(self.state, "pt") as file:
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
                counters = strict_json(file.metadata()["numbers"])
            return SavedState(tensors, counters)

    def resume(self, trainer: "Trainer", saved: SavedState) -> None:
        """Restore a trainer from a saved state. Raises `TrainingError` if the state is incomplete."""
        with reading(self.state, TrainingError, "state of a run", START_AGAIN):
            restore(trainer, saved)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder. The operating system releases it when the process ends, even if it is killed.

    Raises `TrainingError` if another process holds it, `OutputError` if the folder cannot be written.
    """
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
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
    """The settings that must be equal on resume: all except the length of the run."""
    return {name: value for name, value in asdict(preset).items() if name not in ("minutes", "updates")}


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
    """Restore a trainer from a saved state. Raises `KeyError`, `ValueError` or similar if the state is incomplete."""
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
