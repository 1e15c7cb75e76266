"""Mail to those who answer for concerns: queued, taken by a sender, and done with."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from services.feedback.domain.alerts import Others
from shared.database import Tx, made_of
from shared.identity import new_id
from shared.mail import Refused, bring_again, brings
from shared.timers import Timer, cancel_timer, set_timer

ALERT_TIMER = "concern-alert"


@dataclass(frozen=True, slots=True)
class Alert:
    """A message to a responder that is about to be sent."""

    alert_id: UUID
    concern_id: UUID | None
    email: str
    name: str
    site: str
    time_zone: str
    due_at: datetime
    others: Others
    attempts: int


async def add_alert(
    tx: Tx,
    site: tuple[UUID, UUID],
    concern_id: UUID | None,
    to: tuple[str, str],
    due_at: datetime,
    at: datetime,
    *,
    others: Others = "nobody",
) -> None:
    """Queue a message to somebody on the rota of a site (organisation, site); `to` is their address and name.

    `others` is who else is asked: somebody once its time has passed, nobody, or everybody, who is told with them.
    """
    organisation, site_id = site
    alert_id = new_id()
    await tx.execute(
        """insert into alerts (organisation_id, alert_id, site_id, concern_id, email, name, due_at, state,
                               next_attempt_at, made_at, others)
           values ($1, $2, $3, $4, $5, $6, $7, 'queued', $8, $8, $9)""",
        organisation,
        alert_id,
        site_id,
        concern_id,
        *to,
        due_at,
        at,
        others,
    )
    await set_timer(tx, _timer(organisation, alert_id, at))


async def claim_alert(tx: Tx, organisation: UUID, alert_id: UUID, now: datetime, until: datetime) -> Alert | None:
    """Take a message until then; None if it is not to be sent now, or not at all, as somebody has done what it asks."""
    row = await tx.fetchrow(
        """with claimed as (
               update alerts set attempts = attempts + 1, next_attempt_at = $3
               where alert_id = $1 and state = 'queued' and next_attempt_at <= $2
               returning alert_id, concern_id, site_id, email, name, due_at, others, attempts, made_at)
           select c.alert_id, c.concern_id, c.email, c.name, c.due_at, c.others, c.attempts, s.code as site,
                  s.time_zone,
                  exists (select from concern_steps t where t.concern_id = c.concern_id and t.at > c.made_at
                              and t.kind in ('acknowledged', 'acted-on', 'closed')) as is_over
           from claimed c join sites s on s.site_id = c.site_id""",
        alert_id,
        now,
        until,
    )
    if row is None:
        return None
    if row["is_over"]:
        await end_alert(tx, alert_id, "dropped")
        return None
    await bring_again(tx, _timer(organisation, alert_id, until))  # when it is free: who claimed it may have died
    return made_of(Alert, row)


async def end_alert(tx: Tx, alert_id: UUID, state: Literal["sent", "failed", "dropped"]) -> None:
    """Done with it."""
    await tx.execute("update alerts set state = $2 where alert_id = $1 and state = 'queued'", alert_id, state)
    await cancel_timer(tx, ALERT_TIMER, str(alert_id))


async def let_ended_alert_rest(tx: Tx, alert_id: UUID) -> None:
    """Cancel the timer of a message that is done with: it may have been set once more at the very end."""
    if not await tx.fetchval("select true from alerts where alert_id = $1 and state = 'queued'", alert_id):
        await cancel_timer(tx, ALERT_TIMER, str(alert_id))


async def postpone_alert(
    tx: Tx, organisation: UUID, alert_id: UUID, until: datetime, attempts_max: int, refused: Refused
) -> None:
    """Try again then. At most so many attempts count so far: a mail server that is away uses up none."""
    waits = await tx.fetchval(
        """update alerts set next_attempt_at = $2, attempts = least(attempts, $3)
           where alert_id = $1 and state = 'queued' returning true""",
        alert_id,
        until,
        attempts_max,
    )
    if waits:
        await bring_again(tx, _timer(organisation, alert_id, until), refused)


async def gaps_told(tx: Tx, site_id: UUID, since: datetime) -> dict[datetime, datetime]:
    """Of which gaps of the rota of a site people were told since: as from which moment, and when that was."""
    rows = await tx.fetch(
        """select due_at, max(made_at) as told_at from alerts
           where concern_id is null and site_id = $1 and made_at > $2 and state <> 'failed' group by due_at""",
        site_id,
        since,
    )
    return {row["due_at"]: row["told_at"] for row in rows}


def _timer(organisation: UUID, alert_id: UUID, at: datetime) -> Timer:
    """What brings a message to the sender."""
    return Timer(ALERT_TIMER, str(alert_id), organisation, at, brings(alert_id))
