"""Occasions that scheduling spoke of, and the links that were made for them."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any, Literal
from uuid import UUID

from services.intake.domain.invitation import Occasion
from services.intake.store.reminders import forget_reminders
from shared.database import Record, Tx, made_of
from shared.errors import NotFound
from shared.events import Heard
from shared.events.intake import CheckInInvited, Consents
from shared.events.scheduling import Due
from shared.timers import Timer, set_timer

FORGET_TIMER = "forget-link"
HOUR = timedelta(hours=1)
_OF_DUE = (
    "occasion_id", "participant_id", "enrolment_id", "kind", "code", "ordinal", "due_at", "opens_at", "closes_at",
    "is_history", "reminders",
)  # fmt: skip

_WITH_PERSON = """
    select o.occasion_id, o.organisation_id, o.state, o.kind, o.due_at, o.opens_at, o.closes_at, o.is_history,
           o.reminders, o.is_again, o.taken_back_at, p.language, p.email, e.taking_part, e.reporting, e.contact_after,
           e.state as enrolment_state
    from occasions o
    join enrolments e using (enrolment_id)
    join participants p on p.participant_id = e.participant_id
    where o.occasion_id = any($1) and ($2::uuid[] is null or e.site_id = any($2))"""


async def people_of(tx: Tx, occasion_ids: Collection[UUID]) -> set[UUID]:
    """Whose occasions these are, as far as that is known."""
    rows = await tx.fetch(
        "select participant_id from occasions where occasion_id = any($1) and participant_id is not null", occasion_ids
    )
    return {row["participant_id"] for row in rows}


async def lock_occasions(tx: Tx, occasion_ids: Collection[UUID]) -> None:
    """Lock these, as far as they are known, in the order of their ids: before what hangs on them, as by everybody."""
    await tx.execute("select from occasions where occasion_id = any($1) order by occasion_id for update", occasion_ids)


async def save_due(tx: Tx, told: Sequence[Heard[Due]]) -> None:
    """Write down occasions, or complete those of which the end was heard first; one that was cancelled is due again."""
    await forget_reminders(tx, [one.event.occasion_id for one in told])
    of_due = attrgetter(*_OF_DUE)
    await tx.executemany(
        """insert into occasions (organisation_id, occasion_id, state, participant_id, enrolment_id, kind, code,
                                  ordinal, due_at, opens_at, closes_at, is_history, reminders)
           values ($1, $2, 'due', $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
           on conflict (occasion_id) do update
               set participant_id = excluded.participant_id, enrolment_id = excluded.enrolment_id,
                   kind = excluded.kind, code = excluded.code, ordinal = excluded.ordinal, due_at = excluded.due_at,
                   opens_at = excluded.opens_at, closes_at = excluded.closes_at, is_history = excluded.is_history,
                   reminders = excluded.reminders,
                   is_again = occasions.is_again or (occasions.is_cancelled and occasions.due_at is not null),
                   is_cancelled = occasions.is_cancelled and occasions.due_at is null,
                   -- Another end than the one of which an answer was taken back is asked of them anew.
                   taken_back_at = case when occasions.is_cancelled and occasions.due_at <> excluded.due_at then null
                                        else occasions.taken_back_at end,
                   state = case when occasions.state = 'cancelled' and occasions.due_at is not null then 'due'
                                else occasions.state end""",
        [(one.organisation_id, *of_due(one.event)) for one in told],
    )


async def save_ends(
    tx: Tx, ends: Iterable[tuple[UUID, UUID, UUID | None]], state: Literal["answered", "cancelled"]
) -> None:
    """Write down how occasions of organisations, and of whom, ended. An answer stays an answer, until it is taken back.

    Whose it is must be known before they are erased.
    """
    await tx.executemany(
        """insert into occasions (organisation_id, occasion_id, participant_id, state, is_cancelled)
           values ($1, $2, $3, $4, $5)
           on conflict (occasion_id) do update
               set state = case occasions.state when 'answered' then 'answered' else excluded.state end,
                   is_cancelled = occasions.is_cancelled or excluded.is_cancelled""",
        [(*one, state, state == "cancelled") for one in ends],
    )


async def reopen(tx: Tx, taken_back: Iterable[tuple[UUID, datetime]]) -> None:
    """What was answered of these was taken back then. What is not wanted any more is not asked for that."""
    await tx.executemany(
        """update occasions set state = case when is_cancelled then 'cancelled' else 'due' end, taken_back_at = $2
           where occasion_id = $1 and state = 'answered'""",
        taken_back,
    )


async def find_occasions(
    tx: Tx, occasion_ids: Sequence[UUID], site_ids: Sequence[UUID] | None = None
) -> dict[UUID, Occasion]:
    """These occasions with their people, as far as both are known here; the occasions are locked.

    Locked first: one statement that waited for the lock would see the people as they were before.
    """
    await lock_occasions(tx, occasion_ids)
    rows = await tx.fetch(f"{_WITH_PERSON} order by o.occasion_id", occasion_ids, site_ids)
    return {row["occasion_id"]: _occasion(row) for row in rows}


async def unsent_occasions(tx: Tx, participant_id: UUID) -> list[UUID]:
    """The occasions of a participant that are due, and of which no message was sent or waits."""
    rows = await tx.fetch(
        """select o.occasion_id from occasions o where o.participant_id = $1 and o.state = 'due' and not o.is_history
               and not exists (select from messages m where m.occasion_id = o.occasion_id
                               and m.state in ('queued', 'sent'))""",
        participant_id,
    )
    return [row["occasion_id"] for row in rows]


async def find_occasion(tx: Tx, occasion_id: UUID, site_ids: Sequence[UUID] | None = None) -> Occasion | None:
    """One of them."""
    return (await find_occasions(tx, [occasion_id], site_ids)).get(occasion_id)


async def find_occasion_of_message(tx: Tx, message_id: UUID) -> Occasion | None:
    """The occasion that a message is about; the occasion is locked, the message is not."""
    occasion_id = await tx.fetchval("select occasion_id from messages where message_id = $1", message_id)
    return await find_occasion(tx, occasion_id) if occasion_id else None


async def get_occasion(tx: Tx, occasion_id: UUID, site_ids: Sequence[UUID] | None) -> Occasion:
    """The same for a door."""
    found = await find_occasion(tx, occasion_id, site_ids)
    if found is None:
        raise NotFound("occasion")
    return found


async def add_invitations(tx: Tx, links: Iterable[tuple[UUID, CheckInInvited]], now: datetime) -> None:
    """Write down that links were made in organisations: their hashes, never the links."""
    of_link = attrgetter("token_sha256", "occasion_id", "channel", "expires_at", "reminder")
    await tx.executemany(
        """insert into invitations (made_at, organisation_id, token_sha256, occasion_id, channel, expires_at, reminder)
           values ($1, $2, $3, $4, $5, $6, $7)""",
        [(now, organisation_id, *of_link(invited)) for organisation_id, invited in links],
    )


async def keep_link_for_an_hour(tx: Tx, organisation_id: UUID, idempotency_key: str, now: datetime) -> None:
    """A link that is kept to be answered once more is a secret: it goes after an hour."""
    payload = {"key": idempotency_key}
    timer = Timer(FORGET_TIMER, f"{organisation_id}:{idempotency_key}", organisation_id, now + HOUR, payload)
    await set_timer(tx, timer)


async def forget_link(tx: Tx, idempotency_key: str) -> None:
    """Take the link out of the answer that was kept."""
    await tx.execute("update idempotency_keys set body = body - 'url' where key = $1", idempotency_key)


async def occasions_of(tx: Tx, enrolment_ids: Sequence[UUID]) -> list[Record]:
    """The occasions of these enrolments with how people were invited, the newest first."""
    return await tx.fetch(
        """select o.occasion_id, o.enrolment_id, o.state, o.kind, o.code, o.due_at, o.opens_at, o.closes_at,
                  (select max(i.made_at) from invitations i
                   where i.occasion_id = o.occasion_id and i.channel = 'hand') as handed_at,
                  m.state as message, m.ended_at as message_ended_at, m.reason as message_reason,
                  (select max(r.reminder) from messages r
                   where r.occasion_id = o.occasion_id and r.state = 'sent') as reminders_sent,
                  (select min(r.planned_at) from reminders r
                   where r.occasion_id = o.occasion_id and r.state = 'planned') as reminder_at
           from occasions o
           left join lateral (select * from messages m where m.occasion_id = o.occasion_id
                              order by m.made_at desc limit 1) m on true
           where o.enrolment_id = any($1) order by o.due_at desc, o.occasion_id""",
        enrolment_ids,
    )


def _occasion(row: Any) -> Occasion:
    consents = Consents(**{name: row[name] for name in ("taking_part", "reporting", "contact_after")})
    return made_of(
        Occasion,
        row,
        consents=consents,
        has_withdrawn=row["enrolment_state"] == "withdrawn",
        has_completed=row["enrolment_state"] == "completed",
        reminders=tuple(row["reminders"]),
    )
