"""The site: pages without a server, on which the models run in the browser, as in Python and without a network."""

import base64
from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from axe_findings import findings
from player_page import PATIENCE, Player
from playwright.sync_api import Page, expect
from static_site import served

from app.screens.lecture.language import read_language
from app.site.address import MODELS, gallery_address, lecture_address, run_address
from app.site.build import build
from trm.checkpoint import load_model
from trm.cli.main import main
from trm.data import load_puzzles
from trm.data.presets import load_presets
from trm.export.payload import payload
from trm.record import record
from trm.tasks import task_of
from trm.web.runtime import runtime_folder

LARGEST = 40e6  # bytes
TIE = 1  # of 255: two tokens are equally probable, but for rounding
MEASURES = ("first answer", "whole run")  # from Enter
COMPUTED = 60_000 * PATIENCE  # ms

# Keeps what the worker sends after each step.
LISTEN = """
window.payloads = [];
window.Worker = class extends Worker {
  constructor(...options) {
    super(...options);
    this.addEventListener("message", ({ data }) => {
      if (data.type === "step") window.payloads[data.payload.steps] = data.payload;
      document.documentElement.dataset.message = data.type;
    });
  }
};
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the site, served as plain files."""
    folder = tmp_path_factory.mktemp("site")
    assert build(folder, runtime_folder()) < LARGEST
    with served(folder) as address:
        yield address


@pytest.fixture
def open_site(site: str, new_page: Callable[..., Page]) -> Callable[..., Page]:
    """Opens a page of the site and waits for the player; options are those of `new_page`."""

    def make(link: str = "index.html", **options) -> Page:
        page = new_page(**options)
        page.goto(f"{site}/{link}")
        wait_for_run(page)
        return page

    return make


def wait_for_run(page: Page) -> None:
    page.locator("[data-cell]").first.wait_for(timeout=1000 * PATIENCE)


def compute(page: Page, model: str, puzzle: str) -> list[dict]:
    """Type a puzzle into the page and wait for the whole run. Returns the payloads after each step."""
    page.evaluate("window.payloads = []; document.documentElement.dataset.message = ''")
    page.get_by_test_id("model-0").select_option(model)
    page.get_by_test_id("puzzle").fill(puzzle)
    page.get_by_test_id("puzzle").press("Enter")
    page.locator("html[data-message=end]").wait_for(timeout=COMPUTED)
    return page.evaluate("payloads.slice(1)")


def python_run(model: str, puzzle: str) -> dict:
    opened = load_model(model)
    task = task_of(opened.config)
    return payload(record(opened, task, task.parse(puzzle)), task)


def puzzles_of(model: str, *, solved: int, unsolved: int = 0) -> list[tuple[str, dict]]:
    """The first puzzles of the test set that the model solves, and that it does not solve, with their runs."""
    task = task_of(load_model(model).config)
    found: dict[bool, list[tuple[str, dict]]] = {True: [], False: []}
    for inputs in load_puzzles(f"{task.name}/test", task).inputs[::7]:
        puzzle = task.format(inputs)
        run = python_run(model, puzzle)
        found[run["solved"][-1]].append((puzzle, run))
        if len(found[True]) >= solved and len(found[False]) >= unsolved:
            break
    return found[True][:solved] + found[False][:unsolved]


def differences(steps: list[dict], run: dict) -> dict[str, float]:
    """Numbers of different tokens of y after all f_H calls (those between tokens of equal probability apart), and the
    largest difference of halting probabilities.

    A run that ends unsolved is compared at steps 1 to 3: later, differences of rounding have grown.
    """
    count = run["N_sup"] if run["solved"][-1] else 3
    computed = steps[count - 1]
    answers = tokens_of(computed["answers"])
    expected = tokens_of(run["answers"])[: len(answers)]
    probabilities = (
        tokens_of(run["probabilities"]).reshape(-1, len(run["symbols"]))[: len(answers)].astype(int)
    )
    places = np.flatnonzero(answers != expected)
    ahead = probabilities[places, expected[places]] - probabilities[places, answers[places]]
    halting = np.abs(np.array(computed["halt_probability"]) - run["halt_probability"][:count])
    return {
        "answers": int((ahead > TIE).sum()),
        "ties": int((ahead <= TIE).sum()),
        "tokens": len(answers),
        "halting": float(halting.max()),
    }


