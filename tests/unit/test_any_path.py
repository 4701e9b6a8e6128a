"""Whatever a path is called: something is said of it, and nothing fails over it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointline.io.bronze.paths.unrecognised import describe_foreign
from tests.support.vendor_files import shipped

PLACE = re.compile(r"\{([^{}]*)\}")
TEMPLATES = [template.text for vendor in shipped().vendors for one in vendor.descriptions for template in one.paths]
YEARS = st.sampled_from(["0000", "0001", "0002", "1969", "1970", "1999", "2024", "2200", "9998", "9999"])
TWO_DIGITS = st.sampled_from(["00", "01", "02", "11", "12", "13", "23", "24", "28", "29", "30", "31", "32", "99"])
WORDS = st.sampled_from(["BTCUSDT", "A", "btc-usd", "ß", "\u202e", "1", "-", " ", "NaN", "2024-05-01", "x" * 200])


@st.composite
def paths(draw: st.DrawFn) -> str:
    """A path that fits a template of some feed, with times that may not be."""

    def fill(place: re.Match[str]) -> str:
        name, _, what = place[1].partition(":")
        if "%" in what:
            dated = what.replace("%Y", draw(YEARS)).replace("%0m", draw(TWO_DIGITS))
            return re.sub("%[mdHMS]", lambda _: draw(TWO_DIGITS), dated)
        words = [word for word in (what or name).split("|") if word]
        word = draw(st.sampled_from(words)) if what or "|" in name else draw(WORDS)
        return word.replace("*", "AB").replace("#", "7")

    return PLACE.sub(fill, draw(st.sampled_from(TEMPLATES))).replace("/**", "/deep").replace("*", "any")


@pytest.mark.examples(100)
@settings(max_examples=600, deadline=None)
@given(paths())
def test_a_time_that_cannot_be_is_said_to_be_none(path):
    for claim in shipped().claims(path):
        first, end = claim.period
        assert first < end
        assert claim.problem or claim.date.year in range(2, 9999)
    assert describe_foreign(path, shipped()).reason
