"""Models on the hub: what is downloaded, what opens without a network, and one clear line for every failure."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hub_stand_in import TOKEN, point_to, served
from huggingface_hub import close_session, constants
from safetensors.torch import save_file

from trm.checkpoint import load_model, read_checkpoint, save_model
from trm.errors import CheckpointError
from trm.public import hub as client
from trm.public.address import parse_address
from trm.public.hub import choose_files, hub_name, hub_weights, snapshot_in

CPU = torch.device("cpu")
REPOSITORY = Path(__file__).resolve().parents[4]


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """The stand-in, with huggingface_hub pointed at it."""
    with served(tmp_path / "repositories") as hub:
        point_to(monkeypatch, hub.url, tmp_path / "cache")
        yield hub


def refusal(spec: str, words: str) -> str:
    with pytest.raises(CheckpointError, match=words) as error:
        hub_weights(spec)
    message = str(error.value)
    assert "\n" not in message and len(message) < 400 and TOKEN not in message
    return message


# what is chosen


def test_settings_are_downloaded_from_every_possible_path():
    names = (
        "run/checkpoints/step_5",
        "run/all_config.yaml",
        "run/.hydra/config.yaml",
        "run/checkpoints/step_5.yaml",
        "all_config.yaml",
    )
    files = chosen("hf://o/r/run/checkpoints", *names)
    assert set(files.descriptions) == {
        "run/all_config.yaml",
        "run/.hydra/config.yaml",
        "run/checkpoints/step_5.yaml",
    }
    files = chosen("hf://o/r/maze", "maze/step_5", "sudoku/step_5", "all_config.yaml")
    assert files.descriptions == ()  # nobody knows which model they describe


def test_shards_are_fetched_with_their_index():
    names = (
        "model.safetensors.index.json",
        "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
        "config.json",
    )
    files = chosen("hf://o/r", *names)
    assert files.weights == names[0] and {*files.descriptions} == {*names[1:]} and files.size == 40


def chosen(spec: str, *names: str):
    return choose_files(parse_address(spec), dict.fromkeys(names, 10))


def test_only_weights_and_descriptions_are_chosen():
    names = ("checkpoint", "all_config.yaml", "hrm_act_v1.py", "losses.py", "README.md", "step_5_all_preds.0")
    files = chosen("hf://o/r", *names)
    assert (files.weights, files.descriptions, files.size) == ("checkpoint", ("all_config.yaml",), 20)


def test_descriptions_are_those_beside_the_weights():
    names = ("a/step_1", "a/all_config.yaml", "b/step_2", "b/all_config.yaml", "b/trm.py", "dataset.json")
    files = chosen("hf://o/r/b", *names)
    assert (files.weights, files.descriptions) == ("b/step_2", ("b/all_config.yaml",))
    assert chosen("hf://o/r/a/step_1", *names).descriptions == ("a/all_config.yaml",)


def test_several_models_are_listed_by_their_addresses():
    with pytest.raises(CheckpointError) as error:
        chosen("hf://o/r", "a/step_1", "b/step_2")
    assert "hf://o/r/a/step_1, hf://o/r/b/step_2" in str(error.value)


@pytest.mark.parametrize(
    "name, largest",
    [("all_config.yaml", 1 << 16), ("config.json", 1 << 20), ("identifiers.json", 1 << 28)],
)
def test_too_large_settings_are_not_downloaded(name, largest):
    for size, chosen in ((largest, (name,)), (largest + 1, ())):
        assert choose_files(parse_address("hf://o/r"), {"checkpoint": 1, name: size}).descriptions == chosen


@pytest.mark.parametrize("spec, words", [("hf://o/r/nowhere", "no file or folder nowhere"), ("hf://o/r/trm.py", "is code"),
                                         ("hf://o/r", "contains no model")])  # fmt: skip
def test_nothing_to_choose(spec, words):
    with pytest.raises(CheckpointError, match=words):
        chosen(spec, "trm.py", "README.md")


# fetching


@pytest.fixture
def stored(hub, public_checkpoint):
    """A repository with a checkpoint, its yaml and code beside it."""
    made = public_checkpoint(cells=81)
    made.save(hub.root / "someone" / "model", name="step_7")
    (hub.root / "someone" / "model" / "trm.py").write_text("raise SystemExit")
    return made


def test_a_model_on_the_hub_opens(hub, stored):
    heard = []
    model = load_model("hf://someone/model", device=CPU, progress=lambda *bytes: heard.append(bytes))
    assert torch.equal(model.lm_head.weight, stored.tensors["lm_head.weight"])
    assert model.name == "someone/model/step_7" and model.sources["n"] == "all_config.yaml"
    assert sorted(hub.fetched()) == ["all_config.yaml", "dataset.json", "step_7"]
    size = sum(len(content) for name, content in hub.files("someone/model").items() if name != "trm.py")
    assert heard[-1] == (size, size) and heard == sorted(heard)


def test_it_is_downloaded_once(hub, stored):
    first = hub_weights("hf://someone/model")
    hub.asked.clear()
    assert hub_weights("hf://someone/model") == first
    assert hub.fetched() == []


def test_a_new_version_is_downloaded(hub, stored, public_checkpoint):
    first = read_checkpoint("hf://someone/model")
    public_checkpoint(cells=81, seed=9).save(hub.root / "someone" / "model", name="step_7")
    second = read_checkpoint("hf://someone/model")
    assert first.path != second.path
    assert not torch.equal(first.tensors["lm_head.weight"], second.tensors["lm_head.weight"])


def test_our_own_form_on_the_hub(hub, tiny_model):
    model = tiny_model()
    save_model(hub.root / "someone" / "ours", model.config, model.state_dict())
    again = load_model("hf://someone/ours", device=CPU)
    assert again.config == model.config and again.name == "someone/ours"


def test_a_revision_is_that_version(hub, stored, public_checkpoint):
    first = hub_weights("hf://someone/model")
    commit = first.parent.name
    assert hub_weights(f"https://huggingface.co/someone/model/blob/{commit}/step_7") == first


def test_the_folder_of_a_repository_in_the_cache(hub, stored):
    path = hub_weights("hf://someone/model")
    folder = path.parents[2]
    assert folder.name == "models--someone--model" and snapshot_in(folder) == path.parent
    assert read_checkpoint(str(folder)).path == path


def test_weights_in_shards(hub, public_checkpoint):
    made = public_checkpoint(cells=81)
    folder = hub.root / "someone" / "shards"
    made.save(folder).unlink()
    names = sorted(made.tensors)
    parts = {"model-00001-of-00002.safetensors": names[:3], "model-00002-of-00002.safetensors": names[3:]}
    for file, held in parts.items():
        save_file({name: made.tensors[name] for name in held}, folder / file)
    places = {name: file for file, held in parts.items() for name in held}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": places}))
    model = load_model("hf://someone/shards", device=CPU)
    assert torch.equal(model.lm_head.weight, made.tensors["lm_head.weight"]) and len(model.fingerprint) == 16


def test_a_file_in_the_cache_knows_its_name(hub, stored):
    path = hub_weights("hf://someone/model")
    assert hub_name(path) == "someone/model/step_7" and hub_name(Path("/elsewhere/step_7")) is None
    assert read_checkpoint(str(path)).name == "someone/model/step_7"


# without a network


def test_a_downloaded_model_opens_without_the_hub(tmp_path, monkeypatch, public_checkpoint):
    with served(tmp_path / "repositories") as hub:
        made = public_checkpoint()
        made.save(hub.root / "someone" / "model", name="checkpoint")
        point_to(monkeypatch, hub.url, tmp_path / "cache")
        online = hub_weights("hf://someone/model")
    assert hub_weights("hf://someone/model") == online
    assert hub_weights("hf://someone/model/checkpoint") == online
    refusal("hf://someone/other", "has not been downloaded, and the hub cannot be reached")
    refusal("hf://someone/model/step_9", "no file or folder step_9")


def test_offline_mode(hub, stored, monkeypatch):
    path = hub_weights("hf://someone/model")
    hub.asked.clear()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert hub_weights("hf://someone/model") == path
    refusal("hf://someone/other", "HF_HUB_OFFLINE is set")
    assert hub.asked == []


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_hub_that_is_down(hub, stored, status):
    path = hub_weights("hf://someone/model")
    hub.broken["someone/model"] = status
    assert hub_weights("hf://someone/model") == path
    hub.broken["someone/other"] = status
    refusal("hf://someone/other", f"status {status}; try again later")


@pytest.mark.slow
def test_environment_variables_of_the_library_are_used(tmp_path, public_checkpoint):
    """The library's own variables, in a process of its own; the second one has no hub and opens from the cache."""
    command = [
        sys.executable, "-c",
        "from trm.checkpoint import read_checkpoint; print(read_checkpoint('hf://someone/model').name)",
    ]  # fmt: skip
    settings = {"HF_HOME": str(tmp_path / "home"), "HF_TOKEN": TOKEN, "OMP_NUM_THREADS": "1"}
    with served(tmp_path / "repositories") as hub:
        public_checkpoint().save(hub.root / "someone" / "model", name="checkpoint")
        hub.private.add("someone/model")
        environment = os.environ | settings | {"HF_ENDPOINT": hub.url}
        online = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True)
    assert online.stdout.split()[:1] == ["someone/model/checkpoint"], online.stderr
    assert TOKEN not in online.stderr + online.stdout
    again = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True)
    assert again.stdout == online.stdout, again.stderr
    assert (tmp_path / "home" / "hub" / "models--someone--model").is_dir()


