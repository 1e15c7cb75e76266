"""A large organisation as its events tell it: programs at several sites, their people, and twenty check-ins of each."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from shared.events import Event
from shared.events.feedback import BatteryActivated, BatteryEntry, CheckInSubmitted, InstrumentPublished, Score
from shared.events.ids import group_id_of, program_id_of, site_id_of
from shared.events.intake import (
    Consents,
    ParticipantCompleted,
    ParticipantEnrolled,
    ParticipantPlaced,
    ParticipantWithdrawn,
    ProgramPublished,
    SiteOpened,
)
from shared.events.scheduling import Attended, CheckInDue, GroupFormed, OccasionKind, SessionHeld
from shared.identity import derived_id, organisation_id

ORGANISATION = organisation_id("harbour-trust")
SITES, SITES_OF_A_PROGRAM, GROUPS, SESSIONS = 40, 5, 5, 17
BATTERY_WEEKS = {"baseline": 0, "end": 18, "follow-up": 27}
BEGIN = datetime(2025, 1, 6, 18, tzinfo=UTC)
INSTRUMENTS = {"phq-9": (27, 6, 10), "gad-7": (21, 4, 8)}
ASKED: dict[str, OccasionKind] = {"baseline": "baseline", "end": "end", "follow-up": "follow-up"}
ATTRIBUTES = {
    "age-band": ("18-24", "25-44", "45-64", "65-plus"),
    "gender": ("woman", "man", "other"),
    "language": ("english", "spanish", "other"),
    "housing": ("own", "rented", "none"),
    "work": ("yes", "no"),
    "referral": ("self", "family", "clinic", "court"),
}
PULSE_MAX = 16


@dataclass(slots=True)
class Member:
    """Somebody in a program, with what they said last."""

    number: int
    participant: UUID
    enrolment: UUID
    program: UUID
    site: UUID
    group: UUID
    last: dict[str, int]


@dataclass
class Crowd:
    """So many people in so many programs. The same seed tells the same."""

    people: int
    programs: int
    attributes: int = 2
    draw: random.Random = field(default_factory=lambda: random.Random(20261123))
    members: list[Member] = field(default_factory=list)

    @property
    def codes(self) -> list[str]:
        """Of all programs."""
        return [f"program-{number}" for number in range(self.programs)]

    def founded(self) -> Iterator[Event]:
        """Sites, instruments, programs with their batteries and groups."""
        for number in range(SITES):
            site = site_id_of(ORGANISATION, f"site-{number}")
            yield SiteOpened(
                organisation_id=ORGANISATION, site_id=site, code=f"site-{number}", time_zone="Europe/London",
                languages=["en"],
            )  # fmt: skip
        for code, (maximum, reliable, caseness) in INSTRUMENTS.items():
            yield _instrument(code, maximum, 1, reliable, caseness)
        yield _instrument("session-pulse", PULSE_MAX, 4, None, None)
        for number, code in enumerate(self.codes):
            yield from _program(number, code)

    def enrolled(self) -> Iterator[Event]:
        """Everybody, in a group of a site of their program."""
        for number in range(self.people):
            program, site, group = _place(number, self.programs)
            member = Member(number, self._id(), self._id(), program, site, group, {})
            self.members.append(member)
            yield self._enrolment(member)
            yield ParticipantPlaced(
                participant_id=member.participant, enrolment_id=member.enrolment, group_id=group,
                placed_on=BEGIN.date(),
            )  # fmt: skip

    def asked(self, occasion: str) -> Iterator[Event]:
        """Everybody answers at an occasion of the battery."""
        at = BEGIN + timedelta(weeks=BATTERY_WEEKS[occasion])
        for member in self.members:
            scores = []
            for code, (maximum, *_) in INSTRUMENTS.items():
                before = member.last.get(code, self.draw.randint(maximum // 3, maximum))
                now = before if occasion == "baseline" else before + self.draw.randint(-9, 4)
                member.last[code] = min(max(now, 0), maximum)
                scores.append(Score(instrument=code, version=1, count=member.last[code], unit=1))
            yield from self._answer(member, occasion, ASKED[occasion], 0, scores, at)

    def session(self, number: int) -> Iterator[Event]:
        """All groups meet, and everybody who comes says how it was."""
        at, there = BEGIN + timedelta(weeks=number), dict[UUID, list[Member]]()
        for member in self.members:
            there.setdefault(member.group, []).append(member)
        for group, members in there.items():
            yield SessionHeld(
                session_id=derived_id(group, "session", at.date().isoformat()), group_id=group,
                program_id=members[0].program, site_id=members[0].site, starts_at=at, minutes=60,
                attendance=[Attended(participant_id=one.participant, status="present") for one in members],
            )  # fmt: skip
        for member in self.members:
            count = min(max(8 + self.draw.randint(-4, 4) + member.number % 3 * number // 4, 0), PULSE_MAX)
            score = Score(instrument="session-pulse", version=1, count=count, unit=4)
            yield from self._answer(member, f"session-{number}", "session", number, [score], at)

    def ended(self) -> Iterator[Event]:
        """Two in three complete, one leaves."""
        for member in self.members:
            if member.number % 3:
                yield ParticipantCompleted(
                    participant_id=member.participant, enrolment_id=member.enrolment, completed_on=BEGIN.date()
                )
            else:
                yield ParticipantWithdrawn(
                    participant_id=member.participant, enrolment_id=member.enrolment, withdrawn_on=BEGIN.date()
                )

    def _enrolment(self, member: Member) -> ParticipantEnrolled:
        number = member.number
        return ParticipantEnrolled(
            participant_id=member.participant, enrolment_id=member.enrolment, program_id=member.program,
            site_id=member.site, short_code="ABC-123", language="en",
            enrolled_on=date(2025, 1 + number // self.programs % 12, 6),
            attributes={name: self.draw.choice(ATTRIBUTES[name]) for name in list(ATTRIBUTES)[: self.attributes]},
            consents=Consents(taking_part=True, reporting=True, contact_after=True),
            consent_text="standard", consent_version=1,
        )  # fmt: skip

    def _answer(
        self, member: Member, code: str, kind: OccasionKind, ordinal: int, scores: Sequence[Score], at: datetime
    ) -> Iterator[Event]:
        occasion = self._id()
        whose = {
            "occasion_id": occasion, "participant_id": member.participant, "enrolment_id": member.enrolment,
            "program_id": member.program, "site_id": member.site,
        }  # fmt: skip
        if kind != "session":
            yield CheckInDue(
                **whose, kind=kind, code=code, ordinal=ordinal, instruments=list(INSTRUMENTS), due_at=at, opens_at=at,
                closes_at=at + timedelta(days=14),
            )  # fmt: skip
        yield CheckInSubmitted(
            **whose, kind=kind, code=code, ordinal=ordinal, scores=list(scores),
            answered_at=at + timedelta(minutes=member.number % 5_000), entered_by="participant",
        )  # fmt: skip

    def _id(self) -> UUID:
        return UUID(int=self.draw.getrandbits(128), version=4)


def _instrument(code: str, maximum: int, unit: int, reliable: int | None, caseness: int | None) -> InstrumentPublished:
    return InstrumentPublished(
        instrument_id=derived_id(ORGANISATION, "instrument", f"{code}:1"), code=code, version=1, unit=unit, minimum=0,
        maximum=maximum, higher_is_better=unit > 1, is_validated=unit == 1, comparable_versions=[],
        reliable_change=reliable, caseness=caseness,
    )  # fmt: skip


def _program(number: int, code: str) -> Iterator[Event]:
    program = program_id_of(ORGANISATION, code)
    sites = [site_id_of(ORGANISATION, f"site-{_site(number, place)}") for place in range(SITES_OF_A_PROGRAM)]
    yield ProgramPublished(program_id=program, code=code, site_ids=sites, objectives=[])
    entries = [BatteryEntry(occasion=one, kind=kind, instruments=list(INSTRUMENTS)) for one, kind in ASKED.items()]
    entries.append(BatteryEntry(occasion="session", kind="session", instruments=["session-pulse"]))
    yield BatteryActivated(program_id=program, entries=entries)
    for place in range(GROUPS):
        name = f"{code}-{place}"
        yield GroupFormed(
            group_id=group_id_of(ORGANISATION, name), code=name, program_id=program,
            site_id=sites[place % SITES_OF_A_PROGRAM], capacity=60, weekday=1, starts_at_local="18:00", minutes=60,
            first_on=BEGIN.date(),
        )  # fmt: skip


def _site(program: int, place: int) -> int:
    return (program * SITES_OF_A_PROGRAM + place) % SITES


def _place(number: int, programs: int) -> tuple[UUID, UUID, UUID]:
    """Program, site and group of somebody: each program has as many people, at each of its sites."""
    program, place = number % programs, number // programs % GROUPS
    site = site_id_of(ORGANISATION, f"site-{_site(program, place % SITES_OF_A_PROGRAM)}")
    group = group_id_of(ORGANISATION, f"program-{program}-{place}")
    return program_id_of(ORGANISATION, f"program-{program}"), site, group