def tokens_of(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), np.uint8)


def offline_page(open_site: Callable[..., Page]) -> Page:
    """A page whose site is kept for use without a network, which is then cut."""
    page = open_site()
    page.locator("html[data-offline=ready]").wait_for(timeout=COMPUTED)
    page.add_init_script(LISTEN)
    page.context.set_offline(True)
    page.reload()
    wait_for_run(page)
    return page


@pytest.mark.slow
def test_without_a_network_a_typed_puzzle_gets_the_answers_of_python(open_site):
    """A TRM here; an HRM runs in an exported page below, and every model in the slow test."""
    page = offline_page(open_site)
    [(puzzle, run)] = puzzles_of("sudoku-trm", solved=1)
    steps = compute(page, "sudoku-trm", puzzle)
    found = differences(steps, run)
    assert found["answers"] == 0 and found["halting"] < 1e-3, found
    assert steps[-1]["solved"][-1]
    assert parse_qs(urlsplit(page.url).query)["puzzle"] == [puzzle]


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
def test_many_puzzles_get_the_answers_of_python(open_site, model):
    solved, unsolved = (10, 0) if model.startswith("maze") else (20, 5)
    page = offline_page(open_site)
    times, ties, tokens = [], 0, 0
    for puzzle, run in puzzles_of(model, solved=solved, unsolved=unsolved):
        found = differences(compute(page, model, puzzle), run)
        assert found["answers"] == 0 and found["halting"] < 1e-3, (puzzle, found)
        ties, tokens = ties + found["ties"], tokens + found["tokens"]
        times.append(
            page.evaluate(
                f"{list(MEASURES)}.map((name) => performance.getEntriesByName(name).at(-1).duration)"
            )
        )
    medians = np.median(times, axis=0) / 1000
    print(
        f"{model}: {ties} of {tokens:,} tokens are ties that differ; "
        + ", ".join(f"{name} {seconds:.2f} s" for name, seconds in zip(MEASURES, medians, strict=True))
    )


def test_a_first_visitor_sees_a_recorded_run_and_a_link_restores_what_was_chosen(open_site):
    page = open_site(first_visit=True)
    expect(page.get_by_test_id("welcome")).to_be_visible()
    expect(page.get_by_test_id("status")).to_contain_text("Recorded run. The solution is unique.")
    page.get_by_test_id("model-0").select_option("maze-hrm")
    expect(page.get_by_test_id("status")).to_contain_text("The shortest path has 38 steps.")
    page.get_by_test_id("player").press("ArrowRight")
    page.wait_for_url("**at=1.2.3**")
    page.reload()
    wait_for_run(page)
    expect(page.get_by_test_id("model-0")).to_have_value("maze-hrm")
    expect(page.get_by_test_id("player")).to_contain_text("Supervision step 1 of 16, cycle 2 of 2")
    page.go_back()
    expect(page.get_by_test_id("model-0")).to_have_value("sudoku-trm")


def test_a_mistyped_puzzle_is_named_and_the_run_stays(open_site):
    page = open_site()
    page.get_by_test_id("puzzle").fill("12")
    page.get_by_test_id("run").click()
    expect(page.get_by_test_id("status")).to_have_text(
        "A Sudoku has 81 cells, but this text has 2. Type them row by row, with . for blank cells."
    )
    expect(page.get_by_test_id("player")).to_be_visible()


def test_links_of_the_app_open_what_it_showed(site, open_site):
    puzzle = next(preset.puzzle for preset in load_presets("maze"))
    page = open_site(run_address("", "maze-hrm", puzzle))
    expect(page.get_by_test_id("model-0")).to_have_value("maze-hrm")
    expect(page.get_by_test_id("puzzle")).to_have_value(puzzle)
    page.goto(lecture_address(f"{site}/", "halting", "ru"))
    expect(page.locator("html")).to_have_attribute("lang", "ru")
    expect(page.get_by_test_id("lecture").get_by_role("heading", level=2)).to_have_text(
        read_language("ru").scenes["halting"]["title"]
    )
    assert page.goto(gallery_address(f"{site}/")).ok


