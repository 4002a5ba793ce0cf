"""Write docs/pictures, one screenshot of each page of the app: `python -m scripts.build_pictures`. Needs Chromium."""

import sys
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/support"))

from pages import VISITED  # noqa: E402
from served_app import ServedApp, open_browser  # noqa: E402

PICTURES = ROOT / "docs/pictures"
SIZE = {"width": 1280, "height": 800}
QUALITY = 70  # of WebP: text stays sharp, and a page takes some 60 kB
PATIENCE = 60_000  # ms
PAGES = {
    "solve": "/?at=4.3.7&map=1",
    "latents": "/latents",
    "probes": "/probes",
    "halting": "/halting",
    "compare": "/compare?at=3.1.7",
    "interventions": "/interventions",
    "lecture": "/lecture",
}
READY = {
    "solve": ".map-dot",
    "compare": "[data-cell]",
    "lecture": "[data-cell]",
    "interventions": "[data-cell]",
}
"""What a page shows when it is complete; a chart on the others."""


def picture(page: Page, url: str, name: str) -> bytes:
    """Open a page of the app, and return its screenshot as WebP."""
    page.goto(f"{url}{PAGES[name]}")
    page.locator(READY.get(name, ".js-plotly-plot .main-svg")).first.wait_for(timeout=PATIENCE)
    page.locator('[data-test-script-state="running"]').wait_for(state="detached", timeout=PATIENCE)
    page.wait_for_timeout(1500)  # charts are drawn, buttons have faded
    image = Image.open(BytesIO(page.screenshot()))
    stream = BytesIO()
    image.save(stream, "WEBP", quality=QUALITY, method=6)
    return stream.getvalue()


if __name__ == "__main__":
    PICTURES.mkdir(exist_ok=True)
    with ServedApp() as served, sync_playwright() as playwright:
        page = open_browser(playwright).new_page(viewport=SIZE, color_scheme="light")
        page.add_init_script(VISITED)
        for name in sys.argv[1:] or PAGES:
            content = picture(page, served.url, name)
            (PICTURES / f"{name}.webp").write_bytes(content)
            print(f"{name}: {len(content) / 1000:.0f} kB")
