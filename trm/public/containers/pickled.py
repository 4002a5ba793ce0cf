"""What a pickle describes, without running it.

A pickle is a program that may call anything. Here its instructions are followed one by one by our own small machine, which
imports nothing and calls nothing that the pickle names: dictionaries, lists, texts and numbers are built, tensors are
views of the file's numbers, and whatever else is mentioned (a random generator's state, a path, a dataclass, a
function) becomes an inert `Thing` that only remembers its name and parts. So a file with such things beside its
tensors opens, and one that is made to do harm does nothing.

The work is bounded: a pickle has at most MOST_STEPS instructions, each of which makes one small object.
"""

import pickletools
import re
from collections.abc import Callable
from typing import IO, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

MOST_STEPS = 1 << 20  # instructions; the pickle of a large training run takes some hundred thousands
DTYPES = {
    f"{name}Storage": dtype
    for name, dtype in {
        "Float": torch.float32, "Double": torch.float64, "Half": torch.float16, "BFloat16": torch.bfloat16,
        "Long": torch.int64, "Int": torch.int32, "Short": torch.int16, "Char": torch.int8, "Byte": torch.uint8,
        "Bool": torch.bool, "ComplexFloat": torch.complex64, "ComplexDouble": torch.complex128, "Untyped": torch.uint8,
    }.items()
}  # fmt: skip
HARMFUL = re.compile(
    r"(os|posix|nt|posixpath|subprocess|shutil|importlib|runpy|pty|socket|webbrowser|ctypes|code|commands|marshal|pickle"
    r"|cloudpickle|types|asyncio|multiprocessing|pip|torch\.hub)(\..*)?\.\w+"
    r"|(builtins|__builtin__)\.(eval|exec|execfile|compile|__import__|open|input|breakpoint)"
)
ALLOCATING = re.compile(
    r"(builtins|collections)\.\w+|torch(\.storage)?\.\w*(Tensor|Storage)"
)  # called with a number
KEYS = (str, int, float, bool, bytes, type(None))  # of dictionaries; hashing deeper ones could take forever


class HarmfulError(ValueError):
    """A pickle that would call what can do harm. It is not called here either, but nothing of such a file is believed."""


class Numbers(NamedTuple):
    """A storage of the file, and the dtype that it was saved with. None: only the names are looked at yet."""

    storage: torch.UntypedStorage | None
    dtype: torch.dtype


class Thing:
    """What a pickle makes of a name: never made, only described."""

    __slots__ = ("arguments", "name", "parts", "state")

    def __init__(self, name: str, arguments: Any = ()):
        self.name, self.arguments = name, arguments
        self.state: Any = None
        self.parts: dict[Any, Any] = {}

    def __repr__(self) -> str:
        return f"<{self.name}>"

    @property
    def attributes(self) -> dict[Any, Any]:
        """What the object would hold: attributes of a dataclass or Namespace, items of a dictionary's kind."""
        state = self.state
        if isinstance(state, tuple) and len(state) == 2:  # (__dict__, __slots__)
            state = {**(state[0] or {}), **(state[1] or {})} if all(map(_dict_or_none, state)) else None
        return {**(state if isinstance(state, dict) else {}), **self.parts}


def _dict_or_none(value: Any) -> bool:
    return value is None or isinstance(value, dict)


class Mention(Thing):
    """A name that is mentioned and not called, such as a class."""


def read_pickle(file: IO[bytes], storage: Callable[[Any], Numbers]) -> Any:
    """The value of one pickle; `storage` finds the numbers that a persistent id means.

    Raises ValueError, IndexError and the like where the pickle is damaged.
    """
    machine = _Machine(storage)
    for step, (opcode, argument, _) in enumerate(pickletools.genops(file)):
        if not step and opcode.name != "PROTO":
            raise ValueError("no pickle of torch")
        if step > MOST_STEPS:
            raise ValueError("endless")
        machine.follow(opcode.name, argument)
    return machine.stack[-1]


