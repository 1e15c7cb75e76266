"""The codebook, the texts that are coded, what was found in them, and who has read them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.feedback.domain.agreement import Table
from services.feedback.domain.themes import INSTRUMENT, SHARE_PERCENT, Coding, Counted, Theme, WriteTheme
from services.feedback.domain.told import Told
from shared.database import Tx, made_of
from shared.errors import NotFound


@dataclass(frozen=True, slots=True)
class Written:
    """What somebody wrote, as whoever codes it reads it: without a name or a code."""

    occasion_id: UUID
    item: str
    text: str
    site: str | None
    program: str | None


@dataclass(frozen=True, slots=True)
class Reading:
    """Who has read a text, or `all` answers of a check-in, and when; which one is told by its id alone."""

    at: datetime
    name: str
    occasion_id: UUID
    item: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How many texts there are, how many one person has coded, how many two have, and how many people wrote them."""

    written: int
    coded: int
    twice: int
    people: int


async def lock(tx: Tx, organisation: UUID) -> None:
    """One at a time writes in the codebook of an organisation."""
    await tx.execute("select pg_advisory_xact_lock(hashtextextended($1::text, 5))", str(organisation))


async def codebook(tx: Tx) -> list[Theme]:
    """Every theme, those that are looked for first."""
    rows = await tx.fetch(
        """select code, title, about, made_at, retired_at from themes
           order by retired_at is not null, code"""
    )
    return [made_of(Theme, row, title=Told.model_validate(row["title"])) for row in rows]


async def get_theme(tx: Tx, code: str) -> Theme:
    """A theme, retired or not."""
    for one in await codebook(tx):
        if one.code == code:
            return one
    raise NotFound("theme")


async def add(tx: Tx, organisation: UUID, command: WriteTheme, now: datetime, by: str) -> None:
    """A theme that is looked for from now on."""
    await tx.execute(
        "insert into themes values ($1, $2, $3, $4, $5, $6)",
        organisation,
        command.code,
        command.title.model_dump(),
        command.about,
        now,
        by,
    )


async def retire(tx: Tx, code: str, now: datetime) -> None:
    """A theme that is not looked for any more; what was found stays."""
    await tx.execute("update themes set retired_at = coalesce(retired_at, $2) where code = $1", code, now)


async def share(tx: Tx) -> int:
    """The share of texts that a second person codes, in percent."""
    found: int | None = await tx.fetchval("select second_share_percent from listening")
    return SHARE_PERCENT if found is None else found


async def save_share(tx: Tx, organisation: UUID, percent: int, now: datetime, by: str) -> None:
    """The share from now on."""
    await tx.execute(
        """insert into listening values ($1, $2, $3, $4)
           on conflict (organisation_id) do update set second_share_percent = excluded.second_share_percent,
               changed_at = excluded.changed_at, changed_by = excluded.changed_by""",
        organisation,
        percent,
        now,
        by,
    )


_TEXTS = """
    from texts t join check_ins c using (occasion_id) join occasions o using (occasion_id)
    left join enrolments e on e.enrolment_id = o.enrolment_id
    left join sites s on s.site_id = o.site_id
    left join programs p on p.program_id = o.program_id
    left join codings one on one.occasion_id = t.occasion_id and one.instrument = t.instrument
         and one.item = t.item and one.place = 1
    left join codings two on two.occasion_id = t.occasion_id and two.instrument = t.instrument
         and two.item = t.item and two.place = 2
    where t.instrument = $1 and ($2::uuid[] is null or o.site_id = any ($2)) and coalesce(e.taking_part, true)"""


async def find_next(tx: Tx, site_ids: Sequence[UUID] | None, subject: str, share_percent: int) -> Written | None:
    """The next text for somebody to code: those that wait for a second person first."""
    row = await tx.fetchrow(
        f"""select t.occasion_id, t.item, t.text, s.code as site, p.code as program {_TEXTS}
            and (one.subject is null or (one.subject <> $3 and one.bucket < $4 and two.subject is null))
            order by one.subject is null, c.recorded_at, t.occasion_id, t.item limit 1""",
        INSTRUMENT,
        site_ids,
        subject,
        share_percent,
    )
    return made_of(Written, row) if row else None


async def progress(tx: Tx, site_ids: Sequence[UUID] | None) -> Progress:
    """How far the coding of these sites has come."""
    row = await tx.fetchrow(
        f"""select count(*) as written, count(one.subject) as coded, count(two.subject) as twice,
                   count(distinct o.participant_id) as people {_TEXTS}""",
        INSTRUMENT,
        site_ids,
    )
    assert row
    return made_of(Progress, row)


