"""References between settings: what they refer to, and how many are followed."""

import pytest

from trm.public.sections import resolved

ARCH, AROUND = {"a": 3, "only": 5}, {"a": 4, "run": {"a": 7}, "arch": {"value": {"a": 3}}}


@pytest.mark.parametrize(
    "value, meant",
    [
        (6, 6),
        ("plain", "plain"),
        ("${a}", 4),
        ("${only}", 5),
        ("${.a}", 3),
        ("${..a}", 4),
        ("${.missing}", None),
        ("${run.a}", 7),
        ("${arch.a}", 3),
        ("${run.missing}", None),
        ("${oc.env:HOME}", None),
        ("???", None),
    ],
)
def test_a_reference_is_to_the_file_or_to_its_section(value, meant):
    assert resolved(value, ARCH, AROUND) == meant


@pytest.mark.parametrize("references, meant", [(9, "end"), (10, None)])
def test_nine_references_in_a_row_are_followed(references, meant):
    chain = {f"a{number}": f"${{a{number + 1}}}" for number in range(1, references)}
    assert resolved("${a1}", {}, chain | {f"a{references}": "end"}) == meant
