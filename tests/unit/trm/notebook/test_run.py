"""A run in a notebook: its states are those of the recursion, hooks replace them, and the player is its output."""

import inspect
from html.parser import HTMLParser

import numpy as np
import pytest
import torch

import trm
from trm.batch import MemoryLimitError
from trm.data import PuzzleSet
from trm.errors import PuzzleError, UserError
from trm.export.page import page
from trm.notebook.run import RunError
from trm.record import record
from trm.store.capture import record_in_memory
from trm.store.layout import StoreSettings
from trm.tasks import task_of

PUZZLE = "12..34....21..43"


@pytest.fixture
def model(tiny_model):
    return tiny_model()


@pytest.fixture
def run(model):
    return trm.run(model, PUZZLE)


def frame_of(text: str) -> dict[str, str]:
    """The attributes of the only frame in an HTML fragment."""
    frames = []

    class Frames(HTMLParser):
        def handle_starttag(self, tag, attributes):
            if tag == "iframe":
                frames.append(dict(attributes))

    Frames().feed(text)
    assert len(frames) == 1
    return frames[0]


def test_public_names_are_imported_on_first_use_and_say_what_they_raise():
    assert set(trm.__all__) <= set(dir(trm))
    for name in trm.__all__:
        assert getattr(trm, name).__doc__
    for function in (trm.load, trm.run, trm.decode, trm.puzzles):
        assert "Raises" in inspect.getdoc(function)
    with pytest.raises(AttributeError, match="no attribute 'dance'"):
        trm.dance  # noqa: B018


def test_a_run_is_the_recorded_trace(model, run):
    task = task_of(model.config)
    trace = record(model, task, task.parse(PUZZLE))
    for name, value in vars(trace).items():
        assert np.array_equal(getattr(run.trace, name), value), name
    assert "".join(run.answers[-1].ravel()) == task.format(trace.answers[-1])
    assert run.answers.shape == (6, 4, 4) and run.halt_probability.shape == (3,)
    assert run.solved is False and "3 supervision steps" in repr(run)


@pytest.mark.parametrize("changes", [{}, {"kind": "hrm", "H_layers": 1}], ids=["trm", "hrm"])
@pytest.mark.parametrize("name", ["y", "z"])
@pytest.mark.parametrize("positions", ["cells", "all", "prefix", "mean", "r1c1,r4c4,mean"])
def test_states_are_those_that_a_store_holds(tiny_model, changes, name, positions):
    model = tiny_model(**changes)
    task = task_of(model.config)
    inputs = task.parse(PUZZLE)[None]
    settings = StoreSettings(calls="f_H", positions=positions, logits="none", dtype="float32")
    puzzles = PuzzleSet.of("one", task, inputs, np.zeros_like(inputs))
    store = record_in_memory(model, task, puzzles, settings)
    states = trm.run(model, PUZZLE).states(name, at="f_H", positions=positions)
    assert states.dtype == np.float32
    np.testing.assert_allclose(states, store.states(name)[0], rtol=1e-5, atol=1e-6)


def test_decoded_states_of_y_are_the_answers(model, run):
    assert np.array_equal(trm.decode(model, run.states("y", at="f_H")), run.answers)
    one_cell = run.states("y", at="last", positions="r1c1")
    with pytest.raises(RunError, match=r"need the shape \(\.\.\., 16, 8\)"):
        trm.decode(model, one_cell)


def test_calls_are_selected_as_on_the_command_line(run):
    assert len(run.calls()) == 18
    assert run.calls("last") == tuple(trm.Coordinates(step, 2, 3, "f_H") for step in (1, 2, 3))
    assert run.states("z", at="2.*.1").shape == (2, 16, 8)
    with pytest.raises(UserError, match="There is no call 4"):
        run.calls("4.1.1")
    with pytest.raises(RunError, match="There is no state 'x'"):
        run.states("x")


