"""Export a model as two ONNX graphs: one embeds puzzles, the other computes a supervision step.

The recursion itself makes the graph of a step: it runs once on a batch of one, and `GraphTracer` appends each operation on
its states to the graph. The nets are the graphs that the engine runs (`trm.engine.graph`).
"""

import json
from collections.abc import Callable
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
import torch
from onnx import ModelProto
from torch import Tensor
from torch.overrides import TorchFunctionMode

from trm.engine.choice import EngineError, replace_nets
from trm.engine.graph import BATCH, FLOAT, INT64, Graph, add_net
from trm.files import atomic_file, make_folder
from trm.layers import Net
from trm.model import Model
from trm.recursion import State, deep_recursion

HEADS = ("logits", "q_halt_logits", "q_continue_logits")  # names as in the outputs of `trm forward`
MAX_TABLE = 1 << 30  # bytes; limit for a puzzle table, because an ONNX file holds at most 2 GB


class GraphTracer(TorchFunctionMode):
    """Context manager that appends operations on tensors to a graph, while torch computes them.

    Only operations on tensors that `name` made known are appended; all other tensors are constants.
    """

    def __init__(self, graph: Graph, names: dict[int, str]):
        super().__init__()
        self.graph = graph
        self._names = names  # names of the parameters, by id
        self._constants: list[Tensor] = []  # held, so that their ids stay unique
        self._values: dict[
            int, tuple[Tensor, str | None]
        ] = {}  # known tensors, by id; None: not in the graph

    def name(self, tensor: Tensor, value: str | None) -> Tensor:
        """Say which value of the graph a tensor is."""
        self._values[id(tensor)] = (tensor, value)  # holds the tensor, so that its id stays unique
        return tensor

    def value(self, given: Tensor | float | int) -> str:
        """Return the value of the graph for a known tensor, a constant tensor or a number."""
        if not isinstance(given, Tensor):
            return self.graph.constant(f"number.{given}", np.array(given, np.float32))
        if id(given) not in self._values:
            self._constants.append(given)
            return self.graph.constant(self._names.get(id(given), f"constant.{id(given)}"), given)
        value = self._values[id(given)][1]
        if value is None:
            raise EngineError(
                "This kind of model cannot be exported as ONNX graphs: an operation is not supported."
            )
        return value

    def linear(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> str:
        """Append a linear layer."""
        return self.graph.linear(self.value(x), self._names[id(weight)].removesuffix(".weight"), weight, bias)

    def part(self, x: Tensor, index: tuple[slice | int | None, ...]) -> str:
        """Append an index of slices, integers and None."""
        value, axis = self.value(x), 0
        for part in index:
            if part is None:
                value = self.graph.add("Unsqueeze", value, self._numbers(axis))
            elif part != slice(None):
                length = x.shape[axis]
                ends = (slice(part, part + 1) if isinstance(part, int) else part).indices(length)[:2]
                value = self.graph.add("Slice", value, *map(self._numbers, (*ends, axis)))
                if isinstance(part, int):
                    value = self.graph.add("Squeeze", value, self._numbers(axis))
                    continue
            axis += 1
        return value

    def sum(self, x: Tensor, axis: int) -> str:
        """Append a sum over an axis."""
        return self.graph.add("ReduceSum", self.value(x), self._numbers(axis), keepdims=0)

    def _numbers(self, *numbers: int) -> str:
        return self.graph.constant(f"integers.{numbers}", np.array(numbers))

    def concatenation(self, tensors: tuple[Tensor, ...], dim: int) -> str:
        """Append a concatenation, without empty tensors."""
        parts = [self.value(tensor) for tensor in tensors if tensor.shape[dim]]
        return self.graph.add("Concat", *parts, axis=dim)

    def __torch_function__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        inputs = args[0] if args and isinstance(args[0], tuple | list) else args
        if isinstance(result, Tensor) and any(id(each) in self._values for each in inputs):
            append = OPERATIONS.get(function.__name__)
            self.name(result, append and append(self, *args, **(kwargs or {})))
        return result


def _elementwise(operator: str) -> Callable[..., str]:
    return lambda recording, *inputs: recording.graph.add(operator, *map(recording.value, inputs))


OPERATIONS: dict[str, Callable[..., str]] = {
    "add": _elementwise("Add"),
    "sub": _elementwise("Sub"),
    "mul": _elementwise("Mul"),
    "tanh": _elementwise("Tanh"),
    "float": GraphTracer.value,
    "to": lambda recording, x, dtype: recording.value(x),
    "sum": GraphTracer.sum,
    "cat": GraphTracer.concatenation,
    "linear": GraphTracer.linear,
    "__getitem__": GraphTracer.part,
}
"""Operations between the nets, by torch's name."""


class _GraphNet(Net):
    """A net that appends itself to the graph of a recording."""

    def __init__(self, name: str, net: Net, recording: GraphTracer):
        torch.nn.Module.__init__(self)
        self.layers, self.name, self.recording = net.layers, name, recording

    def forward(self, x: Tensor) -> Tensor:
        value = add_net(self.recording.graph, self.name, self, self.recording.value(x), x.shape[1])
        return self.recording.name(torch.zeros_like(x), value)


@torch.no_grad()
def step_graph(model: Model) -> ModelProto:
    """Return the graph of a supervision step: x, y and z in; y, z, logits and halting logits out."""
    config, graph = model.config, Graph()
    recording = GraphTracer(graph, {id(tensor): name for name, tensor in model.named_parameters()})
    symbolic = replace_nets(model, lambda name, net: _GraphNet(name, net, recording))
    x = torch.zeros(1, config.length, config.hidden_size)
    state = State(*(start.clone() for start in model.initial_state(x)))
    inputs = {"x": x, "y": state.y, "z": state.z}
    for name, tensor in inputs.items():
        recording.name(tensor, name)
    with recording:
        state = deep_recursion(symbolic, x, state, depth=config.depth)
        heads = symbolic.heads(state.y)
    outputs = {"y_out": state.y, "z_out": state.z}
    outputs |= dict(zip(HEADS, heads[: 1 + config.halting_outputs], strict=False))
    return graph.model(
        {name: (FLOAT, _shape(tensor)) for name, tensor in inputs.items()},
        {name: (recording.value(tensor), _shape(tensor)) for name, tensor in outputs.items()},
    )


def _shape(tensor: Tensor) -> tuple[int | str, ...]:
    return (BATCH, *tensor.shape[1:])


@torch.no_grad()
def embedding_graph(model: Model) -> ModelProto:
    """Return the graph of the start: inputs and puzzle_identifiers in; x and the initial y and z out."""
    config, graph = model.config, Graph()
    D, prefix = config.hidden_size, config.prefix_length
    x = graph.add("Gather", graph.constant("embed_tokens", model.embed_tokens.embedding_weight), "inputs")
    if prefix and config.puzzle_ids:
        table = graph.constant("puzzle_emb", model.puzzle_emb.weights.float())
        missing = prefix * D - config.puzzle_embedding_size
        rows = graph.add("Gather", table, "puzzle_identifiers")
        rows = graph.add("Pad", rows, graph.constant("missing", np.array([0, 0, 0, missing])))
        rows = graph.add("Reshape", rows, graph.constant("prefix", np.array([0, prefix, D])))
        x = graph.add("Concat", rows, x, axis=1)
    elif prefix:
        x = graph.add("Pad", x, graph.constant("prefix", np.array([0, prefix, 0, 0, 0, 0])))
    if config.positions == "learned":
        x = graph.add("Add", x, graph.constant("embed_pos", model.embed_pos.embedding_weight))
        x = graph.add("Mul", x, graph.constant("half", np.array(sqrt(0.5), np.float32)))
    x = graph.add("Mul", x, graph.constant("scale", np.array(sqrt(D), np.float32)))
    start = model.initial_state(torch.zeros(1, config.length, D))
    batch = graph.add("Shape", x, end=1)
    outputs = {"x": (x, (BATCH, config.length, D))}
    for name, state in zip("yz", start, strict=True):
        rest = graph.constant(f"{name}.shape", np.array(state.shape[1:]))
        value = graph.add(
            "Expand", graph.constant(f"{name}.start", state), graph.add("Concat", batch, rest, axis=0)
        )
        outputs[name] = (value, _shape(state))
    ids = {"puzzle_identifiers": (INT64, (BATCH,))} if config.puzzle_ids else {}
    return graph.model({"inputs": (INT64, (BATCH, config.sequence_length)), **ids}, outputs)


def export_graphs(model: Model, folder: Path) -> dict[str, Any]:
    """Write `embed.onnx`, `step.onnx` and `model.json` (the configuration) into a folder, each atomically.

    To run the model, call `embed` once and `step` N_sup times, with x and the y and z of the step before. Returns the
    size of each file in bytes. Raises EngineError if a model of this kind cannot be exported.
    """
    if type(model).embed is not Model.embed:
        raise EngineError(f"Models of kind {model.config.kind} cannot be exported as ONNX graphs.")
    if model.config.puzzle_ids * model.config.puzzle_embedding_size * 4 > MAX_TABLE:
        raise EngineError(
            f"The table of {model.config.puzzle_ids:,} puzzle ids is too large for an ONNX file. Export a model with a smaller table."
        )
    make_folder(folder)
    facts = {"name": model.name, "fingerprint": model.fingerprint, **model.config.to_dict()}
    contents = {
        "embed.onnx": embedding_graph(model).SerializeToString(),
        "step.onnx": step_graph(model).SerializeToString(),
        "model.json": (json.dumps(facts, indent=2) + "\n").encode(),
    }
    for name, content in contents.items():
        with atomic_file(folder / name) as temporary:
            temporary.write_bytes(content)
    return {name: len(content) for name, content in contents.items()}
