"""Themes and their figures: agreement beyond chance, people and not mentions, and a share that nobody can choose."""

from datetime import UTC, datetime
from fractions import Fraction
from uuid import UUID

import pytest

from services.feedback.domain.agreement import Agreement, Table, agreement
from services.feedback.domain.pulse import mean_of
from services.feedback.domain.themes import (
    CodeText,
    Coding,
    Counted,
    Theme,
    agreements,
    bucket_of,
    found,
    place_of,
    prevalences,
)
from services.feedback.domain.told import Told
from shared.errors import Invalid, Refusal

NOW = datetime(2026, 3, 4, tzinfo=UTC)
NOTHING = Table(0, 0, 0, 0)
OCCASION = UUID(int=7)


def test_kappa_is_that_of_the_printed_example() -> None:
    table = Table(both=20, first=5, second=10, neither=15)
    assert (table.observed, table.expected) == (Fraction(7, 10), Fraction(1, 2))
    one = agreement(table)
    assert one.kappa == Fraction(4, 10)
    assert one.error is not None
    assert (f"{one.error:.6f}", f"{one.low:.6f}", f"{one.high:.6f}") == ("0.129615", "0.145955", "0.654045")
    assert one.is_provisional


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (NOTHING, "No text has been coded by two people yet."),
        (Table(9, 0, 0, 0), "Both found it in every text of 9"),
        (Table(0, 0, 0, 9), "Both found it in none of 9"),
    ],
)
def test_what_cannot_be_computed_is_a_sentence_and_provisional(table: Table, said: str) -> None:
    one = agreement(table)
    assert (one.kappa, one.error, one.low, one.high) == (None, None, None, None)
    assert said in (one.why_not or "")
    assert one.is_provisional


def test_from_six_tenths_on_a_theme_is_not_provisional() -> None:
    assert not Agreement(10, Fraction(6, 10), None, None).is_provisional
    assert Agreement(10, Fraction(59, 100), None, None).is_provisional
    assert agreement(Table(5, 0, 0, 5)).kappa == 1
    worst = agreement(Table(0, 5, 5, 0))
    assert (worst.kappa, worst.is_provisional) == (-1, True)


def test_the_agreement_of_coders_tells_nobody_else_of_a_few() -> None:
    def shown(fewest: int, *, tells_of_few: bool = False) -> Agreement:
        counted = Counted(Table(20, 12, 12, 20), 0, 0, fewest)
        [one] = agreements([counted], tells_of_few=tells_of_few)
        return one

    assert (shown(10).n, shown(10).kappa) == (None, None)
    assert "coordinators alone" in (shown(10).why_not or "")
    assert shown(11).kappa == shown(10, tells_of_few=True).kappa == Fraction(1, 4)
    [none] = agreements([Counted(NOTHING, 0, 0)], tells_of_few=False)
    assert "No text" in (none.why_not or "")


def test_people_are_shown_from_eleven_on_and_never_how_few_are_left() -> None:
    def shown(*counts: tuple[int, int]) -> list[tuple[int | None, int | None]]:
        return [(one.people, one.of) for one in prevalences([Counted(NOTHING, *count) for count in counts])]

    assert shown((10, 40)) == [(None, None)]
    assert shown((11, 40), (0, 40)) == [(11, 40), (None, None)]
    assert shown((12, 12)) == [(12, 12)]
    assert shown((11, 40), (35, 40)) == [(11, None), (35, None)]


def test_the_share_follows_from_the_text_alone() -> None:
    buckets = [bucket_of(UUID(int=number), "worked") for number in range(5000)]
    assert buckets == [bucket_of(UUID(int=number), "worked") for number in range(5000)]
    assert 0.18 < sum(bucket < 20 for bucket in buckets) / 5000 < 0.22
    assert {*buckets} == {*range(100)}


def test_a_second_person_codes_a_share_and_nobody_codes_twice() -> None:
    first = Coding(1, 19, "ana")
    assert place_of([], "ana", 0) == 1
    assert place_of([first], "ben", 20) == 2
    for codings, who, share, code in (
        ([first], "ana", 20, "coded-by-you"),
        ([first], "ben", 19, "already-coded"),
        ([first, Coding(2, 19, "ben")], "cleo", 20, "already-coded"),
    ):
        with pytest.raises(Refusal) as refused:
            place_of(codings, who, share)
        assert refused.value.code == code


def test_only_what_is_looked_for_is_found() -> None:
    codebook = [
        Theme("time", Told(en="Time"), "When we meet", NOW, None),
        Theme("old", Told(en="Old"), "Not looked for", NOW, NOW),
    ]
    command = CodeText(occasion_id=OCCASION, item="worked", themes=["time", "time"])
    assert found(command, codebook) == (["time"], ["time"])
    with pytest.raises(Invalid) as refused:
        found(CodeText(occasion_id=OCCASION, item="worked", themes=["old"]), codebook)
    assert [(one.field, one.code) for one in refused.value.errors] == [("themes", "theme-unknown")]
    with pytest.raises(Refusal) as empty:
        found(CodeText(occasion_id=OCCASION, item="worked"), [])
    assert empty.value.code == "codebook-empty"


def test_a_mean_counts_each_person_once_and_hides_few() -> None:
    few = mean_of({str(number): [Fraction(4)] for number in range(10)})
    assert (few.n, few.mean) == (None, None)
    answers = {str(number): [Fraction(number)] for number in range(1, 11)} | {"talker": [Fraction(11)] * 50}
    one = mean_of(answers)
    assert (one.n, one.mean) == (11, 6)
    assert one.low is not None
    assert one.high is not None
    assert one.low == pytest.approx(6 - 2.228139 * (11**0.5) / 11**0.5, abs=1e-5)  # SD of 1..11 is the root of 11
    assert one.low + one.high == pytest.approx(12)
