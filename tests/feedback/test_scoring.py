"""Scores: each instrument that ships against a second scorer that shares nothing with the first, and known traps."""

import json
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.feedback import store
from services.feedback.domain.given import Given, count_of_total, scores_of
from services.feedback.domain.instruments import Instrument, Measure
from services.feedback.domain.scoring import as_text, count_of, cut_off, meaning, points, risks, t_score
from services.feedback.domain.wording import Wording, worded
from shared.errors import Invalid

LIBRARY = store.library()
PULSE, BELONGING, PHQ, BDI = (LIBRARY[code] for code in ("session-pulse", "belonging", "phq-4", "bdi-ii"))

# ---- the second scorer: a table written by hand, in points ----

PROQOL = {
    "compassion-satisfaction": [3, 6, 12, 16, 18, 20, 22, 24, 27, 30],
    "burnout": [1, 4, 8, 10, 15, 17, 19, 21, 26, 29],
    "secondary-stress": [2, 5, 7, 9, 11, 13, 14, 23, 25, 28],
}
TABLE: list[tuple[str, str, int | list[int], int, int, list[int], str, int]] = [
    # code, scale, items, lowest answer, highest answer, reversed, what is done with the sum, how many may be missing
    ("session-pulse", "total", 4, 0, 4, [], "sum", 0),
    ("belonging", "total", 6, 0, 4, [], "mean", 0),
    ("confidence-and-skills", "total", 6, 0, 4, [], "mean", 0),
    ("experience", "total", 1, 1, 5, [], "sum", 0),
    ("facilitator-check", "total", 5, 0, 4, [3], "mean", 0),
    ("phq-9", "total", 9, 0, 3, [], "sum", 0),
    ("gad-7", "total", 7, 0, 3, [], "sum", 0),
    ("phq-4", "total", 4, 0, 3, [], "sum", 0),
    ("phq-4", "anxiety", [1, 2], 0, 3, [], "sum", 0),
    ("phq-4", "depression", [3, 4], 0, 3, [], "sum", 0),
    ("barc-10", "total", 10, 1, 6, [], "sum", 0),
    ("brs", "total", 6, 1, 5, [2, 4, 6], "mean", 0),
    ("gse", "total", 10, 1, 4, [], "sum", 0),
    ("k6", "total", 6, 0, 4, [], "sum", 0),
    ("who-5", "total", 5, 0, 5, [], "times 4", 0),
    ("core-10", "total", 10, 0, 4, [2, 3], "mean times 10", 1),
    ("ucla-3", "total", 3, 1, 3, [], "sum", 0),
    ("ons4", "satisfied", [1], 0, 10, [], "sum", 0),
    ("ons4", "worthwhile", [2], 0, 10, [], "sum", 0),
    ("ons4", "happy", [3], 0, 10, [], "sum", 0),
    ("ons4", "anxious", [4], 0, 10, [], "sum", 0),
    ("aim", "total", 4, 1, 5, [], "mean", 0),
    ("proqol-5", "compassion-satisfaction", PROQOL["compassion-satisfaction"], 1, 5, [], "sum", 0),
    ("proqol-5", "burnout", PROQOL["burnout"], 1, 5, [1, 4, 15, 17, 29], "sum", 0),
    ("proqol-5", "secondary-stress", PROQOL["secondary-stress"], 1, 5, [], "sum", 0),
    ("bdi-ii", "total", 21, 0, 3, [], "sum", 0),
    ("ras-24", "total", 24, 1, 5, [], "sum", 0),
    ("mirc-28", "total", 28, 1, 4, [2, 5, 6, 9, 10, 12, 16, 17, 18, 23, 25], "sum", 0),
    ("csq-8", "total", 8, 1, 4, [2, 4, 5, 8], "sum", 0),
    ("srs", "total", 4, 0, 10, [], "sum", 0),
    ("swemwbs", "total", 7, 1, 5, [], "sum", 0),
    *(("outcomes-star", f"area-{n}", [n], 1, 10, [], "sum", 0) for n in range(1, 11)),
]
each_scale = pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row[0]}-{row[1]}")


