"""The trace store: it contains the states of the run, only finished shards are visible, and reading opens no other file."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from stores import SMALL

from trm.coordinates import F_H, F_L, Coordinates
from trm.data import PuzzleSet
from trm.errors import StoreError, UserError
from trm.recursion import deep_supervision
from trm.store import open_store
from trm.store.capture import record_in_memory
from trm.store.layout import Layout, StoreSettings
from trm.store.manifest import puzzles_hash
from trm.store.shards import finished_shards


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
    assert store.states("y").dtype == np.float32


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
        ("prefix,r1c3", ["p1", "r1c3"]),
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
    assert open_store(recorded("five", logits="top9")).top_logits().tokens.shape[-1] == 6


def test_facts_are_stored(recorded, puzzles):
    facts = open_store(recorded()).facts([3, 1])
    assert np.array_equal(facts["given"], SMALL.givens(puzzles.inputs[[3, 1]]))
    assert facts["box"][0].tolist() == [1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4]


def test_the_manifest_says_what_made_it(recorded, model):
    manifest = json.loads((recorded() / "manifest.json").read_text())
    about = manifest["provenance"]
    assert (about["model"], about["fingerprint"], about["recorded"]) == ("tiny", "0" * 16, "2026-01-02")
    assert manifest["config"] == model.config.to_dict() and about["dtype"] == "float32"
    assert about["count"] == 10 and len(manifest["puzzles"]) == 64
    assert manifest["versions"]["torch"] == torch.__version__ and manifest["settings"]["shard"] == 4


def test_its_arrays_are_plain_numpy_files(recorded):
    folder = recorded(calls="last")
    shard = {file.stem: np.load(file) for file in folder.glob("shards/000001/*.npy")}
    assert shard["y"].shape == (2, 4, 17, 8) and shard["inputs"].shape == (4, 16)
    assert np.array_equal(shard["y"].swapaxes(0, 1), open_store(folder).states("y", slice(4, 8)))


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
    with pytest.raises(IndexError):
        store.states("z", 10)


def test_a_request_for_what_was_not_recorded(recorded):
    store = open_store(recorded(states="z", calls="last", logits="top3"))
    with pytest.raises(StoreError, match="contains z, not y"):
        store.states("y")
    with pytest.raises(StoreError, match=r"does not contain z after call 1\.1\.1 \(f_L\).*--calls last"):
        store.states("z", at=Coordinates(1, 1, 1, F_L))
    with pytest.raises(StoreError, match="--logits all"):
        store.logits()
    bare = open_store(recorded("bare", states="none", logits="none"))
    assert bare.halting().q_halt.shape == (10, 2)
    assert {file.stem for file in bare.path.glob("shards/000000/*.npy")} == {
        "inputs", "labels", "puzzle_ids", "facts", "q_halt", "q_continue"
    }  # fmt: skip
    with pytest.raises(StoreError, match="does not contain the largest"):
        bare.top_logits()


def test_only_the_requested_shards_are_read(recorded):
    """All other files are gone, and what is asked for is there all the same."""
    folder = recorded()
    store = open_store(folder)
    whole = store.states("z", [5, 9])
    for file in folder.glob("shards/*/*.npy"):
        if file.name != "z.npy" or file.parent.name == "000000":
            file.unlink()
    store = open_store(folder)
    assert np.array_equal(store.states("z", [5, 9]), whole)
    with pytest.raises(StoreError, match=r"shards/000000/z\.npy cannot be read: No such file"):
        store.states("z", 0)


def refusal(folder: Path) -> str:
    with pytest.raises(StoreError) as error:
        open_store(folder).states("y")
    assert "\n" not in str(error.value) and str(folder) in str(error.value)
    return str(error.value)


def test_damage_is_named(recorded, tmp_path):
    folder = recorded()
    file = folder / "shards/000001/y.npy"
    whole, remedy = file.read_bytes(), f"Remove {folder / 'shards/000001'} and run the same command again"
    for damaged, words in [
        (whole[:-1], f"{len(whole) - 1} bytes instead of {len(whole)}"),
        (whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:], "is damaged: its checksum differs"),
        (whole.replace(b"'<f4'", b"'<i4'"), "does not match the manifest"),
        (whole.replace(b"(4, 4", b"(((((", 1), "does not match the manifest"),
    ]:
        file.write_bytes(damaged)
        assert f"{file} " in refusal(folder) and words in refusal(folder) and remedy in refusal(folder)
    file.write_bytes(whole)
    checksums = folder / "shards/000001/checksums.json"
    good = checksums.read_text()
    for text in ("", "null", "[" * 50_000, good.replace('"y"', '"x"'), good.replace("[", "{")):
        checksums.write_text(text)
        assert "damaged" in refusal(folder) and remedy in refusal(folder)
    shutil.rmtree(folder / "shards/000001")
    assert open_store(folder).count == 6
    recorded()
    assert file.read_bytes() == whole and checksums.read_text() == good
    manifest = json.loads((folder / "manifest.json").read_text())

    def changed(**parts: dict) -> str:
        return json.dumps(manifest | {name: manifest[name] | values for name, values in parts.items()})

    for text, words in [
        ("[1]", "not a JSON object"),
        ("{", "not a JSON object"),
        (json.dumps(manifest | {"format": "x"}), "has the format 'x'"),
        (changed(settings={"calls": "f_Z"}), "damaged"),
        (changed(settings={"shard": "4"}), "damaged"),
        (json.dumps({name: value for name, value in manifest.items() if name != "config"}), "damaged"),
        (changed(settings={"shard": 5}), "bytes instead of"),
        (json.dumps(manifest | {"provenance": {"model": "tiny"}}), "damaged"),
        (changed(provenance={"fingerprint": 3}), "damaged"),
        (changed(provenance={"count": 10**4000}), "bytes instead of"),
        (changed(provenance={"count": None}), "damaged"),
    ]:
        (folder / "manifest.json").write_text(text)
        assert words in refusal(folder)
    assert "is not a trace store" in refusal(tmp_path)


def test_a_store_has_at_least_one_puzzle(tiny_config):
    assert Layout(tiny_config(), 1, StoreSettings(), ()).puzzles == 1
    with pytest.raises(UserError, match="no puzzles to record"):
        Layout(tiny_config(), 0, StoreSettings(), ())


@pytest.mark.parametrize(
    "states, logits, fits",
    [
        ("z", "none", True),
        ("none", "none", True),
        ("z", "top5", False),
        ("y,z", "none", False),
        ("y", "none", False),
    ],
)
def test_y_and_logits_need_a_call_of_f_H(tiny_config, states, logits, fits):
    settings = StoreSettings(states=states, logits=logits, calls="1.1.1,1.1.2")
    if fits:
        assert Layout(tiny_config(), 1, settings, ()).coordinates("y") == ()
    else:
        with pytest.raises(UserError, match=r"only at f_H calls \(call 3 of a cycle\)"):
            Layout(tiny_config(), 1, settings, ())


def test_a_folder_beyond_the_last_shard_is_not_read(recorded):
    folder = recorded()
    (folder / "shards" / "000003").mkdir()
    assert open_store(folder).count == 10 and open_store(folder).complete


def test_a_single_puzzle_in_memory_is_one_shard_of_one(model, puzzles):
    store = record_in_memory(model, SMALL, puzzles.take(np.arange(1)), StoreSettings())
    assert (store.count, store.layout.settings.shard) == (1, 1) and store.complete


@pytest.mark.parametrize("block", [3, 4096])
def test_puzzles_are_hashed_one_array_after_the_other(puzzles, monkeypatch, block):
    monkeypatch.setattr("trm.store.manifest.BLOCK", block)
    whole = (
        puzzles.inputs.tobytes()
        + puzzles.labels.tobytes()
        + puzzles.puzzle_identifiers.astype("<i8").tobytes()
    )
    assert puzzles_hash(puzzles) == hashlib.sha256(whole).hexdigest()
