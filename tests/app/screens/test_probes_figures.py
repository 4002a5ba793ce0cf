"""Figures of the Probes page, from small results."""

from types import SimpleNamespace

import pytest

from app.screens.probes import figures
from probes.linear.experiment.views import Cells


def result(source: str, *values: float) -> SimpleNamespace:
    """Accuracies at as many of the first time points."""
    score = SimpleNamespace(value=list(values), low=list(values), high=list(values))
    return SimpleNamespace(
        source=source, target="solution", time_points=list(range(len(values))), scores={"accuracy": score}
    )


@pytest.mark.parametrize(
    "labels, accuracies, name, drawn",
    [
        (["2", "4"], (0.5, 0.75), "untrained network (step 2)", (0.25, 0.25)),
        (["2"], (0.5,), "untrained network", (0.25,)),
    ],
)
def test_a_baseline_of_one_of_several_steps_is_a_line_that_names_the_step(labels, accuracies, name, drawn):
    results = [result("z", *accuracies), result("random z", 0.25), result("random y", 0.25)]
    summary = SimpleNamespace(results=results, target=lambda name: SimpleNamespace(classes=("a", "b", "c")))
    _, z, *untrained = figures.over_steps(summary, "solution", "accuracy", labels).data
    assert (z.name, z.x, z.y) == ("z", tuple(labels), accuracies)
    assert [(line.name, line.x, line.y) for line in untrained] == [(name, tuple(labels), drawn)] * 2
    assert [line.showlegend for line in untrained] == [True, False]


@pytest.mark.parametrize("size, has_numbers", [(9, True), (10, False)])
def test_cells_of_a_large_grid_have_colours_and_no_numbers(size, has_numbers):
    figure = figures.board(Cells([[0.5] * size] * size, True, 0.0, 1.0), "accuracy")
    (heat,), axes = figure.data, (figure.layout.xaxis, figure.layout.yaxis)
    assert (heat.text is not None, heat.texttemplate is not None) == (has_numbers, has_numbers)
    assert heat.showscale != has_numbers and heat.x == heat.y == tuple(range(1, size + 1))
    assert {axis.tickmode for axis in axes} == {"linear" if has_numbers else "auto"}
