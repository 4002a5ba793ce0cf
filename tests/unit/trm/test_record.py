"""Recording: the trace contains what the run did, step by step, and does not change it."""

from datetime import date

import numpy as np
import pytest
import torch

from trm.coordinates import F_H, Depth
from trm.errors import PuzzleError
from trm.evaluate import solve
from trm.grading import Grade
from trm.record import growing_trace, mean_entropy, record, relative_residuals, unique_solution
from trm.recursion import deep_supervision
from trm.tasks.sudoku import Sudoku

SMALL = Sudoku(2, 2)
PUZZLE = SMALL.parse("12..34....21..43"[:16])


@pytest.fixture
def model(tiny_model):
    model = tiny_model(mixing="mlp", mixing_width=20, heads=0, positions="none")
    torch.nn.init.normal_(model.q_head.weight, generator=torch.Generator().manual_seed(1))
    torch.nn.init.zeros_(model.q_head.bias)
    return model


def run(model, depth: Depth, after_call=lambda at, state: state):
    tokens = torch.from_numpy(PUZZLE.astype(np.int64))[None]
    return list(
        deep_supervision(model, tokens, torch.zeros(1, dtype=torch.long), depth=depth, after_call=after_call)
    )


@pytest.mark.parametrize("depth", [None, Depth(n=1, T=3, N_sup=2), Depth(n=3, T=1, N_sup=5)])
def test_a_trace_contains_what_an_unrecorded_run_gives(model, depth):
    trace = record(model, SMALL, PUZZLE, depth=depth)
    ran = depth or model.config.depth
    steps = run(model, ran)
    assert trace.depth == ran and trace.trained == model.config.depth and trace.steps == ran.N_sup
    last_of_step = slice(ran.T - 1, None, ran.T)
    for number, step in enumerate(steps):
        probabilities = step.heads.logits.softmax(-1)[0].numpy()
        assert np.array_equal(trace.answers[last_of_step][number], probabilities.argmax(-1))
        assert np.abs(trace.probabilities[last_of_step][number] / 255 - probabilities).max() <= 1 / 255
        assert trace.halt_probability[number] == pytest.approx(step.heads.q_halt.sigmoid().item(), abs=1e-6)


def nearest(model, state) -> list[int]:
    """The token of each cell whose input embedding has the largest product with the cell's state."""
    table = model.embed_tokens.embedding_weight
    cells = state[0, model.config.prefix_length :]
    products = [[float((cell * row).sum()) for row in table] for cell in cells]
    return [row.index(max(row)) for row in products]


def test_every_call_is_decoded_at_its_index(model):
    """Answers of y after each f_H call, of z after each call of both kinds, and how far each moved."""
    states = [
        model.initial_state(
            model.embed(torch.from_numpy(PUZZLE.astype(np.int64))[None], torch.zeros(1, dtype=torch.long))
        )
    ]
    kinds = []

    def note(at, state):
        states.append(state)
        kinds.append(at.kind)
        return state

    run(model, model.config.depth, note)
    trace = record(model, SMALL, PUZZLE)
    f_H = [1 + number for number, kind in enumerate(kinds) if kind == F_H]
    assert len(kinds) == 18 and len(f_H) == 6
    for frame, number in enumerate(f_H):
        y, before = states[number].y, states[f_H[frame - 1] if frame else 0].y
        assert np.array_equal(trace.answers[frame], model.decode(y)[0].argmax(-1))
        assert np.array_equal(trace.y_reverse[frame], nearest(model, y))
        assert trace.residual_y[frame] == pytest.approx(((y - before).norm() / y.norm()).item(), rel=1e-4)
    for call in range(18):
        z, before = states[call + 1].z, states[call].z
        probabilities = model.decode(z)[0].softmax(-1)
        assert np.array_equal(trace.z_answers[call], probabilities.argmax(-1))
        assert np.abs(trace.z_confidence[call] - 255 * probabilities.amax(-1).numpy()).max() <= 0.51
        assert np.array_equal(trace.z_reverse[call], nearest(model, z))
        moved = ((z - before).norm() / z.norm()).item()
        assert trace.residual_z[call] == pytest.approx(moved, rel=1e-4, abs=1e-7)
        assert (trace.residual_z[call] == 0) == (kinds[call] == F_H)  # f_H leaves z alone


