"""Writing down that a person acted on the page of a check-in: once each, whichever door it comes through."""

from datetime import datetime
from uuid import UUID

from services.feedback import store
from shared import outbox
from shared.database import Tx
from shared.events.feedback import CheckInBegun, CheckInExpired, CheckInOpened


async def open_check_in(tx: Tx, occasion_id: UUID, moment: datetime, *, is_begun: bool = False) -> None:
    """A person acted on its page; `is_begun`: they chose an answer. Said the first time, not again."""
    acting = await store.get_acting(tx, occasion_id)
    if acting is None:
        return
    opens, begins = acting.opened_at is None, is_begun and acting.begun_at is None
    if not opens and not begins:
        return
    await store.save_acting(tx, occasion_id, acting.opened_at or moment, moment if begins else acting.begun_at)
    whose = _whose(acting)
    if opens:
        outbox.put(tx, CheckInOpened(**whose, opened_at=moment), organisation=acting.organisation_id, at=moment)
    if begins:
        outbox.put(tx, CheckInBegun(**whose, begun_at=moment), organisation=acting.organisation_id, at=moment)


async def expire_check_in(tx: Tx, occasion_id: UUID, moment: datetime) -> None:
    """It has closed: if nobody has answered it that is said, once."""
    closing = await store.get_closing(tx, occasion_id)
    if closing is None or closing.is_done_with or closing.closes_at > moment:
        return
    await store.save_expired(tx, occasion_id, moment)
    event = CheckInExpired(**_whose(closing.acting), closed_at=closing.closes_at)
    outbox.put(tx, event, organisation=closing.acting.organisation_id, at=moment)


def _whose(acting: store.Acting) -> dict[str, UUID]:
    names = ("occasion_id", "participant_id", "enrolment_id", "program_id", "site_id")
    return {name: getattr(acting, name) for name in names}
