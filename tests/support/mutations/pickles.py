"""Pickles whose instructions call what does harm, lead nowhere, or ask for far too much."""

import io
import pickletools
from random import Random

from mutations.values import mutated_bytes

CALLS = (b"cos\nmkdir\n(S'%s'\ntR0", b"cposix\nmkdir\n(V%s\ntR0", b"(S'%s'\nios\nmkdir\n0", b"cbuiltins\nexec\n(S'import os; os.mkdir(\"%s\")'\ntR0",
         b"c__builtin__\neval\n(S'__import__(\"os\").mkdir(\"%s\")'\ntR0", b"cos\nsystem\n(S'mkdir %s'\ntR0",
         b"cpathlib\nPath.mkdir\n(cpathlib\nPath\n(S'%s'\ntRtR0", b"cshutil\ncopytree\n(S'/etc/hostname'\nS'%s'\ntR0",
         b"cfunctools\npartial\n(cos\nmkdir\nS'%s'\ntR)R0", b"coperator\nmethodcaller\n(S'mkdir'\ntR(cpathlib\nPath\n(S'%s'\ntRtR0")  # fmt: skip
ODDITIES = (b"}q\x00(h\x00h\x00u0", b"]q\x00h\x00a0", b"(lp0\ng0\na0", b"\x8a\xff" + b"\x01" * 255 + b"0", b"cbuiltins\nbytearray\n\x8a\x05\x00\x00\x00\x00\x10\x85R0",
            b"ctorch\nFloatStorage\nJ\xff\xff\xff\x7f\x85R0", b"h\xff", b"0" * 20, b"(" * 3000, b"2" * 3000, b".", b"\x94" * 10, b"NQ0",
            b"cnumpy\nzeros\nJ\xff\xff\xff\x7f\x85R0", b"]" + b"\x85" * 5000 + b"0")  # fmt: skip


def mutated_pickle(content: bytes, draw: Random, canary: str) -> bytes:
    """A call that does harm, instructions removed, doubled or moved, or a number that is far too large."""
    stream = io.BytesIO(content)
    try:
        steps = list(pickletools.genops(stream))
    except ValueError:
        return mutated_bytes(content, draw, canary)
    at = [position for _, _, position in steps] + [stream.tell()]
    begin = draw.randrange(1, len(steps))
    end = min(len(steps), begin + draw.choice((1, 1, 2, 5)))
    change = draw.choice(("call", "call", "odd", "gone", "twice", "number", "number", "name", "moved"))
    before, inside, behind = content[: at[begin]], content[at[begin] : at[end]], content[at[end] :]
    if change in ("call", "odd"):
        calls = CALLS if change == "call" else ODDITIES
        return before + draw.choice(calls).replace(b"%s", canary.encode()) + inside + behind
    if change == "gone":
        return before + behind
    if change == "twice":
        return before + inside * draw.choice((2, 2, 500)) + behind
    if change == "moved":
        other = draw.randrange(1, len(steps))
        return before + behind[: at[other] - at[end]] + inside + behind[max(0, at[other] - at[end]) :]
    wanted = "INT" if change == "number" else "GLOBAL"
    found = [
        place
        for place, (step, _, _) in enumerate(steps)
        if wanted in step.name and step.name != "STACK_GLOBAL"
    ]
    if not found:
        return before + behind
    place = draw.choice(found)
    new = draw.choice((b"K\x00", b"K\x07", b"J\xff\xff\xff\xff", b"J\xff\xff\xff\x7f", b"\x8a\x08" + b"\xff" * 7 + b"\x7f", b"N", b"\x88", b"X\x01\x00\x00\x00a",
                       b"G\x7f\xf8" + bytes(6)))  # fmt: skip
    name = draw.choice((b"cos\nmkdir\n", b"ctorch\nTensor\n", b"ctorch\nComplexDoubleStorage\n", b"ctorch._utils\n_rebuild_tensor_v3\n",
                        b"ccollections\nOrderedDict\n", b"c\n\n", b"cbuiltins\nset\n", b"cnumpy.core.multiarray\nscalar\n"))  # fmt: skip
    return content[: at[place]] + (new if change == "number" else name) + content[at[place + 1] :]
