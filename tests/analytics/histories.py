"""Histories of a program, told event by event and remembered as plainly as can be, to be counted without any SQL."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from shared.events import Event
from shared.events.feedback import CheckInOpened, CheckInSubmitted, CheckInWithdrawn, Score
from shared.events.intake import (
    AttributesCorrected,
    CheckInInvited,
    ConsentChanged,
    Consents,
    ParticipantCompleted,
    ParticipantEnrolled,
    ParticipantErased,
    ParticipantPlaced,
    ParticipantResumed,
    ParticipantUnplaced,
    ParticipantWaitlisted,
    ParticipantWithdrawn,
    SiteOpened,
)
from shared.events.scheduling import (
    AttendanceCorrected,
    Attended,
    CheckInDue,
    GroupFormed,
    OccasionCancelled,
    SessionHeld,
)
from shared.identity import derived_id

AT = datetime(2026, 2, 4, 18, tzinfo=UTC)
OCCASIONS = ("baseline", "end", "session-1", "session-2", "session-01")  # the first session by two names
WEEKLY = ("all", "group")  # by these labels it is counted who answered in which week
ZONES = ("America/New_York", "Pacific/Auckland")  # in the second one a Sunday's answers are of the next week
AGES = ("young", "old", None)
STATUSES = ("absent", "absent", "present", "absent", "late", "absent", "excused")


@dataclass
class Person:
    """What was told of one person, kept as plainly as can be."""

    participant: UUID = field(default_factory=uuid4)
    enrolment: UUID = field(default_factory=uuid4)
    site: int = 0
    age: str | None = None
    is_enrolled: bool = False
    is_reporting: bool = False
    is_erased: bool = False
    group: int | None = None
    completed: bool = False
    left: bool = False
    due: set[str] = field(default_factory=set)
    cancelled: dict[str, str] = field(default_factory=dict)
    invited: set[str] = field(default_factory=set)
    reached: set[str] = field(default_factory=set)
    said: dict[str, list[int]] = field(default_factory=dict)
    unscored: set[str] = field(default_factory=set)

    @property
    def answers(self) -> dict[str, int]:
        """The score at each occasion: what is answered last counts, and higher scores are answered later here."""
        return {code: max(scores) for code, scores in self.said.items()}

    @property
    def answered(self) -> set[str]:
        """At which occasions, also without a score."""
        return {*self.said, *self.unscored}

    @property
    def is_counted(self) -> bool:
        return self.is_enrolled and self.is_reporting and not self.is_erased


def version_of(score: int) -> str:
    """Every other score is by the second version of the instrument."""
    return "12"[score % 2]


class World:
    """Makes events of what happens, and remembers it all for itself."""

    def __init__(self) -> None:
        self.organisation, self.program = uuid4(), uuid4()
        self.sites = (uuid4(), uuid4())
        self.groups = (uuid4(), uuid4())
        self.sessions = [uuid4() for _ in range(5)]
        self.formed: set[int] = set()
        self.clocks: dict[int, str] = {}
        self.attendance: dict[int, dict[UUID, str]] = {}
        self.people = [Person(site=number % 2, age=AGES[number % 3]) for number in range(4)]

    def occasion(self, person: Person, code: str, again: int = 0) -> UUID:
        return derived_id(person.enrolment, code, str(again))

    def happens(  # noqa: C901  (a list of what can happen)
        self, what: str, number: int, code: str, score: int
    ) -> Event | None:
        """The event of it, or None if it cannot happen now."""
        person = self.people[number]
        if what == "form" and number % 2 not in self.formed:
            self.formed.add(number % 2)
            return GroupFormed(
                group_id=self.groups[number % 2], code=f"group-{number % 2}", program_id=self.program,
                site_id=self.sites[0], capacity=9, weekday=1, starts_at_local="18:00", minutes=60,
                first_on=date(2026, 1, 1),
            )  # fmt: skip
        if what in ("hold", "correct"):
            return self._meets(what, (number + score) % 5, score)
        if what == "site":
            self.clocks[number % 2] = zone = ZONES[score % 2]
            return SiteOpened(
                organisation_id=self.organisation, site_id=self.sites[number % 2], code=f"site-{number % 2}",
                time_zone=zone, languages=["en"],
            )  # fmt: skip
        if person.is_erased:
            return None
        if what == "enrol" and not person.is_enrolled:
            person.is_enrolled, person.is_reporting = True, score % 3 > 0
            return ParticipantEnrolled(
                participant_id=person.participant, enrolment_id=person.enrolment, program_id=self.program,
                site_id=self.sites[person.site], short_code="ABC-123", language="en", enrolled_on=date(2026, 1, 6),
                attributes={"age": person.age} if person.age else {}, consent_text="standard", consent_version=1,
                consents=Consents(taking_part=True, reporting=person.is_reporting, contact_after=True),
            )  # fmt: skip
        if what == "open":
            person.reached.add(code)
            return CheckInOpened(
                occasion_id=self.occasion(person, code), participant_id=person.participant,
                enrolment_id=person.enrolment, program_id=self.program, site_id=self.sites[person.site], opened_at=AT,
            )  # fmt: skip
        if what == "leave out" and code not in person.answered:
            person.unscored.add(code)
            return self._submitted(person, code, score, self.occasion(person, code), [])
        if what == "take back" and code in person.answered:
            return self._withdrawn(person, code)
        if what == "answer":
            said = person.said.setdefault(code, [])
            said.append(score)
            scores = [Score(instrument="bdi-ii", version=int(version_of(score)), count=score, unit=1)]
            return self._submitted(person, code, score, self.occasion(person, code, len(said) - 1), scores)
        return self._of_the_enrolled(what, person, code, score) if person.is_enrolled else None

    def _withdrawn(self, person: Person, code: str) -> CheckInWithdrawn:
        """What was answered last is taken back: the score, if there is one."""
        *said, _ = person.said.pop(code, [0])
        if said:
            person.said[code] = said
        else:
            person.unscored.discard(code)
        return CheckInWithdrawn(
            occasion_id=self.occasion(person, code, len(said)), participant_id=person.participant,
            enrolment_id=person.enrolment, program_id=self.program, site_id=self.sites[person.site],
        )  # fmt: skip

    def _submitted(
        self, person: Person, code: str, score: int, occasion: UUID, scores: list[Score]
    ) -> CheckInSubmitted:
        return CheckInSubmitted(
            occasion_id=occasion, participant_id=person.participant, enrolment_id=person.enrolment,
            program_id=self.program, site_id=self.sites[person.site],
            kind="session" if code.startswith("session") else "end", code=code, ordinal=0, scores=scores,
            answered_at=AT + timedelta(days=score), entered_by="participant",
        )  # fmt: skip

    def _of_the_enrolled(  # noqa: C901  (a list of what can happen)
        self, what: str, person: Person, code: str, score: int
    ) -> Event | None:
        ids: dict[str, Any] = {"participant_id": person.participant, "enrolment_id": person.enrolment}
        occasion = self.occasion(person, code)
        if what == "consent":
            person.is_reporting = score % 2 == 0
            consents = Consents(taking_part=True, reporting=person.is_reporting, contact_after=True)
            return ConsentChanged(**ids, consents=consents, consent_text="standard", consent_version=1)
        if what == "become":
            person.age = AGES[score % 3]
            return AttributesCorrected(**ids, attributes={"age": person.age} if person.age else {})
        if what == "place":
            person.group = score % 2
            return ParticipantPlaced(**ids, group_id=self.groups[score % 2], placed_on=AT.date())
        if what == "wait":
            person.group = None
            return ParticipantWaitlisted(**ids, group_id=self.groups[score % 2], asked_on=AT.date())
        if what == "give up":
            person.group = None
            return ParticipantUnplaced(**ids, group_id=self.groups[score % 2], given_up_on=AT.date())
        if what == "complete":
            person.completed = True
            return ParticipantCompleted(**ids, completed_on=AT.date())
        if what == "leave":
            person.left = True
            return ParticipantWithdrawn(**ids, withdrawn_on=AT.date())
        if what == "resume" and (person.completed or person.left):
            person.completed = person.left = False
            return ParticipantResumed(**ids)
        if what == "due" and (code not in person.due or code in person.cancelled):
            person.due.add(code)
            person.cancelled.pop(code, None)  # once more
            kind: Any = "session" if code.startswith("session") else "end"
            return CheckInDue(
                **ids, occasion_id=occasion, program_id=self.program, site_id=self.sites[person.site], kind=kind,
                code=code, ordinal=0, instruments=["bdi-ii"], due_at=AT, opens_at=AT, closes_at=AT,
            )  # fmt: skip
        if what == "cancel" and code in person.due - person.cancelled.keys():
            reason: Any = ("withdrawn", "completed", "consent-withdrawn")[score % 3]
            person.cancelled[code] = reason
            return OccasionCancelled(occasion_id=occasion, reason=reason)
        if what == "invite":
            person.invited.add(code)
            return CheckInInvited(
                occasion_id=occasion, token_sha256="0" * 64, language="en", channel="hand", expires_at=AT
            )
        if what == "erase":
            person.is_erased = True
            every = [self.occasion(person, one) for one in OCCASIONS]
            return ParticipantErased(
                participant_id=person.participant, enrolment_ids=[person.enrolment], occasion_ids=every
            )
        return None

    def _meets(self, what: str, number: int, score: int) -> Event | None:
        if (what == "hold") == (number in self.attendance):
            return None
        here = [(score + place, one) for place, one in enumerate(self.people) if not one.is_erased]
        came = {one.participant: STATUSES[luck % 7] for luck, one in here if luck % 6 != 5}
        self.attendance[number] = came
        session, group = self.sessions[number], self.groups[0]
        everybody: Any = [Attended(participant_id=one, status=status) for one, status in came.items()]  # type: ignore[arg-type]
        if what == "correct":
            return AttendanceCorrected(session_id=session, group_id=group, attendance=everybody)
        return SessionHeld(
            session_id=session, group_id=group, program_id=self.program, site_id=self.sites[0],
            starts_at=AT + timedelta(weeks=number), minutes=60, attendance=everybody,
        )  # fmt: skip

    def counted(self) -> Counter[tuple[Any, ...]]:
        """Everybody counted anew, without any SQL."""
        found: Counter[tuple[Any, ...]] = Counter()
        for person in self.people:
            if not person.is_counted:
                continue
            often = "0-1" if (came := self._came(person)) < 2 else "2-4" if came < 5 else "5-8" if came < 9 else "9+"
            labels = {"all": "", "cohort": "2026-q1", "age": person.age, "sessions attended": often}
            if person.group is not None and person.group in self.formed:
                labels["group"] = f"group-{person.group}"
            for label, value in labels.items():
                if value is not None:
                    facts = [one for one in self._facts(person) if label in WEEKLY or "week" not in one[0]]
                    found.update((self.sites[person.site], label, value, *fact) for fact in facts)
        return found

    def courses(self) -> dict[UUID, list[str]]:
        """What each person scored after each session, by the number of it, and at each other occasion."""
        found = {}
        for person in filter(lambda one: one.is_counted, self.people):
            scores = sorted(person.answers.items())
            sessions = sorted((int(code.split("-")[1]), code, n) for code, n in scores if "-" in code)
            points = {
                "answers": " ".join(f"{code}:{version_of(n)}:{n}" for code, n in scores if "-" not in code),
                "sessions": " ".join(f"{session}:{version_of(n)}:{n}" for session, _, n in sessions),
            }
            found[person.enrolment] = [f"{kind} bdi-ii {one}" for kind, one in points.items() if one]
        return found

    def _came(self, person: Person) -> int:
        return sum(one.get(person.participant) in ("present", "late") for one in self.attendance.values())

    def _stays_away(self, person: Person) -> bool:
        """Absent without a word from the last three sessions of which it is known how they attended."""
        by_time = [one.get(person.participant) for _, one in sorted(self.attendance.items())]
        return [one for one in by_time if one][-3:] == ["absent"] * 3 and not person.completed

    def _facts(self, person: Person) -> list[tuple[str, ...]]:
        facts: list[tuple[str, ...]] = [("enrolled",)]
        if person.completed:
            facts.append(("completed",))
        is_gone = person.left or self._stays_away(person)
        facts.append(("stay", str(self._came(person)), "left" if is_gone else "there"))
        for code in person.due:
            if person.cancelled.get(code, "withdrawn") != "withdrawn" and code not in person.answered:
                continue
            shown = "session" if code.startswith("session") else code
            facts.append(("eligible", shown))
            facts += [("invited", shown)] if code in person.invited else []
            facts += [("reached", shown)] if code in person.reached else []
            facts += [("responded", shown)] if code in person.answered else []
        zone, answered = ZoneInfo(self.clocks.get(person.site, "UTC")), dict[str, set[str]]()
        for code, score in person.answers.items():
            week = (AT + timedelta(days=score)).astimezone(zone).strftime("%G-w%V")
            answered.setdefault(week, set()).add(version_of(score))
            facts.append(("week", "bdi-ii", version_of(score), week, str(score)))
            if not code.startswith("session"):
                facts.append(("answer", "bdi-ii", version_of(score), code, str(score)))
        facts += [("in-week", "bdi-ii", "+".join(sorted(versions)), week) for week, versions in answered.items()]
        if {"baseline", "end"} <= person.answers.keys():
            scores = person.answers["baseline"], person.answers["end"]
            facts.append(("pair", "bdi-ii", *map(version_of, scores), "baseline", "end", *map(str, scores)))
        return facts
