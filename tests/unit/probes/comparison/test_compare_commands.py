"""`probes compare` and `probes similarity`: what they print, the files they write, mistakes."""

import json
from pathlib import Path

import pytest
from comparison_models import HRM, TASK
from pyarrow.parquet import read_table

from probes.cli.main import main
from trm.checkpoint import save_model


@pytest.fixture
def folders(tiny_model, tmp_path, puzzles) -> tuple[Path, Path, Path]:
    """Two models and a set, as files."""
    for name, model in (("one", tiny_model()), ("two", tiny_model(seed=1, **HRM))):
        (tmp_path / name).mkdir()
        save_model(tmp_path / name, model.config, model.state_dict())
    data = tmp_path / "set.txt"
    data.write_text("\n".join(map(TASK.format, puzzles.inputs)))
    return tmp_path / "one", tmp_path / "two", data


def call(capsys, *words: object) -> dict:
    main([*map(str, words), "--json"])
    return json.loads(capsys.readouterr().out)


@pytest.mark.heavy
def test_compare_writes_json_and_parquet(folders, tmp_path, capsys):
    one, two, data = folders
    printed = call(
        capsys,
        "compare",
        "--model",
        one,
        "--compare-with",
        two,
        "--data",
        data,
        "--limit",
        8,
        "--few",
        2,
        "--out",
        tmp_path / "c.json",
    )
    assert printed["puzzles"] == 8 and set(printed["one"]["near_complete"]) == set("12345")
    comparison = json.loads((tmp_path / "c.json").read_text())
    assert [each["provenance"]["kind"] for each in comparison["models"]] == ["trm", "hrm"]
    curves = read_table(tmp_path / "c.parquet").to_pandas()
    solved = curves[(curves.model == "two") & (curves.quantity == "solved")]
    assert solved["value"].tolist() == comparison["models"][1]["solved"]["middle"] and solved[
        "at"
    ].tolist() == [
        1,
        2,
        3,
    ]
    assert read_table(tmp_path / "c-cka.parquet").num_rows == len(comparison["cka"]) ** 2


def test_similarity_within_one_model_and_across_two(folders, tmp_path, capsys):
    one, two, data = folders
    within = call(capsys, "similarity", "--model", one, "--data", data)
    assert list(within["cka_at_the_end"]) == ["one y ~ one z"]
    across = call(
        capsys, "similarity", "--model", one, "--compare-with", two, "--data", data, "--out", tmp_path / "s"
    )
    assert len(across["cka_at_the_end"]) == 6
    assert across["cka_at_the_end"]["one y ~ one z"] == within["cka_at_the_end"]["one y ~ one z"]
    table = read_table(tmp_path / "s.parquet").to_pandas()
    last = table.query(
        "model_a == 'one' and state_a == 'y' and model_b == 'two' and state_b == 'z' and step_a == 3 and cycle_a == 2 and step_b == 3 and cycle_b == 3"
    )
    assert last.cka.item() == pytest.approx(across["cka_at_the_end"]["one y ~ two z"], abs=6e-4)
    written = json.loads((tmp_path / "s.json").read_text())
    assert len(written["time_points"]) == len(written["cka"]) == 30


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--compare-with", "sudoku-trm"], "Choose two models of the same task and size"),
        (["--compare-with", "no-such"], "no-such"),
        (["--limit", "0"], "A limit of 0"),
        (["--limit", "3"], "at least 4 puzzles"),
        (["--data", "no-such"], "There is no puzzle set"),
        (["--record"], "does not come with the app"),
    ],
    ids=str,
)
def test_mistakes_are_one_line(folders, capsys, words, message):
    one, two, data = folders
    with pytest.raises(SystemExit) as end:
        main(
            [
                "compare",
                "--model",
                str(one),
                "--compare-with",
                str(two),
                "--data",
                str(data),
                "--few",
                "1",
                *words,
            ]
        )
    assert end.value.code == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


def test_findings_of_a_recorded_comparison_need_no_data(tmp_path, capsys):
    printed = call(
        capsys,
        "compare",
        "--model",
        "maze-trm",
        "--compare-with",
        "maze-hrm",
        "--findings",
        tmp_path / "f.md",
    )
    assert printed["puzzles"] >= 100
    text = (tmp_path / "f.md").read_text()
    assert "| solved after 1, 2, 4, 8, 16 steps |" in text
    assert "cannot be attributed to the architecture" in text
    command = (
        "`python -m probes compare --model maze-trm --compare-with maze-hrm --data maze/test --limit 100`"
    )
    assert command in text
    assert "blank" not in text  # there are no near-complete mazes
    for words, says in (([], "--data is missing"), (["--findings", tmp_path / "g.md"], "cannot be read")):
        with pytest.raises(SystemExit):
            main(["compare", "--model", "maze-hrm", "--compare-with", "maze-trm", *map(str, words)])
        assert says in capsys.readouterr().err
