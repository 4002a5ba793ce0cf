"""What a lecture says: texts with the facts of a run, translations, scenes with their runs and quizzes, the code view."""

import json
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest

from app.screens.lecture.code_view import recursion_file, source
from app.screens.lecture.contents import Lecture
from app.screens.lecture.language import fill_in, languages, paragraphs, read_language
from app.screens.lecture.own_model import words_of
from app.screens.lecture.quizzes import quiz_of
from app.screens.lecture.runs import read_run, runs_for
from app.screens.lecture.scenes import FOLDER, LectureError, Scene, read_scenes
from app.ui.progress import Words
from trm.coordinates import Coordinates, Depth
from trm.export.run_facts import model_facts
from trm.player.bundle import english_texts


@pytest.fixture(scope="module")
def bundled() -> Lecture:
    return Lecture()


# ---- texts


def test_facts_are_filled_in_with_the_matching_word_form():
    facts = {"n": 1, "T": 6, "parameters": 392706, "p": 0.5, "name": "trm", "left.n": 2}
    assert fill_in("{n|call|calls} and {T|call|calls}", facts) == "1 call and 6 calls"
    assert fill_in("{name}: {parameters}, p = {p}, {left.n}", facts) == "trm: 392\u202f706, p = 0.50, 2"
    forms = [fill_in("{k|вызов|вызова|вызовов}", {"k": k}) for k in (1, 4, 5, 11, 14, 20, 21, 24, 112)]
    assert [form.split()[1] for form in forms] == [
        *("вызов", "вызова", "вызовов", "вызовов", "вызовов", "вызовов", "вызов", "вызова", "вызовов"),
    ]


def test_a_paragraph_is_included_if_its_condition_holds():
    text = "Always.\n\n[solved] Solved\nafter {step}.\n\n[not solved, halts] Halts.\n\n[not solved, not halts] Never."
    assert paragraphs(text, {"solved": True, "step": 3, "halts": True}) == ["Always.", "Solved after 3."]
    assert paragraphs(text, {"solved": False, "step": None, "halts": True}) == ["Always.", "Halts."]
    assert paragraphs(text, {"solved": False, "step": None, "halts": False}) == ["Always.", "Never."]


@pytest.mark.parametrize(
    "text, message",
    [
        ("{nothing}", "No fact is called 'nothing'. Available: n, none, word"),
        ("{none}", "{none} has no value in this run"),
        ("{word|one|many}", "needs a number"),
        ("{n|one}", "two or three forms"),
    ],
)
def test_a_text_that_cannot_be_filled_in_raises_the_reason(text, message):
    with pytest.raises(LectureError) as error:
        fill_in(text, {"n": 1, "none": None, "word": "a"})
    assert message in str(error.value)


@pytest.mark.parametrize("code", languages())
def test_every_language_has_every_scene(bundled, code):
    texts = bundled.texts(code)
    assert list(texts["scenes"]) == [scene.id for scene in bundled.scenes]
    everything = json.dumps(texts, ensure_ascii=False)
    assert "[not " not in everything and "[solved" not in everything
    for scene in texts["scenes"].values():
        assert scene["title"] and scene["text"] and scene["question"] and scene["answer"] and scene["notes"]
    assert set(read_language(code).words) == set(read_language("en").words)


def test_a_language_is_one_file(tmp_path, bundled):
    assert languages() == ["en", "ru"]
    for path in FOLDER.glob("*.toml"):
        shutil.copy(path, tmp_path)
    (tmp_path / "xx.toml").write_text(
        (FOLDER / "en.toml").read_text("utf-8").replace('name = "English"', 'name = "X"')
    )
    assert languages(tmp_path) == ["en", "ru", "xx"] and read_language("xx", tmp_path).name == "X"
    (tmp_path / "yy.toml").write_text('name = "Y"\n[words]\n[scene]\n')
    with pytest.raises(LectureError, match=r"yy\.toml lacks words\.scene"):
        read_language("yy", tmp_path)


@pytest.mark.parametrize("code", [code for code in languages() if code != "en"])
def test_a_language_translates_all_player_words_with_their_placeholders(code):
    def placeholders(text: str) -> list[str]:
        return sorted(re.findall(r"\{(\w+)", text))

    own, player = english_texts(), read_language(code).player
    assert set(player) == set(own) and player["language"] == code
    fixed = {"row_and_column"}  # a lecture has one name for this, whatever the cell
    assert [word for word in set(own) - fixed if placeholders(player[word]) != placeholders(own[word])] == []


def test_texts_of_jobs_and_loading_models_are_translated():
    english = words_of(read_language("en"))
    assert english == Words()
    for code in languages():
        for name, text in vars(words_of(read_language(code))).items():
            assert re.findall(r"\{\w+\}", text) == re.findall(r"\{\w+\}", getattr(english, name)), (
                code,
                name,
            )
            assert code == "en" or text != getattr(english, name), (code, name)


