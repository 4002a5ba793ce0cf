"""Values that nobody expects, in the place of those of JSON, YAML, JSON lines and plain text; and mere bytes."""

import json
from collections.abc import Iterator
from random import Random
from typing import Any

import yaml

HOSTILE: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 7, 255, 256, 2**31, 2**32, 2**53 + 1, 2**63, 2**64, -(2**63), 10**400, -(10**400),
    0.5, -0.0, 1e-320, 1e308, float("nan"), float("inf"), float("-inf"),
    "", " ", "\0", "x" * 10_000, "\ud800", "\u202e\u0661", "two\nlines\r\u2028", "\x1b[31m", "1e5", "NaN", "-1", "/etc/passwd",
    "../../x", "{0.__class__}", "%s%n", "<script>", "a,b;c|d", "1" * 400,
    [], {}, [[]], [None], [0] * 1000, {"": {}}, {"__class__": "os.system"}, {"x" * 10_000: 1},
)  # fmt: skip
RAW = ("1" * 5000, "-" + "9" * 4000, "1e999", "-1E+400", "0.1e-999", "[" * 3000 + "]" * 3000, '{"a":' * 3000 + "1" + "}" * 3000,
       "[" * 60 + "1" + "]" * 60, "[" * 2000, "nul", "'x'", "01", "+1")  # fmt: skip
"""What no value of Python stands for: written as it is."""
YAML_LINES = (
    "evil: !!python/object/apply:os.mkdir ['{canary}']",
    "evil: !!python/object/new:os.mkdir ['{canary}']",
    "evil: !!python/name:os.system",
    "arch: !!python/object/apply:builtins.exec [\"import os; os.mkdir('{canary}')\"]",
    "a: &a [*a, *a]",
    "a: &a [1,2,3]\nb: &b [*a,*a,*a,*a]\nc: [*b,*b,*b,*b]",
    "<<: {{n: 3}}",
    "when: 2001-99-99",
    "when: 2001-12-14t21:59:43.10-05:00",
    "arch: !!binary 'AAAA'",
    "arch: !!set {{a, b}}",
    "arch: !!omap [a: 1]",
    "H_cycles: 190:20:30",
    "L_cycles: 0x7fffffffffffffffffff",
    "? [a, b]\n: 1",
    "? {{a: b}}\n: 1",
    "%YAML 9.9\n---",
    "--- 1\n--- 2",
    "\t- x",
    "a: .inf\nb: .nan",
    "a: '\ud800'",
    "arch: ${{oc.env:HOME}}",
    "H_cycles: ${{arch.H_cycles}}",
)


def places(tree: Any, way: tuple = ()) -> Iterator[tuple]:
    """The ways to all values of a tree of lists and dictionaries."""
    yield way
    inside = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in inside:
        yield from places(value, (*way, key))


def value_at(tree: Any, way: tuple) -> Any:
    for key in way:
        tree = tree[key]
    return tree


def mutated_tree(tree: Any, draw: Random) -> Any:
    """The tree with one value replaced, removed, doubled, renamed, moved, wrapped or moved a little. `tree` is changed."""
    ways = [way for way in places(tree) if way] or [()]
    way = draw.choice(ways)
    if not way:
        return draw.choice(HOSTILE)
    owner, key = value_at(tree, way[:-1]), way[-1]
    change = draw.choice(
        ("value", "value", "value", "raw", "near", "near", "gone", "other", "name", "wrapped", "more")
    )
    if change == "gone":
        del owner[key]
    elif change == "name" and isinstance(owner, dict):
        owner[str(draw.choice((*HOSTILE, key)))] = owner.pop(key)
    elif change == "more" and isinstance(owner, list):
        owner[key:key] = [owner[key]] * draw.choice((1, 2, 100))
    elif change == "other":
        owner[key] = value_at(tree, draw.choice(ways))
    elif change == "wrapped":
        owner[key] = draw.choice(([owner[key]], {"value": owner[key]}, [owner[key]] * 3))
    elif change == "near":
        owner[key] = near(owner[key], draw)
    else:
        owner[key] = f"@raw{draw.randrange(len(RAW))}@" if change == "raw" else draw.choice(HOSTILE)
    return tree


def near(value: Any, draw: Random) -> Any:
    """A value that may well be taken for a good one."""
    if isinstance(value, bool) or value is None:
        return draw.choice((0, 1, "true", not value))
    if isinstance(value, int | float):
        return draw.choice(
            (value + 1, value - 1, -value, value * 1000, value * 10**9, float(value), str(value), value + 0.5)
        )
    if isinstance(value, str):
        return draw.choice(
            (value + value, value[:-1], value.upper(), f" {value}", [value], value.encode().hex())
        )
    return draw.choice((list(value), value[::-1] if isinstance(value, list) else [value], str(value)))


