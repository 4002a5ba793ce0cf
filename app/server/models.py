"""Finds the models that may be opened on this server, and converts their names to `ModelSource` objects.

The name of a model, in the selectbox and in links, is a bundled name, a path relative to a `--model-dir` folder, or a
hub repository (`hf://owner/repo`). If only the owner can reach the server, a name can also be any path. Only this
module converts names to `ModelSource` objects and prevents access to files outside the folders. It does not open models
and does not import torch.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from app.server.options import HOW_TO_START, Options
from trm import registry
from trm.config import SHORT
from trm.errors import CheckpointError
from trm.public.address import is_hub, parse_address
from trm.public.settings_files import local_settings_files
from trm.public.weights import candidates, choose_weights

DEEPEST = 4  # maximum number of folder levels searched below --model-dir
MOST_FILES = 20_000  # maximum number of files examined in a search
MOST_MODELS = 500  # maximum number of models listed


@dataclass(frozen=True)
class ModelSource:
    """A model that may be opened. Equal sources have the same weights."""

    name: str  # displayed name
    spec: str  # argument of `load_model`
    kind: str  # "bundled", "file" or "hub"
    base: str = ""  # folder that the name is relative to; removed from messages to visitors
    token: bool = False  # whether to use the owner's hub token
    stamp: tuple[int, ...] = ()  # sizes and times of the files, so that changed files make another source
    heads: int | None = None  # number of attention heads, if it overrides the number in the checkpoint
    accepted: bool = False  # whether to open the model even if some of its settings are not understood

    @property
    def is_bundled(self) -> bool:
        return self.kind == "bundled"

    @property
    def forced(self) -> dict[str, int]:
        """Fields of ModelConfig that the user has overridden, with their values."""
        return {} if self.heads is None else {"heads": self.heads}

    @property
    def folder(self) -> Path | None:
        """The folder of the model's files; None for bundled models and hub repositories."""
        return Path(self.spec).parent if self.kind == "file" else None


def found_models(folders: tuple[Path, ...], *, links: bool = False) -> list[str]:
    """Return the names of the checkpoints in these folders and their subfolders, as paths relative to the folders.

    The name of a checkpoint is the path of its subfolder, or of its file if the subfolder contains several checkpoints.
    With `links`, symbolic links that lead out of the folders are followed.
    """
    names: dict[str, None] = {}
    for root in folders:
        for folder, files in _folders(root, links=links):
            weights = [name for name in candidates(files) if links or _is_inside(folder / name, root)]
            alone = len(weights) == 1 and folder != root
            for path in [folder] if alone else [folder / name for name in weights]:
                names[path.relative_to(root).as_posix()] = None
                if len(names) == MOST_MODELS:
                    return list(names)
    return list(names)


def _folders(root: Path, *, links: bool) -> Iterator[tuple[Path, list[str]]]:
    """Yield each folder below `root` with the names of its files, without hidden folders and files.

    Symbolic links to folders are followed only with `links`.
    """
    looked_at, seen = 0, set()
    for path, below, files in os.walk(root, followlinks=links):
        folder = Path(path)
        depth = len(folder.relative_to(root).parts)
        real = os.path.realpath(path)
        again = real in seen  # a link back to a visited folder
        seen.add(real)
        shown = depth < DEEPEST and not again
        below[:] = sorted(name for name in below if not name.startswith(".")) if shown else []
        looked_at += len(files)
        if looked_at > MOST_FILES:
            return
        if not again:
            yield folder, [name for name in files if not name.startswith(".")]


def source_of(name: str, options: Options, *, accepted: bool = False) -> ModelSource:
    """Return the source of the model with this name. Raises CheckpointError if it may not be opened on this server.

    `accepted` allows opening the model even if some of its settings are not understood.
    """
    if (folder := registry.model_folder(name)) is not None:
        return ModelSource(name, name, "bundled", stamp=_stamp(folder / "model.safetensors"))
    if is_hub(name):
        if not options.hub:
            raise CheckpointError(
                f"{SHORT.repr(name)}: hub models are disabled on this server. Start it on localhost or with --hub, "
                f"or download the model and start with {HOW_TO_START}."
            )
        address = str(parse_address(name))
        return ModelSource(address, address, "hub", token=options.local, accepted=accepted)
    weights, root = _found(name, options)
    return ModelSource(
        name, str(weights), "file", f"{root}{os.sep}", stamp=_stamp(weights), accepted=accepted
    )


