"""Interventions: parsing, exact effects, no effect where nothing changes, and only the remaining calls are made."""

from collections import Counter
from dataclasses import fields

import numpy as np
import pytest
import torch

from probes.interventions.fork import CachedRun, cache_run
from probes.interventions.hooks import add_noise
from probes.interventions.sites import InterventionError, Site, one_call
from probes.interventions.spec import Intervention, as_text, parse_all
from trm.coordinates import Depth
from trm.record import record
from trm.recursion import State
from trm.tasks.sudoku import Sudoku
from trm.trace import Trace

SMALL = Sudoku(2, 2)
PUZZLE, OTHER = SMALL.parse("12..34....21..43"), SMALL.parse("1.....2..3.....4")
DEPTH = Depth(n=2, T=2, N_sup=3)


@pytest.fixture
def model(tiny_model):
    model = tiny_model(mixing="mlp", mixing_width=20, heads=0, positions="none")
    torch.nn.init.normal_(model.q_head.weight, generator=torch.Generator().manual_seed(1))
    model.calls = Counter()
    for name in ("f_L", "f_H"):
        counted(model, name)
    return model


def counted(model, name: str) -> None:
    """Count the calls of a method in `model.calls`."""
    method = getattr(model, name)

    def call(*arguments):
        model.calls[name] += 1
        return method(*arguments)

    setattr(model, name, call)


@pytest.fixture
def run(model) -> CachedRun:
    clean = cache_run(model, SMALL, PUZZLE)
    model.calls.clear()
    return clean


def forked(run: CachedRun, text: str) -> Trace:
    *_, trace = run.fork(parse_all(text))
    return trace


def differing(one: Trace, other: Trace) -> list[str]:
    """Names of the arrays that are not bit-identical."""
    return [
        field.name
        for field in fields(Trace)
        if isinstance(getattr(one, field.name), np.ndarray)
        and getattr(one, field.name).tobytes() != getattr(other, field.name).tobytes()
    ]


# ---- text


@pytest.mark.parametrize(
    "text",
    [
        "zero y before 3.1.1",
        "zero yz after 3-.2.* in r1c1,r2c3",
        "noise z after 1.1.2 in prefix size 0.25 seed 7",
        "set z before 2 to initial",
        "freeze z at 2-3",
        "swap after 2.2.3",
        "patch z after 2.1.1 from 1.2.2 of 12..34....21..43",
        "patch y after 2.1.3 in r1c1 from 1.2.3 by r2c2",
        "steer y after 1.1.3 along head:4 size 0.5",
        "answer before 2.1.1 is 1234341221434321",
        "skip at 2.2.*",
        "depth from 2 n 4 T 1 N_sup 9",
    ],
)
def test_text_and_back(text):
    (found,) = parse_all(text)
    assert str(found) == text
    assert Intervention.parse(str(found)) == found


def test_a_value_may_hold_any_character():
    one = Intervention("answer", Site(), before=True, answer="# .;%S\nü ")
    assert parse_all(as_text([one, one])) == (one, one)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("remove y after 1", "no operation 'remove'"),
        ("zero after 1.1.1", "Name the state to zero"),
        ("zero x after 1.1.1", "Name the state to zero"),
        ("zero y", "has no site"),
        ("zero y at 1", "'before' or 'after'"),
        ("freeze y after 1", "write 'at'"),
        ("zero y after 0.1.1", "start at 1"),
        ("zero y after 5-2", "must be ascending"),
        ("zero y after 1.1.1.1", "is not a call"),
        ("zero y after <b>", "is not a call"),
        ("zero y after 1 size 2", "does not accept 'size'"),
        ("noise y after 1 loud 2", "'loud' is not a keyword"),
        ("noise y after 1 size", "no value after 'size'"),
        ("noise y after 1 size much", "size must be a number"),
        ("noise y after 1 size nan", "not a number"),
        ("patch y after 1", "patch needs 'from'"),
        ("depth from 2", "needs n, T or N_sup"),
        ("depth from 2 n 0", "from 1 to 1000"),
        ("depth from 2 n 1001", "from 1 to 1000"),
        ("noise y after 1 size 1000000.5", "too large"),
        ("noise y after 1 size -1000000.5", "too large"),
        ("depth from x n 2", "is not a supervision step"),
        (";".join(["zero y after 1"] * 65), "too many"),
    ],
)
def test_parse_errors(text, message):
    with pytest.raises(InterventionError, match=message):
        parse_all(text)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("depth from 2 n 1; depth from 2 n 1000", 2),
        ("noise y after 1 size 1000000; steer y after 1 along 1,2 size -1000000", 2),
        (";".join(["zero y after 1"] * 64), 64),
    ],
)
def test_numbers_at_the_ends_of_their_ranges(text, count):
    assert len(parse_all(text)) == count


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("zero y after 4.1.1", "There is no call 4.1.1"),
        ("zero y after 1.1.4", "cycles of 3 calls"),
        ("zero y after 1 in r9c9", "no cell r9c9: the grid is 4x4"),
        ("zero y after 1 in mean", "mean over cells cannot be changed"),
        ("patch y after 2 from 1", "names 6 calls"),
        ("patch y after 2 in r1c1,r1c2,r1c3 from 1.1.1 by r1c1,r1c2", "cannot be patched from 2"),
        ("steer y after 1 along head:9", "no symbol '9'"),
        ("steer y after 1 along 0", "is zero"),
        ("steer y after 1 along 1,2", "one number, or 8"),
        ("set y after 1 to inf", "one number, or 8"),
        ("steer y after 1 along probe:nowhere", "Write probe:FILE"),
    ],
)
def test_interventions_that_do_not_apply_to_the_run(run, text, message):
    with pytest.raises(InterventionError, match=message):
        run.fork(parse_all(text))
    assert not run.model.calls


