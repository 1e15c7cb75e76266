"""The commands for recovering: what is typed wrongly is one clear sentence, and nothing is done."""

from pathlib import Path
from uuid import UUID, uuid4

import pytest
from aiokafka import ConsumerRecord
from typer.testing import CliRunner

from deploy.cli.app import app
from deploy.cli.events import reading
from deploy.cli.events.reading import Wanted
from deploy.cli.events.verifying import Result
from shared.clock import now
from shared.events.intake import ParticipantCompleted
from shared.identity import organisation_id


@pytest.fixture(autouse=True)
def nothing_runs(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KITH_DATA", str(data))
    for name in ("KITH_POSTGRES", "KITH_KAFKA", "KITH_DATABASE_MACHINERY"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("parked list --service kitchen", "kitchen is no service: choose from intake"),
        ("parked list", "start it with `kith up`"),
        ("parked show feedback t k", "start it with `kith up`"),
        ("parked replay", "Name SERVICE TOPIC KEY, or --all"),
        ("parked replay feedback", "Name SERVICE TOPIC KEY, or --all"),
        ("parked replay feedback t", "Name SERVICE TOPIC KEY, or --all"),
        ("parked replay feedback t k --all", "Name SERVICE TOPIC KEY, or --all"),
        ("parked replay feedback t k --accept-gap", "with --reason"),
        ("parked replay --all --accept-gap --reason why", "for one key"),
        ("parked drop feedback t k --reason=", "Say why with --reason"),
        ("parked drop feedback t k", "Why may it go"),
        ("events show nonsense", "nonsense is no id of an event"),
        ("events tail --since yesterday", "--since yesterday: give 30s"),
        ("events tail --since 2025-03-04T18:00:00", "give 30s"),
        ("events tail", "start it with `kith up`"),
        ("events verify", "Name one topic, or --all."),
        ("events verify kith.sessions --all", "Name one topic, or --all."),
        ("doctor --service kitchen", "kitchen is no service"),
        ("doctor", "start it with `kith up`"),
        ("say-again", "start it with `kith up`"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(words: str, sentence: str) -> None:
    answer = CliRunner().invoke(app, words.split())
    assert answer.exit_code == 1
    assert sentence in answer.output
    assert "Traceback" not in answer.output


def test_an_account_without_a_name_has_to_say_who_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found: 10001")  # as in our image

    monkeypatch.setattr("getpass.getuser", nameless)
    drop = ["parked", "drop", "feedback", "t", "k", "--reason", "why"]
    answer = CliRunner().invoke(app, drop)
    assert (answer.exit_code, "say who you are with --by" in answer.output) == (1, True)
    answer = CliRunner().invoke(app, [*drop, "--by", "Ola"])
    assert (answer.exit_code, "start it with `kith up`" in answer.output) == (1, True)


@pytest.mark.parametrize("words", ["parked list", "parked replay --all", "doctor", "say-again"])
def test_the_store_of_one_container_must_be_named(words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KITH_DATABASE_MACHINERY", "postgresql://x@127.0.0.1:1/x")
    answer = CliRunner().invoke(app, words.split())
    assert (answer.exit_code, "say which with --service" in answer.output) == (1, True)
    away = CliRunner().invoke(app, ["parked", "list", "--service", "feedback"])
    assert (away.exit_code, "does not answer" in away.output) == (1, True)


@pytest.mark.parametrize(
    "words",
    [
        "doctor",
        "adopt",
        "say-again",
        *(f"parked {one}" for one in ("list", "show", "replay", "drop")),
        "events tail",
        "events show",
        "events verify",
    ],
)
def test_each_command_has_help_with_an_example(words: str) -> None:
    answer = CliRunner().invoke(app, [*words.split(), "--help"])
    assert (answer.exit_code, "Example:" in answer.output) == (0, True)


def test_since_is_a_time_or_so_long_ago() -> None:
    assert reading.moment("all") is None
    given = reading.moment("2025-03-04T18:00:00+02:00")
    assert given
    assert given.isoformat() == "2025-03-04T18:00:00+02:00"
    ago = reading.moment("2h")
    assert ago
    assert 7199 < (now() - ago).total_seconds() < 7210


KEY, EVENT, PARTICIPANTS = uuid4(), uuid4(), "kith.participants"


def record(
    version: int = 1, event: UUID = EVENT, key: UUID = KEY, value: bytes | None = None, **headers: object
) -> ConsumerRecord:
    """A good record, but for what is said."""
    body = ParticipantCompleted(participant_id=key, enrolment_id=uuid4(), completed_on=now().date())
    given = {
        "content-type": b"application/json",
        "ce_specversion": b"1.0",
        "ce_id": str(event).encode(),
        "ce_source": b"/kith/intake",
        "ce_type": b"org.kith.participant-completed.v1",
        "ce_subject": str(key).encode(),
        "ce_time": b"2025-03-04T18:00:00Z",
        "ce_organisation": str(organisation_id("harbour-trust")).encode(),
        "ce_aggregateversion": str(version).encode(),
    } | {name.replace("content_type", "content-type"): text for name, text in headers.items()}
    sent = tuple((name, text) for name, text in given.items() if text != b"absent")
    value = body.model_dump_json().encode() if value is None else value
    return ConsumerRecord(PARTICIPANTS, 0, 0, 1, 0, str(key).encode(), value, None, 0, 0, sent)


def verified(*records: ConsumerRecord) -> tuple[dict[str, int], int]:
    """The faults by their code, and how many were repeated."""
    result = Result(PARTICIPANTS)
    for one in records:
        result.take(one)
    result.finish()
    assert result.events == len(records)
    return dict(result.faults), result.repeats


@pytest.mark.parametrize(
    ("bad", "fault"),
    [
        ({}, None),
        ({"added_later": b"fine"}, None),
        ({"ce_id": None}, "null-header"),
        ({"ce_time": b"\xff"}, "bad-header"),
        ({"ce_time": b"absent"}, "missing-header"),
        ({"ce_subject": b"absent"}, "missing-header"),
        ({"ce_subject": b"somebody"}, "bad-header"),
        ({"ce_specversion": b"0.3"}, "bad-header"),
        ({"ce_specversion": b"absent"}, "missing-header"),
        ({"content_type": b"text/csv"}, "bad-header"),
        ({"ce_source": b"/elsewhere"}, "bad-header"),
        ({"ce_type": b"org.kith.session-held.v1"}, "wrong-topic"),
        ({"ce_type": b"org.kith.participant-completed.v2"}, "future-version"),
        ({"ce_type": b"nonsense"}, "unknown-type"),
        ({"value": b"{broken"}, "bad-body"),
        ({"value": b'{"participant_id": "%s"}' % str(KEY).encode()}, "bad-body"),
        (
            {
                "value": b'{"participant_id": "%s", "enrolment_id": "%s", "completed_on": "2026-11-20T00:00:00"}'
                % (str(KEY).encode(), str(KEY).encode())
            },
            "breaks-its-schema",
        ),
        ({"value": b'{"participant_id": "%s"}' % str(uuid4()).encode()}, "bad-body"),
    ],
)
def test_verify_finds_what_breaks_a_promise(bad: dict[str, bytes], fault: str | None) -> None:
    value = bad.pop("value", None)
    assert verified(record(value=value, **bad)) == ({fault: 1} if fault else {}, 0)


def test_verify_counts_repeats_and_finds_what_is_out_of_order() -> None:
    events = {version: uuid4() for version in range(1, 9)}

    def said(*versions: int) -> list[ConsumerRecord]:
        return [record(version, events[version]) for version in versions]

    assert verified(*said(3, 4, 5)) == ({}, 0)  # the log need not begin at the first
    assert verified(*said(1, 2, 1, 2, 3)) == ({}, 2)  # a relay that was killed says some again
    assert verified(*said(1, 2, 4, 5)) == ({"gap": 1}, 0)
    assert verified(*said(1, 3, 2, 4)) == ({"gap": 1, "goes-back": 1}, 0)
    assert verified(*said(1, 2), record(2, uuid4())) == ({"two-of-one-version": 1}, 0)
    assert verified(*said(1), record(5, uuid4(), key=uuid4())) == ({}, 0)


def test_events_are_chosen_by_type_subject_and_organisation() -> None:
    def chosen(kind: str | None = None, subject: str | None = None, organisation: str | None = None) -> bool:
        return Wanted.of([PARTICIPANTS], kind, subject, organisation).has(record())

    assert chosen()
    assert chosen("participant-completed", str(KEY), "harbour-trust")
    assert chosen("org.kith.participant-completed.v1", None, str(organisation_id("harbour-trust")))
    assert not chosen("participant-enrolled")
    assert not chosen(None, str(uuid4()))
    assert not chosen(None, None, "other-house")


def test_a_line_shows_what_a_record_is_whatever_its_bytes() -> None:
    assert "participant-completed.v1" in reading.line(record())
    strange = ConsumerRecord(PARTICIPANTS, 0, 7, 1, 0, None, b"\xff\x00", None, 0, 0, (("ce_type", None),))
    assert reading.line(strange) == f"1970-01-01T00:00:00.001Z  ?  ?  ?  {PARTICIPANTS}/0:7  (2 bytes)"
    exact = reading.exactly(strange)
    assert (exact["key"], exact["value"], exact["value_text"]) == (None, "/wA=", None)
