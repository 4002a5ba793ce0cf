"""Read a pickle without running it.

A pickle is a program that can call any function. This module interprets the instructions, but never imports or calls
anything that the pickle names. It builds dictionaries, lists, strings and numbers, and creates tensors as views of the
file. Any other object, such as a random state, a dataclass or a function, becomes an `InertObject` that only
records the object's name and parts. Files with such objects next to their tensors can therefore be opened, and a
malicious file has no effect.

The work is bounded: a pickle may have at most MAX_INSTRUCTIONS instructions, and each creates one small object.
"""

import pickletools
from collections.abc import Callable
from mmap import mmap
from typing import Any
from zipfile import ZipExtFile

from trm.public.containers.builders import result_of_call
from trm.public.containers.inert import InertName, InertObject, StorageView

MAX_INSTRUCTIONS = 1 << 21  # pickles of large training runs have several hundred thousand instructions
KEYS = (
    str,
    int,
    float,
    bool,
    bytes,
    type(None),
)  # allowed types of dictionary keys; hashing nested keys could take forever


class EndlessError(ValueError):
    """Raised for a pickle with too many instructions."""


def read_pickle(file: ZipExtFile | mmap, storage: Callable[[Any], StorageView]) -> Any:
    """Read the value of a pickle. `storage` converts a persistent id to a storage.

    Raises EndlessError for more than MAX_INSTRUCTIONS instructions and HarmfulError for a harmful call. A damaged pickle
    raises ValueError, IndexError or another exception.
    """
    machine = _Machine(storage)
    for step, (opcode, argument, _) in enumerate(pickletools.genops(file)):
        if not step and opcode.name != "PROTO":
            raise ValueError("not a pickle of torch")
        if step >= MAX_INSTRUCTIONS:
            raise EndlessError
        machine.follow(opcode.name, argument)
    return machine.stack[-1]


class _Machine:
    """The stack, marks, and memo of a pickle program, with one method per type of instruction."""

    def __init__(self, storage: Callable[[Any], StorageView]):
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
        ):  # for numbers and strings, the argument is the value
            self.stack.append(argument)
        else:
            raise ValueError(f"{name} is not supported")

    def pop(self) -> Any:
        return self.stack.pop()

    def mark(self, _: Any) -> None:
        self.marked.append(self.stack)
        self.stack = []

    def since_mark(self) -> list[Any]:
        values, self.stack = self.stack, self.marked.pop()
        return values

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def extend(self, values: list[Any]) -> None:
        if isinstance(self.stack[-1], list):
            self.stack[-1].extend(values)
        elif isinstance(self.stack[-1], InertObject):
            self.stack[-1].parts.update(enumerate(values, len(self.stack[-1].parts)))
        else:
            raise ValueError("items without a list")

    def set_items(self, values: list[Any]) -> None:
        target = self.stack[-1]
        into = target.parts if isinstance(target, InertObject) else target
        if not isinstance(into, dict):
            raise ValueError("items without a dictionary")
        for key, value in zip(values[::2], values[1::2], strict=True):
            if isinstance(key, KEYS):
                into[key] = value

    def build(self, _: Any) -> None:
        state = self.pop()
        if isinstance(
            self.stack[-1], InertObject
        ):  # attributes of a dictionary, such as torch's _metadata, are dropped
            self.stack[-1].state = state

    def call(self, arguments: Any, called: Any) -> None:
        self.push(result_of_call(called, arguments if isinstance(arguments, tuple) else ()))


def _joined(argument: str) -> str:
    return argument.replace(" ", ".", 1)


def _pairs(values: list[Any]) -> dict[Any, Any]:
    return {key: value for key, value in zip(values[::2], values[1::2], strict=True) if isinstance(key, KEYS)}


def _stack_global(machine: _Machine, _: Any) -> None:
    name, module = machine.pop(), machine.pop()
    if not (isinstance(name, str) and isinstance(module, str)):
        raise ValueError("names that are not strings")
    machine.push(InertName(f"{module[:100]}.{name[:100]}"))


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
    "GLOBAL": lambda machine, argument: machine.push(InertName(_joined(argument)[:200])),
    "STACK_GLOBAL": _stack_global,
    "REDUCE": _call,
    "NEWOBJ": _call,
    "NEWOBJ_EX": _new_object_with_options,
    "OBJ": _object,
    "INST": lambda machine, argument: machine.call(
        tuple(machine.since_mark()), InertName(_joined(argument)[:200])
    ),
    "BUILD": _Machine.build,
    "PERSID": lambda machine, argument: machine.push(machine.storage(argument)),
    "BINPERSID": lambda machine, _: machine.push(machine.storage(machine.pop())),
}
