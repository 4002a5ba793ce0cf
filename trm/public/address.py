"""Parse addresses on the Hugging Face hub: `hf://owner/repo[@revision][/folder or file]`, or a URL from a browser."""

import os
import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import quote, unquote, urlsplit

from trm.config import SHORT
from trm.errors import CheckpointError

SCHEME = "hf://"
HOSTS = {"huggingface.co", "www.huggingface.co", "hf.co", "www.hf.co", "hf-mirror.com"}
FILES = {
    "blob",
    "resolve",
    "raw",
    "tree",
    "commits",
    "blame",
    "edit",
}  # URL segments before a revision and the path of a file or folder
NOT_MODELS = {"datasets": "a data set", "spaces": "a Space", "papers": "a paper", "collections": "a collection", "docs": "documentation",
              "blog": "an article"}  # fmt: skip
WRITE = "Write hf://owner/repo or hf://owner/repo/file."
BROWSER = re.compile(r"(git clone\s+)?(?P<address>\S+)", re.I)


@dataclass(frozen=True)
class HubAddress:
    """A repository on the hub, or a folder or file in a repository."""

    repo: str  # owner/name
    inside: str = ""  # path of a folder or file in the repository; empty for the whole repository
    revision: str = ""  # branch, tag or commit; empty for main

    def __str__(self) -> str:
        at = f"@{quote(self.revision, safe='')}" if self.revision else ""
        return SCHEME + str(PurePosixPath(self.repo + at, self.inside))

    @property
    def url(self) -> str:
        """The web page of the repository."""
        return f"https://huggingface.co/{self.repo}"


def is_hub(spec: str) -> bool:
    """Whether a model name is an address on the hub."""
    return spec.strip().lower().startswith(SCHEME) or _page(spec) is not None


def parse_address(spec: str) -> HubAddress:
    """Parse an address on the hub. Raises CheckpointError if the address is invalid or names no model."""
    page = _page(spec)
    if page is None:
        owner, _, rest = spec.strip()[len(SCHEME) :].partition("/")
        name, _, path = rest.partition("/")
        name, _, revision = name.partition("@")
        inside = path.rstrip("/").split("/") if path.strip("/") else []
    else:
        owner, name, inside, revision = _parse_page(page, spec)
    revision = unquote(revision)
    named = all(re.fullmatch(r"[\w.-]{1,96}", part) for part in (owner, name))
    parts = (owner, name, *inside, *(revision.split("/") if revision else ()))
    if (
        not named
        or len(revision) > 200
        or any(part in ("", ".", "..") or not part.isprintable() for part in parts)
    ):
        raise CheckpointError(f"{SHORT.repr(spec)} is not a valid address on the hub. {WRITE}")
    return HubAddress(f"{owner}/{name}", "/".join(inside), "" if revision == "main" else revision)


def _page(spec: str) -> list[str] | None:
    """The path segments of a hub page's URL; None for any other text."""
    match = BROWSER.fullmatch(spec.strip().strip("<>"))
    if not match:
        return None
    address = re.sub(r"^git@([\w.-]+):", r"https://\1/", match["address"])
    try:
        split = urlsplit(address if "://" in address else f"https://{address}")
        host = (split.hostname or "").lower()
        mirror = urlsplit(os.environ.get("HF_ENDPOINT", "")).hostname
    except ValueError:
        return None
    if split.scheme.lower() not in ("http", "https") or (host not in HOSTS and host != mirror):
        return None
    return [unquote(part) for part in split.path.split("/") if part]


def _parse_page(page: list[str], spec: str) -> tuple[str, str, list[str], str]:
    """Owner, repository, path in the repository, and revision of a hub page. Raises CheckpointError."""
    if page and page[0] == "models":
        page = page[1:]
    if page and page[0] in NOT_MODELS:
        raise CheckpointError(f"{SHORT.repr(spec)} is {NOT_MODELS[page[0]]}, not a model. {WRITE}")
    if len(page) < 2:
        raise CheckpointError(f"{SHORT.repr(spec)} does not name a repository on the hub. {WRITE}")
    owner, name, *rest = page
    name = name.removesuffix(".git")
    if rest[:1] == ["commit"]:
        return owner, name, [], "".join(rest[1:2])
    if not rest or rest[0] not in FILES:  # pages of the whole repository, such as discussions
        return owner, name, [], ""
    if rest[1:3] == ["refs", "pr"]:
        return owner, name, rest[4:], "/".join(rest[1:4])
    return owner, name, rest[2:], "".join(rest[1:2])
