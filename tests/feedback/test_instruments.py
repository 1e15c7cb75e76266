"""What a definition may say: the files that ship, the format, and every sentence about one that is malformed."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from services.feedback import store
from services.feedback.domain.instruments import Instrument, published
from tests.feedback.conftest import ORGANISATION

LIBRARY = store.library()
OURS = {
    "belonging",
    "confidence-and-skills",
    "experience",
    "facilitator-check",
    "monthly-check-in",
    "session-pulse",
}
LICENSED = {"csq-8", "outcomes-star", "srs", "swemwbs"}
OTHERS = {
    "aim", "barc-10", "bdi-ii", "brs", "core-10", "gad-7", "gse", "k6", "mirc-28", "ons4", "phq-4", "phq-9", "proqol-5",
    "ras-24", "ucla-3", "who-5",
}  # fmt: skip
PUBLISHED = Path(__file__).parent / "published_instruments.json"


def test_what_ships() -> None:
    assert set(LIBRARY) == OURS | OTHERS | LICENSED
    assert {code for code, one in LIBRARY.items() if one.has_wording} == OURS
    assert {code for code, one in LIBRARY.items() if not one.is_validated} == OURS
    assert {code for code, one in LIBRARY.items() if one.licence.needs_number} == LICENSED
    assert {code for code, one in LIBRARY.items() if one.total is None} == {
        "monthly-check-in",
        "ons4",
        "outcomes-star",
        "proqol-5",
    }
    assert {code: [rule.item for rule in one.risk] for code, one in LIBRARY.items() if one.risk} == {
        "phq-9": ["9"],
        "core-10": ["6"],
        "bdi-ii": ["9"],
    }
    assert not any(one.has_risk for one in LIBRARY.values())  # nobody sees an item of a total


def test_a_published_version_never_changes() -> None:
    """A new version is a new file; whoever changes what a file says takes every score that was given to it."""
    found = {
        f"{one['code']}:{one['version']}": hashlib.sha256(
            json.dumps(one, sort_keys=True, ensure_ascii=False).encode()
        ).hexdigest()
        for one in (json.loads(path.read_text()) for path in store.FOLDER.glob("*.json"))
    }
    assert found == json.loads(PUBLISHED.read_text()), "publish a new version instead, and add its digest"


@pytest.mark.parametrize(
    ("code", "unit", "minimum", "maximum", "is_higher_better"),
    [
        ("session-pulse", 1, 0, 16, True),
        ("belonging", 6, 0, 24, True),
        ("phq-4", 1, 0, 12, False),
        ("bdi-ii", 1, 0, 63, False),
        ("who-5", 1, 0, 100, True),
        ("core-10", 9, 0, 360, False),
        ("brs", 6, 6, 30, True),
        ("mirc-28", 1, 28, 112, True),
        ("ucla-3", 1, 3, 9, False),
        ("csq-8", 1, 8, 32, True),
    ],
)
def test_unit_and_range_follow_from_the_items(
    code: str, unit: int, minimum: int, maximum: int, is_higher_better: bool
) -> None:
    total = LIBRARY[code].ranges["total"]
    assert (total.unit, total.minimum, total.maximum) == (unit, minimum, maximum)
    assert total.higher_is_better == is_higher_better


def test_others_are_told_of_each_scale() -> None:
    event = published(ORGANISATION, LIBRARY["phq-4"])
    assert (event.unit, event.minimum, event.maximum, event.has_total) == (1, 0, 12, True)
    assert [(one.code, one.maximum) for one in event.scales] == [("total", 12), ("anxiety", 6), ("depression", 6)]
    event = published(ORGANISATION, LIBRARY["ons4"])
    assert not event.has_total
    assert [(one.code, one.higher_is_better) for one in event.scales] == [
        ("satisfied", True),
        ("worthwhile", True),
        ("happy", True),
        ("anxious", False),
    ]
    assert published(ORGANISATION, LIBRARY["monthly-check-in"]).scales == []


def test_no_change_is_called_reliable_without_its_sources() -> None:
    found = {code: one.total.scale.reliable_change for code, one in LIBRARY.items() if one.total}
    assert {code: (change.threshold, change.method) for code, change in found.items() if change} == {
        "phq-9": (6, "published"),
        "gad-7": (4, "published"),
        "phq-4": (4, "jacobson-truax"),
        "k6": (6, "jacobson-truax"),
    }


def definition(of: str = "session-pulse", /, **changes: Any) -> dict[str, Any]:
    """A file that ships, changed slightly. A name such as `scales.0.missing` changes what stands there."""
    [path] = store.FOLDER.glob(f"{of}.json")
    changed: dict[str, Any] = json.loads(path.read_text())
    for name, value in changes.items():
        *way, last = name.split(".")
        inside: Any = changed
        for step in way:
            inside = inside[int(step) if step.isdigit() else step]
        if value is GONE:
            del inside[last]
        else:
            inside[int(last) if last.isdigit() else last] = value
    return changed


GONE = object()
LABEL = {"en": "x", "es": "x"}
JT = {"operator": ">=", "method": "jacobson-truax", "source": "x"}
T_ROW = {"points": 41, "t": "60"}


@pytest.mark.parametrize(
    ("code", "changes", "said"),
    [
        ("session-pulse", {"options": []}, "options: give at least two that are scored"),
        ("session-pulse", {"options.1.value": 0}, "options: give at least two that are scored, with rising values"),
        ("session-pulse", {"options.1.value": 101}, "options.1.value: Give 100 or less."),
        ("session-pulse", {"items": []}, "items: "),
        ("session-pulse", {"items.1.code": "heard"}, "items: heard is there twice"),
        ("session-pulse", {"items.1.text": GONE}, "items: give every item its text, or none"),
        ("session-pulse", {"items.1.kind": "text"}, "items.1.length_max: a text needs"),
        ("session-pulse", {"items.1.length_max": 3}, "items.1.length_max: only a text has a length"),
        ("session-pulse", {"items.1.options": [{"value": 1, "label": LABEL}]}, "items.1.options: the values must be"),
        ("session-pulse", {"options.1.label": GONE}, "items.0: every answer to a question needs its label"),
        ("session-pulse", {"note": GONE}, "note: an instrument that is not validated"),
        ("session-pulse", {"scales.0.bands": []}, "scales.0: bands and limits must say what a score means"),
        ("session-pulse", {"scales.0.bands.0.at_least": 1}, "scales.0.bands.0.at_least: the first begins at 0"),
        ("session-pulse", {"scales.0.bands.2.at_least": 6}, "scales.0.bands.2.at_least: each begins above"),
        ("session-pulse", {"scales.0.bands.2.at_least": 17}, "scales.0.bands.2.at_least: each begins above"),
        ("session-pulse", {"scales.0.limits": GONE}, "scales.0.limits: a score that is explained"),
        (
            "session-pulse",
            {"scales.0.mcid": {"value": 1, "source": "x"}},
            "scales.0: an instrument that is not validated",
        ),
        ("session-pulse", {"title": {"en": "Only English"}}, "title: the words in es are missing"),
        ("session-pulse", {"items.0.text": {"en": "x", "es": " "}}, "items.0.text.es: This is needed."),
        ("session-pulse", {"code": "Not A Code"}, "code: "),
        ("session-pulse", {"surprise": 1}, "surprise: "),
        ("session-pulse", {"comparable_with": [1]}, "comparable_with: name earlier versions only"),
        ("session-pulse", {"licence.url": "ftp://x"}, "licence.url: Give an address"),
        ("session-pulse", {"licence.may_sell": GONE}, "licence.may_sell: This is needed."),
        ("brs", {"scales.0.reversed": ["7"]}, "scales.0.reversed: 7 is none of its items"),
        ("brs", {"options.4.value": 7}, "scales.0.reversed: the values do not look the same from the other end"),
        ("brs", {"scales.0.scoring": "product"}, "scales.0.scoring: "),
        ("brs", {"scales.0.cut_offs.2.value": "5.01"}, "scales.0.cut_offs.2.value: it is outside 1 to 5"),
        ("brs", {"scales.0.cut_offs.2.value": 4.3}, "scales.0.cut_offs.2.value: Write the number as text"),
        ("brs", {"scales.0.reliability.0.value": "1.2"}, "scales.0.reliability.0.value: it lies between 0 and 1"),
        ("who-5", {"scales.0.factor": GONE}, "scales.0.factor: it belongs to sum*k"),
        ("gse", {"scales.0.factor": 2}, "scales.0.factor: it belongs to sum*k, and only to that"),
        ("core-10", {"scales.0.missing": {"max": 1}}, "scales.0.missing: where items may be left out"),
        ("core-10", {"scales.0.missing.max": 10}, "scales.0.missing.max: at least one item must be answered"),
        ("core-10", {"risk.0.item": "11"}, "risk.0.item: there is no question 11"),
        ("phq-4", {"scales.1.items": ["1", "9"]}, "scales.1.items: there is no question 9"),
        ("phq-4", {"scales.1.items": ["1", "1"]}, "scales.1.items: 1 is there twice"),
        ("phq-4", {"scales.1.code": "total"}, "scales: total is there twice"),
        ("phq-4", {"scales.1.title": GONE}, "scales.1.title: only the total goes by"),
        ("phq-4", {"items.1.aliases": ["69725-0"]}, "items: 69725-0 is there twice"),
        ("phq-4", {"scales.0.reliability": []}, "reliable_change.reliability: without a sourced reliability"),
        ("phq-4", {"scales.0.reference": []}, "reliable_change.sd: without a sourced SD"),
        ("phq-4", {"scales.0.reliable_change.threshold": 3}, "it is not the smallest whole change above the noise"),
        ("phq-4", {"scales.0.reliable_change.threshold": 5}, "it is not the smallest whole change above the noise"),
        ("phq-4", {"scales.0.reference.0.sd": 0}, "scales.0.reference.0.sd: it is more than 0"),
        ("gse", {"scales.0.reliable_change": JT | {"threshold": 6}}, "reliable_change.sd: without a sourced SD"),
        ("phq-9", {"scales.0.reliable_change.sd": "5.5"}, "a published threshold stands for itself"),
        ("gse", {"scales.0.t_score": {"mean": 1, "sd": 0, "source": "x"}}, "scales.0.t_score.sd: it is more than 0"),
        ("gse", {"scales.0.t_score": {"source": "x"}}, "scales.0.t_score: give mean and sd, or a table"),
        ("gse", {"scales.0.t_score": {"mean": 1, "source": "x"}}, "scales.0.t_score: give mean and sd, or a table"),
        ("gse", {"scales.0.t_score": {"table": [T_ROW], "source": "x"}}, "t_score.table: 10 is missing: every whole"),
        ("gse", {"scales.0.t_score": {"table": [T_ROW, T_ROW], "source": "x"}}, "t_score.table: 41 is there twice"),
        ("gse", {"scales.0.t_score": {"table": [T_ROW], "source": "x"}}, "table.0.points: it is outside 10 to 40"),
        ("monthly-check-in", {"options": [{"value": 1}]}, "options: without a question to choose from"),
    ],
)
def test_a_malformed_definition_is_named(tmp_path: Path, code: str, changes: dict[str, Any], said: str) -> None:
    path = tmp_path / "wrong.json"
    path.write_text(json.dumps(definition(code, **changes)))
    with pytest.raises(store.Malformed) as raised:
        store.read_library(tmp_path)
    assert str(raised.value).startswith(f"{path}: ")
    assert said in str(raised.value)


@pytest.mark.parametrize("text", ["{", "[]", "", "null", '{"code": NaN}', "[" * 5000])
def test_a_file_that_is_no_definition_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "wrong.json").write_text(text)
    with pytest.raises(store.Malformed, match=r"wrong\.json"):
        store.read_library(tmp_path)


def test_the_newest_version_is_asked_and_a_version_stands_in_one_file(tmp_path: Path) -> None:
    for version in (1, 2):
        (tmp_path / f"{version}.json").write_text(json.dumps(definition(version=version)))
    assert store.read_library(tmp_path)["session-pulse"].version == 2
    (tmp_path / "again.json").write_text(json.dumps(definition(version=2)))
    with pytest.raises(store.Malformed, match="version 2 is in"):
        store.read_library(tmp_path)


def test_what_an_organisation_writes_may_speak_one_language() -> None:
    one = Instrument.model_validate(definition(title={"es": "Pulso"}))
    assert (one.title.in_("en"), one.title.language("en")) == ("Pulso", "es")
    assert Instrument.model_validate_json(one.model_dump_json(exclude_computed_fields=True)) == one


@pytest.mark.parametrize(
    ("code", "reliable_change", "caseness"),
    [("phq-9", 6, 10), ("gad-7", 4, 8), ("phq-4", 4, None), ("who-5", None, None), ("belonging", None, None)],
)
def test_others_are_told_what_is_reliable_where_a_source_says_it(
    code: str, reliable_change: int | None, caseness: int | None
) -> None:
    told = published(ORGANISATION, LIBRARY[code])
    assert (told.reliable_change, told.caseness) == (reliable_change, caseness)
