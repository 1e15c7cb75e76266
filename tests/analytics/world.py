"""A program with people in it, told to analytics event by event, and what happened to each of them kept beside it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

from shared.events.feedback import BatteryActivated, BatteryEntry, CheckInSubmitted, Score
from shared.events.intake import (
    Consents,
    ParticipantCompleted,
    ParticipantEnrolled,
    ParticipantWithdrawn,
    SiteOpened,
)
from shared.events.scheduling import Attended, CheckInDue, SessionHeld
from tests.analytics.conftest import AT, NORTH_QUAY, OLD_TOWN, ORGANISATION, PROGRAM, Told, a_program, an_instrument

OCCASIONS = ("baseline", "end", "follow-up")
OF = {"program": "evening-circle", "instrument": "phq-9"}
ASKED = OF | {"from": "baseline", "to": "end"}
PHQ9 = {"code": "phq-9", "maximum": 27, "reliable_change": 6, "caseness": 10}
GAD7 = {"code": "gad-7", "maximum": 21, "reliable_change": 4, "caseness": 8}
PULSE = {"code": "session-pulse", "maximum": 16, "unit": 4, "higher_is_better": True, "is_validated": False}


@dataclass(slots=True)
class Person:
    """What happens to somebody: scores by occasion, attendance, and how it ended."""

    site: UUID = OLD_TOWN
    age: str | None = None
    scores: dict[str, tuple[int, ...]] = field(default_factory=dict)  # PHQ-9, and GAD-7 if it is asked
    pulse: Sequence[int] = ()  # after each session that they came to
    pulse_version: int = 1
    came: int = 0
    end: str = "there"
    enrolled: date = date(2025, 1, 6)
    enrolment: UUID = field(default_factory=uuid4)
    participant: UUID = field(default_factory=uuid4)


def somebody(number: int) -> Person:
    """One of forty people who differ in everything that is counted."""
    first = 12 + number % 7
    change = (-9, -7, -1, 0, 6)[number % 5]
    scores = {"baseline": (first, 10 + number % 2)}
    if number < 34:
        scores["end"] = (first + change, 10 + change // 2)
    if number < 26:
        scores["follow-up"] = (first + change + (5, 7, -8)[number % 3], 9)
    return Person(
        site=NORTH_QUAY if number % 3 == 0 else OLD_TOWN,
        age=("under-30", "30-plus", None)[number % 3],
        scores=scores,
        pulse=[8 + number % 3 + session * (number % 2) for session in range(number % 4)],
        came=number % 6,
        end=("left", "there", "completed")[number % 3],
    )


def crowd() -> list[Person]:
    """A hundred and twenty people, of whom enough went each way to be drawn."""
    ways = [(18, 5)] * 44 + [(18, 17)] * 16 + [(6, 5)] * 30 + [(6, 16)] * 30
    return [
        Person(scores={"baseline": (first, 9), "end": (later, 9)}, age=("under-30", "30-plus")[number % 2])
        for number, (first, later) in enumerate(ways)
    ]


async def play(told: Told, people: Sequence[Person], *, program: UUID = PROGRAM, **published: Any) -> None:
    """Tell all of it: the program, then each person from the enrolment to the end."""
    await told.tell(
        *(SiteOpened(organisation_id=ORGANISATION, site_id=site, code=code, time_zone="Europe/London", languages=["en"])
          for site, code in ((OLD_TOWN, "old-town"), (NORTH_QUAY, "north-quay"))),
        a_program(program_id=program, site_ids=[OLD_TOWN, NORTH_QUAY], **published),
        *(an_instrument(**one) for one in (PHQ9, GAD7, PULSE)),
        _battery(program),
    )  # fmt: skip
    await told.tell_at_once([event for person in people for event in _of(person, program)])
    for number in range(max((one.came for one in people), default=0)):
        there = [one for one in people if one.came > number]
        await told.tell(
            SessionHeld(
                session_id=uuid4(),
                group_id=uuid4(),
                program_id=program,
                site_id=OLD_TOWN,
                starts_at=AT + timedelta(weeks=number),
                minutes=60,
                attendance=[Attended(participant_id=one.participant, status="present") for one in there],
            )
        )


def _battery(program: UUID) -> BatteryActivated:
    kinds: dict[str, Any] = {"baseline": "baseline", "end": "end", "follow-up": "follow-up"}
    entries = [BatteryEntry(occasion=one, kind=kinds[one], instruments=["phq-9", "gad-7"]) for one in OCCASIONS]
    entries.append(BatteryEntry(occasion="session", kind="session", instruments=["session-pulse"]))
    return BatteryActivated(program_id=program, entries=entries)


def _of(person: Person, program: UUID) -> list[Any]:
    ids: dict[str, Any] = {"participant_id": person.participant, "enrolment_id": person.enrolment}
    where: dict[str, Any] = {"program_id": program, "site_id": person.site}
    told: list[Any] = [
        ParticipantEnrolled(
            **ids,
            **where,
            short_code="ABC-123",
            language="en",
            enrolled_on=person.enrolled,
            attributes={"age": person.age} if person.age else {},
            consent_text="standard",
            consent_version=1,
            consents=Consents(taking_part=True, reporting=True, contact_after=True),
        )
    ]
    for place, code in enumerate(OCCASIONS):
        at, occasion = AT + timedelta(weeks=10 * place), uuid4()
        kind: Any = code
        told.append(
            CheckInDue(
                **ids,
                **where,
                occasion_id=occasion,
                kind="end" if code == "follow-up" else kind,
                code=code,
                ordinal=0,
                instruments=["phq-9"],
                due_at=at,
                opens_at=at,
                closes_at=at + timedelta(days=14),
            )
        )
        if code in person.scores:
            counts = zip(("phq-9", "gad-7"), person.scores[code], strict=False)
            scores = [Score(instrument=name, version=1, count=count, unit=1) for name, count in counts]
            told.append(_answer(ids | where, occasion, kind, code, scores, at))
    for number, count in enumerate(person.pulse, 1):
        score = Score(instrument="session-pulse", version=person.pulse_version, count=count, unit=4)
        at = AT + timedelta(weeks=number - 1)
        told.append(_answer(ids | where, uuid4(), "session", f"session-{number}", [score], at))
    if person.end == "completed":
        told.append(ParticipantCompleted(**ids, completed_on=AT.date()))
    if person.end == "left":
        told.append(ParticipantWithdrawn(**ids, withdrawn_on=AT.date()))
    return told


def _answer(whose: dict[str, Any], occasion: UUID, kind: Any, code: str, scores: list[Score], at: Any) -> Any:
    return CheckInSubmitted(
        **whose, occasion_id=occasion, kind=kind, code=code, ordinal=0, scores=scores, answered_at=at,
        entered_by="participant",
    )  # fmt: skip
