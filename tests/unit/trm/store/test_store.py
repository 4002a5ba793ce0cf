"""The trace store: it contains the states of the run, only finished shards are visible, and reading opens no other file."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import zarr
from stores import SMALL

from trm.coordinates import F_H, F_L, Coordinates
from trm.data import PuzzleSet
from trm.errors import StoreError, UserError
from trm.recursion import deep_supervision
from trm.store import open_store
from trm.store.folder import finished_shards

REPOSITORY = Path(__file__).resolve().parents[4]


def collected(model, puzzles: PuzzleSet, batch: int = 4, shard: int = 4):
    """What a watch sees, by coordinates: y and z (count, P, D), and the halting logits (2, count, N_sup).

    The batches are those of a recording, which end with their shard: sums in a batch of another size may differ.
    """
    y, z, halting = {}, {}, []
    count = len(puzzles)
    for begin, end in [
        (begin, min(begin + batch, first + shard, count))
        for first in range(0, count, shard)
        for begin in range(first, min(first + shard, count), batch)
    ]:

        def note(at, state):
            y.setdefault(at, []).append(state.y)
            z.setdefault(at, []).append(model.latent(state, at))
            return state

        tokens = torch.from_numpy(puzzles.inputs[begin:end].astype(np.int64))
        ids = torch.from_numpy(puzzles.puzzle_identifiers[begin:end].astype(np.int64))
        steps = deep_supervision(model, tokens, ids, depth=model.config.depth, after_call=note)
        halting.append(
            torch.stack([torch.stack((step.heads.q_halt, step.heads.q_continue)) for step in steps], -1)
        )
    y, z = ({at: torch.cat(parts) for at, parts in states.items()} for states in (y, z))
    return y, z, torch.cat(halting, 1).numpy()


# what is kept


@pytest.mark.parametrize("batch, shard", [(4, 4), (3, 8), (10, 10), (1, 3)])
def test_states_are_those_of_the_run(recorded, model, puzzles, batch, shard):
    y, z, halting = collected(model, puzzles, batch, shard)
    assert len(y) == len(z) == 2 * 2 * 3
    store = open_store(recorded(batch=batch, shard=shard))
    assert store.count == len(store) == 10 and store.complete
    assert store.coordinates("z") == tuple(z) and store.coordinates("y") == tuple(
        at for at in y if at.kind == F_H
    )
    states = store.states("z")
    for index, at in enumerate(store.coordinates("z")):
        assert np.array_equal(states[:, index], z[at].numpy())
    for at in store.coordinates("y"):
        assert np.array_equal(store.states("y", at=at)[:, 0], y[at].numpy())
        assert np.array_equal(store.logits(at=at)[:, 0], model.decode(y[at]).numpy())
    assert np.array_equal(store.halting().q_halt, halting[0])
    assert np.array_equal(store.halting().q_continue, halting[1])
    assert np.ptp(halting[0]) > 0
    assert np.array_equal(store.inputs(), puzzles.inputs) and np.array_equal(store.labels(), puzzles.labels)
    assert store.puzzle_ids().tolist() == puzzles.puzzle_identifiers.tolist()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_states_are_rounded_once(recorded, model, puzzles, dtype):
    y, _, _ = collected(model, puzzles)
    store = open_store(recorded(dtype=dtype, calls="last"))
    for at in store.coordinates("y"):
        rounded = y[at].to(getattr(torch, dtype)).float().numpy()
        assert np.array_equal(store.states("y", at=at)[:, 0], rounded)
        assert not np.array_equal(rounded, y[at].numpy())
    assert store.arrays["y"].dtype == (np.float16 if dtype == "float16" else np.float32)
    assert np.array_equal(store.arrays["y"][3], store.states("y", 3)[0])


def test_a_number_beyond_float16_is_refused(recorded, model):
    model.lm_head.weight.fill_(1e5)
    with pytest.raises(UserError, match="logits contains numbers beyond 65,504"):
        recorded(dtype="float16")
    assert finished_shards(recorded("other", dtype="bfloat16")) == [0, 1, 2]


@pytest.mark.parametrize(
    "calls, of_z, of_y",
    [
        ("all", 12, 4),
        ("f_H", 4, 4),
        ("last", 2, 2),
        ("1.1.1,2.*.3", 3, 2),
        ("*.2.*", 6, 2),
    ],
)
def test_which_calls(recorded, calls, of_z, of_y):
    store = open_store(recorded(calls=calls))
    assert (len(store.coordinates("z")), len(store.coordinates("y"))) == (of_z, of_y)
    assert all(at.kind == F_H for at in store.coordinates("y"))
    assert store.states("z").shape == (10, of_z, 17, 8) and store.logits().shape == (10, of_y, 16, 6)


def test_a_multi_z_model_stores_the_latent_that_the_call_updated(recorded, tiny_model, puzzles):
    made = tiny_model(kind="trm-multi-z", latents=2, n=2, T=2, N_sup=2)
    _, z, _ = collected(made, puzzles)
    store = open_store(recorded(model=made))
    first, second = Coordinates(2, 1, 1, F_L), Coordinates(2, 1, 2, F_L)
    for at in (first, second):
        assert np.array_equal(store.states("z", at=at)[:, 0], z[at].numpy())
    assert not np.array_equal(z[first].numpy(), z[second].numpy())


@pytest.mark.parametrize(
    "positions, names",
    [
        ("prefix", ["p1"]),
        ("mean", ["mean"]),
        ("mean, r4c4,prefix,r1c2", ["p1", "r1c2", "r4c4", "mean"]),
        ("r2c1,r2c2", ["r2c1", "r2c2"]),
    ],
)
def test_which_positions(recorded, positions, names):
    everything = open_store(recorded("all"))
    assert everything.positions[:3] == ("p1", "r1c1", "r1c2") and len(everything.positions) == 17
    store = open_store(recorded(positions=positions))
    assert list(store.positions) == names
    whole, states = everything.states("z"), store.states("z")
    for index, name in enumerate(names):
        if name == "mean":
            assert states[:, :, index] == pytest.approx(whole[:, :, 1:].mean(2), abs=1e-6)
        else:
            place = everything.positions.index(name)
            assert np.array_equal(states[:, :, index], whole[:, :, place])
            assert np.array_equal(everything.states("z", positions=[place])[:, :, 0], states[:, :, index])


def test_the_largest_logits(recorded):
    logits = open_store(recorded("all")).logits()
    store = open_store(recorded(logits="top2"))
    top = store.top_logits()
    assert top.logits.shape == top.tokens.shape == (10, 4, 16, 2)
    assert np.array_equal(top.logits, -np.sort(-logits, -1)[..., :2])
    assert np.array_equal(np.take_along_axis(logits, top.tokens.astype(int), -1), top.logits)
    assert np.array_equal(store.answers(), logits.argmax(-1))
    assert (
        "logits" not in store.arrays
        and open_store(recorded("five", logits="top9")).top_logits().tokens.shape[-1] == 6
    )


def test_facts_are_stored(recorded, puzzles):
    facts = open_store(recorded()).facts([3, 1])
    assert np.array_equal(facts["given"], SMALL.givens(puzzles.inputs[[3, 1]]))
    assert facts["box"][0].tolist() == [1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4]


def test_the_manifest_says_what_made_it(recorded, model):
    manifest = json.loads((recorded() / "manifest.json").read_text())
    assert (
        manifest["model"] == "tiny"
        and manifest["fingerprint"] == "0" * 16
        and manifest["recorded"] == "2026-01-02"
    )
    assert manifest["config"] == model.config.to_dict() and manifest["compute_dtype"] == "float32"
    assert manifest["data"]["puzzles"] == 10 and len(manifest["data"]["sha256"]) == 64
    assert manifest["versions"]["torch"] == torch.__version__ and manifest["shard"] == 4


def test_any_zarr_reader_opens_it(recorded):
    folder = recorded(calls="last")
    group = zarr.open_group(folder, mode="r")
    assert group["y"].shape == (10, 2, 17, 8) and group["y"].attrs["calls"] == [[1, 2, 3], [2, 2, 3]]
    assert group["y"].metadata.dimension_names == ("puzzle", "call", "position", "D")
    assert np.array_equal(group["y"][:], open_store(folder).states("y"))


# reading


def test_rows_calls_and_positions_are_selected_independently(recorded):
    store = open_store(recorded())
    whole = store.states("z")
    calls = store.coordinates("z")
    rows, places = [7, 0, 7], [16, 2]
    found = store.states("z", rows, at=[calls[5], calls[1]], positions=places)
    assert np.array_equal(found, whole[np.ix_(rows, [5, 1], places)])
    assert found.dtype == np.float32
    assert np.array_equal(store.states("z", slice(2, 5)), whole[2:5])
    assert np.array_equal(store.states("z", -1), whole[-1:])
    lazy = store.arrays["z"]
    assert lazy.shape == whole.shape and len(lazy) == 10
    assert np.array_equal(lazy[4, [3, 1], :, 2:4], whole[4][[3, 1]][..., 2:4])
    assert np.array_equal(lazy[::3], whole[::3]) and lazy[[]].shape == (0, 12, 17, 8)
    with pytest.raises(IndexError):
        store.states("z", 10)
    with pytest.raises(IndexError):
        lazy[0, 0, 0, 0, 0]


def test_a_request_for_what_was_not_recorded(recorded):
    store = open_store(recorded(states="z", calls="last", logits="top3"))
    with pytest.raises(StoreError, match="contains z, not y"):
        store.states("y")
    with pytest.raises(StoreError, match=r"does not contain z after call 1\.1\.1 \(f_L\).*--calls last"):
        store.states("z", at=Coordinates(1, 1, 1, F_L))
    with pytest.raises(StoreError, match="--logits all"):
        store.logits()
    bare = open_store(recorded("bare", states="none", logits="none"))
    assert bare.halting().q_halt.shape == (10, 2) and set(bare.arrays) == {
        "inputs", "labels", "puzzle_ids", "facts", "q_halt", "q_continue"
    }  # fmt: skip
    with pytest.raises(StoreError, match="does not contain the largest"):
        bare.top_logits()


def test_only_the_requested_chunks_are_read(recorded, monkeypatch):
    """All other chunk files are gone, and what is asked for is there all the same."""
    monkeypatch.setattr("trm.store.layout.CHUNK", 1)  # a file for every call
    folder = recorded()
    store = open_store(folder)
    at = store.coordinates("z")[3]
    whole = store.states("z", [5, 9], at=at)
    kept = {folder / "z" / name for name in ("c.1.3.0.0", "c.2.3.0.0")}
    for chunk in folder.glob("*/c.*"):
        if chunk not in kept:
            chunk.unlink()
    assert np.array_equal(open_store(folder).states("z", [5, 9], at=at), whole)
    with pytest.raises(StoreError, match=r"z/c\.0\.3\.0\.0 is missing"):
        store.states("z", 0, at=at)


def test_small_states_of_several_calls_share_a_file(recorded, monkeypatch):
    monkeypatch.setattr("trm.store.layout.CHUNK", 4 * 17 * 8 * 4 * 3)  # three calls of a shard
    folder = recorded(calls="1.*.*,2.1.1")  # seven calls: no file of one
    assert sorted(path.name for path in folder.glob("z/c.*")) == [
        f"c.{shard}.{group}.0.0" for shard in range(3) for group in range(3)
    ]
    assert np.array_equal(open_store(folder).states("z"), open_store(recorded("all")).states("z")[:, :7])


READ = """
import sys
from trm.store import open_store
store = open_store(sys.argv[1])
print(store.states("y", 2, at=store.coordinates("y")[0]).sum(), *sorted({"torch", "scipy", "sklearn"} & set(sys.modules)))
"""


def test_reading_needs_no_torch(recorded):
    folder = recorded()
    done = subprocess.run(
        [sys.executable, "-c", READ, str(folder)], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    store = open_store(folder)
    assert done.stdout.split() == [str(store.states("y", 2, at=store.coordinates("y")[0]).sum())]


def refusal(folder: Path) -> str:
    with pytest.raises(StoreError) as error:
        open_store(folder).states("y")
    assert "\n" not in str(error.value) and str(folder) in str(error.value)
    return str(error.value)


def test_damage_is_named(recorded, tmp_path):
    folder = recorded()
    (chunk,) = folder.glob("y/c.1.*")
    whole = chunk.read_bytes()
    chunk.write_bytes(whole[:-1])
    assert f"{len(whole) - 1} bytes instead of {len(whole)}" in refusal(folder)
    chunk.write_bytes(whole[:100] + bytes([whole[100] ^ 1]) + whole[101:])
    assert "is damaged" in refusal(folder)
    chunk.unlink()
    assert f"{chunk} is missing. Remove {folder / 'shards/000001'} and run the same command again" in refusal(
        folder
    )
    shutil.rmtree(folder / "shards/000001")
    recorded()
    assert chunk.read_bytes() == whole
    open_store(folder).states("y")
    shutil.copytree(folder, tmp_path / "no_metadata")
    (tmp_path / "no_metadata/z/zarr.json").write_text("{")
    assert "damaged" in refusal(tmp_path / "no_metadata")
    (tmp_path / "no_metadata/z/zarr.json").unlink()
    assert "damaged" in refusal(tmp_path / "no_metadata")
    with pytest.raises(StoreError, match=r"is damaged.*Start over with --force"):
        recorded("no_metadata")
    recorded("no_metadata", force=True)
    manifest = json.loads((folder / "manifest.json").read_text())
    for text, words in [
        ("[1]", "not a JSON object"),
        ("{", "not a JSON object"),
        (json.dumps(manifest | {"format": "x"}), "has the format 'x'"),
        (json.dumps(manifest | {"calls": "f_Z"}), "damaged"),
        (json.dumps(manifest | {"shard": "4"}), "damaged"),
        (json.dumps({name: value for name, value in manifest.items() if name != "config"}), "damaged"),
        (json.dumps(manifest | {"shard": 5}), "does not match the manifest"),
    ]:
        (folder / "manifest.json").write_text(text)
        assert words in refusal(folder)
    assert "is not a trace store" in refusal(tmp_path)
