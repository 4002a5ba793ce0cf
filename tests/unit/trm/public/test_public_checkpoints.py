"""Every listed public checkpoint, as a file of its layout and shape, opened as users would open it."""

import json
import shutil

import pytest
import torch
from hub_stand_in import point_to, served
from safetensors.torch import save_file

from trm.errors import CheckpointError
from trm.inspection.inspect import inspect_model, report
from trm.public.hub import hub_weights
from trm.public.public_checkpoints import PUBLIC_CHECKPOINTS, find_public_checkpoint

HRM = {"kind": "hrm", "layers": 4, "H_layers": 4, "halt_max_steps": 16}
TRM = {"layers": 2, "puzzle_emb_len": 16, "H_cycles": 3, "L_cycles": 6, "halt_max_steps": 16}
MLP = TRM | {"mlp_t": True, "pos_encodings": "none"}
SUDOKU, MAZE, ARC = {"vocab": 11, "cells": 81}, {"vocab": 6, "cells": 900}, {"vocab": 12, "cells": 900}
SHALLOW = {"L_cycles": 4}
FULL = {"vocab": 11, "cells": 81, "pos_encodings": "learned", "L_cycles": 8, "halt_max_steps": 8}

# hub repository, file, what is in it, name of its yaml ("": none), and what it must open as: n, T, N_sup, positions, prefix
ROWS = [
    ("sapientinc/HRM-checkpoint-sudoku-extreme", "checkpoint", HRM | SUDOKU, "all_config.yaml", (2, 2, 16, "rope", 1)),
    ("sapientinc/HRM-checkpoint-maze-30x30-hard", "checkpoint", HRM | MAZE, "all_config.yaml", (2, 2, 16, "rope", 1)),
    ("sapientinc/HRM-checkpoint-ARC-2", "checkpoint", HRM | ARC | {"puzzle_ids": 999}, "all_config.yaml", (2, 2, 16, "rope", 1)),
    ("arcprize/trm_arc_prize_verification", "arc_v1_public/step_518071", TRM | ARC | SHALLOW | {"puzzle_ids": 99}, "all_config.yaml", (4, 3, 16, "rope", 16)),
    ("arcprize/trm_arc_prize_verification", "arc_v2_public/step_723914", TRM | ARC | SHALLOW | {"puzzle_ids": 99}, "all_config.yaml", (4, 3, 16, "rope", 16)),
    ("alphaXiv/trm-model-sudoku", "step_32550_sudoku_epoch50k", MLP | SUDOKU, "", (6, 3, 16, "none", 16)),
    ("alphaXiv/trm-model-sudoku", "step_32550_sudoku_60k_attn_type", TRM | SUDOKU, "", (6, 3, 16, "rope", 16)),
    ("alphaXiv/trm-model-maze", "maze_hard_step_32550", TRM | MAZE | SHALLOW, "", (4, 3, 16, "rope", 16)),
    ("Sanjin2024/TinyRecursiveModels-Sudoku-Extreme-mlp", "step_65100", MLP | SUDOKU, "all_config.yaml", (6, 3, 16, "none", 16)),
    ("Sanjin2024/TinyRecursiveModels-Sudoku-Extreme-att", "step_65100", TRM | SUDOKU, "all_config.yaml", (6, 3, 16, "rope", 16)),
    ("Sanjin2024/TinyRecursiveModel-Maze-Hard", "step_32550", TRM | MAZE | SHALLOW, "all_config.yaml", (4, 3, 16, "rope", 16)),
    ("Kaleemullah/trm-cgar-sudoku", "pytorch_model.bin", MLP | SUDOKU, "config.yaml", (6, 3, 16, "none", 16)),
    ("bnsh/HRM-checkpoint-sudoku-full", "checkpoint", HRM | FULL, "all_config.yaml", (8, 2, 8, "learned", 1)),
]  # fmt: skip
rows = pytest.mark.parametrize(
    "repo, file, made, yaml_name, opens_as", ROWS, ids=[f"{row[0]}/{row[1]}" for row in ROWS]
)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    with served(tmp_path / "repositories") as hub:
        point_to(monkeypatch, hub.url, tmp_path / "cache")
        yield hub


@pytest.fixture
def store(hub, public_checkpoint):
    """Puts a checkpoint of a row on the hub, with the code that lies beside a real one."""

    def put(repo: str, file: str, made: dict, yaml_name: str):
        path = hub.root / repo / file
        checkpoint = public_checkpoint(**{"D": 16, "heads": 8, "puzzle_emb_ndim": 16} | made)
        checkpoint.save(path.parent, name=path.name, with_yaml=bool(yaml_name))
        (path.parent / "dataset.json").unlink()
        if yaml_name not in ("", "all_config.yaml"):
            (path.parent / "all_config.yaml").rename(path.parent / yaml_name)
        (path.parent / "losses.py").write_text("raise SystemExit")
        return path

    return put


