"""Names of models: what is found under --model-dir, and that no name leads out of it."""

import os
from pathlib import Path

import pytest

from app.server.models import MOST_MODELS, found_models, source_of
from app.server.options import Options
from trm.errors import CheckpointError


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with models, beside one that is nobody's business."""
    root = tmp_path / "models"
    touch(
        root / "bare.safetensors",
        root / "ours" / "model.safetensors",
        root / "ours" / "config.json",
        root / "runs" / "maze" / "step_100",
        root / "runs" / "maze" / "step_2000",
        root / "runs" / "maze" / "all_config.yaml",
        root / "two" / "a.pt",
        root / "two" / "b.pt",
        root / "notes" / "readme.txt",
        root / ".hidden" / "model.safetensors",
        tmp_path / "secret" / "model.safetensors",
    )
    return root


def refusal(name: str, options: Options) -> str:
    with pytest.raises(CheckpointError) as refused:
        source_of(name, options)
    message = str(refused.value)
    assert "\n" not in message and len(message) < 500
    return message


def test_models_are_listed_by_folder_or_by_file_where_a_folder_has_several(root):
    assert found_models((root,)) == ["bare.safetensors", "ours", "runs/maze", "two/a.pt", "two/b.pt"]


def test_the_list_is_bounded(tmp_path):
    for number in range(MOST_MODELS + 5):
        touch(tmp_path / str(number) / "model.safetensors")
    assert len(found_models((tmp_path,))) == MOST_MODELS


def test_the_search_looks_at_so_many_files(root, monkeypatch):
    """The folders with nine files, in all, are visited in the order of their names."""
    everything = found_models((root,))
    for most, is_all in ((9, True), (8, False)):
        monkeypatch.setattr("app.server.models.MOST_FILES", most)
        assert (found_models((root,)) == everything) == is_all


def test_models_are_found_up_to_four_folders_below(tmp_path):
    touch(tmp_path / "a/b/c/d/model.safetensors", tmp_path / "1/2/3/4/5/model.safetensors")
    assert found_models((tmp_path,)) == ["a/b/c/d"]


def test_every_listed_name_opens_the_file_it_stands_for(root):
    options = Options((root,))
    specs = {name: source_of(name, options).spec for name in found_models((root,))}
    assert specs == {
        "bare.safetensors": str(root / "bare.safetensors"),
        "ours": str(root / "ours" / "model.safetensors"),
        "runs/maze": str(root / "runs" / "maze" / "step_2000"),
        "two/a.pt": str(root / "two" / "a.pt"),
        "two/b.pt": str(root / "two" / "b.pt"),
    }


def test_paths_inside_may_be_absolute_or_go_up_and_down(root):
    options = Options((root,))
    for name in (str(root / "ours"), "runs/../ours", "./ours/", "ours/model.safetensors"):
        assert Path(source_of(name, options).spec).samefile(root / "ours" / "model.safetensors")


@pytest.mark.parametrize(
    "name",
    [
        "../secret",
        "ours/../../secret",
        "/etc/passwd",
        "~/secret",
        "/",
        "..",
        "no/such",
        "a\0b",
        "x" * 5000,
        "notes",
    ],
    ids=lambda name: name[:20],
)
def test_what_is_outside_or_not_there_is_refused_in_one_line(root, name):
    message = refusal(name, Options((root,)))
    assert "--model-dir" in message or "contains no model" in message


def test_an_outside_path_is_refused_alike_whether_it_is_there_or_not(root):
    there, not_there = (refusal(name, Options((root,))) for name in ("../secret", "../zecret"))
    assert there.replace("secret", "zecret") == not_there


def test_links_that_lead_outside_are_refused(root, tmp_path):
    (root / "folder").symlink_to(tmp_path / "secret")
    (root / "file.safetensors").symlink_to(tmp_path / "secret" / "model.safetensors")
    touch(root / "described" / "model.safetensors", tmp_path / "elsewhere.yaml")
    (root / "described" / "all_config.yaml").symlink_to(tmp_path / "elsewhere.yaml")
    (root / "hollow").mkdir()
    (root / "hollow" / "model.safetensors").symlink_to(tmp_path / "secret" / "model.safetensors")
    (root / "round").symlink_to(root / "round")
    options = Options((root,))
    for name in ("folder", "file.safetensors", "described", "hollow", "folder/model.safetensors", "round"):
        assert "nothing outside" in refusal(name, options)
    assert not {"folder", "file.safetensors", "hollow"} & set(found_models((root,)))


def test_links_that_stay_inside_are_followed(root):
    (root / "latest").symlink_to(root / "ours")
    assert Path(source_of("latest", Options((root,))).spec).samefile(root / "ours" / "model.safetensors")


def test_links_are_followed_where_only_this_machine_can_reach_the_server(root, tmp_path):
    (root / "run1").symlink_to(tmp_path / "secret")
    (root / "file.safetensors").symlink_to(tmp_path / "secret" / "model.safetensors")
    (root / "deep").mkdir()
    (root / "deep" / "back").symlink_to(root)
    (root / "round").symlink_to(root / "round")
    options = Options((root,), local=True)
    found = found_models((root,), links=True)
    assert {"run1", "file.safetensors"} <= set(found) and not any("back" in name for name in found)
    for name in ("run1", "run1/model.safetensors", "file.safetensors"):
        assert Path(source_of(name, options).spec).samefile(tmp_path / "secret" / "model.safetensors")
    refusal("round", options)


