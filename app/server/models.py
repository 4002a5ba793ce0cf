"""Which models may be opened on this server, and what people call them.

A model is named by what stands in the selectbox and in the link: a bundled name, a path relative to a folder given as
`--model-dir`, a place on the hub (`hf://owner/repo`), or where only its owner can reach the server any path. A name becomes a
`Source` here and nowhere else, so this is where paths are kept inside those folders. Nothing is opened, and torch is not imported.
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

DEEPEST = 4  # folders below --model-dir that are searched
MOST_FILES = 20_000  # looked at in one search
MOST_MODELS = 500


@dataclass(frozen=True)
class Source:
    """A model that may be opened. Equal sources open the same weights."""

    name: str  # what people call it
    spec: str  # what `load_model` takes
    kind: str  # "bundled", "file" or "hub"
    base: str = ""  # the folder that its name begins in; messages to visitors do not name it
    token: bool = False  # on the hub with the owner's
    stamp: tuple[int, ...] = ()  # sizes and times of its files: a file written anew is another model
    heads: int | None = None  # attention heads to read the weights with, where not those of the checkpoint
    accepted: bool = False  # though not all its settings are understood

    @property
    def is_bundled(self) -> bool:
        return self.kind == "bundled"

    @property
    def forced(self) -> dict[str, int]:
        """Fields of ModelConfig that were asked for."""
        return {} if self.heads is None else {"heads": self.heads}

    @property
    def folder(self) -> Path | None:
        """Where its files lie; None for one on the hub."""
        return Path(self.spec).parent if self.kind == "file" else None


def found_models(folders: tuple[Path, ...], *, links: bool = False) -> list[str]:
    """Names of the checkpoints in these folders and below: a folder's, or a file's where a folder holds several.

    `links`: those that lead out of the folders are followed.
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
    """Folders with their files, in order of their names, hidden ones left out; links to folders only where they are followed."""
    looked_at, seen = 0, set()
    for path, below, files in os.walk(root, followlinks=links):
        folder = Path(path)
        depth = len(folder.relative_to(root).parts)
        real = os.path.realpath(path)
        again = real in seen  # a link back to where we have been
        seen.add(real)
        shown = depth < DEEPEST and not again
        below[:] = sorted(name for name in below if not name.startswith(".")) if shown else []
        looked_at += len(files)
        if looked_at > MOST_FILES:
            return
        if not again:
            yield folder, [name for name in files if not name.startswith(".")]


def source_of(name: str, options: Options, *, accepted: bool = False) -> Source:
    """The model that a name means. Raises CheckpointError, one line, for whatever may not be opened here.

    `accepted`: a person said to open it though not all its settings are understood.
    """
    if (folder := registry.model_folder(name)) is not None:
        return Source(name, name, "bundled", stamp=_stamp(folder / "model.safetensors"))
    if is_hub(name):
        if not options.hub:
            raise CheckpointError(
                f"{SHORT.repr(name)}: models of the hub are switched off on this server. Start it on localhost, or with --hub; "
                f"or download the model and start with {HOW_TO_START}."
            )
        address = str(parse_address(name))
        return Source(address, address, "hub", token=options.local, accepted=accepted)
    weights, root = _found(name, options)
    return Source(name, str(weights), "file", f"{root}{os.sep}", stamp=_stamp(weights), accepted=accepted)


def _found(name: str, options: Options) -> tuple[Path, Path]:
    """The weights file that a path means and the folder that the name begins in: one of the server's, or any where only its owner can
    reach it. Raises CheckpointError.
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
        return f"There is no file or folder {shown} on this machine. Type the whole path to a checkpoint, or choose one of the list."
    if not options.model_dirs:
        return f"There is no model {shown} here, and no folder of models to look in. Start the app with {HOW_TO_START}."
    return (
        f"There is no model {shown} in the folders of this server, and nothing outside is opened. Choose one of the list, copy "
        f"the model there, or start the app with {HOW_TO_START}."
    )


def _weights_of(path: Path, name: str, root: Path, options: Options) -> Path:
    """The file itself, or of a folder the one to open. Raises CheckpointError."""
    if not path.is_dir():
        return path
    files = [
        (folder / file).relative_to(path).as_posix()
        for folder, files in _folders(path, links=options.local)
        for file in files
    ]
    return path / choose_weights(files, name, lambda file: (path / file).relative_to(root).as_posix())


def _anywhere(name: str) -> Path | None:
    """What a path means on this machine; None where there is nothing."""
    try:
        path = Path(name).expanduser().absolute()
        return path if path.exists() else None
    except (OSError, ValueError, RuntimeError):  # no path at all; no such user
        return None


def _inside(root: Path, name: str, *, links: bool = False) -> Path | None:
    """The path that a name means below a folder; None where there is none, or where it lies outside."""
    try:
        path = _below(root, name)
        if path is None:
            return None
        real = path.resolve(strict=True)
        return path if links or real.is_relative_to(_bounds(root)) else None
    except (OSError, ValueError, RuntimeError):  # not there; no path at all; a link that leads to itself
        return None


def _below(root: Path, name: str) -> Path | None:
    """The path by that name, if it leads down from a folder before any links are followed."""
    path = Path(os.path.normpath(root / name))
    if not path.is_relative_to(root):  # an absolute path, perhaps the same folder by another name
        path = path.parent.resolve() / path.name
    return path if path.is_relative_to(root) else None


def _bounds(root: Path) -> Path:
    """What links may lead to: the folder, and of one in the hub's cache the files that its links are made for.

    There a repository has `snapshots/<commit>/`, whose files are links to `blobs/`.
    """
    for folder in (root, *root.parents):
        if folder.parent.name == "snapshots" and (folder.parent.parent / "blobs").is_dir():
            return folder.parent.parent
    return root


def _leading_out(root: Path, name: str) -> Path | None:
    """The first link on the way to a name that leads out of a folder."""
    try:
        path = _below(root, name)
        steps = [*reversed(path.relative_to(root).parents), path.relative_to(root)] if path else []
        links = (root / step for step in steps if (root / step).is_symlink())
        return next((link for link in links if not link.resolve().is_relative_to(_bounds(root))), None)
    except (OSError, ValueError, RuntimeError):
        return None


def _about_link(link: Path, root: Path) -> str:
    return (
        f"{link.relative_to(root)} is a link that leads out of the server's folder, and nothing outside is opened. Copy what it leads "
        f"to there, start the app on localhost, or with {HOW_TO_START}."
    )


def _is_inside(path: Path, root: Path) -> bool:
    return _inside(root, str(path)) is not None


def _checked(weights: Path, root: Path, *, links: bool) -> Path:
    """The file, if neither it nor what is read beside it is a link that leads outside. Raises CheckpointError."""
    for path in () if links else (weights, *local_settings_files(weights)):
        if path.is_relative_to(root) and os.path.lexists(path) and not _is_inside(path, root):
            raise CheckpointError(_about_link(path, root))
    return weights


def _stamp(weights: Path) -> tuple[int, ...]:
    """Changes when the weights are written anew, or what is said of them."""
    numbers = []
    for path in (weights, *local_settings_files(weights)):
        with suppress(OSError):
            state = path.stat()
            numbers += [state.st_size, state.st_mtime_ns]
    return tuple(numbers)
