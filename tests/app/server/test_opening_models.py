"""Models behind the pages: opened once, fetched with a question, stopped. Without Streamlit and without a network."""

import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from app.server.models import ModelSource, source_of
from app.server.opening import (
    ASK_ABOVE,
    FAILED_FOR,
    MOST_DOWNLOADS,
    MOST_MODELS,
    Models,
)
from app.server.options import Options
from trm.checkpoint import save_model
from trm.errors import CheckpointError

PATIENCE = 30.0
HUB = ModelSource("hf://owner/repo", "hf://owner/repo", "hub")


@pytest.fixture
def models() -> Models:
    return Models()


@pytest.fixture
def saved(tmp_path, tiny_model):
    """Saves a tiny model under a name; returns its source."""

    def save(name: str = "one", **changes) -> ModelSource:
        model = tiny_model(**changes)
        (tmp_path / name).mkdir()
        save_model(tmp_path / name, model.config, model.state_dict())
        return source_of(name, Options((tmp_path,)))

    return save


def eventually(condition) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_model_is_opened_once_and_bears_the_name_it_was_asked_by(models, saved):
    source = saved()
    opening = models.ask(source)
    assert opening.wait(PATIENCE) and models.ready(source)
    assert opening.model.name == "one"
    assert opening.folder == Path(source.spec).parent
    assert models.ask(source) is opening


@pytest.mark.parametrize(("modules", "slept"), [({}, [9.0]), ({"torch": torch}, [])])
def test_the_import_of_torch_waits_for_the_page_and_other_models_do_not(
    models, saved, monkeypatch, modules, slept
):
    delays = []
    monkeypatch.setattr("app.server.opening.sys", SimpleNamespace(modules=modules), raising=False)
    fake_time = SimpleNamespace(sleep=delays.append, monotonic=time.monotonic)
    monkeypatch.setattr("app.server.opening.time", fake_time)
    assert models.ask(saved(), after=9.0).wait(PATIENCE)
    assert delays == slept


def test_a_model_whose_thread_could_not_be_started_is_opened_at_the_next_request(models, saved, monkeypatch):
    def refuse(thread):
        raise RuntimeError("can't start new thread")

    source = saved()
    with monkeypatch.context() as full:
        full.setattr(threading.Thread, "start", refuse)
        opening = models.ask(source)
    assert not opening.wait(0.05)
    assert models.ask(source) is opening
    assert opening.wait(PATIENCE) and opening.model is not None


def test_forced_heads_reach_the_model(models, saved):
    source = saved()
    forced = ModelSource(source.name, source.spec, source.kind, source.stamp, heads=4)
    opening = models.ask(forced)
    assert opening.wait(PATIENCE)
    assert opening.model.config.heads == 4


@pytest.mark.parametrize("kind", ["damaged", "of no task"])
def test_what_cannot_be_opened_is_one_line(models, saved, kind):
    source = saved(
        **({"task": "maze", "vocab_size": 6, "sequence_length": 12} if kind == "of no task" else {})
    )
    if kind == "damaged":
        Path(source.spec).write_bytes(b"no weights")
    opening = models.ask(source)
    assert opening.wait(PATIENCE) and models.ready(source)
    assert opening.model is None and "\n" not in str(opening.error)


@pytest.mark.parametrize("error", [RuntimeError, BaseException])
def test_an_error_of_ours_is_not_shown_but_logged(models, saved, monkeypatch, caplog, error):
    def fail(*_, **__):
        raise error("secret detail")

    monkeypatch.setattr("trm.checkpoint.load_model", fail)
    opening = models.ask(saved())
    assert opening.wait(PATIENCE)
    assert "log" in str(opening.error) and "secret" not in str(opening.error)
    assert "secret detail" in caplog.text


def test_what_failed_is_tried_again_after_a_while(models, saved, monkeypatch):
    source = saved()
    weights = Path(source.spec).read_bytes()
    Path(source.spec).write_bytes(b"")
    failed = models.ask(source)
    assert failed.wait(PATIENCE) and failed.error
    Path(source.spec).write_bytes(weights)
    assert models.ask(source) is failed
    failed.ended_at -= FAILED_FOR + 1
    again = models.ask(source)
    assert again.wait(PATIENCE) and again.model is not None