class _Machine:
    """The stack, marks and memory of a pickle's program; a method for each kind of instruction."""

    def __init__(self, storage: Callable[[Any], Numbers]):
        self.storage = storage
        self.stack: list[Any] = []
        self.marked: list[list[Any]] = []
        self.memory: dict[int, Any] = {}

    def follow(self, name: str, argument: Any) -> None:
        if name in CONSTANTS:
            self.stack.append(CONSTANTS[name]())
        elif name.endswith("PUT"):
            self.memory[argument] = self.stack[-1]
        elif name.endswith("GET"):
            self.stack.append(self.memory[argument])
        elif name in STEPS:
            STEPS[name](self, argument)
        elif argument is not None and not name.startswith(
            "EXT"
        ):  # numbers and texts, which come with their value
            self.stack.append(argument)
        else:
            raise ValueError(f"{name} is not followed")

    def pop(self) -> Any:
        return self.stack.pop()

    def mark(self, _: Any) -> None:
        self.marked.append(self.stack)
        self.stack = []

    def since_mark(self) -> list[Any]:
        found, self.stack = self.stack, self.marked.pop()
        return found

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def extend(self, values: list[Any]) -> None:
        if isinstance(self.stack[-1], list):
            self.stack[-1].extend(values)
        elif isinstance(self.stack[-1], Thing):
            self.stack[-1].parts.update(enumerate(values, len(self.stack[-1].parts)))
        else:
            raise ValueError("items of no list")

    def set_items(self, values: list[Any]) -> None:
        target = self.stack[-1]
        into = target.parts if isinstance(target, Thing) else target
        if not isinstance(into, dict):
            raise ValueError("items of no dictionary")
        for key, value in zip(values[::2], values[1::2], strict=True):
            if isinstance(key, KEYS):
                into[key] = value

    def build(self, _: Any) -> None:
        state = self.pop()
        if isinstance(
            self.stack[-1], Thing
        ):  # a dictionary's own attributes, as torch's _metadata, are dropped
            self.stack[-1].state = state

    def call(self, arguments: Any, called: Any) -> None:
        self.push(made(called, arguments if isinstance(arguments, tuple) else ()))


def _joined(argument: str) -> str:
    return argument.replace(" ", ".", 1)


def _pairs(values: list[Any]) -> dict[Any, Any]:
    return {key: value for key, value in zip(values[::2], values[1::2], strict=True) if isinstance(key, KEYS)}


def _stack_global(machine: _Machine, _: Any) -> None:
    name, module = machine.pop(), machine.pop()
    machine.push(Mention(f"{module}.{name}"[:200]))


def _object(machine: _Machine, _: Any) -> None:
    called, *arguments = machine.since_mark()
    machine.call(tuple(arguments), called)


def _new_object_with_options(machine: _Machine, _: Any) -> None:
    machine.pop()
    _call(machine, _)


def _call(machine: _Machine, _: Any) -> None:
    arguments = machine.pop()
    machine.call(arguments, machine.pop())


def _set_item(machine: _Machine, _: Any) -> None:
    value, key = machine.pop(), machine.pop()
    machine.set_items([key, value])


CONSTANTS: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None, "NEWTRUE": lambda: True, "NEWFALSE": lambda: False,
    "EMPTY_LIST": list, "EMPTY_DICT": dict, "EMPTY_TUPLE": tuple, "EMPTY_SET": list,
}  # fmt: skip