async def get_written(tx: Tx, occasion_id: UUID, item: str, site_ids: Sequence[UUID] | None) -> Written:
    """A text of one of these sites; its check-in is locked, so that two people code it one after the other."""
    await tx.fetchrow("select from occasions where occasion_id = $1 for update", occasion_id)
    row = await tx.fetchrow(
        f"""select t.occasion_id, t.item, t.text, s.code as site, p.code as program {_TEXTS}
            and t.occasion_id = $3 and t.item = $4""",
        INSTRUMENT,
        site_ids,
        occasion_id,
        item,
    )
    if row is None:
        raise NotFound("text")
    return made_of(Written, row)


async def codings(tx: Tx, one: Written) -> list[Coding]:
    """Who has coded a text, the first first."""
    rows = await tx.fetch(
        """select place, bucket, subject from codings
           where occasion_id = $1 and instrument = $2 and item = $3 order by place""",
        one.occasion_id,
        INSTRUMENT,
        one.item,
    )
    return [made_of(Coding, row) for row in rows]


async def add_coding(
    tx: Tx, organisation: UUID, one: Written, coding: Coding, found: tuple[list[str], list[str]], now: datetime
) -> None:
    """What somebody found: the codebook that was offered, and the themes in it."""
    await tx.execute(
        "insert into codings values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        organisation,
        one.occasion_id,
        INSTRUMENT,
        one.item,
        coding.place,
        coding.bucket,
        coding.subject,
        *found,
        now,
    )


async def add_reading(tx: Tx, organisation: UUID, one: Written, by: tuple[str, str], now: datetime) -> None:
    """Somebody (subject, name) reads a text."""
    await tx.execute(
        "insert into text_readings values ($1, $2, $3, $4, $5, $6, $7)",
        organisation,
        one.occasion_id,
        INSTRUMENT,
        one.item,
        now,
        *by,
    )


async def readings(tx: Tx, site_ids: Sequence[UUID] | None, most: int) -> list[Reading]:
    """Who has read texts and answers of these sites, the latest first."""
    rows = await tx.fetch(
        """select r.at, r.name, r.occasion_id, r.item
           from (select at, name, occasion_id, item from text_readings
                 union all select at, name, occasion_id, 'all' from check_in_readings) r
           join occasions o using (occasion_id)
           where $1::uuid[] is null or o.site_id = any ($1) order by r.at desc limit $2""",
        site_ids,
        most,
    )
    return [made_of(Reading, row) for row in rows]


_CELLS = {
    "both": "th.code = any (a.themes) and th.code = any (b.themes)",
    "first": "th.code = any (a.themes) and th.code <> all (b.themes)",
    "second": "th.code <> all (a.themes) and th.code = any (b.themes)",
    "neither": "th.code <> all (a.themes) and th.code <> all (b.themes)",
}
_TEXTS_IN = ", ".join(f"count(*) filter (where {which}) as {cell}" for cell, which in _CELLS.items())
_PEOPLE_IN = ", ".join(f"count(distinct o.participant_id) filter (where {which})" for which in _CELLS.values())
_SAME_TEXT = "b.occasion_id = a.occasion_id and b.instrument = a.instrument and b.item = a.item and b.place = 2"


async def counted(tx: Tx, site_ids: Sequence[UUID] | None, codebook: Sequence[Theme]) -> list[Counted]:
    """What each theme amounts to at these sites. People are counted who agreed to be, once each."""
    people = await tx.fetch(
        """select th.code, count(distinct o.participant_id) filter (where th.code = any (a.themes)) as people,
                  count(distinct o.participant_id) as people_asked
           from themes th join codings a on a.place = 1 and th.code = any (a.offered)
           join occasions o using (occasion_id) join enrolments e on e.enrolment_id = o.enrolment_id and e.reporting
           where $1::uuid[] is null or o.site_id = any ($1) group by th.code""",
        site_ids,
    )
    tables = await tx.fetch(
        f"""select th.code, {_TEXTS_IN}, least({_PEOPLE_IN}) as fewest
            from themes th join codings a on a.place = 1 and th.code = any (a.offered)
            join codings b on {_SAME_TEXT} and th.code = any (b.offered)
            join occasions o on o.occasion_id = a.occasion_id
            join enrolments e on e.enrolment_id = o.enrolment_id and e.reporting
            where $1::uuid[] is null or o.site_id = any ($1) group by th.code""",
        site_ids,
    )
    by_code: dict[str, Any] = {row["code"]: row for row in people}
    agreed: dict[str, Any] = {row["code"]: row for row in tables}
    return [_counted(by_code.get(one.code), agreed.get(one.code)) for one in codebook]


def _counted(people: Any, cells: Any) -> Counted:
    table, fewest = (made_of(Table, cells), cells["fewest"]) if cells else (Table(0, 0, 0, 0), 0)
    wrote, asked = (people["people"], people["people_asked"]) if people else (0, 0)
    return Counted(table, wrote, asked, fewest)
