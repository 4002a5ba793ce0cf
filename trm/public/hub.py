"""Download models from the Hugging Face hub, given an address (see `trm.public.address`).

The repository's files are listed first, and the weights file is chosen by the same rules as in a local folder. Only the
weights and the settings files that may describe them are downloaded, never code. Downloaded models open without a
network. The token, cache folder, mirror, and offline mode are configured as for `huggingface_hub` (HF_TOKEN or
`hf auth login`, HF_HOME, HF_ENDPOINT, HF_HUB_OFFLINE).
"""

import errno
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from trm.errors import CheckpointError
from trm.public.address import HubAddress, parse_address
from trm.public.other_models import refuse_repository
from trm.public.public_checkpoints import CACHE_PREFIX
from trm.public.settings_files import hub_settings_files
from trm.public.weights import choose_weights, is_shard_of

MAX_DESCRIPTION = {
    ".yaml": 1 << 16,
    ".yml": 1 << 16,
    ".json": 1 << 20,
}  # maximum size in bytes of a settings file, by suffix; larger files are not downloaded
MAX_NAMES = 1 << 28  # maximum size in bytes of an identifiers.json, enough for a million ARC puzzle names
SPARE_DISK = 1 << 26  # bytes of disk space that a download must leave free

ByteProgress = Callable[[int, int], None]
"""Called with the number of bytes downloaded and their total. An exception stops the download."""


@dataclass(frozen=True)
class HubFiles:
    """The files to download from a repository, as paths in the repository, and their total size in bytes."""

    repo: str
    weights: str
    descriptions: tuple[str, ...]  # settings files, and the shards if the weights are an index
    size: int
    revision: str = ""


def hub_name(path: Path) -> str | None:
    """The name `owner/repo/file` of a file in the hub's cache; None for any other file."""
    for number, part in enumerate(path.parts):
        # layout of the cache: models--owner--repo/snapshots/<commit>/<path in the repository>
        if part.startswith(CACHE_PREFIX) and path.parts[number + 1 : number + 2] == ("snapshots",):
            owner, _, name = part.removeprefix(CACHE_PREFIX).partition("--")
            return str(PurePosixPath(owner, name, *path.parts[number + 3 :]))
    return None


def hub_weights(spec: str, *, progress: ByteProgress | None = None, token: bool | None = None) -> Path:
    """The local path of the weights at `hf://...`, downloaded with their settings files if they are not in the cache.

    `progress` is called with the bytes downloaded so far and the total. If it is None, a progress bar is drawn if stderr
    is a terminal. If `token` is False, only public files are read, even if a token is configured. If the hub cannot be
    reached, files in the cache are used. Raises CheckpointError with a one-line message that says what to do.
    """
    address = parse_address(spec)
    refuse_repository(address.repo)
    try:
        from huggingface_hub import HfApi
    except ImportError:
        raise CheckpointError(
            f"{address} needs the package huggingface_hub: pip install huggingface_hub."
        ) from None
    with _one_line(address):
        try:
            info = HfApi(token=token).model_info(
                address.repo, revision=address.revision or None, files_metadata=True, timeout=20
            )
            sizes = {file.rfilename: file.size or 0 for file in info.siblings or ()}
        except Exception as error:
            folder = None if _is_refusal(error) else _cached_snapshot(address)
            if folder is None:
                raise
            names = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
            return folder / choose_files(address, dict.fromkeys(names, 0)).weights
        return _fetch(choose_files(address, sizes), sizes, progress, token)


def choose_files(address: HubAddress, sizes: dict[str, int]) -> HubFiles:
    """Choose the files to download from a repository. `sizes` maps the path of each file to its size in bytes.

    Raises CheckpointError if the address has no weights file or several candidates, or names a Python file.
    """
    inside = address.inside
    if inside in sizes:
        weights = inside
    else:
        root = f"{inside}/" if inside else ""
        below = [name.removeprefix(root) for name in sizes if name.startswith(root)]
        if not below:
            raise CheckpointError(f"{address}: {address.url} has no file or folder {inside}.")
        weights = root + choose_weights(
            below, str(address), lambda name: str(replace(address, inside=root + name))
        )
    if PurePosixPath(weights).suffix == ".py":
        raise CheckpointError(f"{address} is code, not weights. Name a weights file.")
    shards = tuple(name for name in sizes if is_shard_of(name, weights))
    settings = (name for name in hub_settings_files(weights, sizes) if sizes[name] <= _max_size(name))
    others = (*settings, *shards)
    size = sum(sizes[name] for name in (weights, *others))
    return HubFiles(address.repo, weights, others, size, address.revision)


def _max_size(name: str) -> int:
    if PurePosixPath(name).name == "identifiers.json":
        return MAX_NAMES
    return MAX_DESCRIPTION[PurePosixPath(name).suffix]


def _fetch(files: HubFiles, sizes: dict[str, int], progress: ByteProgress | None, token: bool | None) -> Path:
    from huggingface_hub import hf_hub_download, try_to_load_from_cache

    missing = sum(
        sizes[name]
        for name in (files.weights, *files.descriptions)
        if not isinstance(try_to_load_from_cache(files.repo, name, revision=files.revision or None), str)
    )
    if missing and str(_cache_folder()).startswith("~"):
        raise CheckpointError(
            f"hf://{files.repo} cannot be saved: this user has no home folder. Set HF_HOME to a folder."
        )
    free = shutil.disk_usage(_existing(_cache_folder())).free
    if missing and missing + SPARE_DISK > free:
        raise CheckpointError(
            f"hf://{files.repo} takes {missing >> 20} MiB, but the disk of {_cache_folder()} has {free >> 20} MiB left. "
            "Free some space, or set HF_HOME to a folder on another disk."
        )
    bar = None if progress is None else _bar(progress, missing)
    for name in (*files.descriptions, files.weights):  # weights last, so that they are never cached alone
        path = hf_hub_download(files.repo, name, revision=files.revision or None, token=token, tqdm_class=bar)
    return Path(path)