STEPS: dict[str, Callable[[_Machine, Any], None]] = {
    "PROTO": lambda machine, _: None,
    "FRAME": lambda machine, _: None,
    "STOP": lambda machine, _: None,
    "MARK": _Machine.mark,
    "POP": lambda machine, _: machine.pop() if machine.stack else machine.since_mark(),
    "POP_MARK": lambda machine, _: machine.since_mark(),
    "DUP": lambda machine, _: machine.push(machine.stack[-1]),
    "MEMOIZE": lambda machine, _: machine.memory.update({len(machine.memory): machine.stack[-1]}),
    "TUPLE": lambda machine, _: machine.push(tuple(machine.since_mark())),
    "TUPLE1": lambda machine, _: machine.push((machine.pop(),)),
    "TUPLE2": lambda machine, _: machine.push((machine.pop(), machine.pop())[::-1]),
    "TUPLE3": lambda machine, _: machine.push((machine.pop(), machine.pop(), machine.pop())[::-1]),
    "LIST": lambda machine, _: machine.push(machine.since_mark()),
    "FROZENSET": lambda machine, _: machine.push(machine.since_mark()),
    "DICT": lambda machine, _: machine.push(_pairs(machine.since_mark())),
    "APPEND": lambda machine, _: machine.extend([machine.pop()]),
    "APPENDS": lambda machine, _: machine.extend(machine.since_mark()),
    "ADDITEMS": lambda machine, _: machine.extend(machine.since_mark()),
    "SETITEM": _set_item,
    "SETITEMS": lambda machine, _: machine.set_items(machine.since_mark()),
    "GLOBAL": lambda machine, argument: machine.push(Mention(_joined(argument)[:200])),
    "STACK_GLOBAL": _stack_global,
    "REDUCE": _call,
    "NEWOBJ": _call,
    "NEWOBJ_EX": _new_object_with_options,
    "OBJ": _object,
    "INST": lambda machine, argument: machine.call(
        tuple(machine.since_mark()), Mention(_joined(argument)[:200])
    ),
    "BUILD": _Machine.build,
    "PERSID": lambda machine, argument: machine.push(machine.storage(argument)),
    "BINPERSID": lambda machine, _: machine.push(machine.storage(machine.pop())),
}


def made(called: Any, arguments: tuple[Any, ...]) -> Any:
    """What a call stands for: a plain value where it is one that we know, else an inert thing."""
    name = called.name if isinstance(called, Mention) else repr(called)[:80]
    allocating = any(type(argument) is int for argument in arguments) and ALLOCATING.fullmatch(name)
    if allocating or HARMFUL.fullmatch(name):
        raise HarmfulError(name)
    builder = BUILDERS.get(name)
    if builder is None and name.startswith("pathlib."):
        builder = _path
    return Thing(name, arguments) if builder is None else builder(name, arguments)


def _dictionary(name: str, arguments: tuple[Any, ...]) -> Any:
    given = arguments[-1] if arguments else ()
    if isinstance(given, dict):
        return dict(given)
    pairs = given if isinstance(given, list | tuple) else ()
    if not all(
        isinstance(pair, list | tuple) and len(pair) == 2 and isinstance(pair[0], KEYS) for pair in pairs
    ):
        return Thing(name, arguments)
    return dict(pairs)


def _path(_: str, arguments: tuple[Any, ...]) -> str:
    return "/".join(part for part in arguments if isinstance(part, str))


def _sequence(name: str, arguments: tuple[Any, ...]) -> Any:
    known = len(arguments) == 1 and isinstance(arguments[0], list | tuple)
    return (
        (list if name in ("builtins.list", "builtins.set") else tuple)(arguments[0]) if known else Thing(name)
    )


def _encoded(name: str, arguments: tuple[Any, ...]) -> Any:
    return arguments[0].encode("latin-1") if arguments and isinstance(arguments[0], str) else Thing(name)


def _scalar(name: str, arguments: tuple[Any, ...]) -> Any:
    """A number of numpy, from its dtype and its bytes."""
    dtype, content = (*arguments, None, None)[:2]
    read = numpy_dtype(dtype)
    if read is None or not isinstance(content, bytes) or len(content) != read.itemsize:
        return Thing(name, arguments)
    return np.frombuffer(content, read)[0].item()


def numpy_dtype(thing: Any) -> np.dtype | None:
    """The dtype that a thing stands for, if it is one of plain numbers."""
    code = (
        thing.arguments[0]
        if isinstance(thing, Thing) and thing.name == "numpy.dtype" and thing.arguments
        else None
    )
    if not isinstance(code, str) or code not in (
        "f2",
        "f4",
        "f8",
        "i1",
        "i2",
        "i4",
        "i8",
        "u1",
        "u2",
        "u4",
        "b1",
    ):
        return None
    order = thing.state[1] if isinstance(thing.state, tuple) and len(thing.state) > 1 else "="
    return np.dtype(code).newbyteorder(order if order in ("<", ">") else "=")


