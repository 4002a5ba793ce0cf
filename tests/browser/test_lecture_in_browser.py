"""The lecture in the browser: every scene forwards and backwards, in a small and a wide window, and offline.

Nothing is cut off or overlaps, and player, diagram and code always show the same call.
"""

import json
import time
from pathlib import Path

import pytest
from player_page import PATIENCE
from playwright.sync_api import Browser, Page, expect
from served_app import ServedApp

from app.screens.lecture import offline
from app.screens.lecture.contents import Lecture
from app.screens.lecture.language import read_language
from app.screens.lecture.qr_code import invitation
from trm.player.bundle import english_texts

SIZES = {"old": (1024, 768), "wide": (1920, 1080)}

# The scene on the screen: its id, the positions that its parts show, and what is wrong with its boxes.
INSPECT = """() => {
  const root = document.querySelector(".lens-lecture, #place") ? find(document) : find(document);
  function find(node) {
    const here = node.querySelector('[data-testid="lecture"]');
    if (here) return here;
    for (const each of node.querySelectorAll("*")) if (each.shadowRoot) { const found = find(each.shadowRoot); if (found) return found; }
    return null;
  }
  const box = (node) => node.getBoundingClientRect();
  const isShown = (node) => node && box(node).width > 0 && getComputedStyle(node).display !== "none";
  const parts = [".top-bar", ".scene-text", ".scene-run", ".diagram-box", ".code-box"].map((name) => [name, root.querySelector(name)]).filter(([, node]) => isShown(node));
  const wrong = [];
  for (const [name, node] of parts) {
    const { left, right, top, bottom } = box(node);
    if (left < -1 || top < -1 || right > innerWidth + 1 || bottom > innerHeight + 1) wrong.push(`${name} leaves the window: ${[left, top, right, bottom].map(Math.round)}`);
    for (const [other, second] of parts) {
      if (name >= other) continue;
      const [a, b] = [box(node), box(second)];
      if (Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1) wrong.push(`${name} overlaps ${other}`);
    }
  }
  for (const name of [".scene-text", ".heading", ".captions", ".scene-run"]) {
    const node = root.querySelector(name);
    if (node.scrollHeight > node.clientHeight + 1 || node.scrollWidth > node.clientWidth + 1) wrong.push(`${name} is cut off: ${node.scrollHeight} in ${node.clientHeight}, ${node.scrollWidth} in ${node.clientWidth}`);
  }
  const inside = (selector, frame, what) => {
    const outer = box(root.querySelector(frame));
    for (const node of root.querySelectorAll(selector)) {
      if (!isShown(node)) continue;
      const { left, right, top, bottom } = box(node);
      if (left < outer.left - 1 || right > outer.right + 1 || top < outer.top - 1 || bottom > outer.bottom + 1) wrong.push(`${what} leaves ${frame}: ${node.textContent.slice(0, 30)}`);
    }
  };
  inside(".scene-text p:not([hidden]), .scene-text button", ".scene-text", "text");
  inside(".cells, .transport button, .tracks", ".scene-run", "player");
  inside("svg.diagram text", ".diagram-box", "diagram");
  const texts = [...root.querySelectorAll("svg.diagram text")].filter((node) => node.textContent && isShown(node));
  texts.forEach((one, at) => texts.slice(at + 1).forEach((two) => {
    const [a, b] = [box(one), box(two)];
    if (Math.min(a.right, b.right) - Math.max(a.left, b.left) > 3 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 6) wrong.push(`in the diagram "${one.textContent}" overlaps "${two.textContent}"`);
  }));
  const place = ({ dataset: d }) => [d.supervisionStep, d.cycle, d.call, d.kind].join();
  const players = [...root.querySelectorAll('[data-testid="player"]')];
  const current = [...root.querySelectorAll(".source-line.current code")].map((node) => node.textContent.trim());
  const cells = players.length ? box(players.at(-1).querySelector(".cells")).width : 0;
  return {
    scene: root.dataset.scene, language: root.lang, wrong, cells, current,
    places: [players.at(-1), root.querySelector(".diagram"), root.querySelector(".source-view")].filter(Boolean).map(place),
    written: [...root.querySelectorAll(".variable.written b, .state.written .letter")].map((node) => node.textContent.replace("state.", "")),
    labels: players.flatMap((player) => [...player.querySelectorAll("[title], [aria-label], dt, dd, .gutter span")]).flatMap((node) => [node.title, node.getAttribute("aria-label"), node.matches("dt, dd, span") ? node.textContent : ""]).filter(Boolean),
    size: parseFloat(getComputedStyle(root.querySelector(".scene-text")).fontSize), title: root.querySelector("h2").textContent,
  };
}"""


def inspect(page: Page) -> dict:
    return page.evaluate(INSPECT)


