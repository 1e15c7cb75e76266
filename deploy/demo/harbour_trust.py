"""Harbour Trust, a made-up organisation: nine months of a seeded, believable life at three sites.

People who feel they belong less leave sooner, some answer late, some never; sessions are cancelled; a group is full.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from random import Random

from dateutil.relativedelta import relativedelta

from deploy.demo.files import write_rows

CODE = "harbour-trust"
SOURCE = Path(__file__).parent / "data" / "harbour-trust.toml"
CONFIRMED_ON, CONFIRMED_DAYS_AGO = "2025-03-04", 12  # its crisis contacts: as the file has it, and in the demo
SEED, PEOPLE, WEEKS = 20250304, 300, 39
ANSWER_SHARE = 0.25  # of the short questions after a session

SITES = (
    ("old-town", "Old Town", "Europe/London", "en es"),
    ("north-quay", "North Quay", "Europe/Madrid", "es en"),
    ("west-point", "West Point", "America/New_York", "en es"),
)
FACILITATORS = (  # reference, name, site, days until the qualification runs out
    ("f-1", "Tomasz Wrona", "old-town", 400),
    ("f-2", "Ines Barros", "old-town", 6),
    ("f-3", "Priya Nair", "north-quay", 300),
    ("f-4", "Lucia Romero", "north-quay", 200),
    ("f-5", "Dana Whitfield", "west-point", 250),
    ("f-6", "Marcus Bell", "west-point", -20),
)
_GIVEN = (
    "Alma Ben Cora Dev Elif Farid Grace Hugo Ines Jonas Kaya Lena Marisol Noor Omar Petra Quinn Rosa Sami Tara Umar "
    "Vera Wren Yusuf Zoe Aida Bruno Clara Dario Emil Freya Gita Hana Ivan Julia Karim Lucia Mateo Nadia Olek"
)
INITIALS = "ABCDEFGHJKLMNOPRSTVW"


@dataclass(frozen=True)
class Group:
    """A weekly group."""

    code: str
    name: str
    program: str
    site: str
    day: int  # of the week that begins with the day of the demo: somebody meets tonight, whatever day that is
    starts_at: str
    facilitator: str
    capacity: int = 12
    cancelled: set[date] = field(default_factory=set)


GROUPS = (
    Group("evening-circle-early", "Evening Circle, {days}", "evening-circle", "old-town", 0, "18:00", "f-1", 14),
    Group("evening-circle-late", "Evening Circle, {days}", "evening-circle", "old-town", 2, "19:30", "f-2", 14),
    Group("circulo-de-tarde", "Círculo de tarde", "evening-circle", "north-quay", 6, "18:30", "f-3", 14),
    Group("quay-circle", "Quay Circle", "evening-circle", "north-quay", 1, "19:00", "f-4", 14),
    Group("west-circle", "West Circle", "evening-circle", "west-point", 0, "18:00", "f-5", 14),
    Group("new-roots-town", "New Roots, {days}", "new-roots", "old-town", 6, "19:30", "f-1", 8),
    Group("new-roots-west", "New Roots, {days}", "new-roots", "west-point", 4, "10:30", "f-5", 14),
    Group("small-roots", "Small Roots", "new-roots", "old-town", 3, "17:30", "f-2", 5),
)
WEEKS_LONG = {"evening-circle": 12, "new-roots": 10}


@dataclass
class Life:
    """One participant from enrolment to wherever they are today."""

    reference: str
    name: str
    group: Group
    enrolled_on: date
    belonging: float
    language: str
    may_contact_after: bool
    attended: list[tuple[date, str]] = field(default_factory=list)
    completed_on: date | None = None
    withdrawn_on: date | None = None


def write(folder: Path, today: date) -> None:
    """Write the organisation's folder, with a history that ends yesterday."""
    random = Random(SEED)
    first = today - timedelta(weeks=WEEKS)
    meetings = {group.code: _meetings(random, group, first, today) for group in GROUPS}
    lives = sorted((_life(random, number, meetings, first, today) for number in range(PEOPLE)), key=_by_enrolment)
    folder.mkdir(parents=True, exist_ok=True)
    about, confirmed_on = SOURCE.read_text(), today - timedelta(days=CONFIRMED_DAYS_AGO)
    (folder / "organisation.toml").write_text(about.replace(CONFIRMED_ON, confirmed_on.isoformat()))
    write_rows(
        folder / "sites.csv",
        ({"code": code, "name": name, "time_zone": zone, "languages": langs} for code, name, zone, langs in SITES),
    )
    write_rows(folder / "programs.csv", _programs())
    write_rows(folder / "facilitators.csv", (_facilitator(one, today) for one in FACILITATORS))
    write_rows(folder / "groups.csv", (_group(one, first) for one in GROUPS))
    write_rows(folder / "participants.csv", map(_participant(random), lives))
    write_rows(folder / "sessions.csv", (_session(group, day) for group in GROUPS for day in meetings[group.code]))
    write_rows(folder / "attendance.csv", _attendance(lives, meetings))
    answers = (row for life in lives for row in _check_ins(random, life, today))
    write_rows(folder / "check-ins.csv", (row for row in answers if str(row["answered_on"]) < today.isoformat()))


