"""Values as people read them."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from babel.numbers import format_decimal, format_percent
from hypothesis import given
from hypothesis import strategies as st

from shared.web import Pages
from shared.web.languages import locale_of

NOW = datetime(2025, 3, 4, 17, 0, tzinfo=UTC)
PAGES = Pages("tests", Path(__file__).parent)
NAMES = ("number", "signed", "percent")


def said(expression: str, lang: str = "en", **values: object) -> str:
    """What a page in this language shows for the expression."""
    return PAGES.environment.from_string("{{ " + expression + " }}").render(lang=lang, **values)


@pytest.mark.parametrize(
    ("expression", "english", "spanish"),
    [
        ("1234567.891 | number(1)", "1,234,567.9", "1.234.567,9"),
        ("12 | number", "12", "12"),
        ("-2 | number", "−2", "−2"),
        ("-0.4 | number", "0", "0"),
        ("-0.001 | percent", "0%", "0%"),
        ("3.14 | signed(1)", "+3.1", "+3,1"),
        ("-0.44 | signed(1)", "−0.4", "−0,4"),
        ("-0.04 | signed(1)", "0.0", "0,0"),
        ("0 | signed", "0", "0"),
        ("0.574 | percent", "57%", "57%"),
        ("at | day('Europe/Madrid')", "4 March 2025", "4 de marzo de 2025"),
        ("on | day", "4 March 2025", "4 de marzo de 2025"),
        ("on | weekday", "Tuesday, 4 March", "martes, 4 de marzo"),
        ("at | clock('Europe/Madrid')", "18:00", "18:00"),
        ("at | moment('Europe/Madrid')", "Tue 4 March, 18:00", "mar 4 de marzo, 18:00"),
        ("at | ago(at)", "just now", "ahora mismo"),
        ("at | ago(later)", "3 hours ago", "hace 3 horas"),
        ("later | ago(at)", "in 3 hours", "dentro de 3 horas"),
    ],
)
def test_values_are_written_as_the_language_writes_them(expression: str, english: str, spanish: str) -> None:
    values = {"at": NOW, "on": date(2025, 3, 4), "later": NOW + timedelta(hours=3)}
    assert said(expression, "en", **values) == english
    assert said(expression, "es", **values) == spanish


@pytest.mark.parametrize(
    "shape", ["words", "number(1)", "signed", "percent", "day", "weekday", "clock('UTC')", "moment('UTC')"]
)
def test_what_is_absent_is_a_dash(shape: str) -> None:
    assert said(f"none | {shape}") == "–"


def test_a_mean_of_nothing_is_a_dash() -> None:
    assert said("value | number(1)", value=float("nan")) == "–"


def test_a_moment_falls_on_the_day_of_its_site() -> None:
    late = datetime(2025, 3, 4, 23, 30, tzinfo=UTC)
    assert said("at | day('Europe/Madrid')", at=late) == "5 March 2025"
    assert said("at | day('America/New_York')", at=late) == "4 March 2025"


def test_a_moment_without_a_time_zone_has_no_day() -> None:
    with pytest.raises(TypeError, match="time zone"):
        said("at | day", at=NOW)


def test_codes_become_words() -> None:
    assert said("'old-town' | words") == "Old Town"
    assert said("'follow-up-2' | words") == "Follow-up 2"
    assert said("'25-34' | words") == "25–34"
    assert said("'65-plus' | words") == "65 plus"
    assert said("'2026-11-28' | words") == "2026 11 28"
    assert said("'program-manager' | words | lower") == "program manager"


def test_a_field_finds_its_own_error() -> None:
    for errors in (
        [{"field": "name", "message": "Enter a name."}],
        [SimpleNamespace(field="name", message="Enter a name.")],
    ):
        assert said("errors | about('name')", errors=errors) == "Enter a name."
        assert said("errors | about('site') is none", errors=errors) == "True"


def test_attributes_are_escaped_and_empty_ones_left_out() -> None:
    values = {"hx_get": '/x?"', "hidden": True, "open": False, "title": None}
    assert said("values | attributes", values=values) == ' hx-get="/x?&#34;" hidden'


def no_minus_zero(text: str) -> str:
    """Babel writes -0 for what rounds to it; nobody reads that."""
    return text if any(digit in text for digit in "123456789") else text.lstrip("-")


@given(
    st.one_of(
        st.floats(-1e9, 1e9), st.integers(-5000, 5000).map(lambda n: n / 200), st.decimals(-9999, 9999, places=4)
    ),
    st.integers(0, 3),
    st.sampled_from(["en", "es"]),
)
def test_numbers_are_written_as_babel_writes_them(value: float, digits: int, lang: str) -> None:
    pattern = "#,##0" + ("." + "0" * digits if digits else "")
    plainly = {name: said(f"value | {name}({digits})", lang, value=value).replace("−", "-") for name in NAMES}
    signed = format_decimal(value, f"+{pattern};-{pattern}", locale=locale_of(lang))
    assert plainly["number"] == no_minus_zero(format_decimal(value, pattern, locale=locale_of(lang)))
    assert plainly["percent"] == no_minus_zero(format_percent(value, pattern + "%", locale=locale_of(lang)))
    assert plainly["signed"] in (signed, signed.lstrip("+-"))