def test_an_unknown_player_word_is_named_in_the_error(tmp_path):
    for path in FOLDER.glob("*.toml"):
        shutil.copy(path, tmp_path)
    english = (FOLDER / "en.toml").read_text("utf-8")
    (tmp_path / "xx.toml").write_text(english.replace("[player]", '[player]\nplya = "x"'))
    with pytest.raises(LectureError, match=r"xx\.toml: player\.plya is not a word of the player"):
        read_language("xx", tmp_path)


def test_another_checkpoint_changes_the_numbers_in_the_texts(bundled):
    """No depth or size is typed into a text: a model of other sizes gives other numbers."""
    run = read_run("sudoku-trm/easy")
    depth = Depth(n=3, T=2, N_sup=4)
    config = replace(run.config, hidden_size=96, layers=3, **vars(depth))
    facts = (
        run.facts
        | model_facts(config, depth)
        | {"parameters": 1234, "puzzle": "p", "z_head": 1, "z_embedding": 1}
    )
    facts |= {"y_head": 1, "y_embedding": 1, "readable": True}
    scenes = read_language("en").scenes
    assert "= **96 layers**" in " ".join(paragraphs(scenes["depth"]["text"], facts))
    assert "3 times in a row" in " ".join(paragraphs(scenes["n-calls"]["text"], facts))
    assert fill_in(scenes["n-calls"]["title"], facts) == "3 f_L calls: think longer"
    assert "vector of 96 numbers" in " ".join(paragraphs(scenes["states"]["text"], facts))
    assert config.effective_depth == 3 * (3 + 1) * 2 * 4


def test_the_effective_depth_of_the_papers_models():
    """672 layers for TRM and 384 for HRM (arXiv 2510.04871)."""
    trm = read_run("sudoku-trm/easy").config
    assert replace(trm, layers=2, n=6, T=3, N_sup=16).effective_depth == 672
    hrm = read_run("sudoku-hrm/hard").config
    assert replace(hrm, layers=4, H_layers=4, n=2, T=2, N_sup=16).effective_depth == 384


# ---- scenes and runs


def test_a_scene_starts_at_a_call_of_its_run():
    scene = Scene(id="a", runs=("r",), at="halt.T.H")
    assert scene.start(Depth(6, 3, 16), halt=4, solved=None) == Coordinates(4, 3, 7, "f_H")
    assert scene.start(Depth(2, 2, 8), halt=None, solved=None) == Coordinates(8, 2, 3, "f_H")
    assert replace(scene, at="1.9.n").start(Depth(2, 2, 8), halt=None, solved=1) == Coordinates(
        1, 2, 2, "f_L"
    )


@pytest.mark.parametrize(
    "entry, message",
    [
        ('id = "a"\nruns = ["r"]', "at is missing"),
        ('id = "a"\nruns = ["r"]\nat = "1.2"', "Write step.cycle.call"),
        ('id = "a"\nruns = ["r"]\nat = "1.0.1"', "Write step.cycle.call"),
        ('id = "a"\nruns = ["r"]\nat = "1.1.1"\nmode = "fog"', "mode cannot be 'fog'"),
        ('id = "a"\nruns = ["r"]\nat = "1.1.1"\npoint = ["w"]', "point cannot be 'w'"),
        ('id = "a"\nruns = ["r"]\nat = "1.1.1"\npair = true', "a pair needs two runs, not 1"),
        ('id = "a"\nruns = "r"\nat = "1.1.1"', "runs must be a list"),
        ('id = "a"\nruns = ["r"]\nat = "1.1.1"\nfog = 1', "unknown field 'fog'"),
        (
            'id = "a"\nruns = ["r"]\nat = "1.1.1"\n[[scene]]\nid = "a"\nruns = ["r"]\nat = "1.1.1"',
            "two with the same id",
        ),
        (
            'id = "a"\nruns = ["r"]\nat = "1.1.1"\nquiz = "text"',
            "needs right, the number of the right choice",
        ),
        ('id = "a"\nruns = ["r"]\nat = "1.1.1"\nright = 1', "other scenes must not have it"),
        ("id = ", "is not valid TOML"),
    ],
)
def test_an_invalid_scene_raises_the_reason(tmp_path, entry, message):
    path = tmp_path / "scenes.toml"
    path.write_text(f"[[scene]]\n{entry}\n")
    with pytest.raises(LectureError) as error:
        read_scenes(path)
    assert message in str(error.value) and "\n" not in str(error.value).partition(" is not valid TOML")[0]


class FakeRun:
    """A run that ends solved or not, first solved at that answer."""

    def __init__(self, solved: bool, answers: int | None):
        self.facts = {"solved": solved, "solved_answer": answers}


