"""What a pickle's calls stand for: plain values and tensors where we know them, else inert things.

Nothing that a pickle names is called, and nothing is copied, as that could be asked for a million times.
"""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trm.public.containers.inert import HarmfulError, InertName, InertObject, StorageView

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
MAX_PART = 4096  # letters of a part of a path


def result_of_call(called: Any, arguments: tuple[Any, ...]) -> Any:
    """What a call stands for: a plain value where it is one that we know, else an inert thing."""
    name = called.name if isinstance(called, InertName) else type(called).__name__
    allocating = any(type(argument) is int for argument in arguments) and ALLOCATING.fullmatch(name)
    if allocating or HARMFUL.fullmatch(name):
        raise HarmfulError(name)
    builder = BUILDERS.get(name)
    if builder is None and name.startswith("pathlib."):
        builder = _path
    return InertObject(name, arguments) if builder is None else builder(name, arguments)


def _dictionary(name: str, arguments: tuple[Any, ...]) -> Any:
    """A dictionary, filled afterwards; or the one that is given. Nothing is copied, which could be done again and again."""
    given = arguments[-1] if arguments else {}
    return (
        given
        if isinstance(given, dict)
        else {}
        if isinstance(given, InertName)
        else InertObject(name, arguments)
    )


def _path(_: str, arguments: tuple[Any, ...]) -> str:
    return "/".join(part[:MAX_PART] for part in arguments[:64] if isinstance(part, str))


def _sequence(name: str, arguments: tuple[Any, ...]) -> Any:
    known = len(arguments) == 1 and isinstance(arguments[0], list | tuple)
    return arguments[0] if known else InertObject(name, arguments)


def _content(value: Any) -> bytes | None:
    """Bytes, or the text that a pickle of protocol 2 keeps them in."""
    if isinstance(value, InertObject) and value.name == "_codecs.encode" and value.arguments:
        text = value.arguments[0]
        return text.encode("latin-1") if isinstance(text, str) else None
    return value if isinstance(value, bytes) else None


def _scalar(name: str, arguments: tuple[Any, ...]) -> Any:
    """A number of numpy, from its dtype and its bytes."""
    dtype, content = (*arguments, None, None)[:2]
    read = _numpy_dtype(dtype)
    text = content.arguments[0] if isinstance(content, InertObject) and content.arguments else content
    content = _content(content) if isinstance(text, str | bytes) and len(text) < 16 else None
    if read is None or content is None or len(content) != read.itemsize:
        return InertObject(name, arguments)
    return np.frombuffer(content, read)[0].item()


def _numpy_dtype(thing: Any) -> np.dtype | None:
    """The dtype that a thing stands for, if it is one of plain numbers."""
    code = (
        thing.arguments[0]
        if isinstance(thing, InertObject) and thing.name == "numpy.dtype" and thing.arguments
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


def numpy_array(thing: InertObject) -> Tensor | None:
    """The numbers of a numpy array that was pickled beside or in place of tensors; None of other things."""
    if not thing.name.endswith("multiarray._reconstruct") or not isinstance(thing.state, tuple):
        return None
    _, shape, dtype, by_columns, content = (*thing.state, *[None] * 5)[:5]
    read, content = _numpy_dtype(dtype), _content(content)
    if read is None or content is None or not isinstance(shape, tuple):
        return None
    array = np.frombuffer(content, read).astype(read.newbyteorder("="))  # a copy: bytes cannot be written to
    return torch.from_numpy(array.reshape(shape, order="F" if by_columns else "C"))


def _parameter(name: str, arguments: tuple[Any, ...]) -> Any:
    return arguments[0] if arguments and isinstance(arguments[0], Tensor) else InertObject(name, arguments)


def _subclass(name: str, arguments: tuple[Any, ...]) -> Any:
    """A tensor of a class of its own: how it is rebuilt, its class, what with, its attributes."""
    known = len(arguments) == 4 and isinstance(arguments[0], InertName) and isinstance(arguments[2], tuple)
    return result_of_call(arguments[0], arguments[2]) if known else InertObject(name, arguments)


def _tensor(name: str, arguments: tuple[Any, ...]) -> Any:
    """A view of the file's numbers. Raises ValueError for one that reaches beyond them."""
    numbers, offset, shape, strides = arguments[:4]
    if not isinstance(numbers, StorageView) or numbers.storage is None:
        return InertObject(name, arguments)
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
    "numpy.core.multiarray.scalar": _scalar,
    "numpy._core.multiarray.scalar": _scalar,
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor_v3": _tensor,
    "torch._utils._rebuild_parameter": _parameter,
    "torch._utils._rebuild_parameter_with_state": _parameter,
    "torch._tensor._rebuild_from_type_v2": _subclass,
}