def second(row: Any, answers: dict[int, int]) -> Fraction | None:
    """The score in points by the table, from answers by their place in the instrument."""
    _, _, items, low, high, reverse, act, missing_max = row
    places = items if isinstance(items, list) else range(1, items + 1)
    counted = [(low + high - answers[n]) if n in reverse else answers[n] for n in places if n in answers]
    if len(places) - len(counted) > missing_max:
        return None
    total, mean = sum(counted), Fraction(sum(counted), len(counted))
    return {"sum": Fraction(total), "mean": mean, "times 4": Fraction(4 * total), "mean times 10": 10 * mean}[act]


def first(row: Any, answers: dict[int, int]) -> Fraction | None:
    """The same by the product."""
    instrument = LIBRARY[row[0]]
    codes = [item.code for item in instrument.questions]
    measure = the(instrument, row[1])
    count = count_of(measure, {codes[place - 1]: value for place, value in answers.items()})
    return None if count is None else points(count, measure.unit)


def the(instrument: Instrument, scale: str = "total") -> Measure:
    measure = instrument.measure_of(scale)
    assert measure
    return measure


def answered(row: Any, value: int) -> dict[int, int]:
    return dict.fromkeys(range(1, len(LIBRARY[row[0]].questions) + 1), value)


def test_the_table_has_every_scale() -> None:
    assert sorted((row[0], row[1]) for row in TABLE) == sorted(
        (code, one.code) for code, instrument in LIBRARY.items() for one in instrument.scales
    )


@each_scale
def test_all_minimum_and_all_maximum(row: Any) -> None:
    for value in (row[3], row[4]):
        assert first(row, answered(row, value)) == second(row, answered(row, value)) is not None
    measure = the(LIBRARY[row[0]], row[1])
    extremes = [answered(row, row[3]), answered(row, row[4])]
    for answers in extremes:  # each item at the end that counts least, and most
        for place in row[5]:
            answers[place] = row[3] + row[4] - answers[place]
    assert [first(row, answers) for answers in extremes] == [
        points(measure.minimum, measure.unit),
        points(measure.maximum, measure.unit),
    ]


@each_scale
def test_each_single_item_missing(row: Any) -> None:
    whole = answered(row, row[4])
    for place in whole:
        answers = {n: value for n, value in whole.items() if n != place}
        assert first(row, answers) == second(row, answers), place
    for place in whole:
        for other in whole:
            answers = {n: value for n, value in whole.items() if n not in (place, other)}
            assert first(row, answers) == second(row, answers), (place, other)
    assert first(row, {}) is None


@each_scale
def test_each_item_alone_and_each_reverse_item(row: Any) -> None:
    for place in answered(row, row[3]):
        answers = answered(row, row[3]) | {place: row[4]}
        assert first(row, answers) == second(row, answers), place
    for place in row[5]:
        low, high = answered(row, row[3]), answered(row, row[3]) | {place: row[4]}
        assert (first(row, low) or 0) > (first(row, high) or 0), place


@given(st.data())
def test_any_answers_at_all(data: st.DataObject) -> None:
    row = data.draw(st.sampled_from(TABLE))
    value = st.one_of(st.integers(row[3], row[4]), st.none())
    drawn = {place: data.draw(value) for place in answered(row, row[3])}
    answers = {place: one for place, one in drawn.items() if one is not None}
    score = first(row, answers)
    assert score == second(row, answers) if len(answers) else score is None
    if score is not None:
        measure = the(LIBRARY[row[0]], row[1])
        assert score * measure.unit in measure.counts


# ---- the traps ----


def by_number(*values: int | None) -> dict[str, int]:
    return {str(n): value for n, value in enumerate(values, start=1) if value is not None}


def test_an_item_that_was_skipped_is_not_scored_as_the_middle() -> None:
    measure = the(LIBRARY["barc-10"])
    assert count_of(measure, by_number(*[6] * 10)) == 60
    assert count_of(measure, by_number(*[6] * 9, None)) is None


def test_ten_items_of_which_one_may_be_left_out() -> None:
    measure = the(LIBRARY["core-10"])
    nine = by_number(2, 2, 2, 2, 2, 2, 2, 2, 2, None)  # items 2 and 3 count from the other end: 2 stays 2
    assert points(count_of(measure, nine) or 0, measure.unit) == 20
    assert as_text(count_of(measure, nine) or 0, measure.unit) == "20"
    assert count_of(measure, by_number(*[2] * 8, None, None)) is None


