"""Build the ONNX graph of a net directly from its layers, with the weights inside.

`torch.onnx.export` takes seconds and needs another package, and a net consists of only a few kinds of layers. All
operators are standard (opset 24), and the batch is a free dimension.
"""

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor

from trm.layers import RMS_EPSILON, Attention, Block, ConvSwiGLU, Linear, Net, PreNormBlock, SwiGLU

OPSET = 24  # Swish came with 24, RMSNormalization, RotaryEmbedding and Attention with 23
IR_VERSION = 11
FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64
BATCH = "batch"  # name of the free dimension

Shape = tuple[int | str, ...]


class Graph:
    """A graph under construction. Its values are strings: the names of inputs, constants and operators' outputs."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, onnx.TensorProto] = {}

    def add(self, operator: str, *inputs: str, **attributes: object) -> str:
        """Append an operator, and return its output."""
        output = f"{operator}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, inputs, [output], output, **attributes))
        return output

    def constant(self, name: str, value: Tensor | np.ndarray) -> str:
        """Return the constant with this name, added on first use."""
        if name not in self._constants:
            array = value.detach().numpy() if isinstance(value, Tensor) else value
            self._constants[name] = numpy_helper.from_array(np.ascontiguousarray(array), name)
        return name

    def linear(self, x: str, name: str, weight: Tensor, bias: Tensor | None = None) -> str:
        """Append x W^T (+ b), and return its output."""
        product = self.add("MatMul", x, self.constant(f"{name}.weight", weight.T))
        return product if bias is None else self.add("Add", product, self.constant(f"{name}.bias", bias))

    def rms_norm(self, x: str, change: str, size: int) -> str:
        """Append rms_norm(x + change) over the last axis, which has this size, and return its output."""
        ones = self.constant(f"ones.{size}", np.ones(size, np.float32))
        return self.add("RMSNormalization", self.add("Add", x, change), ones, axis=-1, epsilon=RMS_EPSILON)

    def model(
        self, inputs: dict[str, tuple[int, Shape]], outputs: dict[str, tuple[str, Shape]]
    ) -> onnx.ModelProto:
        """Return the finished model.

        `inputs` gives the element type and shape of each input, `outputs` the value and shape of each output (float32).
        """
        names = [helper.make_node("Identity", [value], [name]) for name, (value, _) in outputs.items()]
        graph = helper.make_graph(
            [*self._nodes, *names],
            "recursion-lens",
            [helper.make_tensor_value_info(name, *given) for name, given in inputs.items()],
            [helper.make_tensor_value_info(name, FLOAT, shape) for name, (_, shape) in outputs.items()],
            list(self._constants.values()),
        )
        return helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="recursion-lens",
        )


def net_graph(net: Net, positions: int) -> onnx.ModelProto:
    """Return the graph of a net, which maps `x` to `out`, both (batch, positions, D)."""
    graph, shape = Graph(), (BATCH, positions, hidden_size(net))
    return graph.model({"x": (FLOAT, shape)}, {"out": (add_net(graph, "net", net, "x", positions), shape)})


def hidden_size(net: Net) -> int:
    """Return D, the size of a state at one position."""
    block = net.layers[0]
    return (block.linear2 if isinstance(block, PreNormBlock) else block.mlp.down_proj).weight.shape[0]


def add_net(graph: Graph, name: str, net: Net, x: str, positions: int) -> str:
    """Append a net, and return its output. Nets with the same `name` share their constants."""
    for index, block in enumerate(net.layers):
        add_block = _add_pre_norm_block if isinstance(block, PreNormBlock) else _add_block
        x = add_block(graph, f"{name}.{index}", block, x, positions)
    return x


def _add_block(graph: Graph, name: str, block: Block, x: str, positions: int) -> str:
    D = block.mlp.down_proj.weight.shape[0]
    if hasattr(block, "self_attn"):
        attended = _add_attention(graph, f"{name}.self_attn", block.self_attn, x, positions)
        x = graph.rms_norm(x, attended, D)
    else:
        channels = graph.add("Transpose", x, perm=[0, 2, 1])  # (B, D, P)
        mixed = _add_swiglu(graph, f"{name}.mlp_t", block.mlp_t, channels)
        x = graph.add("Transpose", graph.rms_norm(channels, mixed, positions), perm=[0, 2, 1])
    return graph.rms_norm(x, _add_swiglu(graph, f"{name}.mlp", block.mlp, x), D)


def _add_pre_norm_block(graph: Graph, name: str, block: PreNormBlock, x: str, positions: int) -> str:
    normed = _add_layer_norm(graph, f"{name}.norm1", block.norm1, x)
    x = graph.add("Add", x, _add_attention(graph, f"{name}.self_attn", block.self_attn, normed, positions))
    normed = _add_layer_norm(graph, f"{name}.norm2", block.norm2, x)
    inner = graph.add("Relu", _add_linear(graph, f"{name}.linear1", block.linear1, normed))
    return graph.add("Add", x, _add_linear(graph, f"{name}.linear2", block.linear2, inner))


def _add_linear(graph: Graph, name: str, layer: Linear, x: str) -> str:
    return graph.linear(x, name, layer.weight, layer.bias)


def _add_layer_norm(graph: Graph, name: str, norm: torch.nn.LayerNorm, x: str) -> str:
    weight, bias = graph.constant(f"{name}.weight", norm.weight), graph.constant(f"{name}.bias", norm.bias)
    return graph.add("LayerNormalization", x, weight, bias, axis=-1, epsilon=norm.eps)


def _add_swiglu(graph: Graph, name: str, mlp: SwiGLU, x: str) -> str:
    """Gate and up are two products, because splitting the result of one would copy it."""
    gate, up = (
        graph.linear(x, f"{name}.{part}", weight)
        for part, weight in zip(("gate", "up"), mlp.gate_up_proj.weight.chunk(2), strict=True)
    )
    inner = graph.add("Mul", graph.add("Swish", gate), up)
    if isinstance(mlp, ConvSwiGLU):
        inner = _add_causal_convolution(graph, f"{name}.dwconv", mlp.dwconv, inner)
    return _add_linear(graph, f"{name}.down_proj", mlp.down_proj, inner)


def _add_causal_convolution(graph: Graph, name: str, layer: torch.nn.Conv1d, x: str) -> str:
    """Append the convolution over positions and the silu of a ConvSwiGLU."""
    weight = graph.constant(f"{name}.weight", layer.weight)
    bias = graph.constant(f"{name}.bias", layer.bias)
    padding = [layer.weight.shape[-1] - 1, 0]
    rows = graph.add("Transpose", x, perm=[0, 2, 1])  # (B, W, P)
    mixed = graph.add("Conv", rows, weight, bias, group=layer.groups, pads=padding)
    return graph.add("Transpose", graph.add("Swish", mixed), perm=[0, 2, 1])


def _add_attention(graph: Graph, name: str, layer: Attention, x: str, positions: int) -> str:
    weights = layer.qkv_proj.weight.chunk(3)
    biases = [None] * 3 if layer.qkv_proj.bias is None else layer.qkv_proj.bias.chunk(3)
    query, key, value = (
        (f"{name}.{part}", *both)
        for part, *both in zip(("query", "key", "value"), weights, biases, strict=True)
    )
    if layer.rotary is not None:
        query, key = (_add_rotation(graph, layer, x, part, positions) for part in (query, key))
    else:
        query, key = (graph.linear(x, *part) for part in (query, key))
    mixed = graph.add(
        "Attention", query, key, graph.linear(x, *value), q_num_heads=layer.heads, kv_num_heads=layer.heads
    )
    return _add_linear(graph, f"{name}.o_proj", layer.o_proj, mixed)


def _add_rotation(
    graph: Graph, layer: Attention, x: str, projection: tuple[str, Tensor, Tensor | None], positions: int
) -> str:
    """Append the queries or keys of x, rotated by their positions.

    The operator pairs elements of the first half of a head with elements of the second half. Where the layer pairs
    others, the rows of the projection are reordered: scores do not depend on the order of a head's elements.
    """
    name, weight, bias = projection
    head_dim = len(weight) // layer.heads
    order = torch.arange(len(weight)).view(layer.heads, layer.rotary.groups, 2, -1).transpose(1, 2).flatten()
    projected = graph.linear(x, name, weight[order], None if bias is None else bias[order])
    angles = layer.rotary.angles(layer.rotary.places(positions))  # (P, head_dim / 2)
    tables = (graph.constant(f"rotary.{head_dim}.{part}", getattr(angles, part)()) for part in ("cos", "sin"))
    return graph.add(
        "RotaryEmbedding", projected, *tables, _row_numbers(graph, x, positions), num_heads=layer.heads
    )


def _row_numbers(graph: Graph, x: str, positions: int) -> str:
    """Append the rows of the rotary tables for every entry of the batch, (B, P)."""
    rows = graph.constant("rows", np.arange(positions)[None])
    count = graph.constant("rows.count", np.array([positions]))
    return graph.add("Expand", rows, graph.add("Concat", graph.add("Shape", x, end=1), count, axis=0))
