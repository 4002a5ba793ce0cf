"""A stand-in for the hub's HTTP interface: folders on disk served as repositories.

What `huggingface_hub` asks of the real one: the list of files with their sizes, then HEAD and GET of a file, whose
answer carries the commit and an ETag. Repositories can be missing, gated, private or broken.
"""

import hashlib
import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from huggingface_hub import constants

TOKEN = "hf_" + "secret" * 5


@dataclass
class Hub:
    """Repositories by name, and what was asked for so far."""

    root: Path  # root/owner/name holds the files of a repository
    gated: set[str] = field(default_factory=set)
    private: set[str] = field(default_factory=set)
    broken: dict[str, int] = field(default_factory=dict)  # repository -> status of every answer
    cut: set[str] = field(default_factory=set)  # files of which the second half never comes
    asked: list[tuple[str, str]] = field(default_factory=list)  # (method, path)
    url: str = ""

    def commit(self, repo: str) -> str:
        """Changes with the content."""
        digest = hashlib.sha1(repo.encode())
        for name, content in self.files(repo).items():
            digest.update(name.encode() + content)
        return digest.hexdigest()

    def files(self, repo: str) -> dict[str, bytes]:
        folder = self.root / repo
        return {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }

    def fetched(self) -> list[str]:
        """Files whose content was asked for."""
        return [
            path.split("/resolve/")[1].partition("/")[2]
            for method, path in self.asked
            if method == "GET" and "/resolve/" in path
        ]


@contextmanager
def served(root: Path):
    """Serve a folder of repositories on a free port of this machine."""
    hub = Hub(root)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    hub.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def point_to(monkeypatch: pytest.MonkeyPatch, url: str, cache: Path) -> None:
    """Make huggingface_hub ask this address and keep what it fetches in this folder."""
    monkeypatch.setattr(constants, "ENDPOINT", url)
    monkeypatch.setattr(
        constants, "HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}"
    )
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(cache / "token"))
    monkeypatch.delenv("HF_TOKEN", raising=False)


class _Handler(BaseHTTPRequestHandler):
    hub: Hub

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.asked.append((self.command, path))
        if path.startswith("/api/models/"):
            repo = "/".join(path.removeprefix("/api/models/").split("/")[:2])
            if not self._refused(repo):
                self._send(json.dumps(self._listing(repo)).encode(), {"Content-Type": "application/json"})
            return
        repo, _, rest = path.strip("/").partition("/resolve/")
        name = rest.partition("/")[2]
        if self._refused(repo):
            return
        files = self.hub.files(repo)
        if name not in files:
            self._refuse(404, "EntryNotFound")
            return
        digest = hashlib.sha256(files[name]).hexdigest()
        self._send(
            files[name],
            {
                "X-Repo-Commit": self.hub.commit(repo),
                "ETag": f'"{digest}"',
                "X-Linked-ETag": f'"{digest}"',
                "X-Linked-Size": str(len(files[name])),
                "Accept-Ranges": "bytes",
            },
            half=name in self.hub.cut,
        )

    def _listing(self, repo: str) -> dict:
        siblings = [
            {"rfilename": name, "size": len(content), "blobId": hashlib.sha1(content).hexdigest()}
            for name, content in self.hub.files(repo).items()
        ]
        return {
            "id": repo,
            "modelId": repo,
            "sha": self.hub.commit(repo),
            "private": False,
            "siblings": siblings,
        }

    def _refused(self, repo: str) -> bool:
        allowed = self.headers.get("Authorization") == f"Bearer {TOKEN}"
        if repo in self.hub.broken:
            self._refuse(self.hub.broken[repo], "")
        elif not (self.hub.root / repo).is_dir() or (repo in self.hub.private and not allowed):
            self._refuse(404 if allowed else 401, "RepoNotFound")
        elif repo in self.hub.gated and not allowed:
            self._refuse(401, "GatedRepo")
        else:
            return False
        return True

    def _refuse(self, status: int, code: str) -> None:
        self._send(b"{}", {"X-Error-Code": code, "X-Error-Message": "no"}, status=status)

    def _send(
        self, content: bytes, headers: dict[str, str], *, status: int = 200, half: bool = False
    ) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Connection", "close")  # else a kept connection is answered after the server is gone
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content[: len(content) // 2] if half else content)