PROXIES = [
    {"ALL_PROXY": "socks5://127.0.0.1:1080"},
    {"HTTPS_PROXY": "http://proxy.example:80a80"},
    {"HTTP_PROXY": "http://[::1"},
    {"ALL_PROXY": "nonsense://127.0.0.1:1"},
    {"HTTP_PROXY": "http://127.0.0.1:1"},
]


@pytest.fixture
def proxied(monkeypatch):
    """Sets variables that the next connection is made by."""

    def set_to(variables: dict[str, str]) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        close_session()

    for name in ("ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    yield set_to
    monkeypatch.undo()
    close_session()


@pytest.mark.parametrize("variables", PROXIES, ids=str)
def test_a_proxy_that_cannot_be_used(hub, stored, proxied, variables):
    """What was fetched before opens whatever it says."""
    path = hub_weights("hf://someone/model")
    proxied(variables)
    assert hub_weights("hf://someone/model") == path
    line = refusal("hf://someone/other", "has not been downloaded, and")
    assert "HTTPS_PROXY, ALL_PROXY" in line or "cannot be reached" in line


def test_a_user_without_a_home(hub, stored, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", "~/.cache/huggingface/hub")
    refusal("hf://someone/model", "no home folder. Set HF_HOME")
    assert not (tmp_path / "~").exists()


# what can go wrong


def test_names_that_the_hub_itself_refuses(hub):
    refusal("hf://owner/a--b", "not a valid address on the hub")


def test_a_missing_repository(hub):
    hub.root.mkdir(exist_ok=True)
    refusal(
        "hf://someone/nothing", "There is no someone/nothing on the hub, or it is private: .*hf auth login"
    )


def test_a_gated_repository(hub, stored, monkeypatch):
    hub.gated.add("someone/model")
    refusal("hf://someone/model", "is gated: request access at https://huggingface.co/someone/model")
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert hub_weights("hf://someone/model").is_file()


def test_a_private_repository_with_the_token_from_its_usual_file(hub, stored, tmp_path):
    hub.private.add("someone/model")
    refusal("hf://someone/model", "or it is private")
    (tmp_path / "cache" / "token").parent.mkdir(exist_ok=True)
    (tmp_path / "cache" / "token").write_text(TOKEN)
    with pytest.raises(CheckpointError, match="or it is private"):
        hub_weights("hf://someone/model", token=False)
    assert hub_weights("hf://someone/model").is_file()
    with pytest.raises(CheckpointError, match="or it is private"):  # nor what the owner fetched before
        hub_weights("hf://someone/model", token=False)


@pytest.mark.parametrize(
    "status, remedy", [(401, "log in again"), (403, "log in again"), (418, "try again later")]
)
def test_other_refusals(hub, stored, status, remedy):
    hub.broken["someone/model"] = status
    refusal("hf://someone/model", f"status {status}; {remedy}")


def test_a_server_that_is_not_the_hub(hub, monkeypatch, tmp_path):
    """A proxy's page in the place of an answer."""
    (hub.root / "someone").mkdir(parents=True)
    monkeypatch.setattr("hub_stand_in.json.dumps", lambda _: "<html>please log in</html>")
    (hub.root / "someone" / "model").mkdir()
    refusal("hf://someone/model", "is not the hub")


def test_a_full_disk_is_noticed_before_the_download(hub, stored, monkeypatch):
    """Beside the files, 64 MiB have to stay free."""
    needed = sum(len(content) for name, content in hub.files("someone/model").items() if name != "trm.py")
    usage = type("Usage", (), {"free": needed + (64 << 20) - 1})
    monkeypatch.setattr(client.shutil, "disk_usage", lambda _: usage)
    assert "HF_HOME" in refusal("hf://someone/model", "has 64 MiB left")
    assert hub.fetched() == []
    usage.free += 1
    assert hub_weights("hf://someone/model").is_file()


def fails_with(error: BaseException):
    def fail(*_: object, **__: object) -> None:
        raise error

    return fail


@pytest.mark.parametrize(
    "error, words",
    [
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device.: free some space"),
        (PermissionError(errno.EACCES, "Permission denied"), "Permission denied.: try again"),
        (KeyboardInterrupt(), "download was stopped"),
    ],
)
def test_a_download_that_ends_early(hub, stored, monkeypatch, error, words):
    monkeypatch.setattr("huggingface_hub.hf_hub_download", fails_with(error))
    refusal("hf://someone/model", words)


def test_a_long_message_of_the_http_library_is_cut(hub, monkeypatch):
    monkeypatch.setattr("huggingface_hub.HfApi", fails_with(ImportError("x" * 200)))
    refusal("hf://o/r", r"HF_ENDPOINT \(x{160}\)")


def test_a_connection_that_breaks(hub, stored, monkeypatch):
    """Neither the file nor a part of it is left to be taken for the model."""
    monkeypatch.setattr("huggingface_hub.file_download.time.sleep", lambda _: None)
    hub.cut.add("step_7")
    refusal("hf://someone/model", "could not be fetched|cannot be reached")
    hub.cut.clear()
    assert load_model("hf://someone/model", device=CPU).config.n == 2


def test_without_the_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    refusal("hf://someone/model", "needs the package huggingface_hub")


def test_a_file_that_is_not_a_model(hub):
    (hub.root / "someone" / "model").mkdir(parents=True)
    save_file({"conv1.weight": torch.zeros(2, 2)}, hub.root / "someone" / "model" / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"conv1\.weight does not belong"):
        load_model("hf://someone/model")
