"""The command line with every task and kind of model."""

import json

import numpy as np
import pytest

from trm.checkpoint import save_model
from trm.cli.main import main
from trm.data import load_puzzles
from trm.tasks import get_task

MLP = {"mixing": "mlp", "mixing_width": 8, "heads": 0, "positions": "none"}
SIZES = {
    "maze": {"task": "maze", "vocab_size": 6, "sequence_length": 49, **MLP},
    "arc": {"task": "arc", "vocab_size": 12, "sequence_length": 900, "puzzle_ids": 3, "puzzle_embedding_size": 8, **MLP},
    "small-sudoku": {"task": "sudoku", "vocab_size": 6, "sequence_length": 16, "kind": "hrm", "H_layers": 1},
    "six": {"task": "sudoku", "vocab_size": 8, "sequence_length": 36, "kind": "trm-multi-z", "latents": 2},
    "single": {"task": "sudoku", "vocab_size": 11, "sequence_length": 81, "kind": "trm-single-z", "latents": 0, **MLP},
}  # fmt: skip
PUZZLES = {
    "maze": "#######\n#S    #\n# ### #\n# #   #\n# # ###\n# #  G#\n#######",
    "arc": "012/345",
    "small-sudoku": "12..34....21..43",
    "six": "." * 36,
    "single": "." * 81,
}


@pytest.fixture
def saved(tmp_path, tiny_model):
    """Saves a tiny model of one of SIZES; returns its folder."""

    def save(name: str):
        made = tiny_model(**SIZES[name])
        save_model(tmp_path / name, made.config, made.state_dict())
        return tmp_path / name

    return save


@pytest.mark.parametrize("name", SIZES)
def test_solve_any_task(name, saved, ran, tmp_path):
    (tmp_path / "puzzle.txt").write_text(PUZZLES[name])
    result = ran("solve", "--model", saved(name), "--puzzle", tmp_path / "puzzle.txt")
    task = get_task(SIZES[name]["task"], SIZES[name]["sequence_length"])
    assert len(result["answers"]) == 3 * 2 and len(result["halt_probability"]) == result["steps"] == 3
    assert result["answer"] == result["answers"][-1]
    if name != "arc":  # an untrained model draws no grid of ARC
        assert len(result["answer"]) == task.cells and result["solved"] is False
    assert ("note" in result) == (name == "arc")


def test_a_file_of_drawn_mazes(saved, ran, refused, capsys, tmp_path):
    """Scored by eval as so many, solved one after the other, and for export one too many."""
    folder, file, drawn = saved("maze"), tmp_path / "mazes.txt", PUZZLES["maze"]
    file.write_text(f"{drawn}\n\n{drawn.replace('#S    #', '#   S #')}\n")
    assert ran("eval", "--model", folder, "--data", file)["count"] == 2
    solved = ran("solve", "--model", folder, "--puzzle", file)
    assert solved["count"] == 2 and [each["place"] for each in solved["puzzles"]] == [
        "lines 1 to 7",
        "lines 9 to 15",
    ]
    alone = ran("solve", "--model", folder, "--puzzle", drawn)
    assert solved["puzzles"][0] == {"place": "lines 1 to 7"} | alone
    main(["solve", "--model", str(folder), "--puzzle", str(file)])
    assert capsys.readouterr().out.count("halting probability") == 2
    call = ("export", "--model", folder, "--puzzle", file, "--csv", tmp_path / "a.csv")
    assert "contains 2 puzzles, but only one is exported" in refused(*call)
    file.write_text(f"{drawn}\n\n{drawn.replace('G', '?')}\n")
    for command in (("eval", "--data"), ("solve", "--puzzle")):
        says = refused(command[0], "--model", folder, command[1], file)
        assert f"{file}, lines 9 to 15: Line 14, position 6: '?' is not part of a maze" in says


def test_solve_prints_a_grid(saved, capsys):
    main(["solve", "--model", str(saved("small-sudoku")), "--puzzle", PUZZLES["small-sudoku"]])
    out = capsys.readouterr().out
    assert out.splitlines()[0].count("|") == 1 and "halting probability" in out


def test_a_puzzle_id_by_number_and_by_name(saved, ran, refused, tmp_path):
    folder = saved("arc")
    call = ("solve", "--model", folder, "--puzzle", PUZZLES["arc"], "--puzzle-id")
    assert "note" not in ran(*call, 2)
    assert "no puzzle id 3" in refused(*call, 3)
    assert "--identifiers" in refused(*call, "0a1b2c3d")
    (folder / "identifiers.json").write_text(json.dumps(["<blank>", "1a", "0a1b2c3d"]))
    assert ran(*call, "0a1b2c3d")["answers"] == ran(*call, 2)["answers"]
    assert "is not among the 2 puzzle ids" in refused(*call, "ffff")


