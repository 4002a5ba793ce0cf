"""The functions of `probes` give what the analyses behind the pages give, with the same settings."""

import inspect

import numpy as np
import pytest
from comparison_models import HRM
from probing import FEW, TASK, forty_puzzles

import probes
import trm
from probes.comparison.files import ComparisonError
from probes.interventions.fork import cache_run
from probes.interventions.sites import InterventionError
from probes.interventions.spec import parse_all
from probes.latents.project import make_projection
from probes.latents.trajectories import record_trajectories
from probes.linear.experiment.run import run_experiment
from probes.linear.experiment.summary import ExperimentSettings
from probes.states import StateSource, time_points_of
from trm.errors import UserError

PUZZLE = "12..34....21..43"
SETTINGS = {"random": "none", "control": False, "probe": FEW}


@pytest.fixture(scope="module")
def puzzles():
    return forty_puzzles()


@pytest.fixture(scope="module")
def model(tiny_model):
    return tiny_model()


@pytest.fixture(scope="module")
def source(model, puzzles):
    points = time_points_of(model.config.depth, (1, 3), "cycles")
    return StateSource.compute(model, TASK, puzzles, time_points=points)


def test_every_function_says_what_it_raises():
    for name in probes.__all__:
        assert "Raises" in inspect.getdoc(getattr(probes, name))


def test_a_projection_is_that_of_the_latents_page(model, puzzles):
    projection = probes.project(model, puzzles, state="y", calls="last")
    trajectories = record_trajectories(model, puzzles, calls="last")
    expected = make_projection(trajectories, state="y", calls="last", command="")
    assert np.array_equal(projection.embeddings[0].coordinates, expected.embeddings[0].coordinates)
    assert projection.embeddings[0].coordinates.shape == (40, 3, 3)


def test_recorded_states_are_projected_without_a_run(source, model, puzzles):
    projection = probes.project(source, state="z")
    assert projection.calls == source.store.coordinates("z")


def test_probes_are_those_of_the_probes_page(model, puzzles, source):
    fitted = probes.fit(model, puzzles, targets=["given"], steps=[1, 3], **SETTINGS)
    settings = ExperimentSettings(targets=("given",), steps=(1, 3), **SETTINGS)
    expected = run_experiment(model, TASK, puzzles, settings)
    assert fitted.main_scores() == expected.main_scores()
    names = {name.split(" (")[0] for name in fitted.main_scores()}
    assert {"given from z", "given from y", "given from input"} <= names
    assert (
        probes.fit(source, targets=["given"], steps=[1, 3], **SETTINGS).main_scores()
        == expected.main_scores()
    )


@pytest.mark.parametrize(
    "interventions",
    ["zero y before 2.1.1", "patch z after 2.1.2 from 1.1.1; skip 3.1.*", "depth from 2 n 3 T 1 N_sup 4"],
)
def test_an_intervened_run_is_the_fork_of_the_clean_run(model, interventions):
    changed = probes.intervene(trm.run(model, PUZZLE), interventions)
    *_, fork = cache_run(model, TASK, TASK.parse(PUZZLE)).fork(parse_all(interventions))
    for name, value in vars(fork).items():
        assert np.array_equal(getattr(changed.trace, name), value), name
    assert changed.states("z", at="last").shape == (fork.steps, 16, 8)


def test_an_intervened_run_is_not_changed_again(model):
    changed = probes.intervene(trm.run(model, PUZZLE), "zero y before 2.1.1")
    with pytest.raises(InterventionError, match="not clean"):
        probes.intervene(changed, "zero z before 3.1.1")


@pytest.mark.heavy
def test_two_models_are_compared_on_the_same_puzzles(model, tiny_model, puzzles):
    other = tiny_model(seed=1, **HRM)
    other.name, other.fingerprint = "other", "1" * 16
    few = puzzles.take(np.arange(10))
    shares = []
    comparison = probes.compare(
        model, other, few, near_limit=3, progress=lambda share, text: shares.append(share)
    )
    assert all(measured.near_count == 3 for measured in comparison.models)
    assert [each.provenance.model for each in comparison.models] == ["tiny", "other"]
    assert comparison.cka_between((0, "z"), (1, "z")).shape == (6, 9)
    assert shares == sorted(shares)
    with pytest.raises(ComparisonError, match="same task and size"):
        probes.compare(model, tiny_model(sequence_length=36, vocab_size=8), few)


def test_a_model_needs_puzzles(model):
    with pytest.raises(UserError, match="needs puzzles"):
        probes.fit(model)