def test_the_task_reports_an_invalid_answer(run):
    from trm.errors import PuzzleError

    with pytest.raises(PuzzleError):
        run.fork(parse_all("answer before 2.1.1 is 99"))


# ---- no effect, and the remaining calls


NO_EFFECT = [
    "noise z after 1.1.1 size 0",
    "noise yz after 2.1.2 size 0",
    "patch yz after 2.2.3 from 2.2.3",
    "patch z after 3.1.1 in r2c2 from 3.1.1",
    "patch y before 2.1.1 from 1.2.3",
    "set yz before 1.1.1 to initial",
    "steer z after 2.1.1 along head:1 size 0",
    "freeze y at 2.1.1-2",
    "depth from 2 n 2 T 2",
]


@pytest.mark.parametrize("text", NO_EFFECT)
def test_an_intervention_without_effect_changes_no_number(run, text):
    assert differing(forked(run, text), run.trace) == []


def test_the_cached_run_equals_the_recorded_one(model, run):
    assert differing(run.trace, record(model, SMALL, PUZZLE)) == []


@pytest.mark.parametrize(
    ("text", "f_L", "f_H"),
    [
        ("noise z after 1.1.1 size 0", 11, 6),  # of 12 and 6; the call itself is not repeated
        ("noise z after 2.2.2 size 0", 4, 3),
        ("zero y before 2.1.1", 8, 4),
        ("zero y before 3.1.1", 4, 2),
        ("zero y after 3.2.3", 0, 0),
        ("skip at 3.1.*", 2, 1),
        ("depth from 3 n 1", 2, 2),
        ("depth from 3 T 1", 2, 1),
        ("depth from 3 n 4 T 3", 12, 3),
        ("depth from 4 N_sup 5", 8, 4),
    ],
)
def test_only_the_remaining_calls_are_made(run, text, f_L, f_H):
    trace = forked(run, text)
    assert (run.model.calls["f_L"], run.model.calls["f_H"]) == (f_L, f_H)
    assert trace.steps == trace.depth.N_sup


@pytest.mark.parametrize("smaller, cached", [(0, 18), (1, 3)])
def test_a_run_caches_every_state_up_to_the_limit(model, monkeypatch, smaller, cached):
    size = 17 * 8 * 4 * 18  # 17 positions of 8 numbers, after 18 calls
    monkeypatch.setattr("probes.interventions.fork.MAX_CACHED_BYTES", size - smaller)
    assert len(cache_run(model, SMALL, PUZZLE).states) == cached


def test_a_run_keeps_the_runs_of_two_other_puzzles(run, monkeypatch):
    made = []
    monkeypatch.setattr(
        "probes.interventions.fork.cache_run",
        lambda model, task, inputs, **options: made.append(task.format(inputs)) or run,
    )
    at = one_call("2.1.2", DEPTH)
    first, second, third = (SMALL.format(puzzle) for puzzle in (PUZZLE, OTHER, OTHER[::-1].copy()))
    for puzzle in (first, second, first, second, third, second, first):
        run.state_after(at, puzzle)
    assert made == [first, second, third, first]  # the oldest makes room


