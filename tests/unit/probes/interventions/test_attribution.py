"""Attribution: weight times input on a linear model, complete on a real one; ablation equals the puzzle without the given."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from probes.cli.main import main
from probes.interventions.attribution import gradients
from probes.interventions.attribution.gradients import (
    HALTING,
    AttributedOutput,
    ablation,
    blanked,
    completeness_error,
    integrated_gradients,
    single_givens,
    units,
    without_givens,
)
from probes.interventions.attribution.mixing import peers_of
from probes.interventions.attribution.peers import effects_of_givens, peer_effects
from probes.interventions.attribution.results import attributed
from probes.interventions.fork import cache_run
from probes.interventions.sites import InterventionError
from trm.checkpoint import load_model, save_model
from trm.coordinates import F_H, Coordinates, Depth
from trm.data import PuzzleSet, load_presets
from trm.models import TRM
from trm.progress import no_progress
from trm.recursion import State, deep_supervision
from trm.tasks import get_task
from trm.tasks.sudoku import Sudoku

SMALL = Sudoku(2, 2)
PUZZLE = SMALL.parse("12..34....21..43")
MLP = {"mixing": "mlp", "mixing_width": 20, "heads": 0, "positions": "none"}


class LinearTRM(TRM):
    """f_L adds x to z, and f_H copies z to y: after one supervision step y = z0 + calls * x."""

    def f_L(self, x, state, call):
        return State(state.y, state.z + x)

    def f_H(self, x, state):
        return State(state.z, state.z)


@pytest.fixture
def linear(tiny_model):
    model = tiny_model(**MLP)
    model.__class__ = LinearTRM
    return cache_run(model, SMALL, PUZZLE)


@pytest.fixture
def run(tiny_model):
    return cache_run(tiny_model(**MLP), SMALL, PUZZLE)


def test_on_a_linear_model_gradients_equal_weight_times_input(linear):
    output = AttributedOutput(linear, step=1, cell=6, token=3, span="step")
    found = integrated_gradients(output, steps=4)
    x, blank = output.embed(PUZZLE), output.embed(without_givens(SMALL, PUZZLE))
    calls = 4  # n T
    by_hand = calls * ((x - blank)[0, 1:] @ linear.model.lm_head.weight[3])
    expected = np.zeros(16)
    expected[6] = by_hand[6]  # positions are not mixed here
    assert found.cells == pytest.approx(expected, abs=1e-4) and found.points == 8  # points come in eights
    given = AttributedOutput(linear, step=1, cell=0, token=3, span="step")
    assert integrated_gradients(given, steps=4).cells[0] == pytest.approx(float(by_hand[0]), abs=1e-4)
    assert abs(by_hand[0]) > 1e-3 and integrated_gradients(given, steps=4).error < 1e-4


@pytest.mark.parametrize("cell", [2, HALTING])
@pytest.mark.parametrize("span", ["cycle", "step"])
def test_gradients_are_complete_on_a_real_net(run, cell, span):
    torch.nn.init.normal_(run.model.q_head.weight, generator=torch.Generator().manual_seed(1))
    found = integrated_gradients(AttributedOutput(run, 2, cell, token=3, span=span), steps=64)
    difference = found.value - found.baseline
    assert found.error < 0.01 and found.points >= 64
    assert found.cells.sum() == pytest.approx(difference, abs=0.01 * abs(difference))


def test_where_the_gradient_changes_most_the_line_is_split_until_the_points_run_out(run, monkeypatch):
    output = AttributedOutput(run, 2, 2, token=3, span="step")
    coarse = integrated_gradients(output, steps=8)
    monkeypatch.setattr(gradients, "TOLERANCE", 0.0)
    seen = []
    fine = integrated_gradients(output, steps=8, most=40, progress=lambda share, text: seen.append(share))
    assert coarse.points < fine.points == 40 and seen[-1] == 1.0
    assert fine.error <= coarse.error
    assert fine.cells.sum() == pytest.approx(coarse.cells.sum(), rel=0.02)


def test_progress_counts_the_points_on_the_line(run, monkeypatch):
    monkeypatch.setattr(gradients, "TOLERANCE", 0.0)
    output, seen = AttributedOutput(run, 2, 2, token=3, span="step"), []
    integrated_gradients(output, steps=16, most=64, progress=lambda share, text: seen.append(share))
    assert seen == [0, 8 / 64, 32 / 64, 48 / 64, 1]


@pytest.mark.parametrize("token, span", [(3, "cycle"), (4, "step")])
def test_the_line_is_split_until_the_error_is_a_small_share_of_the_difference(run, monkeypatch, token, span):
    """Differences of 0.04 and of 1.8."""
    monkeypatch.setattr(gradients, "TOLERANCE", 1e-4)
    found = integrated_gradients(AttributedOutput(run, 2, 2, token=token, span=span), steps=8)
    assert found.error <= 1e-4 and 8 < found.points < 64


def test_a_logit_that_does_not_depend_on_the_puzzle_needs_no_further_points(run):
    """The halting head of a model that is not trained returns its bias."""
    found = integrated_gradients(AttributedOutput(run, 2, HALTING), steps=8)
    assert (found.value, found.error, found.points) == (found.baseline, 0, 8) and not found.cells.any()


def test_completeness_error():
    assert completeness_error(1.02, 1.0) == pytest.approx(0.02)
    assert completeness_error(0.0, 0.0) == 0 and completeness_error(0.1, 0.0) == float("inf")


def test_ablation_matches_the_puzzle_without_the_given(run):
    output = AttributedOutput(run, 3, cell=2, token=4, span="run")
    reports = []
    found = ablation(output, single_givens(SMALL, PUZZLE), progress=lambda *report: reports.append(report))
    assert reports == [(0, "removing givens"), (8 / 9, "removing givens")]  # nine puzzles, eight at a time
    assert found.names[:3] == ("r1c1", "r1c2", "r2c1") and len(found.names) == 8
    for cell, effect in zip(np.flatnonzero(SMALL.givens(PUZZLE)), found.effect, strict=True):
        inputs = PUZZLE.copy()
        inputs[cell] = 1
        tokens = torch.from_numpy(inputs.astype(np.int64))[None]
        *_, last = deep_supervision(run.model, tokens, torch.zeros(1).long(), depth=run.depth)
        assert found.value - effect == pytest.approx(float(last.heads.logits[0, 2, 4]), abs=1e-4)


@pytest.mark.parametrize("span", ["cycle", "step", "run"])
def test_every_span_ends_at_the_state_of_the_run(run, span):
    output = AttributedOutput(run, 2, cell=2, token=4, span=span)
    with torch.no_grad():
        heads = output.heads(output.embed(PUZZLE))
    assert torch.equal(
        heads.logits, run.model.decode(run.states[max(at for at in run.states if at.supervision_step == 2)].y)
    )


@pytest.mark.parametrize("span", ["cycle", "step", "run"])
def test_every_span_can_end_at_any_cycle_of_the_run(run, span):
    assert run.depth.T > 1
    output = AttributedOutput(run, 2, cell=2, token=4, span=span, cycle=1)
    with torch.no_grad():
        heads = output.heads(output.embed(PUZZLE))
    end = Coordinates(2, 1, run.depth.n + 1, F_H)
    assert torch.equal(heads.logits, run.model.decode(run.states[end].y))


@pytest.mark.parametrize("cycle", [1, 2])
def test_the_effects_on_a_difference_of_logits_are_the_differences_of_the_effects(run, cycle):
    one, other = (
        ablation(AttributedOutput(run, 2, 2, token, cycle=cycle), single_givens(SMALL, PUZZLE))
        for token in (4, 3)
    )
    versus = ablation(AttributedOutput(run, 2, 2, 4, "cycle", cycle, 3), single_givens(SMALL, PUZZLE))
    assert versus.effect == pytest.approx(one.effect - other.effect, abs=1e-5)
    found = integrated_gradients(AttributedOutput(run, 2, 2, 4, "cycle", cycle, 3))
    assert found.value == pytest.approx(one.value - other.value, abs=1e-5)
    assert found.cells.sum() == pytest.approx(found.value - found.baseline, rel=0.02)


def test_units_and_blank_cells():
    masks = dict(units(SMALL))
    assert [*masks] == [f"{kind} {number}" for kind in ("row", "column", "box") for number in (1, 2, 3, 4)]
    assert np.flatnonzero(masks["row 2"]).tolist() == [4, 5, 6, 7]
    assert np.flatnonzero(masks["column 2"]).tolist() == [1, 5, 9, 13]
    box = masks["box 2"]
    assert np.flatnonzero(box).tolist() == [2, 3, 6, 7]
    assert blanked(SMALL, PUZZLE, box)[[2, 3, 6, 7]].tolist() == [1, 1, 1, 1]
    maze = get_task("maze", 49)
    assert len(units(maze)) == 14
    with pytest.raises(InterventionError, match="cannot be blank"):
        without_givens(get_task("arc"), np.zeros(900, np.uint8))


@pytest.mark.parametrize(
    ("step", "cell", "token", "message"),
    [(9, 0, 0, "supervision step 9"), (1, 99, 0, "cell 100"), (1, 0, 99, "token 99")],
)
def test_outputs_that_do_not_exist(run, step, cell, token, message):
    with pytest.raises(InterventionError, match=message):
        AttributedOutput(run, step, cell, token)
    with pytest.raises(InterventionError, match="token 99"):
        AttributedOutput(run, 1, 0, 0, versus=99)


# ---- peers


def test_peers():
    sudoku, maze = peers_of(Sudoku()), peers_of(get_task("maze", 49))
    assert (sudoku.sum(1) == 20).all() and (sudoku == sudoku.T).all()
    assert np.flatnonzero(maze[0]).tolist() == [1, 7] and maze[24].sum() == 4


class AllTRM(LinearTRM):
    """y of a cell is the sum of x over all cells, so a given has the same effect on every cell."""

    def f_L(self, x, state, call):
        return State(state.y, x[:, 1:].sum(1, keepdim=True).expand_as(x))


def test_cells_without_a_relation_count_as_others(tiny_model):
    inputs, labels = SMALL.generate_many(3, seed=1)
    model = tiny_model(**MLP)
    model.__class__ = AllTRM
    reports = []
    found = peer_effects(
        model, SMALL, PuzzleSet.of("three", SMALL, inputs, labels), cells_each=2,
        progress=lambda *report: reports.append(report),
    )  # fmt: skip
    sizes = np.concatenate(
        [abs(effects_of_givens(cache_run(model, SMALL, grid), 1)).ravel() for grid in inputs]
    )
    for part in (found.peers, found.others, *found.by_distance.values()):
        assert 0 < sizes.min() - 1e-5 <= part <= sizes.max() + 1e-5
    assert found.bands["others"][0] <= found.others <= found.bands["others"][1]
    assert found.ratio == pytest.approx(found.peers / found.others, rel=1e-4)
    assert reports == [(n / 3, f"removing the givens of puzzle {n + 1} of 3") for n in range(3)]


class PeerTRM(LinearTRM):
    """y of a cell is the sum of x over its peers."""

    def f_L(self, x, state, call):
        among = torch.from_numpy(peers_of(SMALL)).float()
        return State(state.y, torch.cat((x[:, :1], among @ x[:, 1:]), 1))


def test_existing_structure_is_found(tiny_model):
    inputs, labels = SMALL.generate_many(4, seed=1)
    puzzles = PuzzleSet.of("four", SMALL, inputs, labels)
    model = tiny_model(**MLP)
    model.__class__ = PeerTRM
    found = peer_effects(model, SMALL, puzzles, cells_each=3)
    assert found.cells == 12 and found.peers > 0.01 and found.others < 1e-5
    assert found.by_distance["no unit"] < 1e-5
    assert found.facts()["bands"]["peers"][0] <= found.facts()["peers"] <= found.facts()["bands"]["peers"][1]


def test_effects_of_givens_are_those_of_ablation(run):
    effects = effects_of_givens(run, 2)
    token = int(run.trace.answers[2 * run.depth.T - 1][5])
    found = ablation(AttributedOutput(run, 2, 5, token, "step"), single_givens(SMALL, PUZZLE))
    assert effects[:, 5] == pytest.approx(found.effect, abs=1e-4)


# ---- results in words


@pytest.mark.parametrize("step, cycle, index", [(1, 1, 0), (2, 1, 2), (2, None, 3), (3, 2, 5)])
def test_the_attributed_token_is_the_answer_after_the_cycle(run, step, cycle, index):
    answers = np.full_like(run.trace.answers, 2)
    answers[index, 6] = 4
    run.trace = replace(run.trace, answers=answers)
    found = attributed(run, step=step, cycle=cycle, cell=6, method="givens", progress=no_progress)
    assert found.of == "logit of 3 in r2c3"
    givens = np.flatnonzero(SMALL.givens(PUZZLE))
    assert [found.cells[cell] for cell in givens] == found.table["effect"]
    assert [cell for cell in range(16) if found.cells[cell] is not None] == givens.tolist()


def test_units_have_no_effect_of_single_cells(run):
    found = attributed(run, step=1, cell=HALTING, method="units", progress=no_progress)
    assert found.of == "halting logit" and found.cells == [None] * 16
    assert found.table["what"][4:6] == ["column 1", "column 2"]


# ---- the bundled model, and the command line


@pytest.mark.heavy
def test_completeness_of_the_bundled_model():
    model, task = load_model("sudoku-trm"), get_task("sudoku")
    inputs = task.parse(load_presets("sudoku")[0].puzzle)
    depth = model.config.depth
    clean = cache_run(model, task, inputs, depth=Depth(n=depth.n, T=depth.T, N_sup=1))
    cell = int(np.flatnonzero(~task.givens(inputs))[0])
    found = integrated_gradients(AttributedOutput(clean, 1, cell, int(clean.trace.answers[-1][cell])))
    assert found.error < 0.01


@pytest.mark.heavy
def test_attribution_on_the_command_line(tmp_path, tiny_model, capsys, monkeypatch):
    model = tiny_model(**MLP)
    save_model(tmp_path, model.config, model.state_dict())
    base = ["attribute", "--model", str(tmp_path), "--puzzle", "12..34....21..43", "--json"]
    for method, size in (("gradients", 16), ("givens", 8), ("units", 12)):
        main([*base, "--cell", "r1c3", "--step", "2", "--method", method])
        printed = json.loads(capsys.readouterr().out)
        assert len(printed["table"]["effect"]) == size and printed["step"] == 2
    main([*base, "--cell", "r1c1"])  # the first cell
    assert json.loads(capsys.readouterr().out)["of"].endswith(" in r1c1")
    main([*base, "--cell", "r1c3", "--step", "2", "--cycle", "1", "--token", "3", "--versus", "blank"])
    printed = json.loads(capsys.readouterr().out)
    assert printed["of"] == "logit of 3 minus logit of blank in r1c3" and printed["cycle"] == 1
    for wrong, message in (
        ("--cycle=9", "no cycle 9"),
        ("--versus=7", "no symbol '7'. Choose one of: pad, blank, 1"),
        (f"--versus={'7' * 30}", f"no symbol '{'7' * 20}'."),
    ):
        with pytest.raises(SystemExit):
            main([*base, "--cell", "r1c3", wrong])
        assert message in capsys.readouterr().err
    main([*base, "--halting"])
    assert json.loads(capsys.readouterr().out)["of"] == "halting logit"
    with pytest.raises(SystemExit):
        main(base)
    assert "--cell" in capsys.readouterr().err
