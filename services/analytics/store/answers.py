"""What single people scored at several occasions, for figures that no pair of scores can give.

Who is counted, and as what, is what the cells count too, so both speak of the same people.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from itertools import compress
from uuid import UUID

from asyncpg import Record
from pydantic_core import from_json

from services.analytics.domain import TALKING_THERAPIES, UNKNOWN, Cut, Fact, Instrument, oldest
from services.analytics.domain.courses import Course
from services.analytics.domain.people import versions
from services.analytics.store import people
from services.analytics.store.reading import Program
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
_CUTS = """
    select value, release, data_through
    from (
        select distinct on (value) organisation_id, value, release, facts is not null as is_shown from released
        where program_id = $1 and label = $2 and base = $3 and release <= $4
          and ($5::text[] is null or value = any ($5))
        order by value, release desc
    ) one join releases using (organisation_id, release)
    where is_shown"""


async def together(
    tx: Tx, program: UUID, seen: Seen, by: str | None, asked: Asked
) -> dict[str | None, Mapping[Scores, int]]:
    """How many people scored what at all of these occasions, as one group (None) or by what is asked for."""
    if not seen.is_live:
        return await _released(tx, program, seen, by, asked)
    found: dict[str | None, Counter[Scores]] = {} if by else {None: Counter()}
    wanted = [(one.code, f" {at}:", set(map(str, versions(one)))) for one, at in asked]
    for name, courses in await _live(tx, program, seen, by, {f"answers {one.code} " for one, _ in asked}):
        if scores := _scores(courses, wanted):
            found.setdefault(name, Counter())[scores] += 1
    return dict(found)


async def _live(
    tx: Tx, program: UUID, seen: Seen, by: str | None, wanted: Set[str]
) -> list[tuple[str | None, list[str]]]:
    """The courses of each person that begin with any of these words, and in which group the person is."""
    led = await people.leaders(tx, program, seen) if by == people.LEADER else None
    kept = by or people.ALL if led is None else people.GROUP
    rows = await tx.fetch(_COURSES, program, seen.sites, kept, UNKNOWN, list(wanted))
    if led is not None:
        return [(led.get(name, UNKNOWN), courses) for name, courses in rows]
    return [(name if by else None, courses) for name, courses in rows]


def _scores(courses: Sequence[str], wanted: Sequence[tuple[str, str, Set[str]]]) -> Scores | None:
    """What somebody scored at these occasions, if they did at each, by versions that are taken together."""
    said = {instrument: f" {points}" for _, instrument, points in (one.split(" ", 2) for one in courses)}
    scores = []
    for instrument, beginning, known in wanted:
        version, _, count = said.get(instrument, "").partition(beginning)[2].partition(" ")[0].partition(":")
        if version not in known:
            return None
        scores.append(int(count))
    return tuple(scores)


async def _released(
    tx: Tx, program: UUID, seen: Seen, by: str | None, asked: Asked
) -> dict[str | None, Mapping[Scores, int]]:
    found: dict[str | None, Counter[Scores]] = {} if by else {None: Counter()}
    for row in await _rows(tx, program, seen, by, base_together(asked)):
        scores = found.setdefault(row["value"] if by else None, Counter())
        scores.update({tuple(map(int, fact[2].split())): n for fact, n in row["facts"] or ()})
    return dict(found)


async def cuts(tx: Tx, program: UUID, seen: Seen, by: str | None, base: Fact) -> dict[str | None, Cut]:
    """As of when readers of releases see what single people scored, by group; of who is hidden nothing is said.

    Where the reader sees single sites, everybody is as of the oldest of these.
    """
    found: dict[str | None, Cut] = {}
    for value, *place in [] if seen.is_live else await _rows(tx, program, seen, by, base, _CUTS):
        group, cut = value if by else None, Cut(*place)
        found[group] = oldest((cut, found.get(group, cut)))
    return found


async def _rows(tx: Tx, program: UUID, seen: Seen, by: str | None, base: Fact, sql: str = _RELEASED) -> list[Record]:
    """Everybody is the sum of the sites that the reader sees, unless these are all."""
    codes = await people.site_codes(tx, seen)
    label = by or (people.ALL if codes is None else people.BY_SITE)
    return await tx.fetch(sql, program, label, base, seen.release, codes)


def as_facts(asked: Asked, scores: Mapping[Scores, int]) -> dict[Fact, int]:
    """As a release keeps them."""
    return {(*base_together(asked), " ".join(map(str, one))): n for one, n in scores.items()}


def as_courses(instrument: str, people: Sequence[Course]) -> dict[Fact, int]:
    """As a release keeps them: of those whose answers have a slope, which is all that is shown of them."""
    written = (" ".join(map("{}:{}".format, *one)) for one in people if len(set(one[0])) > 1)
    return Counter(("sessions", instrument, course) for course in written)


def both_asked(program: Program, known: Mapping[str, Instrument], first: str, later: str) -> Asked:
    """What is asked for to judge PHQ-9 and GAD-7 together; nothing where not both are asked at both occasions."""
    for code in TALKING_THERAPIES:
        if code not in known or not {first, later} <= set(program.occasions(code)):
            return []
    return [(known[code], at) for at in (first, later) for code in TALKING_THERAPIES]


def base_together(asked: Asked) -> Fact:
    """What is released as one of these occasions."""
    return "together", " ".join(f"{one.code}:{at}" for one, at in asked)


def base_by_session(one: Instrument) -> Fact:
    """What is released as one of an instrument that is asked after sessions."""
    return "sessions", one.code


async def by_session(
    tx: Tx, program: UUID, seen: Seen, one: Instrument, by: str | None = None
) -> dict[str | None, list[Course]]:
    """What each person scored after which session, in order, as one group (None) or by what is asked for."""
    found: dict[str | None, list[Course]] = {} if by else {None: []}
    if seen.is_live:
        known = versions(one)
        said = await _live(tx, program, seen, by, {f"sessions {one.code} "})
        names = [name for name, written in said for _ in written]
        written = [course.split(" ", 2)[2] for _, courses in said for course in courses]
        for name, points in zip(names, _parts(written, 3), strict=True):
            found.setdefault(name, []).append(_comparable(points, known))
    else:
        for row in await _rows(tx, program, seen, by, base_by_session(one)):
            written = [fact[2] for fact, n in row["facts"] or () for _ in range(n)]
            courses = [(sessions, counts) for sessions, counts in _parts(written, 2)]
            found.setdefault(row["value"] if by else None, []).extend(courses)
    return found


def _comparable(points: list[list[int]], known: frozenset[int]) -> Course:
    sessions, scored_by, counts = points
    if known.issuperset(scored_by):
        return sessions, counts
    is_known = [version in known for version in scored_by]
    return list(compress(sessions, is_known)), list(compress(counts, is_known))


def _parts(written: Sequence[str], many: int) -> Iterator[list[list[int]]]:
    """Of each course, whose points are written with so many parts: the first part of all, the second of all, and so on.

    All courses are read as one text of JSON: three times as fast as a number at a time.
    """
    text = "],[".join(written).replace(" ", ",").replace(":", ",")
    for every in from_json(f"[[{text}]]") if written else ():
        yield [every[part::many] for part in range(many)]
