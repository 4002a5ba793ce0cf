"""The result of a command as text: a line per value, and nothing for what is empty."""

from trm.cli.printing import format_result


def test_format_result_by_hand():
    result = {
        "grid": "1 2\n3 4", "solved": True, "halt_step": None, "share": 0.25, "list": [0.5, 1], "answers": ["12", "34"],
        "groups": {"easy": {"count": 2, "exact": 0.5}},
    }  # fmt: skip
    assert format_result(result).splitlines() == [
        "1 2", "3 4", "solved: True", "halt_step: none", "share: 0.2500", "list: 0.5000 1", "answers:", "    1  12",
        "    2  34", "groups:", "  easy: count 2, exact 0.5000",
    ]  # fmt: skip
    assert format_result([]) == "none"


def test_empty_parts_of_a_result_are_left_out():
    result = {
        "maze-trm": {"solved": 0.5, "near_complete": {}},
        "provenance": {"recorded": "", "count": 0, "engine": None},
        "notes": [],
        "files": {},
    }
    assert format_result(result).splitlines() == [
        *("maze-trm:", "  solved: 0.5000", "provenance:", "  count: 0", "  engine: none"),
    ]
