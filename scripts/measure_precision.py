"""Outcomes that change with each engine, and with int8, and the time they take: `python -m scripts.measure_precision`.

The puzzles are those of the bundled test sets, and every engine is compared with PyTorch in float32: puzzles that only
one of them solves, and puzzles whose final answers differ at all. The time is processor time on one thread.
"""

import argparse
import json
import time
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch import nn

from trm.checkpoint import load_model
from trm.data import load_puzzles
from trm.device import cpu_has_bfloat16
from trm.engine.choice import replace_nets, with_engine
from trm.engine.graph import net_graph
from trm.evaluate import evenly, predict
from trm.layers import Net
from trm.model import Model
from trm.tasks import task_of
from trm.terminal import log

MODELS = ("sudoku-trm", "sudoku-hrm", "sudoku-trm-large", "maze-trm")
PUZZLES = 200


class Int8Net(Net):
    """A net with weights and inputs of products in int8 (dynamic quantisation), computed by ONNX Runtime."""

    def __init__(self, net: Net, positions: int):
        import onnx
        from onnxruntime import InferenceSession, SessionOptions
        from onnxruntime.quantization import QuantType, quantize_dynamic

        nn.Module.__init__(self)
        self.layers = net.layers
        options = SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = 1, 3
        with TemporaryDirectory() as folder:
            onnx.save(net_graph(net, positions), f"{folder}/net.onnx")
            quantize_dynamic(
                f"{folder}/net.onnx", f"{folder}/int8.onnx", op_types_to_quantize=["MatMul"], per_channel=True,
                weight_type=QuantType.QInt8,
            )  # fmt: skip
            self._session = InferenceSession(f"{folder}/int8.onnx", options, ["CPUExecutionProvider"])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        (out,) = self._session.run(None, {"x": x.numpy()})
        return torch.from_numpy(out)


def engines(model: Model) -> dict[str, Model]:
    """The model with each engine, PyTorch in float32 first."""
    names = ["torch", *(["bfloat16"] if cpu_has_bfloat16() else []), "onnx"]
    made = {name: with_engine(model, name, threads=1) for name in names}
    return made | {"int8": replace_nets(model, lambda _, net: Int8Net(net, model.config.length))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few puzzles: checks that it runs")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=MODELS)
    options = parser.parse_args()
    count = 10 if options.quick else PUZZLES
    torch.set_num_threads(1)
    for name in options.models:
        model = load_model(name, device=torch.device("cpu"))
        task = task_of(model.config)
        puzzles = load_puzzles(f"{task.name}/test", task)
        inputs = puzzles.inputs[evenly(len(puzzles), count)]
        answers, solved, seconds = {}, {}, {}
        for engine, made in engines(model).items():
            log(f"{name}: {engine}")
            predict(made, inputs[:1])  # makes the sessions
            start = time.process_time()
            answers[engine] = predict(made, inputs).answers[-1]
            seconds[engine] = time.process_time() - start
            pairs = zip(inputs, answers[engine], strict=True)
            solved[engine] = np.array([task.is_solved(*pair) for pair in pairs], bool)
            result = {
                "model": name,
                "engine": engine,
                "puzzles": len(inputs),
                "solved": float(solved[engine].mean()),
                "solved with one engine only": float((solved[engine] != solved["torch"]).mean()),
                "another final answer": float((answers[engine] != answers["torch"]).any(-1).mean()),
                "processor time of torch / this engine's": round(seconds["torch"] / seconds[engine], 2),
            }
            print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
