"""ONNX graphs of a model: two graphs and a loop give what the recursion gives."""

import json

import numpy as np
import onnxruntime
import pytest
import torch

from trm.engine.choice import EngineError
from trm.engine.graph import FLOAT, Graph
from trm.export import graphs
from trm.export.graphs import HEADS, GraphTracer, export_graphs
from trm.recursion import deep_supervision

MLP = {"mixing": "mlp", "mixing_width": 20, "heads": 0, "positions": "none"}
TABLE = {"prefix_length": 3, "puzzle_ids": 5, "puzzle_embedding_size": 20}
KINDS = {
    "attention": {},
    "mlp": MLP,
    "no prefix": {"prefix_length": 0, "halting_outputs": 1},
    "learned positions and puzzle ids": {"positions": "learned", **TABLE},
    "a canvas": {"positions": "rope2d", "prefix_length": 9, "canvas": 5},
    "hrm": {"kind": "hrm", "H_layers": 1},
    "single z": {"kind": "trm-single-z", "latents": 0},
    "multi z": {"kind": "trm-multi-z", "latents": 3, "n": 4},
    "eqr": {"kind": "eqr", "damping": 0.5, "positions": "axial", "prefix_length": 0, "z_deviation": 1.0},
    "air": {"kind": "air", "injection": "L2x_Hx"},
    "air, minus": {"kind": "air", "injection": "minus_x"},
    "air, learned": {"kind": "air", "injection": "gx_non_linear"},
    "urm": {"kind": "urm", "latents": 0, "mlp_kernel": 2},
}


@pytest.mark.parametrize("changes", KINDS.values(), ids=KINDS)
def test_two_graphs_and_a_loop_are_the_model(changes, tiny_model, tmp_path):
    model = tiny_model(**changes)
    for tensor in model.state_dict().values():
        tensor.normal_(0, tensor.shape[-1] ** -0.5, generator=torch.Generator().manual_seed(1))
    sizes = export_graphs(model, tmp_path / "graphs")
    assert sizes == {path.name: path.stat().st_size for path in (tmp_path / "graphs").iterdir()}
    embed, step = (
        onnxruntime.InferenceSession(tmp_path / "graphs" / f"{name}.onnx") for name in ("embed", "step")
    )
    tokens, ids = torch.arange(48).view(3, 16) % 6, torch.arange(3) % max(1, model.config.puzzle_ids)
    given = {"inputs": tokens.numpy(), "puzzle_identifiers": ids.numpy()}
    x, y, z = embed.run(None, {each.name: given[each.name] for each in embed.get_inputs()})
    names = [each.name for each in step.get_outputs()]
    assert names == ["y_out", "z_out", *HEADS[: 1 + model.config.halting_outputs]]
    for expected in deep_supervision(model, tokens, ids, depth=model.config.depth):
        state = {"x": x, "y": y, "z": z}
        y, z, *heads = step.run(None, {each.name: state[each.name] for each in step.get_inputs()})
        for ours, theirs in zip((y, z, *heads), (*expected.state, *expected.heads), strict=False):
            np.testing.assert_allclose(ours, theirs.numpy(), atol=2e-3)


@pytest.mark.parametrize(
    "cut", [(slice(None), slice(1, 3), slice(2, None)), (slice(None), 1, None, slice(1, 3)), (2,)], ids=str
)
def test_a_graph_cuts_a_tensor_along_any_axis(cut):
    graph, x = Graph(), torch.arange(48.0).view(4, 3, 4)
    tracer = GraphTracer(graph, {})
    tracer.name(x, "x")
    with tracer:
        part = x[cut]
    model = graph.model({"x": (FLOAT, (4, 3, 4))}, {"part": (tracer.value(part), tuple(part.shape))})
    session = onnxruntime.InferenceSession(model.SerializeToString())
    assert (session.run(None, {"x": x.numpy()})[0] == part.numpy()).all()


def test_the_configuration_is_beside_the_graphs(tiny_model, tmp_path):
    export_graphs(tiny_model(), tmp_path)
    facts = json.loads((tmp_path / "model.json").read_text())
    assert {"name": "tiny", "n": 2, "T": 2, "N_sup": 3}.items() <= facts.items()


def test_sotaku_and_huge_tables_are_refused(tiny_model, tmp_path, monkeypatch):
    sotaku = {"positions": "axial", "prefix_length": 0, "halting_outputs": 0, "latents": 0, "n": 1}
    with pytest.raises(EngineError, match="kind sotaku cannot be exported"):
        export_graphs(tiny_model(kind="sotaku", **sotaku), tmp_path)
    size = 5 * 20 * 4  # bytes of the table
    monkeypatch.setattr(graphs, "MAX_TABLE", size - 1)
    with pytest.raises(EngineError, match="table of 5 puzzle ids is too large"):
        export_graphs(tiny_model(**TABLE), tmp_path)
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr(graphs, "MAX_TABLE", size)
    assert "embed.onnx" in export_graphs(tiny_model(**TABLE), tmp_path)
