"""Sites: which calls a text names, how it is written back, and what the messages of texts that do not fit say."""

import re

import pytest
from small_runs import DEPTH

from probes.interventions.sites import InterventionError, Site, one_call
from probes.interventions.spec import Intervention, parse_all
from trm.coordinates import F_H, F_L, Coordinates


@pytest.mark.parametrize(
    "text, calls, written",
    [
        ("2.1.2", "2.1.2", "2.1.2"),
        ("2-2.1-1.2-2", "2.1.2", "2.1.2"),
        ("2.1", "2.1.1 2.1.2 2.1.3", "2.1.*"),
        ("3", "3.1.1 3.1.2 3.1.3 3.2.1 3.2.2 3.2.3", "3"),
        ("3.*.*", "3.1.1 3.1.2 3.1.3 3.2.1 3.2.2 3.2.3", "3"),
        ("1-2.2.3", "1.2.3 2.2.3", "1-2.2.3"),
        ("1-.2.3", "1.2.3 2.2.3 3.2.3", "*.2.3"),
        ("3-9.2-.2-3", "3.2.2 3.2.3", "3-9.2-.2-3"),
        ("3.2.2+", "3.2.2 3.2.3", "3.2.2+"),
    ],
)
def test_a_text_names_calls(text, calls, written):
    site = Site.parse(text)
    assert " ".join(str(Site.of(at)) for at in site.within(DEPTH)) == calls
    assert str(site) == written
    assert str(Site.of(site.first(DEPTH))) == calls.split()[0]


def test_sites_hold_coordinates():
    within = list(Site.parse("2-.*.3").within(DEPTH))
    assert within == [Coordinates(step, cycle, 3, F_H) for step in (2, 3) for cycle in (1, 2)]
    assert one_call("3.2.1", DEPTH) == Coordinates(3, 2, 1, F_L)


@pytest.mark.parametrize("text", ["", "1.2.3.4", "0", "1.0", "1.1.0", "2-1", "1..1", "-2", "100000", "1.1+"])
def test_texts_that_name_no_call(text):
    with pytest.raises(InterventionError, match="is not a call"):
        Site.parse(text)


@pytest.mark.parametrize(
    "text, message",
    [
        ("4", "There is no call 4: the run has 3 supervision steps of 2 cycles of 3 calls."),
        ("1.3", "There is no call 1.3.*: the run has 3 supervision steps of 2 cycles of 3 calls."),
        ("2.1", "'2.1' names 3 calls. Name one, such as 2.1.1."),
        ("*.2.3", "'*.2.3' names 3 calls. Name one, such as 1.2.3."),
    ],
)
def test_one_call_is_one_of_the_run(text, message):
    with pytest.raises(InterventionError, match=re.escape(message)):
        one_call(text, DEPTH)


@pytest.mark.parametrize(
    "text, message",
    [
        (f"noise y after 1 size {'x' * 50}", f"size must be a number, not '{'x' * 40}'"),
        (f"depth from {'x' * 50} n 2", f"^'{'x' * 40}' is not a supervision step"),
        ("depth from 0 n 2", "'0' is not a supervision step"),
        ("depth from 100000 n 2", "'100000' is not a supervision step"),
        ("depth after 2 n 4", "write 'from' instead of 'after'"),
        ("depth n 4", "write 'from' instead of 'n'"),
        ("depth at 2 n 4", "write 'from' instead of 'at'"),
        ("freeze z from 2", "write 'at' instead of 'from'"),
        ("skip after 2", "write 'at' instead of 'after'"),
        ("swap at 2", "write 'before' or 'after' instead of 'at'"),
        ("swap 2", "write 'before' or 'after' instead of '2'"),
        ("swap after", "has no site. Add a call"),
        ("swap", "has no site. Add 'before' or 'after' and a call"),
        ("zero y after 1 in r1c1 in", "no value after 'in'"),
        ("swap after 1 in r1c1 size 2", "swap does not accept 'size'"),
    ],
)
def test_texts_that_are_no_intervention(text, message):
    with pytest.raises(InterventionError, match=message):
        parse_all(text)


def test_a_site_of_a_depth_is_a_step_and_all_later_ones():
    for site in (Site(steps=(2, 3)), Site(steps=(2, None), cycles=(1, 1)), Site.parse("2-.*.1")):
        with pytest.raises(InterventionError, match="changes at the beginning of a step and stays"):
            Intervention("depth", site, n=2)
    assert str(Intervention("depth", Site(steps=(99_999, None)), T=1)) == "depth from 99999 T 1"
    assert parse_all("depth from 99999 T 1")[0].site.steps == (99_999, None)


def test_calls_may_be_skipped_without_the_word_at():
    assert parse_all("skip 2.1.*") == parse_all("skip at 2.1.*")