def test_only_so_many_models_are_kept(models, saved):
    sources = [saved(f"model-{number}") for number in range(MOST_MODELS + 2)]
    for source in sources:
        assert models.ask(source).wait(PATIENCE)
    models.ask(sources[-1])
    assert [models.ready(source) for source in sources] == [False] * 2 + [True] * MOST_MODELS


class Hub:
    """A stand-in for `trm.public.hub.hub_weights`: so many bytes in so many parts."""

    def __init__(self, weights: Path, size: int, parts: int = 4):
        self.weights, self.size, self.parts = weights, size, parts
        self.gate = threading.Semaphore(0)
        self.fetched = 0

    def __call__(self, spec: str, *, progress, token: bool | None) -> Path:
        assert spec.startswith(HUB.spec) and token is False
        for part in range(1, self.parts + 1):
            progress(self.size * part // self.parts, self.size)
            self.fetched = part
            assert self.gate.acquire(timeout=PATIENCE)
        return self.weights


@pytest.fixture
def hub(saved, monkeypatch):
    def make(size: int) -> Hub:
        fake_hub = Hub(Path(saved().spec), size)
        monkeypatch.setattr("trm.public.hub.hub_weights", fake_hub)
        return fake_hub

    return make


@pytest.mark.parametrize("size", [1000, ASK_ABOVE])
def test_a_download_tells_how_far_it_is_and_is_opened_then(models, hub, size):
    fake_hub = hub(size)
    opening = models.ask(HUB)
    for part in range(1, 5):
        eventually(lambda part=part: opening.fetched == (size // 4 * part, size))
        assert not opening.ended.is_set()
        fake_hub.gate.release()
    assert opening.wait(PATIENCE)
    assert opening.model.name == HUB.name and opening.fetched is None


def test_a_large_download_waits_for_a_yes(models, hub):
    fake_hub = hub(ASK_ABOVE + 1)
    opening = models.ask(HUB)
    assert opening.wait(PATIENCE)
    assert opening.asks == ASK_ABOVE + 1 and opening.error is None and fake_hub.fetched == 0
    assert not models.ready(HUB) and models.ask(HUB) is opening
    models.fetch(opening)
    models.fetch(opening)  # two people said yes
    fake_hub.gate.release(4)
    assert opening.wait(PATIENCE) and opening.model is not None and opening.asks is None


def test_a_download_can_be_stopped_and_begun_anew(models, hub):
    fake_hub = hub(1000)
    opening = models.ask(HUB)
    eventually(lambda: fake_hub.fetched == 1)
    models.cancel(opening)
    fake_hub.gate.release()
    assert opening.wait(PATIENCE)
    assert "stopped" in str(opening.error) and fake_hub.fetched == 1
    again = models.ask(HUB)
    assert again is not opening
    fake_hub.gate.release(4)
    assert again.wait(PATIENCE) and again.model is not None


def test_so_many_downloads_wait_and_one_more_is_refused_until_others_have_ended(models, hub):
    fake_hub = hub(1000)
    sources = [ModelSource(f"{HUB.name}{number}", f"{HUB.spec}{number}", "hub") for number in range(99)]
    openings = [models.ask(source) for source in sources[:MOST_DOWNLOADS]]
    refused = models.ask(sources[MOST_DOWNLOADS])
    assert refused.ended.is_set() and "other downloads" in str(refused.error)
    fake_hub.gate.release(4 * (MOST_DOWNLOADS + 1))
    assert all(opening.wait(PATIENCE) and opening.model for opening in openings)
    refused.ended_at -= FAILED_FOR + 1
    again = models.ask(refused.source)
    assert again.wait(PATIENCE) and again.model is not None


def test_a_refusal_of_the_hub_is_told(models, monkeypatch):
    def refuse(*_, **__):
        raise CheckpointError("There is no owner/repo on the hub.")

    monkeypatch.setattr("trm.public.hub.hub_weights", refuse)
    opening = models.ask(HUB)
    assert opening.wait(PATIENCE)
    assert str(opening.error) == "There is no owner/repo on the hub."