def _found(name: str, options: Options) -> tuple[Path, Path]:
    """Return the weights file with this name and the folder that the name is relative to.

    The folder is one of the server's folders, or any folder if only the owner can reach the server. Raises
    CheckpointError if there is no such file or it may not be opened.
    """
    for root in options.model_dirs:
        path = _inside(root, name, links=options.local)
        if path is not None and path.exists():
            return _checked(_weights_of(path, name, root, options), root, links=options.local), root
        if path is None and not options.local and (link := _leading_out(root, name)):
            raise CheckpointError(_about_link(link, root))
    if options.local and (path := _anywhere(name)) is not None:
        return _weights_of(path, name, path.parent, options), path.parent
    raise CheckpointError(_nowhere(SHORT.repr(name), options))


def _nowhere(shown: str, options: Options) -> str:
    if options.local:
        return f"There is no file or folder {shown} on this machine. Type the full path of a checkpoint, or choose a model from the list."
    if not options.model_dirs:
        return f"There is no model {shown} here, and the server has no model folder. Start the app with {HOW_TO_START}."
    return (
        f"There is no model {shown} in this server's folders, and it opens nothing outside them. Choose a model from the list, copy "
        f"the model there, or start the app with {HOW_TO_START}."
    )


def _weights_of(path: Path, name: str, root: Path, options: Options) -> Path:
    """Return a file unchanged, or the weights file of a folder. Raises CheckpointError if the folder has none."""
    if not path.is_dir():
        return path
    files = [
        (folder / file).relative_to(path).as_posix()
        for folder, files in _folders(path, links=options.local)
        for file in files
    ]
    return path / choose_weights(files, name, lambda file: (path / file).relative_to(root).as_posix())


def _anywhere(name: str) -> Path | None:
    """Return the absolute path on this machine; None if it does not exist."""
    try:
        path = Path(name).expanduser().absolute()
        return path if path.exists() else None
    except (OSError, ValueError, RuntimeError):  # not a path, or the user does not exist
        return None


def _inside(root: Path, name: str, *, links: bool = False) -> Path | None:
    """Return the path with this name below a folder; None if it does not exist or is outside the folder."""
    try:
        path = _below(root, name)
        if path is None:
            return None
        real = path.resolve(strict=True)
        return path if links or real.is_relative_to(_bounds(root)) else None
    except (OSError, ValueError, RuntimeError):  # missing, not a path, or a link to itself
        return None


def _below(root: Path, name: str) -> Path | None:
    """Return the path with this name if it is below the folder (before links are followed), else None."""
    path = Path(os.path.normpath(root / name))
    if not path.is_relative_to(root):  # an absolute path, possibly the same folder under another name
        path = path.parent.resolve() / path.name
    return path if path.is_relative_to(root) else None


def _bounds(root: Path) -> Path:
    """Return the folder that links may lead into: `root`, or the whole repository if `root` is in a hub cache.

    In a hub cache, the files in `snapshots/<commit>/` are links into `blobs/`.
    """
    for folder in (root, *root.parents):
        if folder.parent.name == "snapshots" and (folder.parent.parent / "blobs").is_dir():
            return folder.parent.parent
    return root


def _leading_out(root: Path, name: str) -> Path | None:
    """Return the first link on the path to this name that leads out of the folder; None if there is no such link."""
    try:
        path = _below(root, name)
        steps = [*reversed(path.relative_to(root).parents), path.relative_to(root)] if path else []
        links = (root / step for step in steps if (root / step).is_symlink())
        return next((link for link in links if not link.resolve().is_relative_to(_bounds(root))), None)
    except (OSError, ValueError, RuntimeError):
        return None


def _about_link(link: Path, root: Path) -> str:
    return (
        f"{link.relative_to(root)} is a link that leads out of the server's folder, and the server opens nothing outside it. Copy its target "
        f"there, start the app on localhost, or start it with {HOW_TO_START}."
    )


def _is_inside(path: Path, root: Path) -> bool:
    return _inside(root, str(path)) is not None


def _checked(weights: Path, root: Path, *, links: bool) -> Path:
    """Return the weights file. Raises CheckpointError if it or a settings file is a link that leads out of `root`."""
    for path in () if links else (weights, *local_settings_files(weights)):
        if path.is_relative_to(root) and os.path.lexists(path) and not _is_inside(path, root):
            raise CheckpointError(_about_link(path, root))
    return weights


def _stamp(weights: Path) -> tuple[int, ...]:
    """Return the sizes and modification times of the weights file and its settings files."""
    numbers = []
    for path in (weights, *local_settings_files(weights)):
        with suppress(OSError):
            state = path.stat()
            numbers += [state.st_size, state.st_mtime_ns]
    return tuple(numbers)
