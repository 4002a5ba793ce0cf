"""The loop over many puzzles: rows may leave early, and then give the answers of a whole run at that step."""

import numpy as np
import pytest

from trm.batch import batch_count, run_batches
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
