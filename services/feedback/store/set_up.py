"""What administrators set up: batteries and crisis contacts, and which instruments were published for that."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from services.feedback.domain.contacts import Contact, SetCrisisContacts
from services.feedback.domain.instruments import Instrument
from services.feedback.domain.kinds import SomeWords
from shared.database import Tx, made_of
from shared.errors import NotFound
from shared.events.feedback import BatteryEntry


@dataclass(frozen=True, slots=True)
class Program:
    """A program that was heard of."""

    program_id: UUID
    code: str


@dataclass(frozen=True, slots=True)
class Battery:
    """A program with its battery; None if nobody has set one."""

    program: Program
    entries: list[BatteryEntry] | None


@dataclass(frozen=True, slots=True)
class Contacts:
    """The crisis contacts of a site."""

    contacts: list[Contact]
    note: SomeWords
    confirmed_on: date | None


@dataclass(frozen=True, slots=True)
class Site:
    """A site that was heard of, with its crisis contacts if it has some."""

    site_id: UUID
    code: str
    time_zone: str
    languages: list[str]
    contacts: Contacts | None


_PROGRAMS = """
    select p.program_id, p.code, b.entries from programs p left join batteries b on b.program_id = p.program_id
    where ($1::uuid[] is null or p.site_ids && $1)"""
_SITES = """
    select s.site_id, s.code, s.time_zone, s.languages, c.contacts, c.note, c.confirmed_on
    from sites s left join crisis_contacts c on c.site_id = s.site_id
    where ($1::uuid[] is null or s.site_id = any ($1))"""


async def lock_batteries(tx: Tx, organisation: UUID) -> None:
    """One at a time in an organisation, so that an instrument is published once."""
    await tx.execute("select pg_advisory_xact_lock(hashtextextended($1::text, 0))", str(organisation))


async def batteries(tx: Tx, site_ids: Sequence[UUID] | None) -> list[Battery]:
    """The programs at these sites, with their batteries."""
    return [_battery(row) for row in await tx.fetch(f"{_PROGRAMS} order by p.code", site_ids)]


async def get_program(tx: Tx, program_id: UUID, site_ids: Sequence[UUID] | None) -> Battery:
    """A program at one of these sites, with its battery."""
    row = await tx.fetchrow(f"{_PROGRAMS} and p.program_id = $2", site_ids, program_id)
    if row is None:
        raise NotFound("program")
    return _battery(row)


def _battery(row: Any) -> Battery:
    entries = row["entries"]
    known = None if entries is None else [BatteryEntry.model_validate(entry) for entry in entries]
    return Battery(Program(row["program_id"], row["code"]), known)


async def save_battery(
    tx: Tx, organisation: UUID, program_id: UUID, entries: Sequence[BatteryEntry], now: datetime
) -> None:
    """The battery of a program from now on."""
    await tx.execute(
        """insert into batteries values ($1, $2, $3, $4)
           on conflict (program_id) do update set entries = excluded.entries, activated_at = excluded.activated_at""",
        organisation,
        program_id,
        [entry.model_dump() for entry in entries],
        now,
    )


async def published(tx: Tx) -> set[tuple[str, int]]:
    """Which versions of instruments the others have been told of."""
    return {(row["code"], row["version"]) for row in await tx.fetch("select code, version from published_instruments")}


async def add_published(tx: Tx, organisation: UUID, instruments: Sequence[Instrument], now: datetime) -> None:
    """The others are told of these now."""
    rows = [(organisation, one.code, one.version, now) for one in instruments]
    await tx.executemany("insert into published_instruments values ($1, $2, $3, $4)", rows)


async def sites(tx: Tx, site_ids: Sequence[UUID] | None) -> list[Site]:
    """These sites, with their crisis contacts."""
    return [_site(row) for row in await tx.fetch(f"{_SITES} order by s.code", site_ids)]


async def get_site(tx: Tx, site_id: UUID, site_ids: Sequence[UUID] | None) -> Site:
    """One of these sites, with its crisis contacts."""
    row = await tx.fetchrow(f"{_SITES} and s.site_id = $2", site_ids, site_id)
    if row is None:
        raise NotFound("site")
    return _site(row)


def _site(row: Any) -> Site:
    return made_of(Site, row, contacts=_contacts(row) if row["contacts"] else None)


async def find_contacts(tx: Tx, site_id: UUID) -> Contacts | None:
    """The crisis contacts of a site."""
    row = await tx.fetchrow("select contacts, note, confirmed_on from crisis_contacts where site_id = $1", site_id)
    return _contacts(row) if row else None


async def find_contacts_of(tx: Tx, occasion_id: UUID) -> Contacts | None:
    """The crisis contacts of the site of an occasion, or of a tablet: of whatever a link leads to."""
    site_id = await tx.fetchval(
        """select site_id from occasions where occasion_id = $1
           union all select site_id from kiosks where kiosk_id = $1 limit 1""",
        occasion_id,
    )
    return await find_contacts(tx, site_id) if site_id else None


def _contacts(row: Any) -> Contacts:
    contacts = [Contact.model_validate(one) for one in row["contacts"]]
    return Contacts(contacts, SomeWords.model_validate(row["note"]), row["confirmed_on"])


async def save_contacts(tx: Tx, organisation: UUID, site_id: UUID, command: SetCrisisContacts, now: datetime) -> None:
    """The crisis contacts of a site from now on."""
    await tx.execute(
        """insert into crisis_contacts values ($1, $2, $3, $4, $5, $6)
           on conflict (site_id) do update
           set contacts = excluded.contacts, note = excluded.note, confirmed_on = excluded.confirmed_on,
               changed_at = excluded.changed_at""",
        organisation,
        site_id,
        [one.model_dump() for one in command.contacts],
        command.note.model_dump(),
        command.confirmed_on,
        now,
    )