def values(found) -> dict:
    return {value["name"]: value["value"] for value in found["values"]}


def assert_opens_as(found, made, opens_as) -> None:
    config = values(found)
    assert tuple(config[name] for name in ("n", "T", "N_sup", "positions", "prefix_length")) == opens_as
    assert config["task"] == {11: "sudoku", 6: "maze", 12: "arc"}[made["vocab"]]
    assert config["sequence_length"] == made["cells"] and config["kind"] == made.get("kind", "trm")
    assert config["layers"] == made["layers"] and config["puzzle_ids"] == made.get("puzzle_ids", 1)
    assert found["assumed"] == []


@rows
def test_a_row(hub, store, repo, file, made, yaml_name, opens_as):
    store(repo, file, made, yaml_name)
    found = inspect_model(f"hf://{repo}", self_check=False)
    assert found["name"] == f"{repo}/{file}" and found["known"]["repo"] == repo
    assert_opens_as(found, made, opens_as)
    source = next(value["source"] for value in found["values"] if value["name"] == "n")
    assert source == (yaml_name or f"known file: {repo}")
    assert not [name for name in hub.fetched() if name.endswith(".py")]


@rows
def test_a_row_without_its_yaml_in_a_folder_of_its_name(
    store, tmp_path, repo, file, made, yaml_name, opens_as
):
    path = store(repo, file, made, "")
    folder = tmp_path / "downloads" / repo.split("/")[1] / file
    folder.parent.mkdir(parents=True)
    shutil.copy(path, folder)
    found = inspect_model(str(folder), self_check=False)
    assert_opens_as(found, made, opens_as)
    assert next(value["source"] for value in found["values"] if value["name"] == "n") == f"known file: {repo}"


def test_the_rows_cover_the_listed_checkpoints():
    """Rows exist for files whose n and T are known here; the yaml tells those of the others."""
    assert [row[0] for row in ROWS] == [
        known.repo for known in PUBLIC_CHECKPOINTS if {"n", "T"} <= known.values.keys()
    ]


def test_two_models_in_one_repository_are_listed(store):
    for row in ROWS[3:7]:
        store(*row[:4])
    with pytest.raises(
        CheckpointError, match=r"hf://arcprize/.*/arc_v1_public/step_518071, hf://arcprize/.*/arc_v2"
    ):
        hub_weights("hf://arcprize/trm_arc_prize_verification")
    with pytest.raises(CheckpointError, match="epoch50k") as error:
        hub_weights("hf://alphaXiv/trm-model-sudoku")
    assert "_attn_type" in str(error.value)
    assert hub_weights("hf://arcprize/trm_arc_prize_verification/arc_v2_public").name == "step_723914"
    assert hub_weights("hf://alphaXiv/trm-model-sudoku/step_32550_sudoku_60k_attn_type").is_file()


@pytest.mark.parametrize(
    "config, says",
    [
        (
            {"architectures": ["HRMForCausalLM"], "model_type": "hrm"},
            'architectures = \\["HRMForCausalLM"\\]',
        ),
        ({"auto_map": {"AutoModel": "modeling_hrm.HRM"}}, "auto_map = "),
        (None, "probably a port to Transformers or another model"),
    ],
)
def test_a_port_to_transformers_is_refused(hub, config, says):
    """zbloss/HRM-sudoku-extreme: tensors under other names."""
    folder = hub.root / "zbloss" / "HRM-sudoku-extreme"
    folder.mkdir(parents=True)
    names = ("H_layers.0.attn.q_proj.weight", "embed_tokens.weight", "lm_head.weight")
    save_file({f"model.{name}": torch.zeros(2, 2) for name in names}, folder / "model.safetensors")
    (folder / "modeling_hrm.py").write_text("raise SystemExit")
    if config:
        (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match=says) as error:
        inspect_model("hf://zbloss/HRM-sudoku-extreme")
    assert "tensor model.H_layers.0.attn.q_proj.weight does not belong" in str(error.value)
    assert "modeling_hrm.py" not in hub.fetched()


# what is known of files that say n and T themselves, and what is to be known before they are believed