def wait_for_scene(page: Page, scene: str, *, language: str = "") -> dict:
    attribute = f'[lang="{language}"]' if language else ""
    page.locator(f'[data-testid="lecture"][data-scene="{scene}"]{attribute} [data-cell]').first.wait_for(
        timeout=1000 * PATIENCE
    )
    return inspect(page)


def check(seen: dict, scene: dict, *, at: str | None = None) -> None:
    """Nothing is cut off or overlaps; player, diagram and code show one call; the highlighted line is that of its kind."""
    where = f"{scene['id']} in {seen['language']}"
    assert not seen["wrong"], f"{where}: {seen['wrong']}"
    assert len(seen["places"]) == 3 and len(set(seen["places"])) == 1, f"{where}: {seen['places']}"
    if at:
        assert seen["places"][0] == at, where
    kind = seen["places"][0].rpartition(",")[2]
    assert len(seen["current"]) == 1 and f"model.{kind}(" in seen["current"][0], f"{where}: {seen['current']}"
    assert set(seen["written"]) == {"z" if kind == "f_L" else "y"}, f"{where}: {seen['written']}"
    assert seen["size"] >= 14, f"{where}: the text is {seen['size']} pixels large"
    translated = read_language(seen["language"]).player
    foreign = {
        text
        for name, text in english_texts().items()
        if "{" not in text and translated.get(name, text) != text
    }
    assert len(seen["labels"]) > 40 and not foreign & set(seen["labels"]), f"{where}: not in its language"
    assert seen["cells"] >= 150, f"{where}: the grid is {seen['cells']} pixels wide"


def start(scene: dict) -> str:
    return ",".join(str(scene["start"][name]) for name in ("supervision_step", "cycle", "call", "kind"))


def visit_all(page: Page, outline: list[dict], *, stepping: bool) -> None:
    """Forwards, with the answer in each scene; `stepping`: with steps of the player, too, and then backwards."""
    for place, scene in enumerate(outline):
        if place:
            page.keyboard.press("PageDown")
        check(wait_for_scene(page, scene["id"]), scene, at=start(scene))
        page.keyboard.press("q")
        check(inspect(page), scene)
        page.keyboard.press("q")
        if stepping:
            for key in ("ArrowUp", "ArrowDown", "ArrowDown", "Home", "ArrowDown"):
                page.keyboard.press(key)
                check(inspect(page), scene)
    page.keyboard.press("PageDown")  # no scene follows
    for scene in reversed(outline) if stepping else ():
        check(wait_for_scene(page, scene["id"]), scene)
        page.keyboard.press("PageUp")


@pytest.fixture(scope="module")
def outline() -> list[dict]:
    return json.loads(json.dumps(Lecture().outline))


@pytest.mark.parametrize(
    "size, language",
    [
        ("wide", "en"),
        pytest.param("old", "ru", marks=pytest.mark.slow),  # the tightest
        pytest.param("old", "en", marks=pytest.mark.slow),
        pytest.param("wide", "ru", marks=pytest.mark.slow),
    ],
)
def test_every_scene_of_the_offline_file(new_page, tmp_path: Path, outline, size, language):
    file = tmp_path / "lecture.html"
    assert offline.main(["--out", str(file), "--lang", language]) == 0
    page = new_page(*SIZES[size])
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    page.context.set_offline(True)
    page.goto(file.as_uri())
    visit_all(page, outline, stepping=size == "old")
    assert inspect(page)["language"] == language
    assert requested == [file.as_uri()], "the file requests something else"


@pytest.mark.slow  # the script is that of the offline file
def test_every_scene_of_the_page(served, new_page, outline):
    """At the tightest size; the offline file above runs the same script in every size and language."""
    page = new_page(*SIZES["old"])
    page.goto(f"{served.url}/lecture?lang=ru")
    visit_all(page, outline, stepping=False)
    last = outline[-1]["id"]
    page.wait_for_function("id => location.search.includes(`scene=${id}`)", arg=last, timeout=1000 * PATIENCE)