@pytest.mark.parametrize("text", ["zero y before 2.1.1", "noise z after 2.1.2 size 1", "swap after 1.2.3"])
def test_a_run_that_caches_few_states_forks_alike(model, run, text, monkeypatch):
    monkeypatch.setattr("probes.interventions.fork.MAX_CACHED_BYTES", 0)
    small = cache_run(model, SMALL, PUZZLE)
    assert len(small.states) == 3
    assert differing(forked(small, text), forked(run, text)) == []
    at = one_call("2.1.2", DEPTH)
    assert torch.equal(small.state_after(at).z, run.state_after(at).z)


# ---- each operation


class StatesAfterCalls(dict):
    """States after each call of a forked run, by coordinates as text."""

    def __init__(self, run: CachedRun, text: str, monkeypatch):
        from probes.interventions.hooks import InterventionHooks

        after_call = InterventionHooks.after_call

        def record(changes, at, state):
            state = after_call(changes, at, state)
            self[f"{at.supervision_step}.{at.cycle}.{at.call}"] = state
            return state

        monkeypatch.setattr(InterventionHooks, "after_call", record)
        self.trace = forked(run, text)


@pytest.fixture
def states_of(run, monkeypatch):
    return lambda text: StatesAfterCalls(run, text, monkeypatch)


def own(run: CachedRun, text: str) -> State:
    return run.states[one_call(text, DEPTH)]


def test_zero_and_set(run, states_of):
    after = states_of("zero y after 2.1.3 in r1c2; set z after 2.1.3 to 0.5")["2.1.3"]
    before = own(run, "2.1.3")
    assert torch.equal(after.z, torch.full_like(after.z, 0.5))
    assert not after.y[0, 2].any()  # one prefix position, then the second cell
    others = [0, 1, *range(3, 17)]
    assert torch.equal(after.y[0, others], before.y[0, others])
    assert torch.equal(states_of("set y after 2.1.3 to initial")["2.1.3"].y, run.start.y)


@torch.no_grad()
def test_before_changes_the_input_of_a_call_and_not_the_previous_answer(run, states_of):
    states = states_of("zero z before 2.1.1")
    before = own(run, "1.2.3")
    x = run.model.embed(torch.from_numpy(PUZZLE.astype(np.int64))[None], torch.zeros(1, dtype=torch.long))
    assert torch.equal(states["2.1.1"].z, run.model.L_level(torch.zeros_like(before.z) + (before.y + x)))
    assert states.trace.answers[:2].tobytes() == run.trace.answers[:2].tobytes()
    assert states.trace.halt_probability[0] == run.trace.halt_probability[0]


def test_noise_is_seeded_and_scales_with_the_norm_of_the_state(run, states_of):
    before, after = own(run, "2.1.1").z, states_of("noise z after 2.1.1 size 0.1 seed 3")["2.1.1"].z
    moved = (after - before).norm(dim=-1) / before.norm(dim=-1)
    assert 0.07 < float(moved.mean()) < 0.13
    assert torch.equal(after, states_of("noise z after 2.1.1 size 0.1 seed 3")["2.1.1"].z)
    assert not torch.equal(after, states_of("noise z after 2.1.1 size 0.1 seed 4")["2.1.1"].z)
    one_cell = states_of("noise z after 2.1.1 in r1c1 size 0.1 seed 3")["2.1.1"].z
    assert torch.equal(one_cell[0, 1], after[0, 1]) and torch.equal(one_cell[0, 2:], before[0, 2:])


def test_noise_of_a_row_does_not_depend_on_the_batch():
    state = torch.ones(3, 5, 4)
    sizes = torch.tensor([0.0, 1.0, 2.0])
    together = add_noise(state, sizes, [1, 2, 3])
    assert torch.equal(together[0], state[0])
    assert torch.equal(together[2], add_noise(state[:1], sizes[2:], [3])[0])


def test_freeze_swap_and_skip(run, states_of):
    states = states_of("freeze z at 2.1.1-2")
    assert torch.equal(states["2.1.2"].z, own(run, "1.2.3").z) and torch.equal(
        states["2.1.1"].z, states["2.1.2"].z
    )
    assert not torch.equal(states["2.2.1"].z, states["2.1.2"].z)
    swapped, before = states_of("swap after 2.1.3")["2.1.3"], own(run, "2.1.3")
    assert torch.equal(swapped.y, before.z) and torch.equal(swapped.z, before.y)
    skipped = states_of("skip at 2.1.*")["2.1.3"]
    assert torch.equal(skipped.y, own(run, "1.2.3").y) and torch.equal(skipped.z, own(run, "1.2.3").z)