def test_a_scene_shows_the_run_that_pick_selects():
    runs = {
        "lost": FakeRun(False, 9),
        "quick": FakeRun(True, 1),
        "slow": FakeRun(True, 4),
        "never": FakeRun(False, None),
    }

    def picked(pick: str, *names: str) -> str:
        (run,) = runs_for(Scene(id="a", runs=names or tuple(runs), at="1.1.1", pick=pick), runs)
        return next(name for name, each in runs.items() if each is run)

    assert [picked(pick) for pick in ("", "solved", "unsolved", "late")] == ["lost", "quick", "lost", "slow"]
    assert picked("late", "never", "lost") == "never" and picked("unsolved", "slow", "quick") == "slow"
    pair = runs_for(Scene(id="a", runs=("slow", "lost"), at="1.1.1", pair=True), runs)
    assert pair == (runs["slow"], runs["lost"])
    with pytest.raises(LectureError, match="No run sudoku-trm/nothing is recorded"):
        read_run("sudoku-trm/nothing")


def test_the_failure_scene_shows_an_unsolved_run(bundled):
    (run,) = bundled.scene_runs["fails"]
    assert not run.facts["solved"], "the bundled models solve every candidate: give the scene others"


# ---- code


def test_the_code_view_shows_the_lines_of_the_file():
    lines = recursion_file().read_text("utf-8").splitlines()
    shown = source()
    assert [function["name"] for function in shown] == [
        "latent_recursion",
        "deep_recursion",
        "deep_supervision",
    ]
    for line in (line for function in shown for line in function["lines"] if line["number"]):
        assert lines[line["number"] - 1] == line["text"]
    for function in shown:
        (signature, _, *body) = (line["text"] for line in function["lines"])
        below_docstring = "\n".join(lines).partition(signature)[2].split('"""')[2]
        assert body == below_docstring.partition("\n\n\n")[0].strip("\n").splitlines()
    marked = {
        mark: line["text"] for function in shown for line in function["lines"] for mark in line["marks"]
    }
    assert "model.f_L(" in marked["f_L"] and "model.f_H(" in marked["f_H"]
    assert marked["loop_T"].strip() == "for cycle in range(1, depth.T + 1):" and "detach" in marked["detach"]


def test_the_marks_follow_changes_of_the_file(tmp_path):
    text = recursion_file().read_text("utf-8")
    path = tmp_path / "recursion.py"
    path.write_text("# one line more\n" + text)
    before, after = (
        [line for f in source(file) for line in f["lines"] if "f_L" in line["marks"]] for file in (None, path)
    )
    assert after[0]["number"] == before[0]["number"] + 1 and after[0]["text"] == before[0]["text"]
    path.write_text(text.replace("model.f_H(", "model.answer("))
    with pytest.raises(LectureError, match="no line for f_H"):
        source(path)


# ---- quizzes


def test_every_quiz_has_one_right_choice_in_every_language_and_shows_it_in_the_run(bundled):
    quizzes = {scene["id"]: scene["quiz"] for scene in bundled.outline if scene["quiz"]}
    assert set(quizzes) == {"check-calls", "predict-halt", "check-depth", "predict-cell"}
    texts = {code: bundled.texts(code)["scenes"] for code in languages()}
    for scene, quiz in quizzes.items():
        counts = {len(texts[code][scene]["choices"]) for code in texts}
        assert len(counts) == 1 and 0 <= quiz["right"] < counts.pop(), scene
        for code in texts:
            choices = texts[code][scene]["choices"]
            assert len(set(choices)) == len(choices) and all(choices), (code, scene)
    english = texts["en"]
    trace = bundled.scene_runs["predict-cell"][-1].trace
    assert english["predict-halt"]["choices"][quizzes["predict-halt"]["right"]] == f"step {trace.halt_step}"
    reveal = quizzes["predict-cell"]["reveal"]
    answer = (reveal["supervision_step"] - 1) * trace.depth.T + reveal["cycle"] - 1
    cell = reveal["cell"][0] * 9 + reveal["cell"][1]
    assert trace.answers[answer - 1, cell] != trace.answers[answer, cell]  # its last change
    assert (trace.answers[answer:, cell] == trace.answers[answer, cell]).all()
    for choice in set(english["predict-cell"]["choices"]):
        row, column = (int(number) - 1 for number in re.findall(r"\d+", choice))
        later = trace.answers[answer:, row * 9 + column]
        assert (row * 9 + column == cell) == bool((later == later[0]).all()), choice


def test_the_choices_of_a_quiz_are_those_of_the_model_shown():
    """Another depth gives another halting step and other layers; a run that never halts has its own choice."""
    run, scenes = read_run("sudoku-trm/easy"), {scene.id: scene for scene in read_scenes()}
    start = Coordinates(1, 3, 7, "f_H")
    never = replace(run, trace=replace(run.trace, halt_probability=np.zeros(16, np.float32)))
    quiz = quiz_of(scenes["predict-halt"], never, start)
    assert quiz.choices[quiz.right] == {"step": None}
    assert (
        quiz_of(scenes["predict-cell"], run, Coordinates(16, 3, 7, "f_H")) is None
    )  # nothing changes any more
    depth = quiz_of(scenes["check-depth"], read_run("sudoku-hrm/easy"), start)
    assert depth.choices[depth.right] == {"count": depth.facts["quiz_depth"]}
    assert quiz_of(scenes["states"], run, start) is None
