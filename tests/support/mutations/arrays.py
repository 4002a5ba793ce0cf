"""Headers and numbers of arrays and tensors: .npy, and safetensors with the JSON in them."""

import json
import struct
from random import Random

import numpy as np

from mutations.values import as_json, mutated_bytes, mutated_json, mutated_tree

DESCRIPTIONS = ("'|O'", "'<U81'", "'|S81'", "'<f8'", "'>f4'", "'<f2'", "'<c16'", "'<M8[s]'", "'|V8'", "'<i8'", "'|b1'", "'|u1'", "'>i4'",
                "'<U0'", "'|S0'", "'<i99'", "[('a', '<i4')]", "[('a', '|O')]", "('|u1', (1000000,))", "'|u1,|u1'", "None", "7", "'\\x00'")  # fmt: skip
SHAPES = ("()", "(0,)", "(1,)", "(-1, 81)", "(True, 81)", "(2**70,)", "(10**12, 81)", "(1000000000000, 81)", "(0, 0)", "(1,) * 40",
          "(81,)", "(0, 10**18)", "(3, 27, 27)", "7", "None", "(1.5,)", "[2, 81]", "('a',)", "(4294967296, 4294967296)")  # fmt: skip
HEADERS = ("(" * 5000, "-" * 9000 + "1", "{'descr'", "{" * 200 + "}" * 200, "1+" * 4000 + "1", "__import__('os').mkdir('{canary}')", "",
           "{}", "{'descr': '|u1'}", "\0" * 100, "'" * 3, "{'shape': (), 'descr': '|u1', 'fortran_order': 0, 'x': 1}")  # fmt: skip


def mutated_npy(content: bytes, draw: Random, canary: str) -> bytes:
    """An array with another header, or with other numbers."""
    if len(content) < 10 or draw.random() < 0.15:
        return mutated_bytes(content, draw, canary)
    length = struct.unpack("<H", content[8:10])[0]
    text, body = content[10 : 10 + length].decode("latin-1"), content[10 + length :]
    change, version = (
        draw.choice(("descr", "descr", "shape", "shape", "order", "whole", "body", "body", "version")),
        1,
    )
    if change == "descr":
        text = text.replace(text[text.find(": ") + 2 : text.find(", 'fortran")], draw.choice(DESCRIPTIONS))
    elif change == "shape":
        text = text[: text.find("(")] + draw.choice(SHAPES) + text[text.find(")") + 1 :]
    elif change == "order":
        text = text.replace("False", draw.choice(("True", "0", "None")))
    elif change == "whole":
        text = draw.choice(HEADERS).replace("{canary}", canary)
    elif change == "body":
        body = draw.choice(
            (
                draw.randbytes(len(body)),
                b"\xff" * len(body),
                body[:-1],
                body + body,
                bytes(len(body)),
                special(body, draw),
            )
        )
    else:
        version = draw.choice((0, 2, 3, 9, 255))
    header = text.encode("latin-1", "replace")[: 1 << 15]
    size = struct.pack("<I" if version in (2, 3) else "<H", len(header))
    return b"\x93NUMPY" + bytes((version, 0)) + size + header + body


def special(body: bytes, draw: Random) -> bytes:
    """Numbers that are none, infinite or huge among the others."""
    kind = draw.choice((np.float32, np.float64, np.int64, np.uint8))
    size = len(body) // np.dtype(kind).itemsize
    numbers = np.frombuffer(body[: size * np.dtype(kind).itemsize], kind).copy()
    worst = (
        (np.nan, np.inf, -np.inf, 3e38, 1e-45)
        if numbers.dtype.kind == "f"
        else (0, 1, np.iinfo(kind).max, np.iinfo(kind).min)
    )
    for _ in range(min(size, draw.choice((1, 3, 1000)))):
        numbers[draw.randrange(size)] = draw.choice(worst)
    return numbers.tobytes() + body[size * np.dtype(kind).itemsize :]


def mutated_safetensors(content: bytes, draw: Random, canary: str) -> bytes:
    """Another header, other numbers, or other JSON among its own words."""
    if len(content) < 10 or draw.random() < 0.1:
        return mutated_bytes(content, draw, canary)
    length = struct.unpack("<Q", content[:8])[0]
    header, body = json.loads(content[8 : 8 + length]), content[8 + length :]
    change = draw.choice(("tensor", "tensor", "dtype", "words", "words", "body", "length", "tree", "order"))
    names = [name for name in header if name != "__metadata__"]
    name = draw.choice(names)
    if change == "words" and "__metadata__" in header:
        words = header["__metadata__"]
        key = draw.choice(list(words))
        words[key] = mutated_json(words[key].encode(), draw, canary).decode("utf-8", "surrogatepass")
    elif change == "dtype":
        header[name]["dtype"] = draw.choice(
            (
                "F8_E4M3",
                "F8_E5M2",
                "F4",
                "F6_E2M3",
                "BOOL",
                "U8",
                "I8",
                "U16",
                "I16",
                "F16",
                "BF16",
                "I32",
                "F32",
                "U32",
                "F64",
                "I64",
                "U64",
                "C64",
                "X",
            )
        )
    elif change == "tensor":
        _change_tensor(header, name, draw.choice(names), draw)
    elif change == "body":
        body = draw.choice(
            (special(body, draw), bytes(len(body)), b"\xff" * len(body), body[:-4], body + b"1234")
        )
    elif change == "order":
        header = dict(sorted(header.items(), reverse=draw.random() < 0.5))
    elif change == "tree":
        header = mutated_tree(header, draw)
    text = as_json(header, draw)
    size = draw.choice((0, 1, len(text) - 1, 2**31, 2**63, 2**64 - 1)) if change == "length" else len(text)
    return struct.pack("<Q", size) + text + body


def _change_tensor(header: dict, name: str, other: str, draw: Random) -> None:
    shape, offsets = header[name]["shape"], header[name]["data_offsets"]
    change = draw.choice(("gone", "name", "twice", "flat", "turned", "shape", "offsets", "swapped"))
    if change == "gone":
        del header[name]
    elif change in ("name", "twice"):
        new = draw.choice(
            (f"x{name}", name.upper(), "x" * 500, "\u202e", "../x", "", f"{name}.weight", "_orig_mod." + name)
        )
        header[new] = header.pop(name) if change == "name" else dict(header[name])
    elif change == "flat":
        header[name]["shape"] = [int(np.prod(shape))]
    elif change == "turned":
        header[name]["shape"] = draw.choice((shape[::-1], [*shape, 1], [1, *shape], [0, *shape]))
    elif change == "shape":
        header[name]["shape"] = draw.choice(
            ([], [2**40], [2**63, 2], [-1], [0], [2**32, 2**32, 0], None, "x")
        )
    elif change == "offsets":
        header[name]["data_offsets"] = draw.choice(
            ([0, 0], [0, 2**63], [offsets[1], offsets[0]], [-1, 3], [offsets[0], offsets[1] + 4], None)
        )
    else:
        header[name], header[other] = header[other], header[name]