def test_all_fives_of_a_scale_that_is_half_reversed() -> None:
    measure = the(LIBRARY["brs"])
    assert points(count_of(measure, by_number(*[5] * 6)) or 0, measure.unit) == 3


def test_highest_scores() -> None:
    assert the(LIBRARY["mirc-28"]).maximum == 112
    assert count_of(the(LIBRARY["who-5"]), by_number(3, 3, 3, 2, 2)) == 52


def test_a_risk_item_is_seen_under_every_limit() -> None:
    answers = by_number(1, 1, 1, 1, 1, 1, 1, 0, 1)
    assert count_of(the(LIBRARY["phq-9"]), answers) == 8
    assert risks(LIBRARY["phq-9"], answers) == ("9",)


@pytest.mark.parametrize(
    ("code", "answers", "items"),
    [
        ("phq-9", {"9": 0}, ()),
        ("phq-9", {"9": 1}, ("9",)),
        ("phq-9", {"9": 3}, ("9",)),
        ("phq-9", {"8": 3}, ()),
        ("phq-9", {}, ()),
        ("core-10", {"6": 1}, ("6",)),
        ("core-10", {"6": 0, "5": 4}, ()),
        ("gad-7", {"7": 3}, ()),
    ],
)
def test_risks(code: str, answers: dict[str, int], items: tuple[str, ...]) -> None:
    assert risks(LIBRARY[code], answers) == items


def test_four_answers_that_are_never_added_up() -> None:
    scores = scores_of(["ons4"], Given(scales={"ons4": {"satisfied": Decimal(7), "anxious": Decimal(2)}}), LIBRARY)
    assert [(one.scale, one.count) for one in scores] == [("satisfied", 7), ("anxious", 2)]
    with pytest.raises(Invalid) as raised:
        scores_of(["ons4"], Given(totals={"ons4": Decimal(20)}), LIBRARY)
    [error] = raised.value.errors
    assert (error.field, error.code) == ("totals.ons4", "scale-unknown")
    assert "never added up" in error.message


def test_do_not_know_is_an_answer_and_no_score() -> None:
    assert scores_of(["experience"], Given(answers={"experience": {"all-in-all": 9}}), LIBRARY) == []
    [score] = scores_of(["experience"], Given(answers={"experience": {"all-in-all": 4}}), LIBRARY)
    assert (score.count, score.scale) == (4, "total")


def test_items_are_left_out_where_the_instrument_says_how() -> None:
    labels = [{"value": value, "text": str(value)} for value in range(5)]
    questions = [{"code": str(n), "before": None, "text": f"{n}?", "labels": labels} for n in range(1, 11)]
    wording = Wording.model_validate({"language": "en", "questions": questions})
    core = worded(LIBRARY["core-10"], [wording])
    library = LIBRARY | {"core-10": core}
    [score] = scores_of(["core-10"], Given(answers={"core-10": by_number(*[2] * 9)}), library)
    assert (score.count, score.unit) == (180, 9)
    assert scores_of(["core-10"], Given(answers={"core-10": by_number(*[2] * 8)}), library) == []
    assert core.has_risk


# ---- t-scores, limits, words ----


def a_scale(**changes: Any) -> Measure:
    raw = json.loads((store.FOLDER / "gse.json").read_text())
    raw["scales"][0] |= changes
    return the(Instrument.model_validate(raw))


def test_a_t_score_is_an_exact_fraction() -> None:
    limits = [{"value": 60, "operator": ">=", "label": {"en": "high"}, "source": "x", "of": "t-score"}]
    known = {"mean": "29.5", "sd": "5.3", "source": "x"}
    measure = a_scale(t_score=known, cut_offs=limits)
    assert t_score(measure, 30) == 50 + Fraction(50, 53)
    assert t_score(measure, 40) == 50 + Fraction(1050, 53)
    assert cut_off(measure, 34) is None
    assert (found := cut_off(measure, 35))
    assert found.label.in_("en") == "high"
    assert t_score(a_scale(), 30) is None


