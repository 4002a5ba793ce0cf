"""What axe-core finds on a page."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

GRAVE = ("serious", "critical")
SETTLED = 300  # ms; colours of buttons fade over 120


def findings(page: Page) -> list[str]:
    """Serious and critical findings of axe-core on the whole page, including Streamlit's elements, one line each."""
    expect(page.locator('[data-test-script-state="running"]')).to_have_count(
        0
    )  # elements being redrawn are pale
    page.wait_for_timeout(SETTLED)
    violations = Axe().run(page).response["violations"]
    return [
        f"{violation['id']}: {node['target']} {node['html'][:160]} {node.get('failureSummary', '')[:300]}"
        for violation in violations
        if violation["impact"] in GRAVE
        for node in violation["nodes"]
    ]