def test_the_lecturers_tools(served, new_page):
    page = new_page(1280, 800)
    page.goto(f"{served.url}/lecture?scene=depth&at=2.1.3")
    seen = wait_for_scene(page, "depth")
    assert seen["places"] == ["2,1,3,f_L"] * 3
    assert "48" in page.get_by_test_id("diagram").text_content()  # 2 layers x (21 + 3) calls
    page.keyboard.press("b")
    assert page.get_by_test_id("blank-screen").is_visible()
    page.keyboard.press("Escape")
    assert page.get_by_test_id("blank-screen").is_hidden()
    for on in (True, False):  # the same key on a Russian keyboard
        page.evaluate(
            "document.body.dispatchEvent(new KeyboardEvent('keydown', { key: 'и', code: 'KeyB', bubbles: true, composed: true, cancelable: true }))"
        )
        assert page.get_by_test_id("blank-screen").is_visible() == on
    page.keyboard.press("i")
    card = page.get_by_test_id("invitation")
    assert card.is_visible() and "scene=depth" in card.inner_text() and "0.0.0.0" in card.inner_text()
    page.keyboard.press("i")
    with page.expect_popup() as opened:
        page.keyboard.press("o")
    second = opened.value
    assert "Press home, then space" in second.locator("main").inner_text()
    for scene in ("check-depth", "two-nets", "hard"):
        page.keyboard.press("PageDown")
        wait_for_scene(page, scene)
    assert "click the cell that changed most" in second.locator("main").inner_text()
    page.keyboard.press("ArrowDown")
    before = inspect(page)
    page.get_by_test_id("language-ru").click()
    page.wait_for_function("() => location.search.includes('lang=ru')", timeout=1000 * PATIENCE)
    seen = wait_for_scene(page, "hard", language="ru")
    assert seen["title"] == "Посмотрим на трудную задачу"
    assert seen["places"] == before["places"]  # the player is Russian now, at the same call
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Справка")
    assert keys.is_visible() and "шаг супервизии" in keys.inner_text() and "пробел" in keys.inner_text()
    page.keyboard.press("?")
    assert page.get_by_test_id("play").get_attribute("title") == "Проигрывать (пробел)"
    page.keyboard.press("f")
    page.wait_for_function("() => document.fullscreenElement", timeout=1000 * PATIENCE)
    assert not inspect(page)["wrong"]
    page.keyboard.press("t")
    assert page.get_by_test_id("timer").get_attribute("aria-pressed") == "false"  # presenting had started it
    page.get_by_test_id("next-scene").click()
    wait_for_scene(page, "predict-cell")
    page.keyboard.press("f")
    page.wait_for_function("() => !document.fullscreenElement", timeout=1000 * PATIENCE)


@pytest.fixture(scope="module")
def contents() -> dict:
    """The data of the offline file in English."""
    return offline.contents(Lecture(), "en")


@pytest.mark.parametrize("language", ["en", "ru"])
def test_the_invitation_has_a_code_for_the_site_and_says_what_each_code_does(
    new_page, tmp_path: Path, monkeypatch, contents, language
):
    code = invitation(
        "http://192.168.0.7:8501/lecture", "states", language, "abcdefgh", "https://lens.example/site/"
    )
    data = contents | {"language": language, "invitation": code}
    monkeypatch.setattr(offline, "contents", lambda *_: data)
    file = tmp_path / "lecture.html"
    file.write_text(offline.offline_page(Lecture(), language), "utf-8")
    page = new_page()
    page.goto(file.as_uri())
    wait_for_scene(page, "states", language=language)
    card, words = page.get_by_test_id("invitation"), read_language(language).words
    for width, height in ((1280, 720), (390, 844)):
        page.set_viewport_size({"width": width, "height": height})
        page.keyboard.press("i")
        expect(card.locator(".address")).to_have_text(code["address"])
        expect(card.get_by_role("button", pressed=True)).to_have_text(words["share_room"])
        card.get_by_role("button", name=words["share_site"]).press("Enter")
        expect(card.locator(".address")).to_have_text(code["site"]["address"])
        expect(card).to_contain_text(words["share_site_hint"])
        expect(card.locator("path")).to_have_attribute("d", code["site"]["path"])
        expect(card.get_by_role("button", pressed=True)).to_be_focused()
        inside = card.locator("> div").bounding_box()
        assert inside["y"] >= 0 and inside["y"] + inside["height"] <= height
        card.get_by_role("button", name=words["share_room"]).press("Enter")
        page.keyboard.press("Escape")
        expect(card).to_be_hidden()


def invited(lecturer: Page) -> str:
    """The address in the lecturer's QR code."""
    card = lecturer.get_by_test_id("invitation")
    lecturer.keyboard.press("i")
    address = card.locator(".address").inner_text()
    lecturer.keyboard.press("i")
    expect(card).to_be_hidden()
    return address


