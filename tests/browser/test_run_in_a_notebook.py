"""A run as the output of a notebook cell: the frame and the widget, stepped by key, without a request to any host."""

import json
from collections.abc import Callable

import pytest
from player_page import Player
from playwright.sync_api import Page

import trm

PUZZLE = "12..34....21..43"
ADDRESS = "http://notebook.test/"


@pytest.fixture(scope="module")
def run(tiny_model) -> trm.PuzzleRun:
    return trm.run(tiny_model(), PUZZLE)


@pytest.fixture
def open_output(new_page: Callable[..., Page]) -> Callable[[str], tuple[Page, list[str]]]:
    """Opens an HTML fragment as the output of a cell; returns the page and what it requests."""

    def make(fragment: str) -> tuple[Page, list[str]]:
        page = new_page()
        requests: list[str] = []
        page.on("request", lambda request: requests.append(request.url))
        body = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Notebook</title><link rel="icon" href="data:,"><p id="cell">In [1]</p>{fragment}'
        page.route(f"{ADDRESS}**", lambda route: route.fulfill(body=body, content_type="text/html"))
        page.goto(ADDRESS)
        return page, requests

    return make


def texts(root) -> list[str]:
    return root.locator("[data-cell]").all_text_contents()


def test_the_output_of_a_run_is_stepped_by_key(open_output, run):
    page, requests = open_output(run._repr_html_())
    frame = page.frame_locator("iframe")
    root = frame.get_by_test_id("player")
    root.locator("[data-cell]").first.click()
    for number, key in ((0, "Home"), (1, "ArrowRight"), (5, "End"), (4, "ArrowLeft")):
        page.keyboard.press(key)
        assert root.get_attribute("data-supervision-step") == str(number // 2 + 1)
        assert texts(root) == run.answers[number].ravel().tolist()
    assert frame.get_by_test_id("copy-link").is_hidden()
    assert requests == [ADDRESS]


WIDGET = """<div id="output"></div><script type="module">
const {{ default: make }} = await import(URL.createObjectURL(new Blob([{script}], {{ type: "text/javascript" }})));
const values = {values};
window.reported = [];
window.toNotebook = [];
document.addEventListener("keydown", (event) => {{
  if (!event.composedPath()[0].closest?.("[data-lm-suppress-shortcuts]") && !event.target.dataset.lmSuppressShortcuts) window.toNotebook.push(event.key);
}}, true);
const model = {{ get: (name) => values[name], set: (name, value) => {{ values[name] = value; }}, save_changes: () => window.reported.push(values.view) }};
window.leave = make().render({{ model, el: document.getElementById("output") }});
</script>"""


def test_the_widget_reports_the_call_and_the_cell_and_holds_its_keys(open_output, run):
    pytest.importorskip("anywidget")
    widget = run.widget()
    values = json.dumps({"data": widget.data, "style": widget.style}).replace("</", "<\\/")
    script = json.dumps(type(widget)._esm if isinstance(type(widget)._esm, str) else widget._esm).replace(
        "</", "<\\/"
    )
    page, requests = open_output(WIDGET.format(script=script, values=values))
    player = Player(page)
    page.locator("#cell").click()
    page.keyboard.press("ArrowRight")
    assert player.position[:2] == (1, 1), "the focus is in the notebook, whose key this is"
    player.cell(0, 2).click()
    page.keyboard.press("ArrowRight")
    assert player.position == (1, 2, 3, "f_H")
    page.keyboard.press("d")
    page.wait_for_function("() => window.reported.at(-1)?.cell?.[1] === 3")
    view = page.evaluate("window.reported.at(-1)")
    names = ("supervision_step", "cycle", "call", "kind", "cell", "mode")
    assert [view[name] for name in names] == [1, 2, 3, "f_H", [0, 3], "answer"]
    assert page.evaluate("window.toNotebook") == ["ArrowRight"]
    assert texts(player.root) == run.answers[1].ravel().tolist()
    page.evaluate("window.leave()")
    assert page.get_by_test_id("player").count() == 0
    assert [url for url in requests if not url.startswith("blob:")] == [ADDRESS]