def test_a_growing_trace_only_appends(model):
    parts = list(growing_trace(model, SMALL, PUZZLE))
    assert [part.steps for part in parts] == [1, 2, 3]
    whole = parts[-1]
    for part in parts:
        f_H, calls = part.steps * 2, part.steps * 6
        assert part.answers.shape == (f_H, 16) and part.z_answers.shape == (calls, 16)
        assert part.y_reverse.shape == (f_H, 16) and part.z_reverse.shape == (calls, 16)
        assert np.array_equal(part.probabilities, whole.probabilities[:f_H])
        assert np.array_equal(part.residual_z, whole.residual_z[:calls])
        assert np.array_equal(part.halt_probability, whole.halt_probability[: part.steps])


def test_a_growing_trace_can_be_abandoned(model):
    parts = growing_trace(model, SMALL, PUZZLE)
    assert next(parts).steps == 1
    parts.close()


def test_provenance(model):
    made = record(model, SMALL, PUZZLE, recorded=date(2026, 3, 4)).provenance
    assert (made.model, made.fingerprint, made.kind, made.task) == ("tiny", "0" * 16, "trm", "sudoku")
    assert (made.device, made.dtype, made.recorded) == ("cpu", "float32", "2026-03-04")
    assert record(model, SMALL, PUZZLE).provenance.recorded == ""


def test_a_puzzle_of_another_size(model):
    with pytest.raises(PuzzleError, match="81 cells"):
        record(model, Sudoku(), np.ones(81, np.uint8))


def test_a_model_without_these_tokens(tiny_model):
    """A 9x9 Sudoku has 11 tokens; a model of that size with 6 could not look them up."""
    with pytest.raises(PuzzleError, match="6 tokens"):
        record(tiny_model(sequence_length=81), Sudoku(), np.full(81, 10, np.uint8))


def test_unique_solution():
    assert np.array_equal(
        unique_solution(SMALL, SMALL.parse("123.341221434321")), SMALL.parse("1234341221434321")
    )
    assert unique_solution(SMALL, SMALL.parse("." * 16)) is None
    assert unique_solution(SMALL, SMALL.parse("11" + "." * 14)) is None


def test_the_entropy_of_a_solved_puzzle_is_zero(model):
    """Entropy is a mean over open cells; of none it is 0."""
    trace = record(model, SMALL, SMALL.parse("1234341221434321"))
    assert trace.labels is not None and trace.entropy.tolist() == [0.0] * 6


def test_mean_entropy_by_hand():
    even, sure = [0.25] * 4, [1.0, 0.0, 0.0, 0.0]
    found = mean_entropy(np.array([[even, sure], [even, even]], np.float32))
    assert found.tolist() == pytest.approx([1.0, 2.0], abs=1e-5)
    assert mean_entropy(np.zeros((2, 0, 4), np.float32)).tolist() == [0.0, 0.0]


def test_relative_residuals_by_hand():
    states = torch.tensor([[[0.0, 0.0]], [[3.0, 4.0]], [[3.0, 0.0]]])
    assert relative_residuals(states[:-1], states[1:]).tolist() == pytest.approx([1.0, 4 / 3])


def test_grade_counts_and_rules(model):
    trace = record(model, SMALL, SMALL.parse("123.341221434321"))
    judged = Grade.of(trace, SMALL)
    assert judged.givens.sum() == 15 and not judged.input_conflicts.any()
    for frame, answer in enumerate(trace.answers):
        assert judged.right[frame] == (answer == SMALL.parse("1234341221434321")).sum()
        assert judged.solved[frame] == (judged.right[frame] == 16)
    assert Grade.of(record(model, SMALL, SMALL.parse("." * 16)), SMALL).right is None
    assert Grade.of(record(model, SMALL, SMALL.parse("11" + "." * 14)), SMALL).input_conflicts.sum() == 2


def test_solve_returns_texts_and_numbers(model):
    result = solve(model, SMALL, SMALL.format(PUZZLE))
    trace = record(model, SMALL, PUZZLE)
    assert result["answers"] == [SMALL.format(answer) for answer in trace.answers]
    assert result["answer"] == result["answers"][-1] and result["steps"] == 3
    assert result["grid"] == SMALL.pretty(trace.answers[-1]) != SMALL.pretty(trace.answers[1])
    assert result["halt_probability"] == pytest.approx(trace.halt_probability.tolist(), abs=1e-6)
    assert result["halt_step"] == trace.halt_step
    assert result["solved"] is False
