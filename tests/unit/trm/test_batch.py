"""The loop over many puzzles: rows may leave early, and then give the answers of a whole run at that step."""

import numpy as np
import pytest

from trm.batch import MEMORY, MemoryLimitError, allocate, batch_count, check_memory, run_batches
from trm.evaluate import predict


def test_batches_are_as_few_as_fit_but_a_multiple_of_the_cores():
    assert [batch_count(count, 32, 2) for count in (1, 2, 32, 65, 200)] == [1, 2, 2, 4, 8]


@pytest.mark.parametrize("hooked", [False, True])
def test_rows_that_stop_early_have_the_answers_of_that_step(tiny_model, hooked):
    model = tiny_model()
    inputs = np.random.default_rng(0).integers(1, 6, (11, 16)).astype(np.uint8)
    whole = predict(model, inputs)
    last, answers = np.zeros(11, int), np.zeros_like(inputs)

    def capture(step) -> None:
        last[step.rows] = step.numbers
        answers[step.rows] = step.heads.logits.argmax(-1).cpu().numpy()

    def stop(step):
        return step.heads.q_halt * 0 + np.array(
            [row % 3 + 1 for row in step.rows]
        ) <= step.state.y.new_tensor(step.numbers)

    hooks = {"after_call": lambda rows, at, state: state} if hooked else {}
    shares: list[float] = []
    run_batches(
        model,
        inputs,
        capture=capture,
        stop_when=stop,
        batch=4,
        progress=lambda share, text: shares.append(share),
        **hooks,
    )
    assert last.tolist() == [row % 3 + 1 for row in range(11)]
    assert np.array_equal(answers, whole.answers[last - 1, np.arange(11)])
    assert shares == sorted(shares) and shares[-1] == pytest.approx(1)


def test_rows_that_fit_into_one_batch_are_one_forward_pass_on_one_core(tiny_model, monkeypatch):
    monkeypatch.setattr("trm.batch.threads_of", lambda device: 1)
    sizes = []
    run_batches(
        tiny_model(), np.full((3, 16), 1, np.uint8), capture=lambda step: sizes.append(len(step.rows))
    )
    assert sizes == [3, 3, 3]


def test_arrays_may_be_as_large_as_the_memory_and_a_refusal_says_how_many_puzzles_fit(monkeypatch):
    check_memory(MEMORY, 10)
    with pytest.raises(MemoryLimitError, match=r"of 10 puzzles take 6\.0 GiB\. Use at most 5 puzzles"):
        check_memory(2 * MEMORY, 10)
    monkeypatch.setattr("trm.batch.MEMORY", 2 * 3 * 4)
    assert allocate((2, 3), axis=1).dtype == np.float32
    with pytest.raises(MemoryLimitError, match=r"of 3 puzzles take .* Use at most 1 puzzles"):
        allocate((2, 3), np.float64, axis=1)