def as_json(tree: Any, draw: Random) -> bytes:
    try:
        text = json.dumps(tree, ensure_ascii=draw.random() < 0.8)
    except ValueError:  # a value inside itself
        text = "[[[]]]"
    for number, raw in enumerate(RAW):
        text = text.replace(f'"@raw{number}@"', raw)
    return text.encode("utf-8", "surrogatepass")


def mutated_json(content: bytes, draw: Random, canary: str) -> bytes:
    try:
        tree = json.loads(content)
    except ValueError:
        return mutated_text(content, draw, canary)
    for _ in range(draw.choice((1, 1, 1, 2, 4))):
        tree = mutated_tree(tree, draw)
    return as_json(tree, draw)


def mutated_lines(content: bytes, draw: Random, canary: str) -> bytes:
    """JSON lines: one of them changed as JSON, or the lines as text."""
    lines = content.splitlines()
    if not lines or draw.random() < 0.3:
        return mutated_text(content, draw, canary)
    at = draw.randrange(len(lines))
    lines[at] = mutated_json(lines[at], draw, canary)
    return b"\n".join(lines) + b"\n"


def mutated_yaml(content: bytes, draw: Random, canary: str) -> bytes:
    kind = draw.random()
    if kind < 0.35:
        line = draw.choice(YAML_LINES).format(canary=canary).encode("utf-8", "surrogatepass")
        return draw.choice(
            (
                line + b"\n" + content,
                content + b"\n" + line + b"\n",
                b"arch:\n  " + line.replace(b"\n", b"\n  "),
            )
        )
    if kind < 0.55:
        return mutated_text(content, draw, canary)
    try:
        tree = yaml.safe_load(content)
    except yaml.YAMLError:
        return mutated_text(content, draw, canary)
    for _ in range(draw.choice((1, 1, 2))):
        tree = mutated_tree(tree, draw)
    return as_json(tree, draw)


def mutated_bytes(content: bytes, draw: Random, canary: str) -> bytes:
    """Flipped, cut, repeated, inserted, zeroed or moved."""
    if not content:
        return draw.randbytes(50)
    begin = draw.randrange(min(len(content), draw.choice((64, 1 << 20))))
    end = min(len(content), begin + draw.choice((1, 2, 4, 8, 64, 1000)))
    change = draw.choice(("flip", "flip", "random", "cut", "end", "repeat", "insert", "zero", "ones", "swap"))
    inside = {
        "flip": bytes((content[begin] ^ (1 << draw.randrange(8)),)) + content[begin + 1 : end],
        "random": draw.randbytes(end - begin),
        "cut": b"",
        "repeat": content[begin:end] * draw.choice((2, 50)),
        "insert": draw.randbytes(draw.choice((1, 8, 300))) + content[begin:end],
        "zero": bytes(end - begin),
        "ones": b"\xff" * (end - begin),
        "swap": content[begin:end][::-1],
    }
    return content[:begin] if change == "end" else content[:begin] + inside[change] + content[end:]


TOKENS = (b"\0", b'"', b"'", b",", b";", b"\t", b"|", b"\r", b"\n\n\n", b"\\", b"#", b"//", b"-1", b"1e9", b"\xff\xfe", b"\xef\xbb\xbf",
          b"\xc3\x28", "\u0661\u2460\uff11".encode(), b"x" * 20_000, b"1" * 20_000, b"." * 4000, b"=1+1", b"[[", b"{", b"(" * 500, b"<html>",
          b"puzzle,solution,rating", b"nan", b"inf", b"oid sha256:")  # fmt: skip


def mutated_text(content: bytes, draw: Random, canary: str) -> bytes:
    """Lines removed, doubled, moved, or with something odd in them; another encoding."""
    change = draw.choice(
        ("token", "token", "token", "line", "double", "gone", "swap", "encoding", "joined", "many")
    )
    if change == "encoding":
        return content.decode("utf-8", "replace").encode(
            draw.choice(("utf-16", "utf-16-be", "utf-32", "utf-7", "cp037"))
        )
    if change == "token":
        at = draw.randrange(len(content) + 1)
        return content[:at] + draw.choice(TOKENS) + content[at + draw.choice((0, 0, 1, 5)) :]
    lines = content.splitlines(keepends=True) or [b""]
    at, other = draw.randrange(len(lines)), draw.randrange(len(lines))
    if change == "line":
        lines[at] = draw.choice(TOKENS) + b"\n"
    elif change == "double":
        lines[at:at] = [lines[other]]
    elif change == "gone":
        del lines[at]
    elif change == "swap":
        lines[at], lines[other] = lines[other], lines[at]
    elif change == "joined":
        lines[at] = lines[at].rstrip(b"\r\n")
    else:
        lines[at:at] = [lines[at]] * draw.choice((10, 300))
    return b"".join(lines)
