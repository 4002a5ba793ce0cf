"""Zips, tables and packed files, and whatever is in them; and any file of a folder."""

import bz2
import gzip
import io
import lzma
import zipfile
from collections.abc import Callable
from pathlib import Path
from random import Random

import pyarrow
from pyarrow import parquet

from mutations.arrays import mutated_npy, mutated_safetensors
from mutations.pickles import mutated_pickle
from mutations.values import mutated_bytes, mutated_json, mutated_lines, mutated_text, mutated_yaml

Mutator = Callable[[bytes, Random, str], bytes]
"""Content, chance, and the path of a folder that must not appear: the content changed."""

NAMES = ("../x", "/tmp/x", "C:\\x", "a" * 5000, "\0", "\u202e.npy", "data.pkl", "archive/data.pkl", "code/x.py", "constants.pkl", "puzzles.npy",
         "archive/data/0", "archive/byteorder", "__MACOSX/x", "x/")  # fmt: skip


def mutated_zip(content: bytes, draw: Random, canary: str) -> bytes:
    """A member changed, removed, doubled, renamed, packed otherwise or far larger; or the bytes of its directory."""
    if draw.random() < 0.25:
        at = max(0, len(content) - draw.choice((22, 300, 2000)))
        return content[:at] + mutated_bytes(content[at:], draw, canary)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = [(entry.filename, archive.read(entry), entry.compress_type) for entry in archive.infolist()]
    place = draw.randrange(len(members))
    name, inside, packing = members[place]
    change = draw.choice(
        ("inside", "inside", "inside", "inside", "gone", "twice", "name", "packing", "more", "comment")
    )
    if change == "inside":
        members[place] = (name, mutated(name, inside, draw, canary), packing)
    elif change == "gone":
        del members[place]
    elif change == "twice":
        members.append((name, draw.choice((inside, b"", members[0][1])), packing))
    elif change == "name":
        members[place] = (draw.choice(NAMES), inside, packing)
    elif change == "packing":
        members[place] = (
            name,
            inside,
            draw.choice((zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)),
        )
    elif change == "more":
        new = draw.choice((bytes(64 << 20), b"", draw.randbytes(100)))
        members.append((draw.choice(NAMES), new, zipfile.ZIP_DEFLATED))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.comment = b"PK\x05\x06" * 10 if change == "comment" else b""
        for name, inside, packing in members:
            archive.writestr(name, inside, packing)
    return out.getvalue()


# ---- tables and what is packed


def mutated_parquet(content: bytes, draw: Random, canary: str) -> bytes:
    if draw.random() < 0.4:
        return mutated_bytes(content, draw, canary)
    table = parquet.read_table(io.BytesIO(content))
    facts = dict(table.schema.metadata or {})
    if facts and draw.random() < 0.5:
        key = draw.choice(list(facts))
        return _parquet(table.replace_schema_metadata({key: mutated_json(facts[key], draw, canary)}))
    place = draw.randrange(table.num_columns)
    name, count = table.column_names[place], table.num_rows
    column = draw.choice((
        [None] * count, ["x"] * count, [b"\xff"] * count, [float("nan")] * count, [-1] * count, [2**40] * count, [True] * count, [[1]] * count,
        [{"a": 1}] * count, [""] * count, ["x" * 100_000] * count, [1e300] * count, table.column(place).to_pylist()[::-1],
    ))  # fmt: skip
    change = draw.choice(("column", "column", "column", "gone", "name", "rows", "twice"))
    if change == "column":
        table = table.set_column(place, name, pyarrow.array(column))
    elif change == "gone":
        table = table.remove_column(place)
    elif change == "rows":
        table = table.slice(draw.choice((1, count)), draw.choice((0, 1, count)))
    else:
        new = draw.choice(("x" * 5000, "", "\u202e", "puzzle", name.upper()))
        table = table.append_column(name if change == "twice" else new, table.column(place))
    return _parquet(table)


def _parquet(table: pyarrow.Table) -> bytes:
    parquet.write_table(table, out := io.BytesIO())
    return out.getvalue()


PACKERS = {b"\x1f\x8b": gzip, b"BZh": bz2, b"\xfd7zXZ": lzma}


def mutated_packed(content: bytes, draw: Random, canary: str) -> bytes:
    packer = next(packer for start, packer in PACKERS.items() if content.startswith(start))
    change = draw.random()
    if change < 0.4:
        return mutated_bytes(content, draw, canary)
    inside = packer.decompress(content)
    if change < 0.5:
        return packer.compress(inside + bytes(64 << 20))
    new = draw.choice((mutated_text(inside, draw, canary), packer.compress(inside), b""))
    return packer.compress(new) + draw.choice((b"", b"rest", packer.compress(inside)))


# ---- any file

BY_START: tuple[tuple[bytes, Mutator], ...] = (
    (b"PK\x03\x04", mutated_zip),
    (b"\x93NUMPY", mutated_npy),
    (b"PAR1", mutated_parquet),
    (b"\x80\x02", mutated_pickle),
    *((start, mutated_packed) for start in PACKERS),
)
BY_ENDING: dict[str, Mutator] = {
    ".json": mutated_json, ".jsonl": mutated_lines, ".yaml": mutated_yaml, ".csv": mutated_text, ".txt": mutated_text,
}  # fmt: skip


def mutated(name: str, content: bytes, draw: Random, canary: str) -> bytes:
    """A file's content changed as its kind suggests, sometimes as mere bytes."""
    kind = next(
        (mutator for start, mutator in BY_START if content.startswith(start)),
        BY_ENDING.get(Path(name).suffix),
    )
    if kind is None:
        kind = mutated_safetensors if content[8:9] == b"{" else mutated_bytes
    return (mutated_bytes if draw.random() < 0.12 else kind)(content, draw, canary)


def mutate(folder: Path, draw: Random, canary: str) -> str:
    """Change one file of a folder. Returns its name."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    path = draw.choice(files)
    name = path.relative_to(folder).as_posix()
    if draw.random() < 0.02:
        path.unlink()
        return f"{name} removed"
    content = path.read_bytes()
    for _ in range(draw.choice((1, 1, 1, 1, 2))):
        try:
            content = mutated(name, content, draw, canary)
        except Exception:  # what was changed once need not be of its kind
            content = mutated_bytes(content, draw, canary)
    path.write_bytes(content)
    return name