@pytest.mark.slow
def test_a_class_changes_scenes_with_the_lecturer_without_reruns_and_keeps_when_the_lecturer_reloads(
    served, new_page
):
    lecturer = new_page(1280, 800)
    lecturer.goto(f"{served.url}/lecture?scene=one-call")
    wait_for_scene(lecturer, "one-call")
    address = invited(lecturer)
    follower = new_page(390, 844)
    frames: list[int] = []
    requests: list[str] = []
    follower.on("websocket", lambda socket: socket.on("framereceived", lambda data: frames.append(len(data))))
    follower.on("request", lambda request: requests.append(request.url))
    follower.goto(address)
    wait_for_scene(follower, "one-call")
    follower.wait_for_timeout(1000)  # the footer is drawn
    frames.clear()
    for key, scene in (("PageDown", "n-calls"), ("PageDown", "answer"), ("PageUp", "n-calls")):
        lecturer.keyboard.press(key)
        wait_for_scene(follower, scene)
    follower.locator(".diagram").evaluate("node => { node.isTheSame = true; }")
    requests.clear()
    follower.wait_for_timeout(1500)  # one request waits on the server
    assert not requests and not frames, (requests, frames)
    assert follower.locator(".diagram").evaluate("node => node.isTheSame === true")
    switch = follower.get_by_test_id("following")
    assert switch.inner_text() == "Following" and not lecturer.get_by_test_id("following").is_visible()
    follower.keyboard.press("PageDown")  # a follower who chooses a scene stays there ...
    wait_for_scene(follower, "answer")
    assert switch.inner_text() == "Free: follow"
    lecturer.keyboard.press("PageUp")
    wait_for_scene(lecturer, "one-call")
    follower.wait_for_timeout(1000)
    wait_for_scene(follower, "answer")
    switch.click()
    wait_for_scene(follower, "one-call")  # ... until they press Follow
    assert (
        invited(follower).split("follow=")[1] == address.split("follow=")[1]
    )  # leads to the lecturer's room
    lecturer.reload()
    wait_for_scene(lecturer, "one-call")
    lecturer.keyboard.press("i")
    lecturer.get_by_test_id("invitation").locator(".address").filter(has_text=address).wait_for()
    lecturer.keyboard.press("PageDown")
    wait_for_scene(follower, "n-calls")
    another = new_page(1280, 800)  # another lecturer has another room
    another.goto(f"{served.url}/lecture?scene=one-call")
    wait_for_scene(another, "one-call")
    assert invited(another) != address


FOLLOWED_AGAIN = 10.0  # seconds after the server is up again


@pytest.mark.slow
def test_a_link_opens_its_page_for_a_servers_first_visitor_and_a_restart_keeps_the_class(browser: Browser):
    # Pages of their own: what cannot be loaded during the restart is an error in their consoles.
    lecturer, follower = (browser.new_context().new_page() for _ in range(2))
    with ServedApp() as app:
        lecturer.goto(f"{app.url}/lecture?scene=one-call")
        wait_for_scene(lecturer, "one-call")
        lecturer.get_by_role(
            "link", name="Compare"
        ).wait_for()  # the app's menu, not Streamlit's list of files
        lecturer.keyboard.press("i")
        shown = lecturer.get_by_test_id("invitation").locator(".address")
        address = shown.inner_text()
        follower.goto(address)
        wait_for_scene(follower, "one-call")
        app.restart()
        began = time.monotonic()
        lecturer.keyboard.press("PageDown")
        wait_for_scene(follower, "n-calls")
        seconds = time.monotonic() - began
        lecturer.wait_for_timeout(3000)  # its page is drawn by the new server
        shown.filter(has_text=f"follow={address.split('follow=')[1]}").wait_for()
        lecturer.keyboard.press("PageDown")
        wait_for_scene(follower, "answer")
        for page in (lecturer, follower):
            page.context.close()
    assert seconds < FOLLOWED_AGAIN, f"followed again after {seconds:.1f} s"


def test_embedded_in_slides_only_the_scene_is_shown(served, new_page, outline):
    """With ?embed=true, at the size of a small projector."""
    page = new_page(*SIZES["old"])
    page.goto(f"{served.url}/lecture?scene=halting&embed=true")
    scene = next(scene for scene in outline if scene["id"] == "halting")
    check(wait_for_scene(page, "halting"), scene, at=start(scene))
    assert page.locator("a[href$=latents], a[href$=probes], a[href$=compare]").count() == 0
    for around in ("stHeader", "stToolbar", "stSidebar", "stDownloadButton", "stSelectbox"):
        assert not [each for each in page.get_by_test_id(around).all() if each.is_visible()], around
    box = page.get_by_test_id("lecture").bounding_box()
    assert (
        box["x"] >= 0
        and box["y"] >= 0
        and box["x"] + box["width"] <= 1024
        and box["y"] + box["height"] <= 768
    )
    assert box["width"] > 940 and box["height"] > 690  # and it fills the frame
    scrolls = "() => [...document.querySelectorAll('*')].filter((node) => node.scrollHeight > node.clientHeight + 1 && ['auto', 'scroll'].includes(getComputedStyle(node).overflowY)).map((node) => node.dataset.testid ?? node.className)"
    assert page.evaluate(scrolls) == []
    page.keyboard.press("PageDown")
    wait_for_scene(page, outline[outline.index(scene) + 1]["id"])
    assert not inspect(page)["wrong"]