def numpy_array(thing: Thing) -> Tensor | None:
    """The numbers of a numpy array that was pickled beside or in place of tensors; None of other things."""
    if not thing.name.endswith("multiarray._reconstruct") or not isinstance(thing.state, tuple):
        return None
    _, shape, dtype, by_columns, content = (*thing.state, *[None] * 5)[:5]
    read = numpy_dtype(dtype)
    if read is None or not isinstance(content, bytes) or not isinstance(shape, tuple):
        return None
    array = np.frombuffer(content, read).astype(read.newbyteorder("="))  # a copy: bytes cannot be written to
    return torch.from_numpy(array.reshape(shape, order="F" if by_columns else "C"))


def _parameter(name: str, arguments: tuple[Any, ...]) -> Any:
    return arguments[0] if arguments and isinstance(arguments[0], Tensor) else Thing(name, arguments)


def _subclass(name: str, arguments: tuple[Any, ...]) -> Any:
    """A tensor of a class of its own: how it is rebuilt, its class, what with, its attributes."""
    known = len(arguments) == 4 and isinstance(arguments[0], Mention) and isinstance(arguments[2], tuple)
    return made(arguments[0], arguments[2]) if known else Thing(name, arguments)


def _tensor(name: str, arguments: tuple[Any, ...]) -> Any:
    """A view of the file's numbers. Raises ValueError for one that reaches beyond them."""
    numbers, offset, shape, strides = arguments[:4]
    if not isinstance(numbers, Numbers) or numbers.storage is None:
        return Thing(name, arguments)
    dtype = numbers.dtype
    if name.endswith("_v3"):  # storages without a dtype, which is told apart
        dtype = getattr(torch, arguments[6].name.removeprefix("torch."), None)
        if not isinstance(dtype, torch.dtype):
            raise ValueError("no dtype")
    whole = (offset, *shape, *strides)
    if len(shape) != len(strides) or not all(type(number) is int and number >= 0 for number in whole):
        raise ValueError("no shape")
    last = offset + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))
    if 0 not in shape and (last + 1) * dtype.itemsize > numbers.storage.nbytes():
        raise ValueError("beyond its storage")
    return torch.empty(0, dtype=dtype).set_(numbers.storage, offset, tuple(shape), tuple(strides))


BUILDERS: dict[str, Callable[[str, tuple[Any, ...]], Any]] = {
    "collections.OrderedDict": _dictionary,
    "collections.defaultdict": _dictionary,
    "builtins.dict": _dictionary,
    "builtins.list": _sequence,
    "builtins.tuple": _sequence,
    "builtins.set": _sequence,
    "torch.Size": _sequence,
    "_codecs.encode": _encoded,
    "numpy.core.multiarray.scalar": _scalar,
    "numpy._core.multiarray.scalar": _scalar,
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor_v3": _tensor,
    "torch._utils._rebuild_parameter": _parameter,
    "torch._utils._rebuild_parameter_with_state": _parameter,
    "torch._tensor._rebuild_from_type_v2": _subclass,
}


def plain_settings(stored: Any) -> Any:
    """The plain values that a file holds beside its tensors, as nested dictionaries: out of Namespaces, dataclasses and the
    containers of OmegaConf, without tensors.
    """
    return _Plain().of(stored, 0)


class _Plain:
    """Walks a bounded part of what a file holds, each container once."""

    DEEPEST, MOST = 8, 20_000

    def __init__(self) -> None:
        self.left = self.MOST
        self.open: set[int] = set()

    def of(self, value: Any, depth: int) -> Any:
        self.left -= 1
        if depth > self.DEEPEST or self.left < 0 or id(value) in self.open:
            return None
        if isinstance(value, Mention) or not isinstance(value, dict | list | tuple | Thing):
            return value.name if isinstance(value, Mention) else None if isinstance(value, Tensor) else value
        self.open.add(id(value))
        try:
            if isinstance(value, list | tuple):
                return [self.of(part, depth + 1) for part in value[:1000]]
            if isinstance(value, dict):
                return {
                    key: self.of(part, depth + 1)
                    for key, part in value.items()
                    if not isinstance(part, Tensor)
                }
            return self.thing(value, depth)
        finally:
            self.open.discard(id(value))

    def thing(self, value: Thing, depth: int) -> Any:
        attributes = value.attributes
        for key in ("_content", "_val"):  # OmegaConf's containers and values
            if key in attributes:
                return self.of(attributes[key], depth)
        return self.of(attributes, depth) if attributes else repr(value)[:80]
