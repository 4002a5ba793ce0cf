"""Build the results of calls in a pickle: plain values and tensors for known functions, inert objects for all others.

Functions named in a pickle are never called, and values are not copied, because a pickle could request a million copies.
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
)  # types that allocate memory if called with a number
MAX_PART = 4096  # maximum number of characters in a path segment


def result_of_call(called: Any, arguments: tuple[Any, ...]) -> Any:
    """The result of a call: a plain value for a known function, else an inert object.

    Raises HarmfulError if the call could run code or allocate memory of any size.
    """
    name = called.name if isinstance(called, InertName) else type(called).__name__
    allocating = any(type(argument) is int for argument in arguments) and ALLOCATING.fullmatch(name)
    if allocating or HARMFUL.fullmatch(name):
        raise HarmfulError(name)
    builder = BUILDERS.get(name)
    if builder is None and name.startswith("pathlib."):
        builder = _path
    return InertObject(name, arguments) if builder is None else builder(name, arguments)


def _dictionary(name: str, arguments: tuple[Any, ...]) -> Any:
    """Return the dictionary given as the last argument, without copying it, or a new dictionary."""
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
    is_sequence = len(arguments) == 1 and isinstance(arguments[0], list | tuple)
    return arguments[0] if is_sequence else InertObject(name, arguments)


def _content(value: Any) -> bytes | None:
    """The bytes in a value, also if a protocol-2 pickle stores them as text; None for other values."""
    if isinstance(value, InertObject) and value.name == "_codecs.encode" and value.arguments:
        text = value.arguments[0]
        return text.encode("latin-1") if isinstance(text, str) else None
    return value if isinstance(value, bytes) else None


def _scalar(name: str, arguments: tuple[Any, ...]) -> Any:
    """A NumPy scalar, from its dtype and its bytes."""
    dtype, content = (*arguments, None, None)[:2]
    read = _numpy_dtype(dtype)
    text = content.arguments[0] if isinstance(content, InertObject) and content.arguments else content
    content = _content(content) if isinstance(text, str | bytes) and len(text) < 16 else None
    if read is None or content is None or len(content) != read.itemsize:
        return InertObject(name, arguments)
    return np.frombuffer(content, read)[0].item()


def _numpy_dtype(thing: Any) -> np.dtype | None:
    """The numeric dtype that an inert object represents; None for other objects."""
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
    """Convert a pickled NumPy array to a tensor; None for other objects. Raises ValueError for a damaged array."""
    if not thing.name.endswith("multiarray._reconstruct") or not isinstance(thing.state, tuple):
        return None
    _, shape, dtype, by_columns, content = (*thing.state, *[None] * 5)[:5]
    read, content = _numpy_dtype(dtype), _content(content)
    if read is None or content is None or not isinstance(shape, tuple):
        return None
    array = np.frombuffer(content, read).astype(read.newbyteorder("="))  # a copy, because bytes are read-only
    return torch.from_numpy(array.reshape(shape, order="F" if by_columns else "C"))


def _parameter(name: str, arguments: tuple[Any, ...]) -> Any:
    return arguments[0] if arguments and isinstance(arguments[0], Tensor) else InertObject(name, arguments)


def _subclass(name: str, arguments: tuple[Any, ...]) -> Any:
    """Build a plain tensor for a tensor subclass. `arguments` are a function, a class, its arguments, and its state."""
    is_rebuild = (
        len(arguments) == 4 and isinstance(arguments[0], InertName) and isinstance(arguments[2], tuple)
    )
    return result_of_call(arguments[0], arguments[2]) if is_rebuild else InertObject(name, arguments)


def _tensor(name: str, arguments: tuple[Any, ...]) -> Any:
    """Build a tensor as a view of a storage in the file. Raises ValueError if the view extends beyond the storage."""
    numbers, offset, shape, strides = arguments[:4]
    if not isinstance(numbers, StorageView) or numbers.storage is None:
        return InertObject(name, arguments)
    dtype = numbers.dtype
    if name.endswith("_v3"):  # untyped storage: the dtype is an argument
        dtype = getattr(torch, arguments[6].name.removeprefix("torch."), None)
        if not isinstance(dtype, torch.dtype):
            raise ValueError("not a dtype")
    whole = (offset, *shape, *strides)
    if len(shape) != len(strides) or not all(type(number) is int and number >= 0 for number in whole):
        raise ValueError("not a valid shape")
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