def test_a_t_score_may_stand_in_a_printed_table() -> None:
    limits = [{"value": "56.5", "operator": ">=", "label": {"en": "high"}, "source": "x", "of": "t-score"}]
    rows = [{"points": points, "t": "56.5" if points == 31 else points} for points in range(10, 41)]
    measure = a_scale(t_score={"table": rows, "source": "x"}, cut_offs=limits, missing={"max": 1, "rule": "prorate"})
    assert t_score(measure, 31 * measure.unit) == Fraction(113, 2)
    assert t_score(measure, 31 * measure.unit + 1) is None  # a prorated score between two lines
    assert (found := cut_off(measure, 31 * measure.unit))
    assert found.label.in_("en") == "high"
    assert cut_off(measure, 30 * measure.unit) is None


def test_a_limit_for_t_scores_is_not_held_against_points() -> None:
    for scale in LIBRARY["proqol-5"].scales:
        assert [one.of for one in scale.cut_offs] == ["t-score", "t-score"]
        assert cut_off(the(LIBRARY["proqol-5"], scale.code), 50) is None


@pytest.mark.parametrize(
    ("code", "scale", "count", "label"),
    [
        ("phq-9", "total", 4, None),
        ("phq-9", "total", 5, "mild"),
        ("phq-9", "total", 9, "mild"),
        ("phq-9", "total", 10, "moderate"),
        ("phq-9", "total", 15, "moderately severe"),
        ("phq-9", "total", 27, "severe"),
        ("phq-4", "total", 2, None),
        ("phq-4", "total", 3, "mild"),
        ("phq-4", "anxiety", 2, None),
        ("phq-4", "anxiety", 3, "positive for screening purposes"),
        ("who-5", "total", 52, None),
        ("who-5", "total", 48, "poor well-being"),
        ("who-5", "total", 28, "probable depression"),
        ("brs", "total", 17, "low resilience"),
        ("brs", "total", 18, "normal resilience"),
        ("brs", "total", 25, "normal resilience"),
        ("brs", "total", 26, "high resilience"),
        ("core-10", "total", 98, None),
        ("core-10", "total", 99, "mild distress"),
        ("core-10", "total", 360, "severe distress"),
        ("barc-10", "total", 46, None),
        ("k6", "total", 13, "serious psychological distress"),
        ("gse", "total", 40, None),
    ],
)
def test_published_limits(code: str, scale: str, count: int, label: str | None) -> None:
    found = cut_off(the(LIBRARY[code], scale), count)
    assert (found.label.in_("en") if found else None) == label
    assert found is None or (found.source and found.label.in_("es"))


@pytest.mark.parametrize(
    "code", ["session-pulse", "belonging", "confidence-and-skills", "experience", "facilitator-check"]
)
def test_every_score_of_ours_has_words(code: str) -> None:
    measure = the(LIBRARY[code])
    for count in range(measure.minimum, measure.maximum + 1):
        assert meaning(measure, count, "en")
        assert meaning(measure, count, "es") != meaning(measure, count, "en")


def test_bands_begin_where_they_say() -> None:
    words = [meaning(the(BELONGING), count, "en") for count in range(25)]
    changes = [count for count in range(1, 25) if words[count] != words[count - 1]]
    assert changes == [9, 16]


# ---- what was given ----


@pytest.mark.parametrize(
    ("instrument", "total", "count"),
    [
        (BDI, "0", 0),
        (BDI, "63", 63),
        (BDI, "20.0", 20),
        (BDI, "20.0005", 20),
        (BELONGING, "2.3333", 14),
        (BELONGING, "2.3333333333333335", 14),
        (BELONGING, "4", 24),
        (BELONGING, "0.1667", 1),
        (LIBRARY["who-5"], "52", 52),
        (LIBRARY["core-10"], "18.8889", 170),
        (LIBRARY["core-10"], "20", 180),
    ],
)
def test_a_total_is_an_exact_count(instrument: Instrument, total: str, count: int) -> None:
    assert count_of_total(the(instrument), Decimal(total), "total") == count


