"""What scheduling hears of the course of its occasions, and of concerns whose end may bring a debrief."""

from collections.abc import Sequence

from services.scheduling import store
from shared.database import Tx
from shared.events import Heard
from shared.events.feedback import CheckInBegun, CheckInOpened, ConcernClosed, ConcernRaised
from shared.events.intake import CheckInInvited, InvitationFailed, InvitationSent
from shared.inbox import Handlers, Many


async def on_check_in_invited(tx: Tx, heard: Sequence[Heard[CheckInInvited]]) -> None:
    """Links were made."""
    await store.note_invited(tx, heard)


async def on_invitation_sent(tx: Tx, heard: Sequence[Heard[InvitationSent]]) -> None:
    """The messages with the links have gone out."""
    await store.note_sent(tx, heard)


async def on_invitation_failed(tx: Tx, heard: Sequence[Heard[InvitationFailed]]) -> None:
    """Nobody could be written to: the list says so."""
    await store.note_failed(tx, heard)


async def on_check_in_opened(tx: Tx, heard: Sequence[Heard[CheckInOpened]]) -> None:
    """People have acted on their pages."""
    await store.note_opened(tx, heard)


async def on_check_in_begun(tx: Tx, heard: Sequence[Heard[CheckInBegun]]) -> None:
    """First answers were chosen."""
    await store.note_begun(tx, heard)


async def on_concern_raised(tx: Tx, heard: Heard[ConcernRaised]) -> None:
    """Whoever raised it may be offered a debrief when it is closed."""
    await store.add_concern(tx, heard.organisation_id, heard.event)


async def on_concern_closed(tx: Tx, heard: Heard[ConcernClosed]) -> None:
    """A debrief may be offered now."""
    await store.close_concern(tx, heard.organisation_id, heard.event)


COURSE: Handlers = {
    CheckInInvited: Many(on_check_in_invited),
    InvitationSent: Many(on_invitation_sent),
    InvitationFailed: Many(on_invitation_failed),
    CheckInOpened: Many(on_check_in_opened),
    CheckInBegun: Many(on_check_in_begun),
    ConcernRaised: on_concern_raised,
    ConcernClosed: on_concern_closed,
}
"""Which of these is handled by which function."""