def test_a_link_that_leads_out_is_named_with_the_remedy(root, tmp_path):
    (root / "run1").symlink_to(tmp_path / "secret")
    for name in ("run1", "run1/model.safetensors", "run1/not/there"):
        message = refusal(name, Options((root,)))
        assert "run1 is a link that leads out" in message and "localhost" in message


@pytest.mark.parametrize("place", ["hub/models--a--b/snapshots/abc", "hub/snapshots/abc"])
def test_links_of_the_hubs_cache_stay_in_it(tmp_path, place):
    """`hf download` prints such a folder; its files are links to blobs/ beside snapshots/."""
    folder = tmp_path / place
    folder.mkdir(parents=True)
    touch(folder.parents[1] / "blobs" / "b1", folder.parents[1] / "blobs" / "b2", tmp_path / "secret" / "b3")
    for name, blob in (("step_1000", "b1"), ("all_config.yaml", "b2")):
        (folder / name).symlink_to(f"../../blobs/{blob}")
    (folder / "other.pt").symlink_to(tmp_path / "secret" / "b3")
    assert found_models((folder,)) == ["step_1000"]
    assert source_of("step_1000", Options((folder,))).spec == str(folder / "step_1000")
    assert "link that leads out" in refusal("other.pt", Options((folder,)))


def test_settings_above_the_weights_are_checked_too(root, tmp_path):
    touch(root / "run" / "checkpoints" / "step_5", tmp_path / "elsewhere.yaml")
    (root / "run" / "all_config.yaml").symlink_to(tmp_path / "elsewhere.yaml")
    assert "run/all_config.yaml is a link that leads out" in refusal("run/checkpoints", Options((root,)))


def test_without_a_folder_paths_are_refused_with_the_way_to_name_one(root):
    assert "--model-dir" in refusal(str(root / "ours"), Options())


def test_a_folder_of_several_models_says_which(root):
    assert "two/a.pt, two/b.pt" in refusal("two", Options((root,)))


def test_the_first_folder_that_has_a_name_wins(root, tmp_path):
    touch(tmp_path / "more" / "ours" / "model.safetensors", tmp_path / "more" / "mine" / "model.safetensors")
    options = Options((root, tmp_path / "more"))
    assert source_of("ours", options).spec.startswith(str(root))
    assert source_of("mine", options).spec.startswith(str(tmp_path / "more"))
    assert found_models(options.model_dirs).count("ours") == 1


def test_weights_written_anew_are_another_model(root):
    options = Options((root,))
    before = source_of("ours", options)
    assert source_of("ours", options) == before
    os.utime(root / "ours" / "model.safetensors", (1, 1))
    assert source_of("ours", options) != before


def test_any_path_is_opened_where_only_its_owner_can_reach_the_server(root, tmp_path, monkeypatch):
    options = Options(hub=True, local=True)
    weights = tmp_path / "secret" / "model.safetensors"
    for name in (str(weights), str(weights.parent), f"{root}/../secret"):
        assert Path(source_of(name, options).spec).samefile(weights)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("secret", "secret/model.safetensors", "~/secret", "./secret/"):
        assert Path(source_of(name, options).spec).samefile(weights)
    assert Path(source_of("ours", Options((root,), local=True)).spec).samefile(
        root / "ours" / "model.safetensors"
    )
    for name in ("no/such", "a\0b", "~nobody-of-this-name/x", "x" * 5000):
        assert "on this machine" in refusal(name, options)


def test_a_file_of_the_hubs_cache_is_opened_where_it_lies_with_what_is_beside_it(tmp_path):
    """Its files are links to blobs, beside which there is no config."""
    touch(tmp_path / "blobs" / "b1")
    (tmp_path / "snapshots" / "abc").mkdir(parents=True)
    weights = tmp_path / "snapshots" / "abc" / "step_1000"
    weights.symlink_to("../../blobs/b1")
    assert source_of(str(weights), Options(local=True)).spec == str(weights)


@pytest.mark.parametrize("options", [Options(), Options(hub=True), Options(public=True)])
def test_a_path_is_refused_alike_on_any_other_server(options, tmp_path):
    touch(tmp_path / "model.safetensors")
    assert "--model-dir" in refusal(str(tmp_path / "model.safetensors"), options)


def test_the_owners_token_is_used_for_the_owner_alone():
    assert source_of("hf://a/b", Options(hub=True, local=True)).token
    assert not source_of("hf://a/b", Options(hub=True)).token


def test_refusals_name_no_folder_of_the_server(root, tmp_path):
    (root / "run1").symlink_to(tmp_path / "secret")
    for name in ("no/such", "run1", "../secret", "two", "notes"):
        assert str(tmp_path) not in refusal(name, Options((root,)))


def test_hub_names_are_taken_unless_the_hub_is_off():
    assert source_of("hf://alphaXiv/trm-model-maze", Options(hub=True)).kind == "hub"
    assert "not a valid address on the hub" in refusal("hf://../../etc", Options(hub=True))
    assert "--hub" in refusal("hf://alphaXiv/trm-model-maze", Options())


def test_a_bundled_name_is_bundled(root):
    assert source_of("sudoku-trm", Options((root,))).is_bundled