@pytest.mark.parametrize(
    ("instrument", "total", "code", "said"),
    [
        (BDI, "64", "score-out-of-range", "from 0 to 63"),
        (BDI, "-1", "score-out-of-range", "from 0 to 63"),
        (BDI, "20.5", "not-a-score", "whole number"),
        (BELONGING, "4.2", "score-out-of-range", "from 0 to 4"),
        (BELONGING, "2.33", "not-a-score", "such as 2.3333"),
        (PHQ, "13", "score-out-of-range", "from 0 to 12"),
        (LIBRARY["who-5"], "50", "not-a-score", "such as 48"),
        (LIBRARY["core-10"], "18.5", "not-a-score", "such as 18.8889"),
        (LIBRARY["brs"], "0.9", "score-out-of-range", "from 1 to 5"),
    ],
)
def test_a_total_that_is_none(instrument: Instrument, total: str, code: str, said: str) -> None:
    with pytest.raises(Invalid) as raised:
        count_of_total(the(instrument), Decimal(total), "totals.x")
    [error] = raised.value.errors
    assert (error.field, error.code) == ("totals.x", code)
    assert said in error.message


@given(st.data())
def test_every_score_can_be_written_and_read_again(data: st.DataObject) -> None:
    row = data.draw(st.sampled_from(TABLE))
    measure = the(LIBRARY[row[0]], row[1])
    count = data.draw(st.sampled_from(measure.counts))
    assert count_of_total(measure, Decimal(as_text(count, measure.unit)), "total") == count


def test_every_field_that_is_wrong_is_named_at_once() -> None:
    given_now = Given(
        totals={"bdi-ii": Decimal(99), "phq-9": Decimal(1)},
        answers={"session-pulse": {"heard": 9, "safe": 1, "useful": 1, "else": 1}, "phq-4": {"one": 1}},
        scales={"gad-7": {"total": Decimal(3), "none": Decimal(3)}, "k6": {"none": Decimal(1)}},
        texts={"monthly-check-in": {"worked": "x" * 1001, "else": "x"}},
    )
    asked = ["session-pulse", "bdi-ii", "belonging", "phq-4", "gad-7", "k6", "monthly-check-in", "ons4"]
    with pytest.raises(Invalid) as raised:
        scores_of(asked, given_now, LIBRARY)
    assert {(error.field, error.code) for error in raised.value.errors} == {
        ("totals.phq-9", "instrument-not-in-battery"),
        ("totals.bdi-ii", "score-out-of-range"),
        ("totals.belonging", "instrument-missing"),
        ("scales.ons4.satisfied", "instrument-missing"),
        ("scales.gad-7.none", "scale-unknown"),
        ("scales.k6.none", "scale-unknown"),
        ("answers.phq-4", "no-wording"),
        ("answers.session-pulse.heard", "answer-unknown"),
        ("answers.session-pulse.hopeful", "answer-missing"),
        ("answers.session-pulse.else", "item-unknown"),
        ("texts.monthly-check-in.worked", "too-long"),
        ("texts.monthly-check-in.else", "item-unknown"),
    }


@pytest.mark.parametrize(
    "twice",
    [
        Given(totals={"phq-4": Decimal(1)}, answers={"phq-4": {}}),
        Given(totals={"phq-4": Decimal(1)}, scales={"phq-4": {"total": Decimal(1)}}),
        Given(scales={"phq-4": {"total": Decimal(1)}}, answers={"phq-4": {"1": 1}}),
    ],
)
def test_a_score_is_given_once(twice: Given) -> None:
    with pytest.raises(Invalid) as raised:
        scores_of(["phq-4"], twice, LIBRARY)
    assert raised.value.errors[0].code == "given-twice"


def test_parts_may_be_entered_beside_the_total() -> None:
    both = Given(totals={"phq-4": Decimal(7)}, scales={"phq-4": {"anxiety": Decimal(4)}})
    assert {one.scale: one.count for one in scores_of(["phq-4"], both, LIBRARY)} == {"total": 7, "anxiety": 4}
    with pytest.raises(Invalid) as raised:
        scores_of(["phq-4"], Given(scales={"phq-4": {"anxiety": Decimal(4)}}), LIBRARY)
    assert raised.value.errors[0].code == "instrument-missing"


def floats() -> Iterator[str]:
    folder = store.FOLDER.parent / "domain"
    for path in [*folder.glob("instruments/*.py"), folder / "scoring.py", folder / "given.py"]:
        text = path.read_text()
        yield from (f"{path.name}: {word}" for word in ("float", "sqrt", "round(") if word in text)


def test_no_binary_floating_point_in_scoring() -> None:
    assert sorted(floats()) == ["given.py: round(", "scoring.py: round("]  # of fractions, which stay exact
