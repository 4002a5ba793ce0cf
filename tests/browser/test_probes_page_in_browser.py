"""The Probes page in a browser: the recorded experiment at once, and predictions on a puzzle equal to the command line's."""

import json

import pytest
from player_page import PATIENCE, Player
from playwright.sync_api import expect
from select_box import choose_option

from probes.cli.main import main
from probes.linear.experiment.files import RECORDED, SUFFIX, load_experiment, recorded_path
from trm.data import load_presets

MODEL = "sudoku-hrm"
PUZZLE = load_presets("sudoku")[0].puzzle


def cells_of(page) -> dict[str, str]:
    """The decoded value of each cell of the grid, by row and column."""
    return page.get_by_test_id("probe-grid").evaluate(
        "grid => Object.fromEntries([...grid.querySelectorAll('[data-read]')].map((cell) => [cell.dataset.cell, cell.dataset.read]))"
    )


CANDIDATES = [f"candidate_{digit}" for digit in range(1, 10)]


@pytest.fixture
def readings(capsys) -> dict[tuple[str, str], dict]:
    """What `probes apply` prints for the puzzle, by target and state."""
    names = [f"{target}.{state}{SUFFIX}" for target in ["solution", *CANDIDATES] for state in "zy"]
    options = [part for name in names for part in ("--probe", str(RECORDED / MODEL / name))]
    main(["apply", "--model", MODEL, *options, "--puzzle", PUZZLE, "--json"])
    found = json.loads(capsys.readouterr().out)["readings"]
    return {(reading["target"], reading["state"]): reading for reading in found}


def written(readings: list[dict], time_point: int) -> dict[str, str]:
    """What the grid writes of predictions at a time point."""
    rows = [reading["read"][time_point] for reading in readings]
    return {
        f"{cell // 9},{cell % 9}": ",".join(row[cell] for row in rows)
        for cell in range(81)
        if rows[0][cell] is not None
    }


@pytest.mark.slow
def test_the_overlay_equals_the_output_of_the_command_line(served, new_page, readings):
    page = new_page()
    page.goto(f"{served.url}/probes?model={MODEL}")
    expect(page.get_by_text(f"Recorded: {MODEL}")).to_be_visible(timeout=2000 * PATIENCE)
    expect(page.locator(".js-plotly-plot").first).to_be_visible(timeout=2000 * PATIENCE)
    expect(page.get_by_text("puzzles from sudoku/test").first).to_be_visible()
    page.get_by_role("button", name="On one puzzle").or_(
        page.get_by_role("radio", name="On one puzzle")
    ).click()
    grid = page.get_by_test_id("probe-grid")
    expect(grid).to_have_attribute("data-state", "z")
    time_points = load_experiment(recorded_path(MODEL)).time_points
    last = len(time_points) - 1
    for targets, state, places in (
        (["solution"], "z", {"End": last, "ArrowLeft": last - 1}),
        (["solution"], "y", {"Home": 0, "End": last}),
        (CANDIDATES, "y", {"ArrowLeft": last - 1}),
        (CANDIDATES, "z", {"End": last, "Home": 0}),
    ):
        if targets == CANDIDATES and not grid.locator(".pencil").count():
            option = page.get_by_role("option", name="candidates", exact=True)
            choose_option(page.get_by_role("combobox", name="Target"), option)
            expect(grid.locator(".pencil").first).to_be_visible()
        page.locator(".st-key-probes_state").get_by_text(state, exact=True).click()
        expect(grid).to_have_attribute("data-state", state)
        wanted = [readings[target, state] for target in targets]
        page.locator(".st-key-probes_time_point").get_by_role("slider").focus()
        for key, time_point in places.items():
            page.keyboard.press(key)
            expect(grid).to_have_attribute("data-time-point", str(time_point))
            assert cells_of(page) == written(wanted, time_point)
        assert written(wanted, 0) != written(wanted, last)
    page.get_by_role("button", name="Open this step in Solve").click()
    player = Player(page)
    first = time_points[0]
    player.eventually(
        lambda: player.position == (first.supervision_step, first.cycle, first.call, "f_H"),
        "the step of the predictions",
    )
    assert PUZZLE in page.url