def _by_enrolment(life: Life) -> tuple[date, str]:
    return life.enrolled_on, life.reference


def _meetings(random: Random, group: Group, first: date, today: date) -> list[date]:
    """The days on which a group was to meet; now and then it did not."""
    day = first + timedelta(days=group.day)
    days = []
    group.cancelled.clear()
    while day < today:
        days.append(day)
        if random.random() < 0.03:
            group.cancelled.add(day)
        day += timedelta(weeks=1)
    return days


def _life(random: Random, number: int, meetings: dict[str, list[date]], first: date, today: date) -> Life:
    weights = [1 if group.code == "small-roots" else 2.4 for group in GROUPS]
    group = random.choices(GROUPS, weights)[0]
    spanish = random.random() < (0.6 if group.site == "north-quay" else 0.15)
    life = Life(
        reference=f"ht-{number + 1:03}",
        name=f"{random.choice(_GIVEN.split())} {random.choice(INITIALS)}.",
        group=group,
        enrolled_on=first + timedelta(days=random.randrange(0, (today - first).days - 2)),
        belonging=min(22, max(2, random.gauss(11, 4))),
        language="es" if spanish else "en",
        may_contact_after=random.random() < 0.85,
    )
    _attend(random, life, [day for day in meetings[group.code] if day > life.enrolled_on])
    return life


def _attend(random: Random, life: Life, days: list[date]) -> None:
    """Come, or not; leave for good the sooner the less one feels one belongs."""
    length = WEEKS_LONG[life.group.program]
    for count, day in enumerate(days[:length], start=1):
        if random.random() < 0.012 + 0.05 * max(0.0, (11 - life.belonging) / 11):
            life.withdrawn_on = day
            return
        if day not in life.group.cancelled:
            status = random.choices(("present", "late", "excused", "absent"), (74, 9, 10, 7))[0]
            life.attended.append((day, status))
            if status in ("present", "late"):
                life.belonging = min(24, life.belonging + random.gauss(0.42, 0.6))
        if count == length:
            life.completed_on = day


def _programs() -> Iterator[dict[str, str]]:
    yield {
        "code": "evening-circle",
        "name": "Evening Circle",
        "sites": "old-town north-quay west-point",
        "objectives": "connection hope",
        "target_population": "1200",
        "target_population_source": "needs-survey-2024",
    }
    yield {
        "code": "new-roots",
        "name": "New Roots",
        "sites": "old-town west-point",
        "objectives": "coping connection",
        "target_population": "",
        "target_population_source": "",
    }


def _facilitator(one: tuple[str, str, str, int], today: date) -> dict[str, str]:
    reference, name, site, days = one
    return {
        "reference": reference,
        "name": name,
        "email": f"{name.split()[0].lower()}@harbour-trust.example",
        "sites": site,
        "qualifications": f"peer-support={today + timedelta(days=days)}",
    }


def _group(group: Group, first: date) -> dict[str, str | int]:
    day = first + timedelta(days=group.day)
    return {
        "code": group.code,
        "name": group.name.format(days=f"{day:%A}s"),
        "program": group.program,
        "site": group.site,
        "capacity": group.capacity,
        "weekday": day.isoweekday(),
        "starts_at": group.starts_at,
        "minutes": 90,
        "first_on": first.isoformat(),
    }


