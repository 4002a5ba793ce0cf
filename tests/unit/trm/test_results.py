"""Results on disk: a frozen dataclass round-trips, and any other file is refused in one line."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from jaxtyping import Bool, Float32, Float64, Int64
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from trm.coordinates import Coordinates
from trm.errors import UserError
from trm.results import load, maybe_undefined, save


@dataclass(frozen=True, eq=False)
class Curve:
    values: Float32[np.ndarray, "time"]
    low: Float64[np.ndarray, "time"] = maybe_undefined()
    title: str = "curve"


@dataclass(frozen=True, eq=False)
class Measured:
    name: str
    share: float
    count: int
    pooled: bool
    calls: tuple[Coordinates, ...]
    curves: Mapping[str, Curve]
    by_axes: Mapping[int, Curve]
    rows: tuple[Int64[np.ndarray, "_"], ...]
    points: Float32[np.ndarray, "time axis"]
    present: Bool[np.ndarray, "time"]
    numbers: list[float | None]
    table: dict[str, list[float | str | None]] = field(default_factory=dict)
    second: Curve | None = None
    labels: Int64[np.ndarray, "time"] | None = None

    def __post_init__(self):
        if len(self.calls) != len(self.points):
            raise ValueError("not as many calls as points")


def curve(length: int) -> Curve:
    return Curve(np.arange(length, dtype=np.float32), np.array([np.nan, np.inf, 1.0][:length]))


@pytest.fixture
def measured() -> Measured:
    """A result with everything that a result may contain. Its curves differ in length."""
    return Measured(
        name="tiny",
        share=0.5,
        count=3,
        pooled=False,
        calls=(Coordinates(1, 1, 2, "f_H"), Coordinates(2, 1, 2, "f_H")),
        curves={"above random z": curve(2), "a": curve(3)},
        by_axes={2: curve(1)},
        rows=(np.arange(3), np.arange(0)),
        points=np.eye(2, dtype=np.float32)[::-1],
        present=np.array([True, False]),
        numbers=[1.5, None, 2.0],
        table={"what": ["r1c1", None], "effect": [0.25, 1.0]},
        second=curve(1),
    )


def read(path: Path) -> Measured:
    return load(path, Measured, refusal=UserError, thing="result", remedy="Make it again.", most=1 << 20)


def same(one: object, other: object) -> bool:
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
    if is_dataclass(one):
        return all(same(getattr(one, each.name), getattr(other, each.name)) for each in fields(one))
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[name], other[name]) for name in one)
    if isinstance(one, tuple | list):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and one == other


def rewrite(path: Path, arrays: Mapping[str, np.ndarray | None] = {}, **metadata: object) -> None:
    """Replace arrays and entries of a file. None removes an array, and "" an entry. Text is not converted to JSON."""
    with safe_open(path, "numpy") as file:
        texts = dict(file.metadata())
    texts |= {
        name: value if isinstance(value, str) else json.dumps(value) for name, value in metadata.items()
    }
    tensors = {name: array for name, array in (load_file(path) | arrays).items() if array is not None}
    save_file(tensors, path, metadata={name: text for name, text in texts.items() if text})


def test_a_result_round_trips_with_its_types_and_order(tmp_path, measured):
    save(tmp_path / "deep" / "a.safetensors", measured)
    assert same(read(tmp_path / "deep" / "a.safetensors"), measured)
    with_labels = replace(measured, second=None, labels=np.arange(2))
    save(tmp_path / "deep" / "a.safetensors", with_labels)
    assert same(read(tmp_path / "deep" / "a.safetensors"), with_labels)
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["a.safetensors"]


def test_arrays_are_tensors_with_their_path_as_name_and_the_rest_is_json(tmp_path, measured):
    save(tmp_path / "a.safetensors", measured)
    tensors = load_file(tmp_path / "a.safetensors")
    assert {"points", "present", "curves.a.low", "by_axes.2.values", "rows.0", "second.values"} <= set(
        tensors
    )
    with safe_open(tmp_path / "a.safetensors", "numpy") as file:
        metadata = {name: json.loads(text) for name, text in file.metadata().items()}
    assert metadata["name"] == "tiny" and metadata["numbers"] == [1.5, None, 2]
    assert metadata["curves"]["a"] == {"values": None, "low": None, "title": "curve"}
    assert "labels" not in metadata


@pytest.mark.parametrize("share", [float("nan"), float("inf"), np.zeros, {1, 2}])
def test_what_is_not_json_is_not_saved(tmp_path, measured, share):
    with pytest.raises((TypeError, ValueError)):
        save(tmp_path / "a.safetensors", replace(measured, table={"what": [share]}))
    assert not list(tmp_path.iterdir())


CURVES = {"above random z": {"values": None, "low": None, "title": "curve"}}
CALL = {"supervision_step": 1, "cycle": 1, "call": 2, "kind": "f_H"}


@pytest.mark.parametrize(
    "metadata",
    [
        {"name": ""}, {"name": 3}, {"name": None}, {"name": "{"}, {"name": "[" * 100_000}, {"more": 1},
        {"share": "NaN"}, {"share": "Infinity"}, {"share": "1e400"}, {"share": True}, {"share": '"0.5"'},
        {"count": 3.0}, {"count": True}, {"count": "1" + 400 * "0"}, {"count": "9" * 6000}, {"count": 1 << 64},
        {"pooled": 1}, {"pooled": None}, {"numbers": ["1"]}, {"numbers": {}}, {"second": None}, {"labels": [1, 2]},
        {"calls": []}, {"calls": [CALL]}, {"calls": [CALL, CALL | {"more": 1}]}, {"calls": [CALL, CALL | {"call": 1.5}]},
        {"calls": [CALL, [2, 1, 2, "f_H"]]}, {"calls": "[[1e400,1,1,\"f_H\"]]"}, {"calls": [CALL, {"call": 2}]},
        {"curves": CURVES}, {"curves": CURVES | {"a": {"values": None, "title": "curve"}}},
        {"curves": CURVES | {"a": {"values": None, "low": None}}}, {"curves": CURVES | {"a": [0.0]}},
        {"by_axes": {"two": {"values": None, "low": None, "title": "curve"}}}, {"points": [[1, 2], [3, 4]]},
        {"table": {"what": [[1]]}}, {"table": [1]},
    ],
)  # fmt: skip
def test_a_file_with_other_entries_is_refused(tmp_path, measured, metadata):
    path = tmp_path / "a.safetensors"
    save(path, measured)
    rewrite(path, **metadata)
    with pytest.raises(
        UserError, match=r"a.safetensors is not a result, or is damaged. Make it again."
    ) as error:
        read(path)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize(
    "arrays",
    [
        {"points": None}, {"more": np.zeros(2)}, {"curves.b.values": np.zeros(2)}, {"curves.a.low": None},
        {"points": np.eye(2)}, {"points": np.zeros(2, np.float32)}, {"points": np.eye(3, dtype=np.float32)},
        {"points": np.array([[0, np.nan], [0, 0]], np.float32)}, {"curves.a.values": np.full(3, np.inf, np.float32)},
        {"curves.a.low": np.zeros(2)}, {"present": np.zeros(3, bool)}, {"present": np.zeros(2, np.int8)},
        {"points": np.zeros((2, 1 << 40, 0), np.float32)}, {"points": np.zeros((2, 0), np.float32), "rows.1": np.zeros((1 << 40, 0), int)},
        {"labels": np.zeros(3, int)}, {"labels": np.zeros(2)}, {"name": np.zeros(2)}, {"rows.2": np.zeros(2, int)},
    ],
)  # fmt: skip
def test_a_file_with_other_arrays_is_refused(tmp_path, measured, arrays):
    path = tmp_path / "a.safetensors"
    save(path, measured)
    rewrite(path, arrays)
    with pytest.raises(UserError, match="is not a result") as error:
        read(path)
    assert len(str(error.value).splitlines()) == 1


def test_an_axis_longer_than_any_file_is_refused_though_the_array_is_empty(tmp_path, measured):
    path = tmp_path / "a.safetensors"
    save(path, measured)
    rewrite(path, {"points": np.zeros((1 << 40, 0), np.float32)})
    with pytest.raises(UserError, match="is not a result"):
        read(path)


@pytest.mark.parametrize("content", [b"", b"text", b"\xff" * 8, b"PK\3\4", b"\x80\4cos\nsystem\n."])
def test_a_file_of_another_kind_is_refused(tmp_path, content):
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(UserError, match="is not a result"):
        read(tmp_path / "a")


def test_a_file_that_is_cut_off_anywhere_is_refused(tmp_path, measured):
    path = tmp_path / "a.safetensors"
    save(path, measured)
    content = path.read_bytes()
    for end in range(0, len(content), 37):
        path.write_bytes(content[:end])
        with pytest.raises(UserError, match="is not a result"):
            read(path)


def test_a_folder_a_missing_file_and_a_file_that_is_too_large_are_refused(tmp_path):
    with pytest.raises(UserError, match="is a folder"):
        read(tmp_path)
    with pytest.raises(UserError, match="cannot be read"):
        read(tmp_path / "none")
    (tmp_path / "large").write_bytes(bytes((1 << 20) + 1))
    with pytest.raises(UserError, match="larger than 1 MiB"):
        read(tmp_path / "large")
