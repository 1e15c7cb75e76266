"""The page of formulas says what the code does: its lines are there, and its tables are of this code."""

import pytest

from deploy.statistics_page import written
from services.analytics.domain.rates import is_short
from tests.analytics.coverage import PAGE, in_page, of_share


def test_the_formulas_are_those_of_the_code() -> None:
    assert written() == PAGE.read_text(), "run make events"


def test_the_table_of_shares_is_of_this_code() -> None:
    shown = in_page().partition("Shares (Wilson)")[2]
    header, _, *rows = [line.strip("| ").split(" | ") for line in shown.splitlines() if line.startswith("|")]
    shares = [float(one.removeprefix("p ")) for one in header[1:]]
    assert len(rows) == 4
    for people, *found in rows:
        for p, covered in zip(shares, found, strict=True):
            assert float(covered.strip("*")) == pytest.approx(of_share(int(people), p), abs=0.0006)


def test_a_share_of_five_people_and_more_holds_nearly_what_it_promises() -> None:
    for people in (11, 20, 50, 200):
        for some in range(6, people // 2 + 1):
            assert of_share(people, some / people) > 0.92
    assert is_short(4, 20)
    assert is_short(16, 20)
    assert not is_short(5, 20)


def test_gains_hold_what_they_promise() -> None:
    shown = in_page().partition("Shares (Wilson)")[0]
    rows = [line.strip("| ").split(" | ") for line in shown.splitlines() if line.startswith("|")][2:]
    assert len(rows) == 27
    for pairs, r, change, gain, gain_over in rows:
        for covered in (gain, gain_over):
            assert 0.93 <= float(covered.strip("*")) <= 0.97, f"n {pairs}, r {r}, gain {change}: {covered}"