def test_only_requested_states_are_held(model):
    run = trm.run(model, PUZZLE, states="1.1.1")
    assert run.states("z", at="last").shape == (3, 16, 8)
    assert run.states("z", at="1.1.1").shape == (1, 16, 8)
    with pytest.raises(RunError, match=r"after call 1\.1\.2.*states='all'"):
        run.states("z", at="1.1.2")


def test_states_that_do_not_fit_into_memory_are_refused_before_the_run(model, monkeypatch):
    monkeypatch.setattr("trm.notebook.run.MEMORY", 17 * 8 * 4 * 2 * 17)
    with pytest.raises(MemoryLimitError, match=r"take 0\.0 GiB\..*states='last'"):
        trm.run(model, PUZZLE)
    assert trm.run(model, PUZZLE, states="last").trace.steps == 3
    monkeypatch.setattr("trm.notebook.run.MEMORY", 17 * 8 * 4 * 2 * 18)
    assert trm.run(model, PUZZLE).trace.steps == 3


def test_a_hook_replaces_the_state_and_the_trace_says_so(model, run):
    def zero_z(at, state):
        if at == trm.Coordinates(2, 1, 1, "f_L"):
            return state._replace(z=torch.zeros_like(state.z))
        return None

    changed = trm.run(model, PUZZLE, before_call=zero_z)
    assert changed.trace.provenance.changes == "before_call zero_z"
    assert "interventions: before_call zero_z" in changed.exported().provenance
    assert np.array_equal(changed.answers[:2], run.answers[:2])
    z, clean = (each.states("z", at="2.1.1") for each in (changed, run))
    assert not np.allclose(z, clean)


def test_a_hook_that_only_reads_leaves_a_clean_run(model, run):
    seen = []
    read = trm.run(model, PUZZLE, after_call=lambda at, state: seen.append((at, state.z.norm().item())))
    assert [at for at, _ in seen] == list(run.calls())
    assert read.trace.provenance.changes is None
    assert np.array_equal(read.states("z", at="all"), run.states("z", at="all"))


def test_a_hook_that_returns_something_else_is_named(model):
    with pytest.raises(RunError, match="before_call <lambda> returned Tensor"):
        trm.run(model, PUZZLE, before_call=lambda at, state: state.z)


def test_a_run_at_another_depth_has_its_calls(model):
    run = trm.run(model, PUZZLE, depth=trm.Depth(n=1, T=1, N_sup=2))
    assert run.states("z", at="all").shape == (4, 16, 8)


def test_puzzles_that_do_not_fit_are_refused(model):
    with pytest.raises(PuzzleError):
        trm.run(model, "53..7")
    with pytest.raises(UserError):
        trm.puzzles(model, "maze/test")


def test_a_set_of_puzzles_is_spread_over_the_file(model, tmp_path):
    lines = ["12..34....21..43", "1...34....21..43", "12...4....21..43", "12..3.....21..43"]
    (tmp_path / "set.txt").write_text("\n".join(lines))
    puzzles = trm.puzzles(model, str(tmp_path / "set.txt"), limit=2)
    assert len(puzzles) == 2 and puzzles.inputs.shape == (2, 16)


def test_the_player_is_the_offline_page_in_a_frame(run):
    text = run._repr_html_()
    frame = frame_of(text)
    assert frame["srcdoc"] == page(run.exported())
    assert frame["title"] == run.exported().title
    size = float(text.partition("This player adds ")[2].split(" MB")[0])
    assert size == pytest.approx(len(text.encode()) / 1e6, abs=0.06)


def test_the_player_opens_where_it_is_told_to_and_beside_another_run(model, run):
    other = trm.run(model, "12..34....21..4.")
    shown = run.show(at="2.1.3", mode="change", compare_with=other, height=500)
    frame = frame_of(shown)
    start = trm.Coordinates(2, 1, 3, "f_H")
    assert frame["srcdoc"] == page(run.exported(), start=start, mode="change", compare_with=other.exported())
    assert "height: 500px" in frame["style"] and shown._repr_html_() == shown
