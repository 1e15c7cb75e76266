"""What single people scored at several occasions, for figures that no pair of scores can give.

Who is counted, and as what, is what the cells count too, so both speak of the same people.
"""

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from itertools import compress
from uuid import UUID

from asyncpg import Record
from pydantic_core import from_json

from services.analytics.domain import UNKNOWN, Fact, Instrument
from services.analytics.domain.courses import Course
from services.analytics.domain.people import versions
from services.analytics.store import people
from services.analytics.store.seeing import Seen
from shared.database import Tx

Scores = tuple[int, ...]
_COURSES = """
    select case $3 when 'all' then '' when 'site' then coalesce(s.code, $4)
                   else coalesce(labels ->> $3, $4) end as name,
           array(select course from unnest(courses) course where course ^@ any ($5::text[])) as courses
    from counted c left join sites s using (site_id)
    where program_id = $1 and ($2::uuid[] is null or c.site_id = any ($2)) order by enrolment_id"""
"""A course is words with spaces between them: `sessions` or `answers`, the instrument, and of each answer in order the
number of its session or its occasion, with the version and the score: `answers phq-9 baseline:1:14 end:1:9`."""
Asked = Sequence[tuple[Instrument, str]]
_RELEASED = """
    select distinct on (value) value, facts from released
    where program_id = $1 and label = $2 and base = $3 and release <= $4 and ($5::text[] is null or value = any ($5))
    order by value, release desc"""


async def together(
    tx: Tx, program: UUID, seen: Seen, by: str | None, asked: Asked
) -> dict[str | None, Mapping[Scores, int]]:
    """How many people scored what at all of these occasions, as one group (None) or by what is asked for."""
    if not seen.is_live:
        return await _released(tx, program, seen, by, asked)
    found: dict[str | None, Counter[Scores]] = {} if by else {None: Counter()}
    for name, courses in await _live(tx, program, seen, by, {f"answers {one.code} " for one, _ in asked}):
        if scores := _scores(courses, asked):
            found.setdefault(name, Counter())[scores] += 1
    return dict(found)


async def _live(
    tx: Tx, program: UUID, seen: Seen, by: str | None, wanted: Set[str]
) -> list[tuple[str | None, list[str]]]:
    """The courses of each person that begin with any of these words, and in which group the person is."""
    rows = await tx.fetch(_COURSES, program, seen.sites, by or people.ALL, UNKNOWN, list(wanted))
    return [(name if by else None, courses) for name, courses in rows]


def _scores(courses: Sequence[str], asked: Asked) -> Scores | None:
    """What somebody scored at these occasions, if they did at each, by versions that are taken together."""
    said = {}
    for _, instrument, *points in (one.split(" ") for one in courses):
        for occasion, version, count in (point.split(":") for point in points):
            said[instrument, occasion] = int(version), int(count)
    answers = [said.get((one.code, at)) for one, at in asked]
    known = [one for one, (instrument, _) in zip(answers, asked, strict=True) if one and one[0] in versions(instrument)]
    return tuple(count for _, count in known) if len(known) == len(asked) else None


async def _released(
    tx: Tx, program: UUID, seen: Seen, by: str | None, asked: Asked
) -> dict[str | None, Mapping[Scores, int]]:
    found: dict[str | None, Counter[Scores]] = {} if by else {None: Counter()}
    for row in await _rows(tx, program, seen, by, "together", _name(asked)):
        scores = found.setdefault(row["value"] if by else None, Counter())
        scores.update({tuple(map(int, fact[2].split())): n for fact, n in row["facts"] or ()})
    return dict(found)


async def _rows(tx: Tx, program: UUID, seen: Seen, by: str | None, *base: str) -> list[Record]:
    """Everybody is the sum of the sites that the reader sees, unless these are all."""
    codes = await people.site_codes(tx, seen)
    label = by or (people.ALL if codes is None else people.BY_SITE)
    return await tx.fetch(_RELEASED, program, label, base, seen.release, codes)


def as_facts(asked: Asked, scores: Mapping[Scores, int]) -> dict[Fact, int]:
    """As a release keeps them."""
    return {("together", _name(asked), " ".join(map(str, one))): n for one, n in scores.items()}


def as_courses(instrument: str, people: Sequence[Course]) -> dict[Fact, int]:
    """As a release keeps them."""
    return Counter(("sessions", instrument, " ".join(map("{}:{}".format, *one))) for one in people if one[0])


def _name(asked: Asked) -> str:
    return " ".join(f"{one.code}:{at}" for one, at in asked)


async def by_session(
    tx: Tx, program: UUID, seen: Seen, one: Instrument, by: str | None = None
) -> dict[str | None, list[Course]]:
    """What each person scored after which session, in order, as one group (None) or by what is asked for."""
    found: dict[str | None, list[Course]] = {} if by else {None: []}
    if seen.is_live:
        known = versions(one)
        for name, written in await _live(tx, program, seen, by, {f"sessions {one.code} "}):
            found.setdefault(name, []).extend(_comparable(course, known) for course in written)
    else:
        for row in await _rows(tx, program, seen, by, "sessions", one.code):
            courses = [_course(fact[2]) for fact, n in row["facts"] or () for _ in range(n)]
            found.setdefault(row["value"] if by else None, []).extend(courses)
    return found


def _comparable(written: str, known: Set[int]) -> Course:
    sessions, scored_by, counts = _parts(written.split(" ", 2)[2], 3)
    if known >= set(scored_by):
        return sessions, counts
    is_known = [version in known for version in scored_by]
    return list(compress(sessions, is_known)), list(compress(counts, is_known))


def _course(written: str) -> Course:
    sessions, counts = _parts(written, 2)
    return sessions, counts


def _parts(written: str, many: int) -> list[list[int]]:
    """Of points that are written with so many parts each: the first part of all, the second of all, and so on."""
    every = from_json(f"[{written.replace(' ', ',').replace(':', ',')}]")  # twice as fast as a number at a time
    return [every[part::many] for part in range(many)]
