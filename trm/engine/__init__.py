"""What computes the nets of a loaded model without gradients: PyTorch, in float32 or bfloat16, or ONNX Runtime.

The recursion, the hooks, the heads and everything between the nets are the same code for every engine, so a hook sees
every state. `trm.engine.choice` gives a model another engine; `trm.engine.graph` builds the graph of a net, and
`trm.engine.runtime` runs it; `trm.engine.bfloat16` runs a net in bfloat16.
"""

from typing import Literal

Engine = Literal["torch", "onnx", "bfloat16"]
"""An engine by its name on the command line."""

ENGINES: dict[Engine, str] = {
    "torch": "PyTorch",
    "onnx": "ONNX Runtime",
    "bfloat16": "PyTorch, nets in bfloat16",
}
"""Names of the engines on screen."""
