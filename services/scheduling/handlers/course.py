"""What scheduling hears of the course of its occasions, and of concerns whose end may bring a debrief."""

from services.scheduling import store
from shared.database import Tx
from shared.events import Heard
from shared.events.feedback import CheckInBegun, CheckInOpened, ConcernClosed, ConcernRaised
from shared.events.intake import CheckInInvited, InvitationFailed, InvitationSent
from shared.inbox import Handlers


async def on_check_in_invited(tx: Tx, heard: Heard[CheckInInvited]) -> None:
    """A link was made."""
    await store.note_invited(tx, heard.event, heard.happened_at)


async def on_invitation_sent(tx: Tx, heard: Heard[InvitationSent]) -> None:
    """The message with the link has gone out."""
    await store.note_sent(tx, heard.event)


async def on_invitation_failed(tx: Tx, heard: Heard[InvitationFailed]) -> None:
    """Nobody could be written to: the list says so."""
    await store.note_failed(tx, heard.event)


async def on_check_in_opened(tx: Tx, heard: Heard[CheckInOpened]) -> None:
    """A person has acted on the page."""
    await store.note_opened(tx, heard.event)


async def on_check_in_begun(tx: Tx, heard: Heard[CheckInBegun]) -> None:
    """The first answer was chosen."""
    await store.note_begun(tx, heard.event)


async def on_concern_raised(tx: Tx, heard: Heard[ConcernRaised]) -> None:
    """Whoever raised it may be offered a debrief when it is closed."""
    await store.add_concern(tx, heard.organisation_id, heard.event)


async def on_concern_closed(tx: Tx, heard: Heard[ConcernClosed]) -> None:
    """A debrief may be offered now."""
    await store.close_concern(tx, heard.organisation_id, heard.event)


COURSE: Handlers = {
    CheckInInvited: on_check_in_invited,
    InvitationSent: on_invitation_sent,
    InvitationFailed: on_invitation_failed,
    CheckInOpened: on_check_in_opened,
    CheckInBegun: on_check_in_begun,
    ConcernRaised: on_concern_raised,
    ConcernClosed: on_concern_closed,
}
"""Which of these is handled by which function."""