def _bar(progress: ByteProgress, total: int) -> type:
    """A progress bar class that draws nothing and reports the bytes of all files together to `progress`."""
    from huggingface_hub.utils import tqdm

    done = 0

    class Bar(tqdm):
        def __init__(self, *args: Any, **options: Any):
            self.counts = not str(options.get("name")).endswith(
                "transfer"
            )  # transferred bytes are counted again when they are written to disk
            super().__init__(*args, **options | {"disable": True})

        def update(self, n: int | float | None = 1) -> None:
            nonlocal done
            if self.counts and n:
                done += int(n)
                progress(done, max(total, done))

    return Bar


def _cache_folder() -> Path:
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE)


def _existing(folder: Path) -> Path:
    return folder if folder.exists() else _existing(folder.parent)


def _cached_snapshot(address: HubAddress) -> Path | None:
    """The cached snapshot folder at an address; None if its revision was not downloaded."""
    from huggingface_hub.file_download import repo_folder_name

    folder = _cache_folder() / repo_folder_name(repo_id=address.repo, repo_type="model")
    return snapshot_in(folder, address.revision or "main")


def snapshot_in(folder: Path, revision: str = "main") -> Path | None:
    """The snapshot folder of a revision in a repository's cache folder; None if there is no such snapshot."""
    try:
        commit = (folder / "refs" / revision).read_text("utf-8").strip()
    except (OSError, ValueError):
        commit = revision
    snapshot = folder / "snapshots" / commit
    return snapshot if commit and snapshot.is_dir() else None


def _is_offline() -> bool:
    from huggingface_hub import constants

    return constants.HF_HUB_OFFLINE


def _is_refusal(error: Exception) -> bool:
    """Whether the server refused the request, as opposed to a temporary failure or a failed connection."""
    from huggingface_hub.errors import HfHubHTTPError

    if not isinstance(error, HfHubHTTPError):
        return False
    return error.response.status_code < 500 and error.response.status_code != 429


def _is_transport(error: Exception) -> bool:
    """Whether the connection failed. `huggingface_hub` has changed its HTTP library, so classes are matched by name."""
    names = {kind.__name__ for kind in type(error).__mro__}
    return isinstance(error, ConnectionError | TimeoutError) or "TransportError" in names


def _is_setting(error: Exception) -> bool:
    """Whether the HTTP library cannot use the configured proxy or address. A SOCKS proxy needs an extra package."""
    return isinstance(error, ImportError) or type(error).__name__ == "InvalidURL" or "proxy URL" in str(error)


@contextmanager
def _one_line(address: HubAddress) -> Iterator[None]:
    """Convert any failure to reach the hub into a CheckpointError whose one-line message says what to do."""
    from huggingface_hub import errors

    try:
        yield
    except CheckpointError:
        raise
    except KeyboardInterrupt:
        raise CheckpointError(
            f"{address}: the download was stopped. You can start it again at any time."
        ) from None
    except errors.GatedRepoError:
        raise CheckpointError(
            f"{address} is gated: request access at {address.url}, then log in with `hf auth login` or set HF_TOKEN."
        ) from None
    except errors.RepositoryNotFoundError:
        raise CheckpointError(
            f"There is no {address.repo} on the hub, or it is private: check the name, or log in with `hf auth login`."
        ) from None
    except errors.HfHubHTTPError as error:
        status = error.response.status_code
        remedy = "log in again with `hf auth login`" if status in (401, 403) else "try again later"
        raise CheckpointError(f"{address}: the hub answered with status {status}; {remedy}.") from None
    except errors.HFValidationError:
        raise CheckpointError(
            f"{address} is not a valid address on the hub. Write hf://owner/repo."
        ) from None
    except Exception as error:
        if _is_transport(error) or isinstance(error, errors.LocalEntryNotFoundError):
            why = "HF_HUB_OFFLINE is set" if _is_offline() else "the hub cannot be reached"
            raise CheckpointError(
                f"{address} has not been downloaded, and {why}. Connect, or give the path of a file."
            ) from None
        if _is_setting(error):
            raise CheckpointError(
                f"{address} has not been downloaded, and the hub cannot be reached with the current HTTPS_PROXY, ALL_PROXY or "
                f"HF_ENDPOINT ({' '.join(str(error).split())[:160]}). Correct or unset them."
            ) from None
        if isinstance(error, OSError):
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            remedy = "free some space, or set HF_HOME to a folder on another disk" if full else "try again"
            raise CheckpointError(
                f"{address} could not be downloaded ({error.strerror or 'cut short'}): {remedy}."
            ) from None
        if isinstance(error, ValueError):
            raise CheckpointError(
                f"{address}: the server that answered is not the hub. Check HF_ENDPOINT and proxies."
            ) from None
        raise CheckpointError(
            f"{address} could not be downloaded ({type(error).__name__}: {str(error)[:100]}). Try again, or give the path of a "
            "file."
        ) from None