def _participant(random: Random) -> Callable[[Life], dict[str, str]]:
    ages = ("18-24", "25-34", "35-49", "50-64", "65-plus", "prefer-not-to-say")
    genders = ("woman", "man", "non-binary", "prefer-not-to-say")

    def row(life: Life) -> dict[str, str]:
        age, gender = random.choice(ages), random.choices(genders, (55, 36, 4, 5))[0]
        return {
            "reference": life.reference,
            "preferred_name": life.name,
            "email": f"{life.reference}@people.example" if random.random() < 0.9 else "",
            "phone": "",
            "language": life.language,
            "site": life.group.site,
            "program": life.group.program,
            "enrolled_on": life.enrolled_on.isoformat(),
            "group": life.group.code,
            "attributes": f"age-band={age} gender={gender}",
            "consent_reporting": "yes" if random.random() < 0.94 else "no",
            "consent_contact_after": "yes" if life.may_contact_after else "no",
            "completed_on": str(life.completed_on or ""),
            "withdrawn_on": str(life.withdrawn_on or ""),
        }

    return row


def _session(group: Group, day: date) -> dict[str, str]:
    is_cancelled = day in group.cancelled
    return {
        "group": group.code,
        "date": day.isoformat(),
        "status": "cancelled" if is_cancelled else "held",
        "reason": "facilitator-away" if is_cancelled else "",
        "facilitator": "" if is_cancelled else group.facilitator,
    }


def _attendance(lives: list[Life], meetings: dict[str, list[date]]) -> Iterator[dict[str, str]]:
    """All of one session together, as the attendance of a session is recorded together."""
    for group in GROUPS:
        for day in meetings[group.code]:
            for life in lives:
                status = dict(life.attended).get(day) if life.group is group else None
                if status:
                    yield {
                        "group": group.code,
                        "date": day.isoformat(),
                        "participant": life.reference,
                        "status": status,
                    }


def _check_ins(random: Random, life: Life, today: date) -> Iterator[dict[str, str | int]]:
    """What is answered: nearly everybody at the start, fewer later, fewest of those who fared worst; some not yet."""
    gained = sum(1 for _, status in life.attended if status in ("present", "late")) * 0.42
    start = max(1.0, life.belonging - gained)
    faring = life.belonging / 24
    if random.random() < 0.93:
        yield _answer(random, life, "baseline", life.enrolled_on + timedelta(days=random.randrange(0, 4)), start)
    if life.group.program == "evening-circle":
        yield from _pulses(random, life)
    if life.completed_on and random.random() < 0.5 + 0.4 * faring:
        late = random.choice((0, 0, 1, 2, 5, 9))
        yield _answer(random, life, "end", life.completed_on + timedelta(days=late), life.belonging)
    due = life.completed_on and life.completed_on + relativedelta(months=2)
    if due and due < today and life.may_contact_after and random.random() < 0.3 + 0.4 * faring:
        kept = life.belonging - random.gauss(0.6, 1.2)
        yield _answer(random, life, "follow-up", due + timedelta(days=random.randrange(0, 10)), kept)


def _answer(random: Random, life: Life, occasion: str, day: date, belonging: float) -> dict[str, str | int]:
    """Belonging as a mean of six items, PHQ-4 as a total that falls as belonging grows."""
    count = min(24, max(0, round(belonging + random.gauss(0, 1))))
    is_circle = life.group.program == "evening-circle"
    distress = min(12, max(0, round((24 - belonging) / 2.2 + random.gauss(0, 1.2))))
    return {
        "participant": life.reference,
        "program": life.group.program,
        "occasion": occasion,
        "instrument": "belonging" if is_circle else "phq-4",
        "total": f"{count / 6:.4f}" if is_circle else distress,
        "answered_on": day.isoformat(),
    }


def _pulses(random: Random, life: Life) -> Iterator[dict[str, str | int]]:
    came = [day for day, status in life.attended if status in ("present", "late")]
    for ordinal, day in enumerate(came, start=1):
        if random.random() < ANSWER_SHARE:
            yield {
                "participant": life.reference,
                "program": life.group.program,
                "occasion": f"session-{ordinal}",
                "instrument": "session-pulse",
                "total": min(16, max(0, round(9 + life.belonging / 4 + random.gauss(0, 2)))),
                "answered_on": day.isoformat(),
            }
