"""The table of bad requests: what is sent to which door, and the one answer that is right."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

JSON = {"content-type": "application/json"}
FORM = {"content-type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True)
class Case:
    """A named case: the door it knocks at, what it brings, and `status code field` of the answer."""

    name: str
    door: str
    body: bytes
    answer: str
    headers: Mapping[str, str] = field(default_factory=lambda: JSON)


ENROL = "POST /intake/api/v1/participants"
SITE = "PUT /intake/api/v1/sites/pier"
PROGRAM = "PUT /intake/api/v1/programs/steps"
COMPLETE = "POST /intake/api/v1/participants/PARTICIPANT/enrolments/ENROLMENT/complete"
CHECK_IN = "POST /feedback/api/v1/check-ins"
CONTACTS = "PUT /feedback/api/v1/sites/pier/crisis-contacts"
BATTERY = "PUT /feedback/api/v1/batteries/steps"
GROUP = "PUT /scheduling/api/v1/groups/circle"
HOLD = "POST /scheduling/api/v1/sessions/SESSION/hold"
IDS = "POST /scheduling/api/v1/participants/known"

PERSON: dict[str, Any] = {
    "preferred_name": "CANARY",
    "language": "en",
    "program": "steps",
    "site": "pier",
    "is_not_duplicate": True,
    "consent": {"text": "standard", "version": 1, "taking_part": True, "reporting": True, "contact_after": False},
}
OTHER_GROUP: dict[str, Any] = {
    "name": "CANARY",
    "program": "steps",
    "site": "pier",
    "capacity": 12,
    "weekday": 2,
    "starts_at_local": "18:00",
    "minutes": 60,
    "first_on": "2025-01-07",
}
ANSWER: dict[str, Any] = {"occasion_id": "OCCASION", "totals": {"belonging": 3}}


def having(base: Mapping[str, Any], **changes: Any) -> bytes:
    """The body with these values; None is null, `...` leaves the field out."""
    return json.dumps({name: value for name, value in {**base, **changes}.items() if value is not ...}).encode()


def raw(text: str, base: Mapping[str, Any] = PERSON, name: str = "language") -> bytes:
    """The body with this very text as the value of a field."""
    return having(base, **{name: "HERE"}).replace(b'"HERE"', text.encode())


def at_version(text: str) -> bytes:
    """The body with this very text as the version of the consent."""
    return json.dumps(PERSON).replace('"version": 1', f'"version": {text}').encode()


GOOD = having(PERSON)
VERSION = "consent.version"


def shapes() -> Iterator[Case]:
    """1: what is no JSON, or JSON of another shape."""
    for name, body, answer in (
        ("empty body", b"", "422 missing body"),
        ("whitespace", b" \n\t ", "422 json-invalid body"),
        ("truncated", GOOD[:-9], "422 json-invalid body"),
        ("trailing bytes", GOOD + b"CANARY", "422 json-invalid body"),
        ("two documents", GOOD + GOOD, "422 json-invalid body"),
        ("NaN", at_version("NaN"), f"422 finite-number {VERSION}"),
        ("Infinity", at_version("Infinity"), f"422 finite-number {VERSION}"),
        ("1e400", at_version("1e400"), f"422 finite-number {VERSION}"),
        ("-0", at_version("-0"), f"422 greater-than-equal {VERSION}"),
        ("fraction", at_version("1.5"), f"422 int-from-float {VERSION}"),
        ("beyond 2^53", at_version("9007199254740993"), f"422 less-than-equal {VERSION}"),
        ("beyond 2^63", at_version("9223372036854775808"), f"422 less-than-equal {VERSION}"),
        ("number of 5,000 digits", at_version("9" * 5_000), "422 json-invalid body"),
        ("number of 100,000 digits", at_version("9" * 100_000), "413 body-too-large -"),
        ("the same key twice", GOOD[:-1] + b', "language": "CANARY"}', "422 string-pattern-mismatch language"),
        ("unknown key", having(PERSON, colour="CANARY"), "422 extra-forbidden colour"),
        ("wrong case", having(PERSON, language=..., Language="en"), "422 missing language"),
        ("null for something needed", having(PERSON, preferred_name=None), "422 string-type preferred_name"),
        ("list for object", b"[" + GOOD + b"]", "422 model-attributes-type body"),
        ("text for object", b'"CANARY"', "422 model-attributes-type body"),
        ("null for object", b"null", "422 model-attributes-type body"),
        ("list for a part", having(PERSON, consent=["CANARY"]), "422 model-attributes-type consent"),
        ("object for text", having(PERSON, preferred_name={"a": "CANARY"}), "422 string-type preferred_name"),
        ("number for text", having(PERSON, preferred_name=7), "422 string-type preferred_name"),
        ("text for truth", having(PERSON, is_not_duplicate="CANARY"), "422 bool-parsing is_not_duplicate"),
        ("list for map", having(PERSON, attributes=["CANARY"]), "422 dict-type attributes"),
        ("21 attributes", having(PERSON, attributes={f"a-{n}": "b" for n in range(21)}), "422 too-long attributes"),
        (
            "map with a bad key",
            having(PERSON, attributes={"A B": "b"}),
            "422 string-pattern-mismatch attributes.A B.[key]",
        ),
    ):
        yield Case(name, ENROL, body, answer)


def sizes() -> Iterator[Case]:
    """2: what is too deep, too large, of another kind, or of strange characters."""
    deep = b'{"entries": ' + b"[" * 10_000 + b"]" * 10_000 + b"}"
    yield Case("10,000 deep", BATTERY, deep, "422 json-invalid body")
    yield Case("30,000 deep", ENROL, b"[" * 30_000, "422 json-invalid body")
    yield Case("30,000 elements", BATTERY, b'{"entries": [' + b"1," * 29_999 + b"1]}", "422 too-long entries")
    yield Case("100 kB", ENROL, having(PERSON, preferred_name="CANARY" * 16_000), "413 body-too-large -")
    yield Case("1,501 ids", IDS, json.dumps({"ids": ["PARTICIPANT"] * 1_501}).encode(), "422 too-long ids")
    yield Case("text/plain", ENROL, GOOD, "422 model-attributes-type body", {"content-type": "text/plain"})
    yield Case(
        "application/xml",
        ENROL,
        b"<a>CANARY</a>",
        "422 model-attributes-type body",
        {"content-type": "application/xml"},
    )
    yield Case("a form for JSON", ENROL, b"preferred_name=CANARY", "422 model-attributes-type body", FORM)
    yield Case("no content type", ENROL, GOOD[:-1], "422 model-attributes-type body", {})
    yield Case(
        "gzip that says so", ENROL, b"\x1f\x8b\x08CANARY", "422 json-invalid body", JSON | {"content-encoding": "gzip"}
    )
    for name, text, answer in (
        ("lone surrogate", '"CANARY \\ud800"', "422 string-unicode preferred_name"),
        ("NUL in text", '"CANARY \\u0000"', "422 control-character preferred_name"),
        ("escape in text", '"CANARY \\u001b[31m"', "422 control-character preferred_name"),
        ("201 characters", json.dumps("é" * 201), "422 string-too-long preferred_name"),
        ("9,000 combining marks", json.dumps("a" + "\u0301" * 9_000), "422 string-too-long preferred_name"),
        ("only spaces", '" \\u2003 "', "422 string-too-short preferred_name"),
    ):
        yield Case(name, ENROL, raw(text, name="preferred_name"), answer)
    yield Case("latin-1 bytes", ENROL, GOOD.replace(b"CANARY", b"CANARY \xe9"), "422 json-invalid body")


def times() -> Iterator[Case]:
    """3: times and days that are none, or cannot be."""
    for name, value, code in (
        ("no zone", "2025-03-04T18:00:00", "timezone-aware"),
        ("year 1", "0001-01-01T00:00:00Z", "greater-than-equal"),
        ("year 9999", "9999-12-31T23:59:59Z", "less-than-equal"),
        ("year 10000", "10000-01-01T00:00:00Z", "datetime-from-date-parsing"),
        ("leap second", "2016-12-31T23:59:60Z", "datetime-from-date-parsing"),
        ("24:00", "2025-03-04T24:00:00Z", "datetime-from-date-parsing"),
        ("30 February", "2025-02-30T18:00:00Z", "datetime-from-date-parsing"),
        ("in the future", "2190-01-01T00:00:00Z", "in-the-future"),
        ("a number of seconds", 1e300, "datetime-parsing"),
        ("words", "CANARY", "datetime-from-date-parsing"),
        ("zone of 99 hours", "2025-03-04T18:00:00+99:00", "datetime-from-date-parsing"),
    ):
        yield Case(f"answered: {name}", CHECK_IN, having(ANSWER, answered_at=value), f"422 {code} answered_at")
    early = having(ANSWER, answered_at="1999-03-04T18:00:00Z")
    yield Case("answered long before the enrolment", CHECK_IN, early, "409 outside-window -")
    for name, change, answer in (
        ("starts at 24:00", {"starts_at_local": "24:00"}, "422 clock-time starts_at_local"),
        ("ends before it starts", {"minutes": -60}, "422 greater-than-equal minutes"),
        ("weekday 8", {"weekday": 8}, "422 less-than-equal weekday"),
        ("first on 30 February", {"first_on": "2025-02-30"}, "422 date-from-datetime-parsing first_on"),
        ("first in year 9999", {"first_on": "9999-12-31"}, "422 less-than-equal first_on"),
        ("first on a number", {"first_on": 1741046400}, "422 date-type first_on"),
        ("first on a moment", {"first_on": "2025-03-04T18:00:00Z"}, "422 date-type first_on"),
        ("capacity beyond 2^31", {"capacity": 2**31}, "422 less-than-equal capacity"),
    ):
        yield Case(f"group: {name}", GROUP, having(OTHER_GROUP, **change), answer)
    yield Case(
        "completed before enrolled", COMPLETE, b'{"completed_on": "2001-01-01"}', "422 before-enrolment completed_on"
    )
    yield Case("completed in the future", COMPLETE, b'{"completed_on": "2199-01-01"}', "422 in-the-future completed_on")
    yield Case(
        "no such time zone",
        SITE,
        having({"name": "CANARY", "languages": ["en"]}, time_zone="Moon/Sea"),
        "422 unknown-time-zone time_zone",
    )
    yield Case(
        "time zone of a path",
        SITE,
        having({"name": "CANARY", "languages": ["en"]}, time_zone="../../etc/passwd"),
        "422 string-pattern-mismatch time_zone",
    )
    confirmed = {"contacts": [{"label": {"en": "CANARY"}, "phone": "555-0100"}], "note": {"en": "CANARY"}}
    yield Case(
        "confirmed tomorrow", CONTACTS, having(confirmed, confirmed_on="2190-01-01"), "422 in-the-future confirmed_on"
    )
    script = having(confirmed, contacts=[{"label": {"en": "CANARY"}, "url": "javascript:alert(1)"}])
    yield Case("an address that runs", CONTACTS, script, "422 not-an-address contacts.0.url")


def ids() -> Iterator[Case]:
    """5: ids that are not ours, none at all, or made to break out."""
    people = "/intake/api/v1/participants"
    for name, one, answer in (
        ("of another house", "FOREIGN", "404 participant-not-found -"),
        ("unknown", "0190a5c8-0000-7000-8000-000000000000", "404 participant-not-found -"),
        ("nil", "00000000-0000-0000-0000-000000000000", "404 participant-not-found -"),
        ("version 1 with a network card", "c232ab00-9414-11ec-b3c8-9f6bdeced846", "404 participant-not-found -"),
        ("malformed", "not-a-uuid", "422 uuid-parsing participant_id"),
        ("too long", "0" * 10_000, "422 uuid-parsing participant_id"),
        ("a statement", "1';drop%20table%20participants--", "422 uuid-parsing participant_id"),
        ("a way up", "..%2f..%2f..%2fetc%2fpasswd", "404 page-not-found -"),
        ("NUL", "%00", "422 uuid-parsing participant_id"),
        ("not UTF-8", "%ff%fe", "422 uuid-parsing participant_id"),
    ):
        yield Case(f"id: {name}", f"GET {people}/{one}", b"", answer)
    foreign = COMPLETE.replace("PARTICIPANT", "FOREIGN")
    yield Case(
        "completes somebody of another house", foreign, b'{"completed_on": "2025-01-01"}', "404 enrolment-not-found -"
    )
    yield Case(
        "erases somebody of another house",
        f"POST {people}/FOREIGN/erase",
        b'{"reason": "asked-by-participant", "short_code": "KLM-482"}',
        "404 participant-not-found -",
    )
    yield Case(
        "answers for an unknown occasion", CHECK_IN, having(ANSWER, occasion_id="FOREIGN"), "404 occasion-not-found -"
    )
    yield Case("answers for no UUID", CHECK_IN, having(ANSWER, occasion_id="CANARY"), "422 uuid-parsing occasion_id")
    guest = json.dumps({"attendance": [{"participant_id": "FOREIGN", "status": "present"}]}).encode()
    yield Case("a guest of another house", HOLD, guest, "409 session-not-started -")
    yield Case("code: a statement", "GET /scheduling/api/v1/groups/x';--", b"", "422 string-pattern-mismatch code")
    yield Case("code: a template", "PUT /intake/api/v1/sites/%7B%7B7*7%7D%7D", GOOD, "422 string-pattern-mismatch code")
    yield Case("code: 65 characters", f"GET /scheduling/api/v1/groups/{'a' * 65}", b"", "422 string-too-long code")
    yield Case("code: a filter", ENROL, having(PERSON, site="*)(uid=*"), "422 string-pattern-mismatch site")
    yield Case("program of no site", PROGRAM, having({"name": "CANARY", "sites": []}), "422 too-short sites")
    yield Case(
        "program of an unknown site", PROGRAM, having({"name": "CANARY", "sites": ["nowhere"]}), "404 site-not-found -"
    )
    yield Case(
        "program of the same site twice",
        PROGRAM,
        having({"name": "CANARY", "sites": ["pier", "pier"]}),
        "422 repeated sites",
    )
    asked = "GET /analytics/api/v1/change?program=steps&instrument=belonging&from=baseline"
    yield Case("query: a statement", f"{asked}&to=x'%20or%20'1", b"", "422 string-pattern-mismatch to")
    yield Case("query: left out", asked, b"", "422 missing to")
    yield Case("query: page of a thousand million", f"GET {people}?limit=1000000000", b"", "422 less-than-equal limit")
    yield Case("query: negative page", f"GET {people}?limit=-1", b"", "422 greater-than-equal limit")
    yield Case("query: after no UUID", f"GET {people}?after=CANARY", b"", "422 uuid-parsing after")


CASES = [*shapes(), *sizes(), *times(), *ids()]
