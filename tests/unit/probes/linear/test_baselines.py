"""Splits by puzzle, the control task, description length, and the features of the baselines."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
import torch
from planted_states import DIGITS, FEW, planted, symbols, whole

from probes.linear.baselines import derived_features, input_features
from probes.linear.control_task import control_types, control_values
from probes.linear.fit import fit_probe
from probes.linear.fitting.solver import Problems
from probes.linear.mdl import blocks_of, entropy_bits, online_code
from probes.linear.splits import PARTS, Split, SplitError, split_puzzles
from probes.linear.targets import Evidence, Values
from trm.tasks.maze import Maze
from trm.tasks.sudoku import Sudoku

# splits


def test_a_split_has_every_puzzle_once_and_depends_on_the_seed():
    split = split_puzzles(101, seed=3)
    parts = [getattr(split, part) for part in PARTS]
    assert sorted(np.concatenate(parts).tolist()) == list(range(101))
    assert [len(part) for part in parts] == pytest.approx([60.6, 15.15, 25.25], abs=1)
    assert (split_puzzles(101, seed=3).test == split.test).all()
    assert not np.array_equal(split_puzzles(101, seed=4).test, split.test)


def test_invalid_splits_are_refused():
    with pytest.raises(SplitError, match="each need at least one puzzle"):
        split_puzzles(2)
    with pytest.raises(SplitError, match="twice"):
        Split(np.array([0, 1]), np.array([2]), np.array([1]))


# control task


def test_control_labels_are_the_same_for_the_same_type():
    inputs = symbols()
    types = control_types(inputs)
    assert len(np.unique(types)) == 3 * 6
    padded = control_types(inputs - 1)  # the first symbol is then 0
    assert padded.min() >= 0 and len(np.unique(padded)) == 3 * 6
    labels = np.random.default_rng(9).choice(4, size=(120, 1, 6), p=[0.7, 0.1, 0.1, 0.1])
    everywhere = np.ones(labels.shape, bool)
    control = control_values(types, labels, everywhere, np.arange(60), seed=1)[:, 0]
    for kind in np.unique(types):
        assert len(np.unique(control[types == kind])) == 1
    assert not (control == labels[:, 0]).all()
    again = control_values(types, labels, everywhere, np.arange(60), seed=1)[:, 0]
    other = control_values(types, labels, everywhere, np.arange(60), seed=2)[:, 0]
    assert (again == control).all() and (other != control).any()
    many = np.arange(60_000).reshape(
        120, 500
    )  # with many types, control labels have the distribution of the true ones
    many_labels = np.repeat(labels, 84, axis=2)[..., :500]
    drawn = control_values(many, many_labels, np.ones(many_labels.shape, bool), np.arange(60), seed=1)
    shares = np.bincount(drawn.ravel(), minlength=4) / drawn.size
    assert shares == pytest.approx(np.bincount(labels[:60].ravel()) / labels[:60].size, abs=0.02)


def test_control_labels_have_the_proportions_of_the_step_that_is_scored():
    """Half of the cells are yes at the first step and none at the last, and so are their control labels."""
    labels = np.zeros((120, 2, 6), int)
    labels[:, 0, ::2] = 1
    control = control_values(
        np.arange(720).reshape(120, 6), labels, np.ones(labels.shape, bool), np.arange(60), seed=1
    )
    assert control[:, 0].mean() == pytest.approx(0.5, abs=0.05) and not control[:, 1].any()


def test_a_state_that_encodes_only_its_type_has_no_selectivity():
    """With a one-hot code of symbol and position, the probe memorises the control task."""
    inputs = symbols()
    types = control_types(inputs)
    _, dense = np.unique(types, return_inverse=True)
    states = np.eye(18)[dense.reshape(types.shape)][:, None]
    labels = np.random.default_rng(3).integers(4, size=18)[dense.reshape(types.shape)][:, None]
    scores = fit_probe(
        states, whole(labels), split_puzzles(120), classes=DIGITS, settings=FEW, types=types
    ).scores
    assert scores["accuracy"].value[0] == scores["control"].value[0] == 1
    assert scores["selectivity"].value[0] == 0


# description length


def test_blocks_grow_and_end_with_all_puzzles():
    assert blocks_of(1000) == (1, 2, 4, 8, 16, 32, 63, 125, 250, 500, 1000)
    assert blocks_of(3) == (1, 2, 3)


def test_description_length_of_a_signal_and_of_random_labels():
    states, values = planted(puzzles=200, cells=8, time_points=3, strength=5.0)
    random = whole(np.random.default_rng(11).integers(4, size=(200, 1, 8)))
    settings = replace(FEW, code_length=True)
    split = split_puzzles(200)
    signal = fit_probe(states, values, split, classes=DIGITS, settings=settings).code
    labels = len(split.train) * 8
    assert signal.uniform_bits == pytest.approx(np.full(3, labels * 2))  # 2 bits each
    assert signal.compression[-1] > 5 and signal.compression[0] < 1.05
    noise = fit_probe(states, random, split, classes=DIGITS, settings=settings).code
    assert (noise.bits > 0.97 * noise.uniform_bits).all() and np.isfinite(noise.bits).all()
    assert signal.puzzles == blocks_of(len(split.train))


def test_a_rare_class_that_states_do_not_encode_is_not_compressed():
    """The uniform code takes 1 bit per label and the label entropy is 0.2 bits: only relative to the first is there a gain."""
    rng = np.random.default_rng(4)
    rare = whole((rng.random((200, 1, 10)) < 0.03).astype(int))
    states = rng.normal(size=(200, 1, 10, 4))
    code = fit_probe(
        states, rare, split_puzzles(200), classes=("no", "yes"), settings=replace(FEW, code_length=True)
    ).code
    assert code.uniform_bits[0] / code.bits[0] > 3 and 0.8 < code.compression[0] <= 1
    assert entropy_bits(np.array([[3, 1], [4, 0], [0, 0]])).tolist() == pytest.approx([3.245, 0, 0], abs=1e-3)


def test_description_length_counts_the_first_block_as_uniform():
    """With one training puzzle, there is no block before it."""
    states, values = planted(puzzles=4, time_points=1)
    split = Split(np.array([0]), np.array([1]), np.array([2, 3]))
    code = fit_probe(states, values, split, classes=DIGITS, settings=replace(FEW, code_length=True)).code
    assert code.bits.tolist() == code.uniform_bits.tolist() == [12.0]


def test_the_online_code_by_hand():
    """Two puzzles with two cells of four classes. The first is sent with 2 bits for each label, both of class 0.

    Then a class that occurred n = 2 times of 2 has probability (2 + 1) / (2 + 4), and any other 1 / (2 + 4).
    """
    y, puzzle = torch.tensor([[0, 0, 0, 1]]), torch.tensor([0, 0, 1, 1])
    given = Problems(torch.ones(1, 4, 1), y, torch.ones(1, 4))
    bits, uniform = online_code(given, puzzle, puzzles=2, classes=4, C=torch.ones(1).double())
    assert uniform.tolist() == [8] and bits.tolist() == pytest.approx([4 + 1 + np.log2(6)])


def test_the_online_code_of_a_probe_that_may_not_learn():
    """With the strongest regularisation, both classes keep probability 1/2, whatever the states."""
    x = torch.tensor([[[-1.0, 1], [1, 1], [-1, 1], [1, 1]]])
    given = Problems(x, torch.tensor([[0, 1, 0, 1]]), torch.ones(1, 4))
    puzzle = torch.tensor([0, 0, 1, 1])
    code = [
        online_code(given, puzzle, puzzles=2, classes=2, C=torch.full((1,), C).double())[0]
        for C in (1e-9, 1e9)
    ]
    assert code[0] == pytest.approx(4, abs=1e-6) and code[1] == pytest.approx(
        2 + 2 * np.log2(4 / 3), abs=1e-3
    )


# baselines


def test_input_features_of_a_sudoku():
    task = Sudoku()
    inputs, _ = task.generate_many(40, seed=2)
    features = input_features(task, inputs)
    assert features.shape == (40, 1, 81, 28 * 11) and (features.sum(-1) == 28).all()
    cell = np.array([1, 5, 9])  # any cells; the first symbol is the cell's own
    assert (features[:, 0, cell, :11].argmax(-1) == inputs[:, cell]).all()
    units = features[:, 0, 40].reshape(40, 28, 11).argmax(-1)
    grid = inputs.reshape(40, 9, 9)
    assert (units[:, 1:10] == grid[:, 4]).all() and (units[:, 10:19] == grid[:, :, 4]).all()
    assert (units[:, 19:] == grid[:, 3:6, 3:6].reshape(40, 9)).all()
    counts = input_features(task, inputs, cells=False)
    assert counts.shape == (40, 1, 1, 11) and (counts[:, 0, 0, 1] == (inputs == 1).sum(1)).all()
    left = np.stack([task.cell_features(puzzle)["candidates"] for puzzle in inputs])[:, None]
    values = Values(np.where(left < 0, 0, left & 1).astype(np.int16), left >= 0)
    result = fit_probe(features, values, split_puzzles(40), classes=("no", "yes"), settings=FEW)
    assert result.scores["balanced_accuracy"].value[0] > 0.9  # candidates are easy to decode from the input


def test_input_features_of_a_maze():
    task = Maze(5)
    maze = task.parse("S....\n###.#\n.....\n.##.#\n....G")
    features = input_features(task, maze[None]).reshape(25, 25, 6)
    assert (features[12].argmax(-1) == maze).all()  # the neighbourhood of the middle is the whole maze
    corner = features[0].argmax(-1).reshape(5, 5)
    assert (corner[:2] == 0).all() and (corner[:, :2] == 0).all()
    assert (corner[2:, 2:] == maze.reshape(5, 5)[:3, :3]).all()
    opposite = features[24].argmax(-1).reshape(5, 5)
    assert (opposite[3:] == 0).all() and (opposite[:, 3:] == 0).all()
    assert (opposite[:3, :3] == maze.reshape(5, 5)[2:, 2:]).all()


def test_derived_features_of_a_sudoku_give_its_singles():
    """The number of candidates gives naked singles, and the filled digits are correct."""
    task = Sudoku()
    inputs, labels = task.generate_many(40, seed=2)
    evidence = Evidence(task, inputs, labels)
    features = derived_features(evidence)
    assert features.shape == (40, 1, 81, 9 + 11 + 3 * 10 + 1 + 9)
    left = evidence.facts["candidates_left"]
    assert (features[:, 0, :, :9].sum(-1) == np.maximum(left, 0)).all()
    assert (features[:, 0, :, 9:20].argmax(-1) == left + 1).all()
    assert (features[:, 0, :, 9:20].sum(-1) == 1).all()
    assert (features[:, 0, :, 9 + 11 + 9] == (~evidence.givens).reshape(40, 9, 9).sum(2).repeat(9, 1)).all()
    filled = features[:, 0, :, -9:]
    digit = np.where(filled.any(-1), filled.argmax(-1) + 2, 0)
    assert (digit[digit > 0] == labels[digit > 0]).all() and not digit[evidence.givens].any()
    singles = Values((left == 1).astype(np.int16)[:, None], (left >= 0)[:, None])
    result = fit_probe(features, singles, split_puzzles(40), classes=("no", "yes"), settings=FEW)
    assert result.scores["auroc"].value[0] > 0.999


def test_derived_features_of_many_puzzles_take_less_memory_than_the_features():
    task = Maze(9)
    mazes, _ = task.generate_many(8, seed=2)
    evidence = Evidence(task, np.tile(mazes, (256, 1)))
    evidence.facts  # noqa: B018 - part of every experiment, not of these features
    tracemalloc.start()
    features = derived_features(evidence)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (features[:8] == derived_features(Evidence(task, mazes))).all()
    assert (features[-8:] == features[:8]).all()
    assert peak < features.nbytes / 2


def test_derived_features_of_a_maze_give_the_position_of_a_cell():
    task = Maze(5)
    maze = task.parse("S....\n###.#\n.....\n.##.#\n....G")
    features = derived_features(Evidence(task, maze[None]))
    assert features.shape == (1, 1, 25, 10 + 6)
    row, column = features[0, 0, 13, :5].argmax(), features[0, 0, 13, 5:10].argmax()
    assert (row, column) == (2, 3) and features[0, 0, 13, 10:].tolist() == [2, 3, -2, -1, 5, 3]
