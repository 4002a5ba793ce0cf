"""The Probes page in a browser: the recorded experiment at once, and predictions on a puzzle equal to the command line's."""

import json

from player_page import Player
from playwright.sync_api import expect

from probes.cli.main import main
from probes.linear.experiment.files import RECORDED, SUFFIX, load_experiment, recorded_path
from trm.data import load_presets

MODEL = "sudoku-hrm"


def cells_of(page) -> dict[str, str]:
    """The decoded value of each cell of the grid, by row and column."""
    return page.get_by_test_id("probe-grid").evaluate(
        "grid => Object.fromEntries([...grid.querySelectorAll('[data-read]')].map((cell) => [cell.dataset.cell, cell.dataset.read]))"
    )


def applied(capsys, targets: list[str], state: str, puzzle: str) -> list[dict[str, str]]:
    """What `probes apply` predictions, time point by time point, as the grid writes it."""
    capsys.readouterr()
    files = [str(RECORDED / MODEL / f"{target}.{state}{SUFFIX}") for target in targets]
    options = [part for file in files for part in ("--probe", file)]
    main(["apply", "--model", MODEL, *options, "--puzzle", puzzle, "--json"])
    readings = json.loads(capsys.readouterr().out)["readings"]
    predictions = []
    for time_point in range(len(readings[0]["time_points"])):
        rows = [reading["read"][time_point] for reading in readings]
        predictions.append(
            {
                f"{cell // 9},{cell % 9}": ",".join(row[cell] for row in rows)
                for cell in range(81)
                if rows[0][cell] is not None
            }
        )
    return predictions


def test_the_overlay_equals_the_output_of_the_command_line(served, new_page, capsys):
    page = new_page()
    page.goto(f"{served.url}/?model={MODEL}")
    page.get_by_test_id("player").wait_for()
    page.get_by_role("link", name="Probes").click()
    expect(page.get_by_text(f"Recorded: {MODEL}")).to_be_visible()  # the model of the previous page
    expect(page.locator(".js-plotly-plot").first).to_be_visible()
    expect(page.get_by_text("puzzles from sudoku/test").first).to_be_visible()
    page.get_by_role("button", name="On one puzzle").or_(
        page.get_by_role("radio", name="On one puzzle")
    ).click()
    grid = page.get_by_test_id("probe-grid")
    expect(grid).to_have_attribute("data-state", "z")
    puzzle = load_presets("sudoku")[0].puzzle
    time_points = load_experiment(recorded_path(MODEL)).time_points
    for targets in (["solution"], [f"candidate_{digit}" for digit in range(1, 10)]):
        if len(targets) > 1:
            page.get_by_role("combobox", name="Target").click()
            page.get_by_role("option", name="candidates", exact=True).click()
            expect(grid.locator(".pencil").first).to_be_visible()
        for state in ("z", "y"):
            page.locator(".st-key-probes_state").get_by_text(state, exact=True).click()
            expect(grid).to_have_attribute("data-state", state)
            wanted = applied(capsys, targets, state, puzzle)
            slider = page.locator(".st-key-probes_time_point").get_by_role("slider")
            slider.focus()
            last = len(time_points) - 1
            for key, time_point in (("End", last), ("ArrowLeft", last - 1), ("Home", 0)):
                page.keyboard.press(key)
                expect(grid).to_have_attribute("data-time-point", str(time_point))
                assert cells_of(page) == wanted[time_point]
            assert wanted[0] != wanted[-1]
    page.get_by_role("button", name="Open this step in Solve").click()
    player = Player(page)
    first = time_points[0]
    player.eventually(
        lambda: player.position == (first.supervision_step, first.cycle, first.call, "f_H"),
        "the step of the predictions",
    )
    assert puzzle in page.url