def test_eval_of_mazes_reports_any_shortest_path(saved, ran, tmp_path):
    ran("data", "generate", "maze", "--size", 7, "--count", 4, "--min-path", 4, "--out", tmp_path / "mazes")
    scores = ran("eval", "--model", saved("maze"), "--data", tmp_path / "mazes")
    assert scores["count"] == 4 and 0 <= scores["any_shortest_path"] <= 1


def test_eval_of_arc_needs_ids(saved, ran, tmp_path):
    task = {"train": [{"input": [[1]], "output": [[2]]}], "test": [{"input": [[3]], "output": [[4, 5]]}]}
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "0a1b2c3d.json").write_text(json.dumps(task))
    call = ("eval", "--model", saved("arc"), "--data", tmp_path / "tasks")
    blank = ran(*call)
    assert blank["count"] == 1 and "scores 0" in blank["note"]
    (tmp_path / "ids.json").write_text(json.dumps(["<blank>", "0a1b2c3d"]))
    assert "note" not in ran(*call, "--identifiers", tmp_path / "ids.json")


@pytest.mark.parametrize(
    "options, cells",
    [
        (("maze", "--size", 9), 81),
        (("maze", "--size", 10, "--style", "loops", "--loops", 2), 100),
        (("maze", "--style", "random", "--difficulty", "easy"), 225),
        (("maze", "--size", 11, "--min-path", 12, "--max-path", 20), 121),
        (("sudoku", "--size", 4), 16),
        (("sudoku", "--size", 6, "--givens", "12-20"), 36),
    ],
)
def test_generate_any_task(options, cells, ran, tmp_path):
    ran("data", "generate", *options, "--count", 3, "--out", tmp_path / "set", "--split", "train")
    task = get_task(options[0], cells)
    puzzles = load_puzzles(tmp_path / "set", task, split="train")
    assert puzzles.inputs.shape == (3, cells)
    assert task.is_solved(puzzles.inputs, puzzles.labels).all()


@pytest.mark.parametrize(
    "options, words",
    [
        (("maze", "--givens", "3-4"), "--givens is not an option for maze"),
        (("sudoku", "--style", "loops"), "--style is not an option for sudoku"),
        (("sudoku", "--size", 5), "4x4, 6x6 and 9x9"),
        (("maze", "--size", 2), "Mazes of 2x2 are not supported"),
        (("maze", "--size", 5000), "Mazes of 5000x5000 are not supported"),
        (("maze", "--style", "hedge"), "Unknown maze style 'hedge'"),
        (("arc",), "cannot be generated"),
        (("chess",), "Unknown task 'chess'"),
    ],
)
def test_what_cannot_be_generated(options, words, refused, tmp_path):
    assert words in refused("data", "generate", *options, "--count", 2, "--out", tmp_path / "set")
    assert not (tmp_path / "set").exists()


@pytest.mark.parametrize("task, size", [("maze", 9), ("sudoku", 4)])
def test_convert_there_and_back(task, size, ran, tmp_path):
    """Generated as a folder, written as CSV, and as a folder again: the same puzzles."""
    common = ("--size", size, "--out")
    ran("data", "generate", task, "--count", 4, *common, tmp_path / "made")
    ran("data", "convert", task, "--data", tmp_path / "made", "--format", "csv", *common, tmp_path / "csv")
    assert ran("data", "convert", task, "--data", tmp_path / "csv", *common, tmp_path / "again")["count"] == 4
    for part in ("inputs", "labels"):
        made, again = (np.load(tmp_path / name / "test" / f"all__{part}.npy") for name in ("made", "again"))
        assert np.array_equal(made, again)


def test_mazes_go_to_csv_in_the_public_characters(ran, tmp_path):
    ran("data", "generate", "maze", "--size", 7, "--count", 1, "--format", "csv", "--out", tmp_path)
    maze = (tmp_path / "test.csv").read_text().splitlines()[1].split(",")[-5]
    assert set(maze) == set("# SG") and len(maze) == 49


def test_a_depth_can_be_forced(saved, ran):
    folder = saved("maze")
    call = ("solve", "--model", folder, "--puzzle", PUZZLES["maze"])
    assert len(ran(*call, "--T", 3, "--N_sup", 2)["answers"]) == 6
    assert ran(*call, "--L_cycles", 7)["answers"] != ran(*call)["answers"]


def test_models_of_any_kind_are_listed(saved, ran, tmp_path, monkeypatch):
    for name in SIZES:
        saved(name)
    monkeypatch.setenv("RECURSION_LENS_MODELS", str(tmp_path))
    cards = {card["name"]: card for card in ran("models")}
    assert cards["maze"]["grid"] == [7, 7] and cards["maze"]["task"] == "maze"
    assert cards["small-sudoku"]["kind"] == "hrm" and cards["six"]["grid"] == [6, 6]


def test_a_maze_without_start_is_run_but_not_solved(saved, ran):
    unfinished = PUZZLES["maze"].replace("S", " ")
    found = ran("solve", "--model", saved("maze"), "--puzzle", unfinished)
    assert found["solved"] is False and len(found["answer"]) == 49
