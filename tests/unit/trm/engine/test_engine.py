"""Engines: ONNX Runtime computes what torch computes, in the same recursion."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from trm.checkpoint import load_model
from trm.coordinates import F_L
from trm.data import load_puzzles
from trm.engine import ENGINES, choice, runtime
from trm.engine.choice import EngineError, choose, with_engine
from trm.evaluate import evenly, predict
from trm.layers import Net
from trm.provenance import Provenance
from trm.record import record
from trm.recursion import State, deep_supervision
from trm.tasks import task_of
from trm.tasks.sudoku import Sudoku

SESSION = """
from trm.checkpoint import load_model
from trm.engine.runtime import new_session
new_session(load_model("sudoku-trm").L_level, 82, 1, False)
"""

MLP = {"mixing": "mlp", "mixing_width": 20, "heads": 0, "positions": "none"}
TABLE = {"prefix_length": 3, "puzzle_ids": 5, "puzzle_embedding_size": 20}
KINDS = {
    "attention": {},
    "mlp": MLP,
    "no positions": {"positions": "none"},
    "learned positions and puzzle ids": {"positions": "learned", **TABLE},
    "rows and columns": {"positions": "rope2d"},
    "a canvas": {"positions": "rope2d", "prefix_length": 10, "canvas": 5},
    "hrm": {"kind": "hrm", "H_layers": 1},
    "hrm, mlp": {"kind": "hrm", "H_layers": 1, **MLP},
    "two nets": {"kind": "trm-two-nets", "H_layers": 1},
    "single z": {"kind": "trm-single-z", "latents": 0},
    "multi z": {"kind": "trm-multi-z", "latents": 2},
    "eqr": {"kind": "eqr", "damping": 0.5, "positions": "axial", "prefix_length": 0, "z_deviation": 1.0},
    "air": {"kind": "air", "injection": "L2x_Hx"},
    "urm": {"kind": "urm", "latents": 0, "mlp_kernel": 2},
    "sotaku": {
        "kind": "sotaku", "latents": 0, "positions": "axial", "prefix_length": 0, "halting_outputs": 0, "n": 1,
    },
    "maze 30x30": {"task": "maze", "sequence_length": 900, "hidden_size": 32, **TABLE},
}  # fmt: skip


def every_parameter_drawn(model):
    """Biases and norms are 1 and 0 at first, which would hide mistakes."""
    generator = torch.Generator().manual_seed(1)
    for name, tensor in model.state_dict().items():
        scale = 0.5 if tensor.ndim == 1 else tensor.shape[-1] ** -0.5
        if name != "puzzle_emb.weights":
            tensor.copy_(torch.randn(tensor.shape, generator=generator) * scale)
    return model


def tokens_of(model, count: int = 3):
    config = model.config
    generator = torch.Generator().manual_seed(2)
    ids = torch.arange(count) % max(1, config.puzzle_ids)
    return torch.randint(0, config.vocab_size, (count, config.sequence_length), generator=generator), ids


@pytest.mark.heavy
@pytest.mark.parametrize("changes", KINDS.values(), ids=KINDS)
def test_every_call_is_that_of_torch(changes, tiny_model):
    model = every_parameter_drawn(tiny_model(**changes))
    engine = with_engine(model, "onnx")
    tokens, ids = tokens_of(model)
    x, before, calls = model.embed(tokens, ids), [], []

    def keep(at, state: State) -> State:
        before.append(state)
        return state

    def compare(at, state: State) -> State:
        again = engine.f_L(x, before[-1], at.call) if at.kind == F_L else engine.f_H(x, before[-1])
        calls.append(max((ours - theirs).abs().max() for ours, theirs in zip(again, state, strict=True)))
        return state

    depth = model.config.depth
    for _ in deep_supervision(model, tokens, ids, depth=depth, before_call=keep, after_call=compare):
        pass
    assert len(calls) == depth.N_sup * depth.calls_per_step and max(calls) < 1e-5
    assert all(
        isinstance(net, runtime.RuntimeNet) for name, net in engine.named_children() if "level" in name
    )


def test_hooks_see_and_replace_every_state(tiny_model):
    model, seen = tiny_model(), {"torch": [], "onnx": []}
    tokens, ids = tokens_of(model)

    def without_z(at, state: State) -> State:
        return State(state.y, torch.zeros_like(state.z)) if at.call == 1 else state

    last = {}
    for name in seen:
        steps = deep_supervision(
            with_engine(model, name), tokens, ids, depth=model.config.depth, before_call=without_z,
            after_call=lambda at, state, name=name: seen[name].append(at) or state,
        )  # fmt: skip
        *_, last[name] = steps
    assert seen["onnx"] == seen["torch"] and len(seen["torch"]) == 3 * 2 * 3
    assert torch.allclose(last["onnx"].heads.logits, last["torch"].heads.logits, atol=1e-3)
    *_, clean = deep_supervision(model, tokens, ids, depth=model.config.depth)
    assert not torch.allclose(last["onnx"].heads.logits, clean.heads.logits, atol=1e-2)


@pytest.fixture
def with_bfloat16(monkeypatch):
    """A processor with bfloat16 arithmetic; torch emulates it on others."""
    monkeypatch.setattr(choice, "cpu_has_bfloat16", lambda: True)


@pytest.mark.parametrize("name", ["onnx", "bfloat16"])
def test_the_weights_are_shared_and_the_model_is_not_changed(name, tiny_model, with_bfloat16):
    model = tiny_model()
    engine = with_engine(model, name)
    assert (model.engine, engine.engine) == ("torch", name)
    assert with_engine(model, "torch") is model and with_engine(engine, name) is engine
    assert type(model.L_level) is not type(engine.L_level)
    for name, tensor in model.state_dict(keep_vars=True).items():
        assert engine.state_dict(keep_vars=True)[name] is tensor, name


@pytest.mark.parametrize("changes", [MLP, {}, KINDS["hrm"], KINDS["urm"], KINDS["sotaku"]])
def test_bfloat16_rounds_weights_and_activations_of_the_nets_alone(changes, tiny_model, with_bfloat16):
    model = every_parameter_drawn(tiny_model(**changes))
    tokens, ids = tokens_of(model)
    x, engine = model.embed(tokens, ids), with_engine(model, "bfloat16")
    state, exact = (each.f_L(x, model.initial_state(x), 1) for each in (engine, model))
    name, net = next((name, net) for name, net in model.named_children() if isinstance(net, Net))
    assert torch.equal(engine.get_submodule(name)(x), net(x.bfloat16()).float())
    assert state.y.dtype == state.z.dtype == torch.float32
    difference = max((ours - theirs).abs().max() for ours, theirs in zip(state, exact, strict=True))
    assert 1e-4 < difference < 0.3


def test_the_engine_is_recorded(tiny_model, with_bfloat16):
    task = Sudoku(2, 2)
    for name in ENGINES:
        trace = record(with_engine(tiny_model(), name), task, task.generate_many(1, seed=3)[0][0])
        assert trace.provenance.engine == name
    assert Provenance.of(tiny_model()).engine == "torch"


@pytest.mark.parametrize("name", ["onnx", "bfloat16"])
def test_gradients_come_from_torch_in_float32(name, tiny_model, with_bfloat16):
    model = tiny_model()
    engine = with_engine(model, name)
    x = torch.randn(1, 17, 8, requires_grad=True)
    engine.L_level(x).square().sum().backward()
    gradient, x.grad = x.grad, None
    model.L_level(x).square().sum().backward()
    assert torch.equal(gradient, x.grad) and gradient.any()


class _Counting:
    """A session of a net that doubles its input. `taken` is the time that a call says it took."""

    def __init__(self, clock=None, taken=0.0):
        self.sizes, self.clock, self.taken = [], clock, taken

    def run(self, names, inputs):
        self.sizes.append(len(inputs["x"]))
        if self.clock:
            self.clock.now += self.taken
        return [2 * inputs["x"]]


def test_sessions_have_as_many_threads_as_torch_unless_told_otherwise(tiny_model, monkeypatch, threads):
    made = []
    monkeypatch.setattr(runtime, "new_session", lambda net, *key: made.append(key) or _Counting())
    x = torch.ones(1, 17, 8)
    for engine in (with_engine(tiny_model(), "onnx"), with_engine(tiny_model(), "onnx", threads=3)):
        for _ in range(60):
            assert torch.equal(engine.L_level(x), 2 * x)
    usual = [(17, 1, False), (17, 2, False), (17, 2, True)][: 1 if threads == 1 else 3]
    assert made == [*usual, (17, 1, False), (17, 3, False), (17, 3, True)]


def test_only_a_small_net_begins_with_a_single_thread(tiny_model, monkeypatch):
    made = []
    monkeypatch.setattr(runtime, "new_session", lambda net, *key: made.append(key) or _Counting())
    operations = 2 * 17 * sum(weights.numel() for weights in tiny_model().L_level.parameters())
    for limit in (runtime.SMALL_CALL, operations + 1, operations):
        monkeypatch.setattr(runtime, "SMALL_CALL", limit)
        with_engine(tiny_model(), "onnx", threads=2).L_level(torch.ones(1, 17, 8))
    assert made == [(17, 1, False), (17, 1, False), (17, 2, False)]


@pytest.mark.parametrize("more, sessions", [(0, 1), (1, 3)])
def test_a_net_with_many_weights_has_a_single_session(tiny_model, monkeypatch, more, sessions):
    made, model = [], tiny_model()
    size = sum(tensor.nbytes for tensor in model.L_level.parameters())
    monkeypatch.setattr(runtime, "MAX_COPIED", size + more)
    monkeypatch.setattr(runtime, "new_session", lambda net, *key: made.append(key) or _Counting())
    engine = with_engine(model, "onnx", threads=2)
    for _ in range(60):
        engine.L_level(torch.ones(1, 17, 8))
    assert len(made) == sessions and (17, 2, False) in made


def test_the_first_call_of_a_session_is_not_measured(tiny_model, monkeypatch):
    class Clock:
        now = 0.0

    monkeypatch.setattr(runtime.time, "perf_counter", lambda: Clock.now)
    sessions = {
        (2, False): _Counting(Clock, 2.0),
        (2, True): _Counting(Clock, 9.0),
        (1, False): _Counting(Clock, 3.0),
    }
    monkeypatch.setattr(runtime, "new_session", lambda net, positions, *kind: sessions[kind])
    engine, x = with_engine(tiny_model(), "onnx", threads=2), torch.ones(1, 17, 8)
    for call in range(1, 101):
        sessions[2, True].taken = 9.0 if call == 50 else 1.0
        engine.L_level(x)
    assert [len(session.sizes) for session in sessions.values()] == [26, 49, 25]


def test_the_fastest_session_runs_and_the_others_are_tried_again(tiny_model, monkeypatch):
    class Clock:
        now = 0.0

    monkeypatch.setattr(runtime.time, "perf_counter", lambda: Clock.now)
    sleeping, spinning, single = (2, False), (2, True), (1, False)
    sessions = {
        sleeping: _Counting(Clock, 2.0),
        spinning: _Counting(Clock, 1.0),
        single: _Counting(Clock, 3.0),
    }
    monkeypatch.setattr(runtime, "new_session", lambda net, positions, *kind: sessions[kind])
    engine, x = with_engine(tiny_model(), "onnx", threads=2), torch.ones(1, 17, 8)

    def calls(count: int) -> dict[tuple[int, bool], int]:
        for session in sessions.values():
            session.sizes.clear()
        for _ in range(count):
            engine.L_level(x)
        return {kind: len(session.sizes) for kind, session in sessions.items()}

    assert calls(100)[spinning] == 49  # from call 50 on
    assert calls(100) == {sleeping: 2, spinning: 96, single: 2}  # every 25th call is one of the others
    sessions[spinning].taken = 50.0  # other programs keep the cores busy
    assert calls(100)[sleeping] > 90
    sessions[spinning].taken = 0.1
    assert calls(200)[spinning] > 140


@pytest.mark.parametrize("changes", [MLP, {}], ids=["mlp", "attention"])
def test_neither_threads_nor_the_batch_change_a_bit(changes, tiny_model):
    """At these sizes, ONNX Runtime sums a product with its weights on the left in several orders."""
    sizes = {"hidden_size": 128, "mlp_width": 384, "sequence_length": 81}
    model = tiny_model(**changes | sizes | ({"mixing_width": 192} if changes else {}))
    x = np.random.default_rng(0).normal(size=(3, 82, 128)).astype(np.float32)
    kinds = [(1, False), (2, False), (2, True)]
    first, *others = (
        runtime.new_session(model.L_level, 82, *kind).run(None, {"x": part})[0][0]
        for kind in kinds
        for part in (x, x[:1])
    )
    assert all(np.array_equal(first, other) for other in others)
    together = with_engine(model, "onnx", threads=2).L_level(torch.from_numpy(x))
    assert np.array_equal(first, together[0].numpy())


@pytest.mark.parametrize(
    "rows, threads, sizes", [(5, 1, [5]), (2, 1, [2, 2, 1]), (2, 2, [1] * 5), (0.5, 1, [1] * 5)]
)
def test_a_batch_whose_attention_scores_are_too_large_is_computed_in_parts(
    tiny_model, monkeypatch, rows, threads, sizes
):
    """The scores of a row are two heads of 17 x 17 numbers. Two threads compute at once."""
    session, x = _Counting(), torch.randn(5, 17, 8)
    monkeypatch.setattr(runtime, "MAX_SCORES", int(rows * 4 * 2 * 17**2))
    monkeypatch.setattr(runtime, "new_session", lambda net, *key: session)
    assert torch.equal(with_engine(tiny_model(), "onnx", threads=threads).L_level(x), 2 * x)
    assert session.sizes == sizes


def test_the_rows_of_a_batch_are_divided_among_threads(tiny_model, monkeypatch):
    made, session, x = [], _Counting(), torch.randn(3, 17, 8)
    monkeypatch.setattr(runtime, "SMALL_CALL", 0)
    monkeypatch.setattr(runtime, "new_session", lambda net, *key: made.append(key) or session)
    assert torch.equal(with_engine(tiny_model(), "onnx", threads=2).L_level(x), 2 * x)
    assert made == [(17, 1, False)] and sorted(session.sizes) == [1, 2]


def test_a_live_run_of_a_model_always_has_the_same_engine(tiny_model):
    model = tiny_model()
    assert choose(model) is choose(model) and choose(choose(model)) is choose(model)
    assert choose(model).engine == "onnx"


@pytest.mark.parametrize("name", ["onnx", "bfloat16"])
def test_a_model_in_bfloat16_is_left_to_torch(name, tiny_model, with_bfloat16):
    model = tiny_model()
    model.compute_dtype = torch.bfloat16
    assert choose(model) is model
    with pytest.raises(EngineError, match="float32 on a CPU, but this model runs in bfloat16 on CPU"):
        with_engine(model, name)


def test_a_processor_without_bfloat16_is_refused_and_bfloat16_is_never_chosen(tiny_model, monkeypatch):
    monkeypatch.setattr(choice, "cpu_has_bfloat16", lambda: False)
    with pytest.raises(
        EngineError, match=r"needs a processor with bfloat16 arithmetic .* Use --engine torch"
    ):
        with_engine(tiny_model(), "bfloat16")
    monkeypatch.setattr(choice, "cpu_has_bfloat16", lambda: True)
    model = with_engine(tiny_model(), "bfloat16")
    assert choose(model) is model and choose(tiny_model()).engine != "bfloat16"


def test_nets_larger_than_a_graph_are_left_to_torch(tiny_model, monkeypatch):
    model = tiny_model()
    size = sum(tensor.nbytes for tensor in model.L_level.parameters())
    monkeypatch.setattr(choice, "MAX_BYTES", size)
    assert with_engine(model, "onnx").engine == "onnx"
    monkeypatch.setattr(choice, "MAX_BYTES", size - 1)
    assert choose(model) is model
    with pytest.raises(EngineError, match="larger"):
        with_engine(model, "onnx")


@pytest.mark.parametrize("missing", ["onnxruntime", "onnx"])
def test_without_the_libraries_torch_computes(missing, tiny_model, monkeypatch):
    monkeypatch.setattr(choice, "find_spec", lambda name: None if name == missing else object())
    model = tiny_model()
    assert choose(model) is model
    with pytest.raises(EngineError, match=f"Run `pip install {missing}`"):
        with_engine(model, "onnx")


@pytest.mark.heavy
@pytest.mark.parametrize(
    "name", ["sudoku-trm", "sudoku-hrm", pytest.param("maze-trm", marks=pytest.mark.slow)]
)
def test_answers_are_equal_where_they_end_solved(name):
    model = load_model(name, device=torch.device("cpu"))
    task = task_of(model.config)
    puzzles = load_puzzles(f"{task.name}/test", task)
    inputs = puzzles.inputs[evenly(len(puzzles), 6)]
    answers = [predict(with_engine(model, engine), inputs).answers[-1] for engine in ("torch", "onnx")]
    solved = [task.is_solved(given, answer) for given, answer in zip(inputs, answers[0], strict=True)]
    assert sum(solved) >= 2
    assert np.array_equal(answers[0][solved], answers[1][solved])


@pytest.mark.heavy
def test_onnx_runtime_collects_nothing_about_its_users(tmp_path, monkeypatch):
    """It would keep events in the user's cache folder and send them to its makers."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("ORT_DISABLE_TELEMETRY", raising=False)
    subprocess.run([sys.executable, "-c", SESSION], check=True)
    assert not list(tmp_path.rglob("*onnxruntime*"))