def test_two_models_are_computed_on_one_clock(open_site):
    page = open_site("compare.html")
    expect(page.get_by_test_id("pair")).to_be_visible()
    page.get_by_test_id("generate").click()
    expect(page.get_by_test_id("status")).to_contain_text("Computed in this browser", timeout=COMPUTED)
    page.keyboard.press("End")
    halves = page.get_by_test_id("player")
    for place in range(2):
        expect(halves.nth(place)).to_contain_text("Supervision step 16 of 16")
    page.get_by_test_id("model-0").select_option("sudoku-trm")
    expect(page.get_by_test_id("model-1")).to_have_value("sudoku-hrm")


def test_a_given_is_removed_and_z_is_frozen(open_site):
    page = open_site("index.html?model=sudoku-hrm")
    Player(page).cell(0, 4).click()
    page.get_by_text("Intervene").click()
    page.get_by_test_id("without-given").click()
    expect(page.get_by_test_id("status")).to_contain_text("Computed in this browser", timeout=COMPUTED)
    expect(page.get_by_test_id("pair")).to_contain_text("Pinned")
    assert parse_qs(urlsplit(page.url).query)["puzzle"][0].startswith("...........9.6573")
    page.get_by_test_id("freeze").select_option("z2")
    expect(page.get_by_test_id("pair")).to_contain_text(
        "interventions: z frozen after step 2", timeout=COMPUTED
    )


@pytest.mark.slow
def test_an_exported_page_that_holds_its_model_runs_another_puzzle(new_page, tmp_path):
    [(puzzle, run)] = puzzles_of("sudoku-hrm", solved=1)
    path = tmp_path / "run.html"
    main(
        [
            "export",
            "--model",
            "sudoku-hrm",
            "--puzzle",
            "." * 81,
            "--depth",
            "1,1,1",
            "--html",
            str(path),
            "--with-model",
        ]
    )
    page = new_page()
    page.context.set_offline(True)
    page.goto(path.as_uri())
    page.get_by_test_id("puzzle").fill(puzzle)
    page.get_by_test_id("puzzle").press("Enter")
    player = Player(page)
    expect(player.root).to_contain_text("in this browser with ONNX Runtime Web", timeout=COMPUTED)
    expect(page.get_by_test_id("status")).to_have_text("", timeout=COMPUTED)
    player.press("End")
    solution = "".join(str(token - 1) for token in tokens_of(run["answers"])[-81:])
    player.eventually(lambda: player.cells == solution, "the answer of the embedded model")


def test_a_puzzle_is_edited(open_site):
    page = open_site()
    page.keyboard.press("e")
    expect(page.get_by_test_id("verdict")).to_contain_text("One solution")
    page.keyboard.press("7")
    page.get_by_test_id("use").click()
    page.wait_for_url("**puzzle=7**")
    expect(page.get_by_test_id("status")).to_contain_text("Comput", timeout=COMPUTED)


def test_without_wasm_recorded_runs_remain_and_the_page_says_why(site, new_page):
    page = new_page()
    page.add_init_script("delete globalThis.WebAssembly")
    page.goto(f"{site}/index.html")
    wait_for_run(page)
    page.get_by_test_id("generate").click()
    expect(page.get_by_test_id("status")).to_contain_text("no WebAssembly, so only recorded runs")


@pytest.mark.parametrize(
    ("link", "schemes"),
    [
        ("index.html", "light dark"),
        ("gallery.html?model=maze30-trm&run=thirty", "light"),
        pytest.param("compare.html", "light dark", marks=pytest.mark.slow),
        pytest.param("findings.html", "light dark", marks=pytest.mark.slow),
        pytest.param("gallery.html?model=maze30-trm&run=thirty", "dark", marks=pytest.mark.slow),
    ],
)
def test_pages_are_accessible_and_request_nothing_from_elsewhere(site, new_page, link, schemes):
    page = new_page()
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto(f"{site}/{link}")
    page.locator("[data-cell], #findings img").first.wait_for(timeout=1000 * PATIENCE)
    for scheme in schemes.split():
        page.emulate_media(color_scheme=scheme)
        assert findings(page) == [], scheme
    assert [url for url in requests if not url.startswith((site, "data:", "blob:"))] == []