def test_patches(model, run, states_of):
    assert torch.equal(states_of("patch z after 3.1.1 from 2.1.1")["3.1.1"].z, own(run, "2.1.1").z)
    other = cache_run(model, SMALL, OTHER)
    text = SMALL.format(OTHER)
    assert torch.equal(
        states_of(f"patch yz after 1.2.3 from 3.2.3 of {text}")["1.2.3"].y, own(other, "3.2.3").y
    )
    cell = states_of("patch y after 2.1.3 in r1c1,r1c2 from 1.1.3 by r2c1")["2.1.3"].y
    assert torch.equal(cell[0, 1], own(run, "1.1.3").y[0, 5]) and torch.equal(cell[0, 2], cell[0, 1])
    assert torch.equal(cell[0, 3:], own(run, "2.1.3").y[0, 3:])


def test_steering_adds_the_direction_scaled_by_the_norm_of_the_state(run, states_of):
    before = own(run, "2.1.3").y
    after = states_of("steer y after 2.1.3 in r1c1 along head:3 size 0.5")["2.1.3"].y
    moved, row = (after - before)[0, 1], run.model.lm_head.weight[SMALL.symbols.index("3")]
    assert float(moved.norm() / before[0, 1].norm()) == pytest.approx(0.5, rel=1e-4)
    assert float(torch.nn.functional.cosine_similarity(moved, row, dim=0)) == pytest.approx(1, abs=1e-4)


def test_an_answer_is_written_into_y_in_the_runs_own_code(run, states_of):
    text = "1234341221434321"
    after = states_of(f"answer after 2.2.3 is {text}")["2.2.3"].y
    tokens = torch.from_numpy(SMALL.parse(text).astype(np.int64))[None]
    before = own(run, "2.2.3").y
    assert torch.equal(after, run.code.write(before, tokens, SMALL.givens(run.inputs)[None]))
    end = own(run, "3.2.3").y[:, 1:]  # the run's own answer
    answered = run.model.lm_head(end)[0].argmax(-1)
    encoded = [cell for cell, token in enumerate(tokens[0]) if (answered == token).any()]
    assert (run.model.decode(after)[0].argmax(-1) == tokens[0])[encoded].all()
    assert run.decoded_share(SMALL.parse(text)) >= len(encoded) / 16


def test_another_depth_from_a_step_on_matches_a_run_started_there(model, run):
    """Steps 1 and 2 at n=2, T=2; then n=1, T=3, compared with explicit calls."""
    trace = forked(run, "depth from 3 n 1 T 3")
    assert (trace.depth.n, trace.depth.T, trace.depth.N_sup) == (2, 3, 3)
    y, z = own(run, "2.2.3")
    x = model.embed(torch.from_numpy(PUZZLE.astype(np.int64))[None], torch.zeros(1, dtype=torch.long))
    for answer in trace.answers[6:]:
        z = model.L_level(z + (y + x))
        y = model.L_level(y + z)
        assert np.array_equal(answer, model.decode(y)[0].argmax(-1).numpy())
    # earlier steps use the coordinates of the deeper run; missing calls repeat the previous call
    assert np.array_equal(trace.answers[:6], run.trace.answers[[0, 1, 1, 2, 3, 3]])
    first, second = run.trace.residual_y[:2].tolist(), run.trace.residual_y[2:4].tolist()
    assert trace.residual_y[:6].tolist() == [*first, 0, *second, 0] and 0 not in first + second
    rows = [0, 1, 2, 3, 4, 5, 5, 5, 5]
    assert np.array_equal(trace.z_answers[:9], run.trace.z_answers[rows])
    assert np.array_equal(trace.halt_probability[:2], run.trace.halt_probability[:2])


def test_a_forked_run_records_its_interventions(run):
    from trm.export.payload import provenance_line, trace_id

    trace = forked(run, "zero y before 2.1.1")
    assert trace.provenance.changes == "zero y before 2.1.1" and run.trace.provenance.changes is None
    assert trace_id(trace) != trace_id(run.trace)
    assert provenance_line(trace).endswith("interventions: zero y before 2.1.1")


@pytest.mark.parametrize("kind", ["hrm", "trm-multi-z", "trm-single-z"])
def test_other_model_kinds(tiny_model, kind):
    changes = {"hrm": {"H_layers": 1}, "trm-multi-z": {"latents": 2}, "trm-single-z": {"latents": 0}}[kind]
    run = cache_run(tiny_model(kind=kind, **changes), SMALL, PUZZLE)
    for text in ("noise z after 2.1.1 size 0", "patch yz after 2.2.3 from 2.2.3"):
        assert differing(forked(run, text), run.trace) == []
    assert differing(forked(run, "noise z after 2.1.1 size 1"), run.trace)
    if kind == "trm-multi-z":
        with pytest.raises(InterventionError, match="several z"):
            run.fork(parse_all("swap after 2.1.3"))
