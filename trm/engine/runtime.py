"""Run a net with ONNX Runtime."""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from trm.layers import Net
from trm.parallel import SMALL_CALL

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

MAX_SCORES = 1 << 28  # bytes; limit for the attention scores of a layer, which ONNX Runtime holds all at once
MAX_COPIED = 64 << 20  # bytes; each session has a copy of the weights, so larger nets have only one session
TRIES_EVERY = 25  # calls after which another session is tried again
NEWEST = 0.3  # weight of the newest call in the mean time of the session that runs

Kind = tuple[int, bool]
"""Number of threads, and whether they spin while they wait for each other."""
SINGLE: Kind = (1, False)


class RuntimeNet(Net):
    """A net that takes the place of `net`, with the same layers, and is computed by ONNX Runtime.

    It uses `threads` threads or, by default, as many as torch would use in the calling thread. Where a gradient is
    needed, torch computes the net. A session is made when it is first needed: in 0.01 s for a bundled model, in 0.1 s
    for the published size.
    """

    def __init__(self, net: Net, threads: int | None = None):
        nn.Module.__init__(self)
        self.layers, self.threads = net.layers, threads
        self._sessions: dict[tuple[int, int], Sessions] = {}  # by number of positions and of threads
        self._guard = threading.Lock()

    def forward(self, x: Float[Tensor, "batch position dim"]) -> Float[Tensor, "batch position dim"]:
        if torch.is_grad_enabled() and x.requires_grad:
            return super().forward(x)
        sessions = self._of(x.shape[1], self.threads or torch.get_num_threads())
        return torch.from_numpy(sessions.run(x.detach().numpy()))

    def _of(self, positions: int, threads: int) -> "Sessions":
        with self._guard:
            if (positions, threads) not in self._sessions:
                self._sessions[positions, threads] = Sessions(self, positions, threads)
            return self._sessions[positions, threads]


class Sessions:
    """Several sessions of a net with different threads. All of them write the same numbers, bit for bit.

    Each thread computes some rows of a batch in a single-threaded session, so the threads wait for each other only
    once. For a single row, the fastest session runs. On an idle machine, that is the one with
    threads that spin while they wait for each other. With other programs running, spinning threads use up their time
    slices, and threads that sleep or a single thread are faster. A small net begins with a single thread, a larger one
    with threads that sleep. Every `TRIES_EVERY` calls another session is made or tried again, because the load changes.
    """

    def __init__(self, net: Net, positions: int, threads: int):
        self._net, self._positions = net, positions
        size = sum(tensor.nbytes for tensor in net.parameters())
        several = threads > 1 and size < MAX_COPIED
        kinds: list[Kind] = [(threads, False), (threads, True)]
        kinds.insert(0 if 2 * positions * size / 4 < SMALL_CALL else 2, SINGLE)
        self._kinds = tuple(kinds) if several else ((threads, False),)
        self._at_once = threads if several else 1  # parts of a batch
        heads = getattr(getattr(net.layers[0], "self_attn", None), "heads", 1)
        self._rows = max(1, MAX_SCORES // (4 * heads * positions**2 * self._at_once))  # in a part
        self._pool = ThreadPoolExecutor(self._at_once)  # starts its threads when they are needed
        self._sessions: dict[Kind, InferenceSession] = {}
        self._seconds: dict[Kind, float] = {}  # mean time of a call
        self._used: dict[Kind, int] = {}  # number of the last call
        self._calls = 0
        self._guard = threading.Lock()

    def run(self, x: Float[np.ndarray, "batch position dim"]) -> Float[np.ndarray, "batch position dim"]:
        """Compute the net. Parts of a batch are so small that their attention scores fit into MAX_SCORES together."""
        if len(x) == 1:
            return self._run_row(x)
        session = self._session(SINGLE if SINGLE in self._kinds else self._kinds[0])
        parts = np.array_split(x, max(1, -(-len(x) // self._rows), min(len(x), self._at_once)))
        run = map if self._at_once == 1 else self._pool.map
        return np.concatenate(list(run(lambda part: session.run(None, {"x": part})[0], parts)))

    def _run_row(self, x: Float[np.ndarray, "1 position dim"]) -> Float[np.ndarray, "1 position dim"]:
        kind = self._next()
        session = self._session(kind)
        start = time.perf_counter()
        (out,) = session.run(None, {"x": x})
        seconds = time.perf_counter() - start
        is_next = self._used.get(kind, 0) == self._calls - 1
        newest = NEWEST if is_next and kind in self._seconds else 1.0  # an old measurement says little
        if kind in self._used:  # the first call of a session takes longer, because it acquires memory
            self._seconds[kind] = (1 - newest) * self._seconds.get(kind, 0.0) + newest * seconds
        self._used[kind] = self._calls
        return out

    def _next(self) -> Kind:
        """Choose the fastest of the sessions that were used, or, if it is time, the one unused for longest."""
        self._calls += 1
        if self._calls % TRIES_EVERY == 0:
            return min(self._kinds, key=lambda kind: self._used.get(kind, 0))
        return min(self._used or self._kinds[:1], key=lambda kind: self._seconds.get(kind, 0.0))

    def _session(self, kind: Kind) -> "InferenceSession":
        with self._guard:
            if kind not in self._sessions:
                self._sessions[kind] = new_session(self._net, self._positions, *kind)
            return self._sessions[kind]


def new_session(net: Net, positions: int, threads: int, spins: bool) -> "InferenceSession":
    """Make a session that computes a net on this many threads, which spin or sleep while they wait for each other.

    The results do not depend on the number of threads or the size of the batch, because every product has its constant
    weights on the right, which ONNX Runtime multiplies in a fixed order. MatmulTransposeFusion only makes products slower.
    """
    os.environ.setdefault(
        "ORT_DISABLE_TELEMETRY", "1"
    )  # else it would send its makers what it computes, and when
    from onnxruntime import InferenceSession, SessionOptions

    from trm.engine.graph import net_graph

    options = SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.add_session_config_entry("session.intra_op.allow_spinning", str(int(spins)))
    options.add_session_config_entry("session.force_spinning_stop", "1")  # between calls, torch computes
    options.log_severity_level = 3  # errors only
    return InferenceSession(
        net_graph(net, positions).SerializeToString(),
        options,
        ["CPUExecutionProvider"],
        disabled_optimizers=["MatmulTransposeFusion"],
    )
