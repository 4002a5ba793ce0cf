"""The runtime of the site is fetched once, and only if it is the expected package."""

import base64
import hashlib
import io
import tarfile
from urllib.error import URLError

import pytest

from app.site import build
from trm.errors import UserError
from trm.web import runtime


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> bytes:
    """A package that the registry answers with, and that is expected."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for name in runtime.FILES:
            entry = tarfile.TarInfo(f"package/dist/{name}")
            entry.size = len(name)
            archive.addfile(entry, io.BytesIO(name.encode()))
    monkeypatch.setattr(
        runtime, "HASH", base64.b64encode(hashlib.sha512(content.getvalue()).digest()).decode()
    )
    monkeypatch.setattr(runtime, "urlopen", lambda address, timeout: io.BytesIO(content.getvalue()))
    return content.getvalue()


def test_the_runtime_is_fetched_once(package, tmp_path, monkeypatch):
    runtime.fetch_runtime(tmp_path / "new")
    assert {path.name: path.read_text() for path in (tmp_path / "new").iterdir()} == {
        name: name for name in runtime.FILES
    }
    monkeypatch.setattr(runtime, "urlopen", None)
    runtime.fetch_runtime(tmp_path / "new")


def test_another_package_is_refused_and_nothing_is_written(package, tmp_path, monkeypatch):
    monkeypatch.setattr(runtime, "HASH", "of another package")
    with pytest.raises(UserError, match="is not the package that this version expects"):
        runtime.fetch_runtime(tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_without_a_network_the_command_says_what_to_do(tmp_path, monkeypatch, capsys):
    def fail(address: str, timeout: float) -> None:
        raise URLError("no route to host")

    monkeypatch.setattr(runtime, "urlopen", fail)
    site = tmp_path / "site"
    site.mkdir()
    (site / "index.html").write_text("an earlier site")
    (site / build.WORKER).touch()
    with pytest.raises(SystemExit) as end:
        build.main(["--out", str(site), "--runtime", str(tmp_path / "runtime")])
    assert end.value.code == 2
    assert "could not be fetched" in capsys.readouterr().err
    assert (site / "index.html").read_text() == "an earlier site"


def test_a_folder_with_other_things_is_not_replaced(tmp_path, capsys):
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(SystemExit) as end:
        build.main(["--out", str(tmp_path), "--runtime", str(tmp_path / "runtime")])
    assert end.value.code == 2
    assert "holds other things than a site" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_every_page_links_to_every_page():
    for name, title in build.PAGES.items():
        text = build.page(name, "")
        assert f"<title>{title} · Recursion Lens</title>" in text
        assert all(f'href="{other}.html"' in text for other in build.PAGES)