@pytest.mark.parametrize(
    "repo, file, made, published, caution",
    [
        ("MaximeILL/GAR_ckpts", "TRM-MLP-Sudoku-Extreme.pt", MLP | SUDOKU, "85.9 to 86.5%", ""),
        ("Trelis/TRM-ARC-AGI-II", "step_5", TRM | ARC | {"puzzle_ids": 9}, "10.5%", "by accident"),
        ("ThomasHeim/HRM-Reproduction-Checkpoints", "run/step_5", HRM | SUDOKU, "53 to 55%", "the last is not necessarily the best"),
        ("Hetens/LatentReasoningDecoding", "checkpoints/step_5", TRM | SUDOKU, "73.2%", "does not rotate"),
        ("arcprize/trm_arc_prize_verification", "arc_v2_public/step_723914", TRM | ARC | SHALLOW | {"puzzle_ids": 99}, "2%",
         "step_651522 solves 7 to 8%"),
        ("glouriousgautam/ptrm-sudoku-trm", "step_6510", TRM | SUDOKU, "", ""),
        ("Code2aum/HRM_sudoku", "model.pt", HRM | SUDOKU, "", ""),
    ],
)  # fmt: skip
def test_published_facts_are_shown(hub, store, repo, file, made, published, caution):
    store(repo, file, made, "all_config.yaml")
    found = inspect_model(f"hf://{repo}", self_check=False)
    assert found["known"]["repo"] == repo and published in found["known"]["published"]
    assert caution in found["known"]["caution"] and caution in "".join(found["notes"])
    assert f"known file: {repo}" in report(found)["report"]


def test_unlisted_facts_stay_assumed(tmp_path, store):
    path = store("glouriousgautam/ptrm-sudoku-trm", "step_6510", TRM | SUDOKU, "")
    found = inspect_model(str(path), self_check=False)
    assert found["known"] and {"n", "T", "N_sup", "heads"} <= set(found["assumed"])


@pytest.mark.parametrize("repo, words", [("fixed-point-reasoners/fprm", "is FPRM"), ("pengxiang/InfiLoop-Sudoku", "is InfiLoop"),
                                         ("MisakiTaro0414/looped-flows-maze", "looped flow"), ("sapientinc/HRM-Text-1B", "is HRM-Text")])  # fmt: skip
def test_other_models_are_refused_before_download(hub, repo, words):
    for spec in (f"hf://{repo}", f"https://huggingface.co/{repo}/tree/main", f"hf://{repo.lower()}/step_1"):
        with pytest.raises(CheckpointError, match=words):
            inspect_model(spec)
    assert hub.asked == []


@pytest.mark.parametrize(
    "name, data",
    [("TRM-Att-PPBench.pt", "data/x"), ("step_5", "data/ppbench-1k"), ("step_5", "data/PP_Bench")],
)
def test_puzzles_whose_tokens_nobody_published(tmp_path, public_checkpoint, name, data):
    made = public_checkpoint(vocab=40)
    made.run["data_paths"] = [data]
    with pytest.raises(CheckpointError, match="token map was never published"):
        inspect_model(str(made.save(tmp_path, name=name)))


# a name alone proves nothing


@pytest.mark.parametrize("name", ["maze_hard_step_32550", "step_32550_sudoku_epoch50k"])
def test_a_unique_name(tmp_path, store, name):
    made = next(row for row in ROWS if row[1] == name)
    shutil.copy(store(*made[:4]), tmp_path / name)
    assert inspect_model(str(tmp_path / name), self_check=False)["known"]["repo"] == made[0]


def test_a_name_on_weights_of_another_task(tmp_path, public_checkpoint):
    made = public_checkpoint(D=16, heads=8, **TRM | SUDOKU)
    path = made.save(tmp_path, name="maze_hard_step_32550", with_yaml=False)
    found = inspect_model(str(path), self_check=False)
    assert found["known"] is None and values(found)["n"] == 6 and "n" in found["assumed"]


@pytest.mark.parametrize("folder", ["trm-model-sudoku-mine", "sudoku", "."])
def test_a_step_in_any_other_folder(tmp_path, folder):
    for name in ("step_65100", "checkpoint", "pytorch_model.bin"):
        assert find_public_checkpoint(tmp_path / folder / name, kind="trm", vocab_size=11) is None


def test_the_folder_of_the_hubs_cache(tmp_path):
    folder = tmp_path / "models--Kaleemullah--trm-cgar-sudoku" / "snapshots" / "abc"
    known = find_public_checkpoint(folder / "pytorch_model.bin", kind="trm", vocab_size=11)
    assert (
        known.repo == "Kaleemullah/trm-cgar-sudoku"
        and known.source == "known file: Kaleemullah/trm-cgar-sudoku"
    )
    assert find_public_checkpoint(folder / "pytorch_model.bin", kind="hrm", vocab_size=11) is None
